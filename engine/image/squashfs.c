/* SPDX-License-Identifier: Apache-2.0 */
/* Runs unsquashfs twice: to list, so that a bomb is refused before it goes off, and to unpack. Neither run's
 * word is trusted: what came of it is walked through afterwards. */
#include "engine/image/squashfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/sys.h"
#include "engine/image/cage.h"
#include "engine/image/entry.h"

#define MAX_LINE 16384
#define MAX_SAID 4096
#define LISTED_ROOT " squashfs-root"

bool squashfs_is(int fd)
{
	char magic[4];

	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && !memcmp(magic, "hsqs", sizeof(magic));
}

/* ---- running it */

typedef int line_fn(struct tally *t, struct str line, struct err *err);

struct run {
	int out, errors; /* what it prints */
	struct buf line, said;
	struct tally *tally;
	line_fn *on_line;
};

static int start(const char *const *argv, struct run *run, pid_t *ret, struct err *err)
{
	static const char *const env[] = {"LC_ALL=C", "TZ=UTC", NULL};
	posix_spawn_file_actions_t fa;
	int out[2], errors[2], r;

	if (pipe2(out, O_CLOEXEC) < 0)
		return err_set(err, errno, "no pipe for unsquashfs: %s", strerror(errno));
	run->out = out[0];
	if (pipe2(errors, O_CLOEXEC) < 0) {
		close(out[1]);
		return err_set(err, errno, "no pipe for unsquashfs: %s", strerror(errno));
	}
	run->errors = errors[0];
	posix_spawn_file_actions_init(&fa);
	r = posix_spawn_file_actions_adddup2(&fa, out[1], 1);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&fa, errors[1], 2);
	if (!r)
		r = posix_spawn(ret, CAGE_UNSQUASHFS, &fa, NULL, (char *const *)argv, (char *const *)env);
	posix_spawn_file_actions_destroy(&fa);
	close(out[1]);
	close(errors[1]);
	return r ? err_set(err, r, "unsquashfs can't be started: %s", strerror(r)) : 0;
}

static int take_lines(struct run *run, struct str some, struct err *err)
{
	int r = 0;

	while (!r && some.len) {
		const char *end = memchr(some.ptr, '\n', some.len);
		size_t n = end ? (size_t)(end - some.ptr) : some.len;

		if (run->line.len + n > MAX_LINE)
			return err_set(err, EBADMSG,
				       "the squashfs is damaged: it lists a name of more than %d bytes",
				       MAX_LINE);
		buf_add(&run->line, some.ptr, n);
		if (!end)
			break;
		r = run->on_line(run->tally, buf_str(&run->line), err);
		buf_clear(&run->line);
		some = (struct str){end + 1, some.len - n - 1};
	}
	return r;
}

/* One read of what it printed. Return: 1; 0 at the end; -errno */
static int take_output(struct run *run, int fd, struct err *err)
{
	char some[4096];
	ssize_t n = sys_read(fd, some, sizeof(some));
	int r;

	if (n <= 0)
		return (int)n;
	if (fd == run->out && run->on_line) {
		r = take_lines(run, (struct str){some, (size_t)n}, err);
		return r < 0 ? r : 1;
	}
	if (run->said.len < MAX_SAID)
		buf_add(&run->said, some, (size_t)n);
	return 1;
}

static int follow(struct run *run, int core, struct err *err)
{
	struct pollfd p[3] = {{run->out, POLLIN, 0}, {run->errors, POLLIN, 0}, {core, POLLIN, 0}};

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return err_set(err, errno, "unsquashfs can't be waited for: %s", strerror(errno));
		if (p[2].revents)
			return err_set(err, ECANCELED, "canceled");
		for (int i = 0; i < 2; i++) {
			int r = p[i].fd >= 0 && p[i].revents ? take_output(run, p[i].fd, err) : 1;

			if (r < 0)
				return r;
			if (r == 0)
				p[i].fd = -1;
		}
	}
	return 0;
}

/* Its first words that tell of a failure, for the sentence. */
static int complain(const struct run *run, int status, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	struct str said = str_trim(buf_str(&run->said)), first = STR_NULL;

	if (said.len && memmem(said.ptr, said.len, "No space left", 13))
		return err_set(err, ENOSPC, "the disk is full: the squashfs can't be unpacked");
	if (said.len && memmem(said.ptr, said.len, "Disk quota exceeded", 19))
		return err_set(err, EDQUOT, "the disk quota is used up: the squashfs can't be unpacked");
	str_next(&said, '\n', &first);
	buf_escape(&text, (struct str){first.ptr, MIN(first.len, (size_t)200)});
	if (WIFSIGNALED(status))
		return err_set(err, EBADMSG, "the squashfs is damaged: unsquashfs was killed by signal %d",
			       WTERMSIG(status));
	return err_set(err, EBADMSG, "the squashfs is damaged: %s",
		       text.len ? buf_cstr(&text) : "no reason given");
}

static int run_unsquashfs(const char *const *argv, struct tally *t, line_fn *on_line, int core,
			  struct err *err)
{
	struct run run = {.out = -EBADF, .errors = -EBADF, .tally = t, .on_line = on_line};
	int status = 0, r;
	pid_t pid = -1;

	r = start(argv, &run, &pid, err);

	if (!r)
		r = follow(&run, core, err);
	/* after a failure it runs on: this is its process 1, whose end is its end */
	if (!r && waitpid(pid, &status, 0) < 0)
		r = err_set(err, errno, "unsquashfs can't be waited for: %s", strerror(errno));
	if (!r && status)
		r = complain(&run, status, err);
	buf_done(&run.line);
	buf_done(&run.said);
	if (run.out >= 0)
		close(run.out);
	if (run.errors >= 0)
		close(run.errors);
	return r;
}

/* ---- listing: "drwxr-xr-x 0/0    48 2026-01-02 03:04 squashfs-root/etc" */

static int take_line(struct tally *t, struct str line, struct err *err)
{
	struct str name, field = STR_NULL, rest = line;
	const char *at = memmem(line.ptr, line.len, LISTED_ROOT, strlen(LISTED_ROOT));
	uint64_t size = 0;
	unsigned depth = 0;

	if (!at || line.len < 10 || !strchr("-dlbcps", line.ptr[0]) || line.ptr[10] != ' ')
		return err_set(err, EINVAL, "the squashfs has a name with a line end in it");
	name =
	    (struct str){at + strlen(LISTED_ROOT), line.len - (size_t)(at - line.ptr) - strlen(LISTED_ROOT)};
	if (line.ptr[0] == 'b' || line.ptr[0] == 'c') {
		AUTO(free) char *quoted = entry_quote(name);

		return err_set(
		    err, EINVAL,
		    "the entry %s is a device node; they may be in dev/ only, where they are left out",
		    quoted);
	}
	for (int i = 0; i < 3; i++)
		do
			if (!str_next(&rest, ' ', &field))
				return err_set(err, EBADMSG, "unsquashfs lists what can't be read");
		while (!field.len);
	for (size_t i = 0; i < field.len && line.ptr[0] == '-'; i++) {
		if (field.ptr[i] < '0' || field.ptr[i] > '9' || size > UINT64_MAX / 20)
			return err_set(err, EBADMSG, "unsquashfs lists a size that can't be read");
		size = size * 10 + (uint64_t)(field.ptr[i] - '0');
	}
	for (size_t i = 0; i < name.len && line.ptr[0] == 'd'; i++)
		depth += name.ptr[i] == '/';
	if (depth > t->limits.depth)
		return err_set(err, EFBIG, "the squashfs has directories deeper than %u", t->limits.depth);
	return tally_add(t, size, err);
}

static uint64_t number(const unsigned char *p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = bytes; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

/* Its head: unsquashfs itself doesn't miss data that nobody reads. */
static int check_head(int fd, struct err *err)
{
	unsigned char head[96];
	struct stat st;

	if (fstat(fd, &st) < 0 || pread(fd, head, sizeof(head), 0) != sizeof(head))
		return err_set(err, EBADMSG, "the squashfs is damaged: it is cut off");
	if (number(head + 28, 2) != 4 || number(head + 30, 2) != 0)
		return err_set(err, EINVAL,
			       "the squashfs is of version %u.%u; 4.0 is the only one that is taken",
			       (unsigned)number(head + 28, 2), (unsigned)number(head + 30, 2));
	if (number(head + 40, 8) > (uint64_t)st.st_size)
		return err_set(err, EBADMSG, "the squashfs is damaged: it is cut off");
	return 0;
}

int squashfs_check(int fd, struct tally *t, int core, struct err *err)
{
	static const char *const argv[] = {"unsquashfs", "-excludes", "-lln", CAGE_IMAGE, "dev/*", NULL};

	int r = check_head(fd, err);

	return r ? r : run_unsquashfs(argv, t, take_line, core, err);
}

/* ---- what came of it */

static int walk(int dir, unsigned depth, struct tally *t, struct err *err);

static int walk_entry(int dir, const char *name, unsigned depth, struct tally *t, struct err *err)
{
	AUTO(fd) int below = -EBADF;
	struct stat st;
	int r;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "what was unpacked can't be read: %s", strerror(errno));
	r = tally_add(t, S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0, err);
	if (r < 0)
		return r;
	if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
		return unlinkat(dir, name, 0) < 0
			   ? err_set(err, errno, "a FIFO can't be left out: %s", strerror(errno))
			   : 0;
	if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
		return 0;
	if (!S_ISDIR(st.st_mode))
		return err_set(err, EINVAL, "the squashfs has a device node outside dev/");
	if (depth >= t->limits.depth)
		return err_set(err, EFBIG, "the squashfs has directories deeper than %u", t->limits.depth);
	below = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (below < 0)
		return err_set(err, errno, "what was unpacked can't be read: %s", strerror(errno));
	return walk(TAKE_FD(below), depth + 1, t, err);
}

static int walk(int dir, unsigned depth, struct tally *t, struct err *err)
{
	AUTO(closedir) DIR *d = fdopendir(dir);
	const struct dirent *e;
	struct stat st;
	int r = 0;

	if (!d) {
		close(dir);
		return err_set(err, errno, "what was unpacked can't be read: %s", strerror(errno));
	}
	if (fstat(dir, &st) < 0)
		r = err_set(err, errno, "what was unpacked can't be read: %s", strerror(errno));
	while (!r && (errno = 0, e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = walk_entry(dir, e->d_name, depth, t, err);
	if (!r && errno)
		r = err_set(err, errno, "what was unpacked can't be read: %s", strerror(errno));
	/* as it was before something was taken out */
	if (!r && futimens(dir, (const struct timespec[]){st.st_mtim, st.st_mtim}) < 0)
		r = err_set(err, errno, "a directory can't be given its time: %s", strerror(errno));
	return r;
}

int squashfs_unpack(struct tally *t, int core, struct err *err)
{
	/* its attributes can't be chosen from in this version, so none are taken */
	static const char *const argv[] = {"unsquashfs", "-quiet", "-no-progress", "-no-xattrs",
					   "-excludes",	 "-dest",  CAGE_ROOTFS,	   CAGE_IMAGE,
					   "dev/*",	 NULL};
	struct tally again = {.limits = t->limits, .packed = t->packed};
	int fd, r = run_unsquashfs(argv, t, NULL, core, err);

	if (!r)
		r = cage_narrow(err);
	if (r < 0)
		return r;
	fd = open(CAGE_ROOTFS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "what was unpacked can't be read: %s", strerror(errno));
	return walk(fd, 0, &again, err);
}
