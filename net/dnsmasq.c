/* SPDX-License-Identifier: Apache-2.0 */
/* dnsmasq as a process: started, found again, told to read its hosts, ended. It makes a daemon of itself: its
 * first process ends when its sockets are bound, and what serves is nobody's child. */
#include "net/dnsmasq.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/base/spawn.h"
#include "engine/base/str.h"
#include "engine/base/sys.h"

#define START_MS 20000
#define STOP_MS 5000
#define STRAY_MS 1000
#define CONF_MAX (256 * 1024)
#define TEST_MS 10000
/* below the run directory: a file an instance's NIC in each */
#define HOSTS "hosts"
#define NAMES "names"

/* ---- finding it */

static pid_t pid_of_file(const char *run_dir)
{
	AUTO(free) char *path = xasprintf("%s/dnsmasq.pid", run_dir);
	AUTO(free) char *text = NULL;
	ssize_t n = path_read(AT_FDCWD, path, 32, &text);
	struct str s;
	pid_t pid = 0;

	if (n < 0)
		return 0;
	s = str_trim((struct str){text, (size_t)n});
	if (s.len > 9)
		return 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return 0;
		pid = pid * 10 + (s.ptr[i] - '0');
	}
	return pid;
}

/* is_ours(): a container could call a process by our file's name, but not in this network namespace */
static bool is_ours(pid_t pid, const char *run_dir)
{
	AUTO(free) char *path = xasprintf("/proc/%d/cmdline", pid);
	AUTO(free) char *ns = xasprintf("/proc/%d/ns/net", pid);
	AUTO(free) char *want = xasprintf("dnsmasq%c--conf-file=%s/dnsmasq.conf", 0, run_dir);
	AUTO(free) char *got = NULL;
	/* both end with a terminator, which is part of the command line */
	size_t len = strlen("dnsmasq--conf-file=/dnsmasq.conf") + strlen(run_dir) + 2;
	ssize_t n = path_read(AT_FDCWD, path, 8192, &got);
	struct stat own, its;

	return n == (ssize_t)len && !memcmp(got, want, len) && stat("/proc/thread-self/ns/net", &own) == 0 &&
	       stat(ns, &its) == 0 && own.st_ino == its.st_ino && own.st_dev == its.st_dev;
}

int dnsmasq_adopt(const char *run_dir, int *ret_pidfd, struct err *err)
{
	AUTO(fd) int pidfd = -EBADF;
	pid_t pid = pid_of_file(run_dir);

	if (pid <= 0)
		return 0;
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0 && errno == ESRCH)
		return 0;
	if (pidfd < 0)
		return err_set(err, errno, "the dnsmasq of %s can't be watched: %s", run_dir,
			       strerror(errno));
	/* the look into /proc came between: the number was its own as long as it lives after that */
	if (!is_ours(pid, run_dir) || sys_poll_in(pidfd, -1, sys_deadline(0)) != 0)
		return 0;
	*ret_pidfd = TAKE_FD(pidfd);
	return 1;
}

bool dnsmasq_is_current(const struct dnsmasq_spec *spec)
{
	AUTO(buf_done) struct buf want = BUF_NULL;
	AUTO(fd) int pidfd = -EBADF;
	AUTO(free) char *path = NULL, *got = NULL;
	ssize_t n;

	if (dnsmasq_conf_text(&want, spec, NULL) < 0)
		return false;
	path = xasprintf("%s/dnsmasq.conf", spec->run_dir);
	n = path_read(AT_FDCWD, path, CONF_MAX, &got);
	return n >= 0 && str_eq((struct str){got, (size_t)n}, buf_str(&want)) &&
	       dnsmasq_adopt(spec->run_dir, &pidfd, NULL) == 1;
}

/* ---- ending it */

int dnsmasq_reload(const char *run_dir, struct err *err)
{
	AUTO(fd) int pidfd = -EBADF;
	int r = dnsmasq_adopt(run_dir, &pidfd, err);

	if (r < 0)
		return r;
	if (r > 0)
		r = sys_pidfd_signal(pidfd, SIGHUP, NULL);
	else
		r = -ESRCH;
	return r < 0 ? err_set(err, -r, "no dnsmasq runs with %s/dnsmasq.conf", run_dir) : 0;
}

static int end_process(int pidfd, int patience_ms, const char *run_dir, struct err *err)
{
	int r;

	sys_pidfd_signal(pidfd, SIGTERM, NULL);
	r = sys_poll_in(pidfd, -1, sys_deadline(patience_ms));
	if (r == 0) {
		sys_pidfd_signal(pidfd, SIGKILL, NULL);
		r = sys_poll_in(pidfd, -1, sys_deadline(STOP_MS));
	}
	return r > 0 ? 0 : err_set(err, ETIMEDOUT, "the dnsmasq of %s doesn't end", run_dir);
}

/* end_strays(): who serves without a pid file (the core was killed during its start, or somebody removed the
 * file), and children that answer over TCP, which don't hear SIGTERM */
static int end_strays(const char *run_dir, struct err *err)
{
	AUTO(closedir) DIR *dir = opendir("/proc");
	struct dirent *e;

	if (!dir)
		return err_set(err, errno, "/proc can't be read: %s", strerror(errno));
	while ((e = readdir(dir))) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		AUTO(fd) int pidfd = -EBADF;
		int r;

		if (pid <= 0 || !is_ours(pid, run_dir))
			continue;
		pidfd = pidfd_open(pid, 0);
		/* once more: now the number can't pass to another unnoticed */
		if (pidfd < 0 || !is_ours(pid, run_dir))
			continue;
		r = end_process(pidfd, STRAY_MS, run_dir, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int dnsmasq_stop(const char *run_dir, struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/dnsmasq.pid", run_dir);
	AUTO(fd) int pidfd = -EBADF;
	int r = dnsmasq_adopt(run_dir, &pidfd, err);

	if (r > 0)
		r = end_process(pidfd, STOP_MS, run_dir, err);
	if (!r)
		r = end_strays(run_dir, err);
	if (r < 0)
		return r;
	if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_set(err, errno, "%s can't be removed: %s", path, strerror(errno));
	return 0;
}

/* ---- starting it */

/* Of package apparmor, as is the parser without which there are no profiles. */
#define AA_EXEC "/usr/bin/aa-exec"

static const char *find_program(void)
{
	static const char *const places[] = {"/usr/sbin/dnsmasq", "/usr/bin/dnsmasq",
					     "/usr/local/sbin/dnsmasq", "/sbin/dnsmasq"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

const char *dnsmasq_program(void)
{
	const char *program = find_program();

	return program ? program : "/usr/sbin/dnsmasq";
}

static int make_dir(const char *path, mode_t mode, gid_t gid, struct err *err)
{
	AUTO(fd) int fd = -EBADF;
	int r = path_make_dir(path, mode);

	if (r == 0) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		/* whatever the umask was, and if another user served before */
		if (fd < 0 || fchown(fd, 0, gid) < 0 || fchmod(fd, mode) < 0)
			r = -errno;
	}
	return r < 0 ? err_set(err, -r, "directory %s can't be made: %s", path, strerror(-r)) : 0;
}

/* dnsmasq opens the leases as root and keeps them open: nobody else needs to read them */
static int make_leases(const char *dir, struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/dnsmasq.leases", dir);
	AUTO(fd) int fd = -EBADF;

	fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, errno, "%s can't be made: %s", path, strerror(errno));
	return 0;
}

/* make_files(): all that it reads and writes. The hosts are for its group's eyes. */
static int make_files(const struct dnsmasq_spec *spec, struct str conf, struct err *err)
{
	const char *lease_dir = spec->lease_dir ? spec->lease_dir : spec->run_dir;
	AUTO(free)
	char *hosts = xasprintf("%s/" HOSTS, spec->run_dir), *names = xasprintf("%s/" NAMES, spec->run_dir);
	const char *user = spec->user ? spec->user : "dnsmasq";
	struct passwd pw, *found = NULL;
	AUTO(fd) int dir = -EBADF;
	char room[4096];
	int r;

	getpwnam_r(user, &pw, room, sizeof(room), &found);
	if (!found && !spec->user)
		getpwnam_r("nobody", &pw, room, sizeof(room), &found);
	if (!found)
		return err_set(err, EINVAL, "there is no user %s that dnsmasq could become", user);
	r = make_dir(spec->run_dir, 0711, 0, err);
	if (!r && spec->lease_dir)
		r = make_dir(spec->lease_dir, 0711, 0, err);
	if (!r)
		r = make_dir(hosts, 0750, found->pw_gid, err);
	if (!r)
		r = make_dir(names, 0750, found->pw_gid, err);
	if (!r)
		r = make_leases(lease_dir, err);
	if (r < 0)
		return r;
	dir = open(spec->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = dir < 0 ? -errno : path_replace(dir, "dnsmasq.conf", conf, 0600, false);
	return r < 0 ? err_set(err, -r, "%s/dnsmasq.conf can't be written: %s", spec->run_dir, strerror(-r))
		     : 0;
}

/* last_line(): "dnsmasq: failed to bind ...: Address in use" without its name */
static struct str last_line(struct str words)
{
	struct str line, last = STR_NULL;

	while (str_next(&words, '\n', &line)) {
		line = str_trim(line);
		if (line.len)
			last = line;
	}
	if (str_has_prefix(last, STR("dnsmasq: "))) {
		last.ptr += strlen("dnsmasq: ");
		last.len -= strlen("dnsmasq: ");
	}
	return last;
}

static int run(const struct dnsmasq_spec *spec, const char *program, int *ret_pidfd, struct err *err)
{
	AUTO(free) char *conf = xasprintf("--conf-file=%s/dnsmasq.conf", spec->run_dir);
	/* found by its name in spawn_run()'s PATH: its command line is that of is_ours() either way */
	const char *const argv[] = {"aa-exec", "-p", spec->profile, "--", "dnsmasq", conf, NULL};
	bool confined = spec->profile;
	AUTO(buf_done) struct buf words = BUF_NULL, said = BUF_NULL;
	int r = spawn_run(confined ? AA_EXEC : program, confined ? argv : argv + 4, START_MS, &words, err),
	    number = EIO;

	if (r < 0)
		return r;
	if (r == 0) {
		r = dnsmasq_adopt(spec->run_dir, ret_pidfd, err);
		if (r > 0)
			return 0;
		return r < 0 ? r
			     : err_set(err, EIO, "the dnsmasq of bridge %s died right after its start",
				       spec->bridge);
	}
	/* in the C locale these are fixed (strerror) */
	if (strstr(buf_cstr(&words), "Address already in use"))
		number = EADDRINUSE;
	else if (strstr(buf_cstr(&words), "unknown interface"))
		number = ENODEV;
	buf_escape(&said, last_line(buf_str(&words)));
	return err_set(err, number, "the dnsmasq of bridge %s doesn't start: %s", spec->bridge,
		       said.len ? buf_cstr(&said) : "it said nothing");
}

int dnsmasq_test_raw(const char *run_dir, const char *raw, struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/raw.conf", run_dir), *conf = xasprintf("--conf-file=%s", path);
	const char *const argv[] = {"dnsmasq", "--test", conf, NULL};
	AUTO(buf_done) struct buf words = BUF_NULL, said = BUF_NULL;
	const char *program = find_program(), *cut;
	AUTO(fd) int dir = -EBADF;
	struct str last;
	int r = path_make_dir(run_dir, 0711);

	if (!program)
		return err_set(err, ENOENT, "dnsmasq isn't installed: Debian's package is dnsmasq-base");
	dir = r < 0 ? -EBADF : open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!r)
		r = dir < 0 ? -errno : path_replace(dir, "raw.conf", str_from(raw), 0600, false);
	if (r < 0)
		return err_set(err, -r, "%s can't be written: %s", path, strerror(-r));
	r = spawn_run(program, argv, TEST_MS, &words, err);
	unlinkat(dir, "raw.conf", 0);
	if (r <= 0)
		return r;
	/* "bad option at line 3 of PATH": the path is ours */
	last = last_line(buf_str(&words));
	cut = last.len ? strstr(last.ptr, " of /") : NULL;
	if (cut && cut < last.ptr + last.len)
		last.len = (size_t)(cut - last.ptr);
	buf_escape(&said, last);
	return err_set(err, EINVAL, "dnsmasq doesn't take it: %s",
		       said.len ? buf_cstr(&said) : "it said nothing");
}

int dnsmasq_start(const struct dnsmasq_spec *spec, int *ret_pidfd, struct err *err)
{
	AUTO(buf_done) struct buf conf = BUF_NULL;
	const char *program = find_program();
	int r = dnsmasq_conf_text(&conf, spec, err);

	if (r < 0)
		return r;
	if (!program)
		return err_set(
		    err, ENOENT,
		    "dnsmasq isn't installed, and bridge %s needs it: Debian's package is dnsmasq-base",
		    spec->bridge);
	r = dnsmasq_stop(spec->run_dir, err);
	if (!r)
		r = make_files(spec, buf_str(&conf), err);
	return r < 0 ? r : run(spec, program, ret_pidfd, err);
}

/* ---- hosts */

static int check_key(const char *key, struct err *err)
{
	/* dnsmasq passes over names with a leading '.' or '#' and over "name~" */
	if (!path_is_name(str_from(key)) || key[0] == '.' || strlen(key) > 240 ||
	    strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != strlen(key))
		return err_set(
		    err, EINVAL,
		    "%s is no key of a host: letters, digits, '-', '_', '.' make one, no '.' first", key);
	return 0;
}

/* reload_if_running(): dnsmasq notices what is new by itself, but not what is gone */
static int reload_if_running(const char *run_dir, struct err *err)
{
	int r = dnsmasq_reload(run_dir, err);

	if (r == -ESRCH) {
		err_done(err);
		return 0;
	}
	return r;
}

/* put_file(): replaces one that says something else. Return: 1 it is new, 2 it was changed, 0 it is as it was
 */
static int put_file(const char *run_dir, const char *where, const char *key, struct str text, struct err *err)
{
	AUTO(free) char *above = xasprintf("%s/%s", run_dir, where), *target = xasprintf("%s/%s", where, key);
	AUTO(free) char *staged = xasprintf("host-%s", key), *old = NULL;
	AUTO(fd) int dir = -EBADF;
	ssize_t n;
	int r = path_make_dir(run_dir, 0711);

	if (!r)
		r = path_make_dir(above, 0750);
	dir = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r < 0 || dir < 0)
		return err_set(err, r < 0 ? -r : errno, "directory %s can't be made: %s", above,
			       strerror(r < 0 ? -r : errno));
	n = path_read(dir, target, 4096, &old);
	if (n >= 0 && str_eq((struct str){old, (size_t)n}, text))
		return 0;
	/* not staged in the directory itself, where dnsmasq would read that file as well */
	r = path_replace(dir, staged, text, 0644, false);
	/* the umask may have taken the group's right to read */
	if (!r && (fchmodat(dir, staged, 0644, 0) < 0 || renameat(dir, staged, dir, target) < 0)) {
		r = -errno;
		unlinkat(dir, staged, 0);
	}
	if (r < 0)
		return err_set(err, -r, "%s/%s can't be written: %s", above, key, strerror(-r));
	return n == -ENOENT ? 1 : 2;
}

/* drop_file(): Return: 1 it was there, 0 there was none, or a failure */
static int drop_file(const char *run_dir, const char *where, const char *key, struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/%s/%s", run_dir, where, key);

	if (unlink(path) == 0)
		return 1;
	return errno == ENOENT || errno == ENOTDIR
		   ? 0
		   : err_set(err, errno, "%s can't be removed: %s", path, strerror(errno));
}

int dnsmasq_host_set(const char *run_dir, const struct dnsmasq_host *host, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL, aliases = BUF_NULL;
	int r = check_key(host->key, err), names = 0;

	if (!r)
		r = dnsmasq_host_text(&text, host, err);
	if (!r)
		r = dnsmasq_alias_text(&aliases, host, err);
	if (!r)
		r = put_file(run_dir, HOSTS, host->key, buf_str(&text), err);
	if (r < 0)
		return r;
	if (aliases.len)
		names = put_file(run_dir, NAMES, host->key, buf_str(&aliases), err);
	else if (drop_file(run_dir, NAMES, host->key, err) > 0)
		names = 2;
	if (names < 0)
		return names;
	return r == 2 || names == 2 ? reload_if_running(run_dir, err) : 0;
}

int dnsmasq_host_clear(const char *run_dir, const char *key, struct err *err)
{
	int r = check_key(key, err), names;

	if (r < 0)
		return r;
	names = drop_file(run_dir, NAMES, key, err);
	r = drop_file(run_dir, HOSTS, key, names < 0 ? NULL : err);
	if (names < 0 || r < 0)
		return names < 0 ? names : r;
	return names || r ? reload_if_running(run_dir, err) : 0;
}
