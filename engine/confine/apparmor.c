/* SPDX-License-Identifier: Apache-2.0 */
/* The parser as a helper that compiles, the kernel's files as what loads. Nothing here is remembered: what is
 * loaded is asked of the kernel. */
#include "engine/confine/apparmor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"

#define ENABLED "/sys/module/apparmor/parameters/enabled"
#define KERNEL "/sys/kernel/security/apparmor/"
#define SPACES KERNEL "policy/namespaces/"
#define PARSE_MS 60000
#define MAX_BINARY (16 << 20)
#define MAX_TEXT (1 << 20)

/* ---- what there is */

static const char *find_parser(void)
{
	static const char *const places[] = {"/usr/sbin/apparmor_parser", "/sbin/apparmor_parser"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

int apparmor_here(struct err *err)
{
	AUTO(free) char *enabled = NULL, *own = NULL;

	if (path_read(AT_FDCWD, ENABLED, 16, &enabled) < 0 || enabled[0] != 'Y')
		return err_set(err, EOPNOTSUPP,
			       "this kernel has no AppArmor, or it is switched off (kernel parameter "
			       "apparmor=1)");
	if (access(KERNEL ".replace", W_OK) < 0)
		return err_set(err, ENOENT,
			       "the kernel's AppArmor can't be reached: mount -t securityfs securityfs "
			       "/sys/kernel/security");
	own = apparmor_label(getpid());
	if (strcmp(own, "unconfined") != 0)
		return err_set(err, EPERM, "lxdfsd is confined itself, by AppArmor's profile %s", own);
	if (!find_parser())
		return err_set(err, ENOENT, "there is no apparmor_parser: Debian's package is apparmor");
	return 0;
}

bool apparmor_stacks(void)
{
	AUTO(free) char *stack = NULL;

	return path_read(AT_FDCWD, KERNEL "features/domain/stack", 16, &stack) > 0 && stack[0] == 'y' &&
	       access(SPACES, W_OK) == 0;
}

char *apparmor_label(pid_t pid)
{
	static const char *const files[] = {"apparmor/current", "current"};
	AUTO(free) char *text = NULL;
	struct str label;
	const char *mode;

	for (size_t i = 0; i < ARRAY_SIZE(files) && !text; i++) {
		AUTO(free) char *path = xasprintf("/proc/%d/attr/%s", pid, files[i]);

		path_read(AT_FDCWD, path, 65536, &text);
	}
	label = str_trim(str_from(text ? text : ""));
	/* "NAME (enforce)" */
	mode = label.len && label.ptr[label.len - 1] == ')' ? memrchr(label.ptr, ' ', label.len) : NULL;
	if (mode)
		label.len = (size_t)(mode - label.ptr);
	return str_dup(label);
}

/* ---- compiling */

/* The last line that names a place, without the file's own name: "AppArmor parser error for FILE in profile
 * FILE at line 12: syntax error, ..." Return: its line, 0 where it has none */
static unsigned long read_complaint(struct str words, struct buf *ret)
{
	struct str line, what = STR_NULL;
	unsigned long number = 0;

	while (str_next(&words, '\n', &line)) {
		const char *at = memmem(line.ptr, line.len, " at line ", 9);

		line = str_trim(line);
		/* of kernels without AppArmor, and nothing of it matters here */
		if (str_has_prefix(line, STR("Cache read/write disabled")))
			continue;
		if (at && !number) {
			char *end;

			number = strtoul(at + 9, &end, 10);
			end += *end == ':';
			what = str_trim((struct str){end, (size_t)(line.ptr + line.len - end)});
		} else if (line.len && !number) {
			what = line;
		}
	}
	buf_escape(ret, what.len ? what : STR("it doesn't say why"));
	return number;
}

/* Return: 0; -EINVAL, with what the parser said and about which line */
static int compile(int in, int out, struct buf *ret_words, unsigned long *ret_line, struct err *err)
{
	const char *parser = find_parser();
	AUTO(free) char *input = xasprintf("/proc/%d/fd/%d", getpid(), in);
	AUTO(free) char *output = xasprintf("--ofile=/proc/%d/fd/%d", getpid(), out);
	const char *const argv[] = {"apparmor_parser",	  "--quiet", "--jobs=0", "--skip-cache",
				    "--skip-kernel-load", output,    input,	 NULL};
	AUTO(buf_done) struct buf words = BUF_NULL;
	int r;

	if (!parser)
		return err_set(err, ENOENT, "there is no apparmor_parser: Debian's package is apparmor");
	r = spawn_run(parser, argv, PARSE_MS, &words, err);
	if (r <= 0)
		return r;
	*ret_line = read_complaint(buf_str(&words), ret_words);
	return -EINVAL;
}

static int text_fd(struct str text)
{
	AUTO(fd) int fd = memfd_create("profile", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : sys_write_all(fd, text.ptr, text.len);

	return r < 0 ? r : TAKE_FD(fd);
}

static int compile_text(struct str text, int *ret_binary, struct buf *words, unsigned long *line,
			struct err *err)
{
	AUTO(fd) int in = text_fd(text), out = memfd_create("profile", MFD_CLOEXEC);
	int r;

	if (in < 0 || out < 0)
		return err_set(err, in < 0 ? -in : errno, "no memory for an AppArmor profile");
	r = compile(in, out, words, line, err);
	if (!r)
		*ret_binary = TAKE_FD(out);
	return r;
}

/* ---- loading */

/* What was compiled of the same text, in this boot and so for this kernel. */
static char *kept_binary(int dir, const char *name, struct str text, size_t *ret_len)
{
	AUTO(free) char *bin = xasprintf("%s.bin", name), *had = NULL;
	char *binary = NULL;
	ssize_t n = path_read(dir, name, MAX_TEXT, &had);

	if (n < 0 || !str_eq((struct str){had, (size_t)n}, text))
		return NULL;
	n = path_read(dir, bin, MAX_BINARY, &binary);
	*ret_len = n < 0 ? 0 : (size_t)n;
	return n > 0 ? binary : NULL;
}

/* The binary first: a text without it is compiled again, one beside another's binary would load that. */
static void keep_binary(int dir, const char *name, struct str text, struct str binary)
{
	AUTO(free) char *bin = xasprintf("%s.bin", name);

	unlinkat(dir, name, 0);
	if (!path_replace(dir, bin, binary, 0600, false))
		path_replace(dir, name, text, 0600, false);
}

/* Rules of an admin's that end the profile could begin one for any program of the host. What the kernel would
 * take says it best: each profile's head with its name. Source: the kernel's
 * security/apparmor/policy_unpack.c */
static bool is_one_profile(struct str binary, const char *name)
{
	static const char head[] = "\x04\x08\0profile\0\x07\x05", space[] = "\x04\x0a\0namespace\0\x05";
	size_t len = strlen(name);
	const char *at = binary.ptr, *end = at + binary.len;

	if (memmem(at, binary.len, space, sizeof(space) - 1))
		return false;
	while ((at = memmem(at, (size_t)(end - at), head, sizeof(head) - 1))) {
		at += sizeof(head) - 1 + 2; /* the name's length */
		if (at + len + 2 > end || memcmp(at, name, len) != 0 ||
		    (at[len] && memcmp(at + len, "//", 2) != 0))
			return false;
	}
	return true;
}

/* Return: 0; -EINVAL with the parser's words and the line that they are of */
static int make_binary(const char *name, struct str text, char **ret, size_t *ret_len, struct buf *words,
		       unsigned long *line, struct err *err)
{
	AUTO(fd) int fd = -EBADF;
	AUTO(free) char *path = NULL, *binary = NULL;
	ssize_t n;
	int r = compile_text(text, &fd, words, line, err);

	if (r < 0)
		return r;
	path = xasprintf("/proc/self/fd/%d", fd);
	n = path_read(AT_FDCWD, path, MAX_BINARY, &binary);
	if (n <= 0)
		return err_set(err, EIO, "apparmor_parser compiled AppArmor's profile %s to nothing", name);
	if (!is_one_profile((struct str){binary, (size_t)n}, name)) {
		buf_adds(words, "there are others beside it, for other programs");
		return -EINVAL;
	}
	*ret = TAKE(binary);
	*ret_len = (size_t)n;
	return 0;
}

int apparmor_check(const struct apparmor_profile *p, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL, words = BUF_NULL;
	AUTO(free) char *binary = NULL;
	unsigned long line = 0;
	size_t len = 0;
	unsigned first = 0;
	struct str rest = str_from(p->raw), one;
	unsigned lines = 0;
	int r = apparmor_raw_check(rest, err);

	if (r < 0)
		return r;
	apparmor_text(p, &text, &first);
	r = make_binary(p->name, buf_str(&text), &binary, &len, &words, &line, err);
	if (r != -EINVAL)
		return r;
	while (str_next(&rest, '\n', &one))
		lines++;
	line = line >= first ? line - first + 1 : 1;
	/* what isn't ended is noticed at the next token, which is ours */
	return err_set(err, EINVAL, "line %lu: apparmor_parser doesn't take it: %s", MIN(line, lines),
		       buf_cstr(&words));
}

int apparmor_load(const char *run_dir, const char *name, struct str text, struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/apparmor", run_dir), *binary = NULL;
	AUTO(buf_done) struct buf words = BUF_NULL;
	AUTO(fd) int dir = -EBADF;
	unsigned long line = 0;
	size_t len = 0;
	int r = path_make_dir(path, 0700);

	dir = r < 0 ? r : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(err, r < 0 ? -r : errno, "%s can't be made: %s", path,
			       strerror(r < 0 ? -r : errno));
	binary = kept_binary(dir, name, text, &len);
	if (!binary) {
		r = make_binary(name, text, &binary, &len, &words, &line, err);
		if (r == -EINVAL)
			return err_set(err, EINVAL,
				       "apparmor_parser doesn't take AppArmor's profile %s, line %lu: %s",
				       name, line, buf_cstr(&words));
		if (r < 0)
			return r;
		keep_binary(dir, name, text, (struct str){binary, len});
	}
	r = path_write(AT_FDCWD, KERNEL ".replace", (struct str){binary, len});
	return r < 0
		   ? err_set(err, -r, "the kernel doesn't take AppArmor's profile %s: %s", name, strerror(-r))
		   : 0;
}

int apparmor_unload(const char *name, struct err *err)
{
	int r = path_write(AT_FDCWD, KERNEL ".remove", str_from(name));

	return r < 0 && r != -ENOENT
		   ? err_set(err, -r, "AppArmor's profile %s can't be removed: %s", name, strerror(-r))
		   : 0;
}

void apparmor_forget(const char *run_dir, const char *name)
{
	AUTO(free) char *text = xasprintf("%s/apparmor/%s", run_dir, name), *bin = xasprintf("%s.bin", text);

	unlink(text);
	unlink(bin);
}

int apparmor_space_make(const char *name, struct err *err)
{
	AUTO(free) char *path = xasprintf(SPACES "%s", name);

	return mkdir(path, 0755) < 0 && errno != EEXIST
		   ? err_set(err, errno, "AppArmor's policy namespace %s can't be made: %s", name,
			     strerror(errno))
		   : 0;
}

int apparmor_space_remove(const char *name, struct err *err)
{
	AUTO(free) char *path = xasprintf(SPACES "%s", name);

	return rmdir(path) < 0 && errno != ENOENT
		   ? err_set(err, errno, "AppArmor's policy namespace %s can't be removed: %s", name,
			     strerror(errno))
		   : 0;
}

/* ---- what is left of an earlier life */

#define UUID_LEN 36

static bool is_ours(struct str name, const char *prefix)
{
	size_t n = strlen(prefix);

	if (name.len != n + 1 + UUID_LEN || memcmp(name.ptr, prefix, n) != 0 || name.ptr[n] != '-')
		return false;
	for (size_t i = n + 1; i < name.len; i++)
		if (!memchr("0123456789abcdef-", name.ptr[i], 17))
			return false;
	return true;
}

/* The labels of all processes, a line each. */
static int all_labels(struct buf *ret)
{
	AUTO(closedir) DIR *dir = opendir("/proc");
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (pid > 0) {
			AUTO(free) char *label = apparmor_label(pid);

			buf_printf(ret, "%s\n", label);
		}
	}
	return 0;
}

static bool is_used(const struct buf *labels, const char *name)
{
	return strstr(buf_cstr(labels), name) != NULL;
}

bool apparmor_is_used(const char *name)
{
	AUTO(buf_done) struct buf labels = BUF_NULL;

	/* where it can't be told, it may be */
	return all_labels(&labels) < 0 || is_used(&labels, name);
}

static int sweep_spaces(const char *prefix, const struct buf *labels, struct err *err)
{
	AUTO(closedir) DIR *dir = opendir(SPACES);
	struct dirent *e;
	int r = 0;

	while (dir && (e = readdir(dir)))
		if (is_ours(str_from(e->d_name), prefix) && !is_used(labels, e->d_name) && r == 0)
			r = apparmor_space_remove(e->d_name, err);
	return r;
}

int apparmor_sweep(const char *prefix, struct err *err)
{
	AUTO(free) char *profiles = NULL;
	AUTO(buf_done) struct buf labels = BUF_NULL;
	struct str rest, line;
	int r = (int)path_read(AT_FDCWD, KERNEL "profiles", 16 << 20, &profiles);

	if (r < 0)
		return err_set(err, -r, "AppArmor's profiles can't be read: %s", strerror(-r));
	rest = str_from(profiles);
	r = all_labels(&labels);
	if (r < 0)
		return err_set(err, -r, "/proc can't be read: %s", strerror(-r));
	r = sweep_spaces(prefix, &labels, err);
	while (str_next(&rest, '\n', &line)) {
		const char *mode = memmem(line.ptr, line.len, " (", 2);
		AUTO(free) char *name = NULL;

		line.len = mode ? (size_t)(mode - line.ptr) : line.len;
		name = str_dup(line);
		if (is_ours(line, prefix) && !is_used(&labels, name)) {
			int one = apparmor_unload(name, r < 0 ? NULL : err);

			r = r < 0 ? r : one;
		}
	}
	return r;
}
