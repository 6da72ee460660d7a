/* SPDX-License-Identifier: Apache-2.0 */
/* A tiny tree with lxdfsd's keeper and session below it, to kill its core as often as one likes. It holds
 * files fN and directories dN, which lie in STATE/tree, and "wait", whose read lasts until it is interrupted;
 * each such read adds a line to STATE/waits. Changes take a moment before and after they are made. In the
 * state directory, "crash" makes the core abort at its start, "refuse" makes it say why not, "stay" refuses
 * to stop, "poison" (in the tree: f666) is a file whose write kills. What takes down writes "down". */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "fs/daemon.h"

#define WAIT_INO 2
#define POISON 666

static int state_dir = -EBADF, tree = -EBADF;

/* Number of the node of a name, the same in every core; 0: no such name. */
static fuse_ino_t ino_of(const char *name)
{
	unsigned long n;
	char *end;

	if (!strcmp(name, "wait"))
		return WAIT_INO;
	if (name[0] != 'f' && name[0] != 'd')
		return 0;
	n = strtoul(name + 1, &end, 10);
	return *end || end == name + 1 ? 0 : 16 + 2 * n + (name[0] == 'd');
}

static const char *name_of(fuse_ino_t ino, char *buf, size_t len)
{
	if (ino < 16)
		return ".";
	snprintf(buf, len, "%c%lu", ino % 2 ? 'd' : 'f', (unsigned long)(ino - 16) / 2);
	return buf;
}

static void moment(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
}

static void note(const char *file, const char *line)
{
	AUTO(fd) int fd = openat(state_dir, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (write(fd, line, strlen(line)) < 0)
		abort();
}

static int attr_of(fuse_ino_t ino, struct stat *st)
{
	char buf[32];

	if (fstatat(tree, name_of(ino, buf, sizeof(buf)), st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno;
	if (ino == WAIT_INO)
		st->st_mode = S_IFREG | 0444;
	st->st_ino = ino;
	return 0;
}

static void reply_entry(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fuse_entry_param e = {.ino = ino};
	int r = attr_of(ino, &e.attr);

	if (r)
		fuse_reply_err(req, r);
	else if (fi)
		fuse_reply_create(req, &e, fi);
	else
		fuse_reply_entry(req, &e);
}

static void k_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fuse_ino_t ino = parent == FUSE_ROOT_ID ? ino_of(name) : 0;

	if (ino)
		reply_entry(req, ino, NULL);
	else
		fuse_reply_err(req, ENOENT);
}

static void k_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;
	int r = attr_of(ino, &st);

	(void)fi;
	if (r)
		fuse_reply_err(req, r);
	else
		fuse_reply_attr(req, &st, 0);
}

static void k_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		      struct fuse_file_info *fi)
{
	(void)attr;
	(void)to_set;
	k_getattr(req, ino, fi);
}

static int open_file(fuse_ino_t ino, int flags)
{
	char buf[32];

	return openat(tree, name_of(ino, buf, sizeof(buf)), flags | O_CLOEXEC | O_NOFOLLOW, 0644);
}

static void k_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	AUTO(fd) int fd = ino == WAIT_INO ? -EBADF : open_file(ino, O_WRONLY | (fi->flags & O_TRUNC));

	fi->direct_io = 1;
	if (fd < 0 && ino != WAIT_INO)
		fuse_reply_err(req, errno);
	else
		fuse_reply_open(req, fi);
}

static void k_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		     struct fuse_file_info *fi)
{
	fuse_ino_t ino = parent == FUSE_ROOT_ID && name[0] == 'f' ? ino_of(name) : 0;
	AUTO(fd) int fd = ino ? open_file(ino, O_WRONLY | O_CREAT) : -EBADF;

	(void)mode;
	fi->direct_io = 1;
	moment();
	if (fd < 0)
		fuse_reply_err(req, ino ? errno : EINVAL);
	else
		reply_entry(req, ino, fi);
}

static void interrupted(fuse_req_t req, void *sem)
{
	(void)req;
	sem_post(sem);
}

static void wait_for_interrupt(fuse_req_t req)
{
	sem_t sem;

	sem_init(&sem, 0, 0);
	fuse_req_interrupt_func(req, interrupted, &sem);
	note("waits", session_is_resent() ? "again\n" : "first\n");
	while (sem_wait(&sem) < 0)
		;
	fuse_req_interrupt_func(req, NULL, NULL);
	sem_destroy(&sem);
	note("waits", "over\n");
	fuse_reply_err(req, EINTR);
}

static void k_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	char data[4096];
	AUTO(fd) int fd = -EBADF;
	ssize_t n;

	(void)fi;
	if (ino == WAIT_INO) {
		wait_for_interrupt(req);
		return;
	}
	fd = open_file(ino, O_RDONLY);
	n = pread(fd, data, MIN(size, sizeof(data)), off);
	if (n < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_buf(req, data, (size_t)n);
}

static void k_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	AUTO(fd) int fd = open_file(ino, O_WRONLY);
	ssize_t n;

	(void)fi;
	if (ino == 16 + 2 * POISON)
		abort();
	moment();
	n = pwrite(fd, data, size, off);
	moment();
	if (n < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_write(req, (size_t)n);
}

/* What was done already by the core before isn't refused. */
static void k_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	fuse_ino_t ino = parent == FUSE_ROOT_ID && name[0] == 'd' ? ino_of(name) : 0;
	int r;

	(void)mode;
	moment();
	r = !ino ? EINVAL : mkdirat(tree, name, 0755) < 0 ? errno : 0;
	moment();
	if (r && !(r == EEXIST && session_is_resent()))
		fuse_reply_err(req, r);
	else
		reply_entry(req, ino, NULL);
}

static const struct fuse_lowlevel_ops keeperfs_ops = {
    .lookup = k_lookup,
    .getattr = k_getattr,
    .setattr = k_setattr,
    .open = k_open,
    .create = k_create,
    .read = k_read,
    .write = k_write,
    .mkdir = k_mkdir,
};

static int open_state(const struct core_options *o, struct err *err)
{
	state_dir = open(o->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state_dir < 0 || (mkdirat(state_dir, "tree", 0755) < 0 && errno != EEXIST))
		return err_set(err, errno, "%s: %s", o->state, strerror(errno));
	tree = openat(state_dir, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return tree < 0 ? err_set(err, errno, "%s/tree: %s", o->state, strerror(errno)) : 0;
}

static bool is_there(const char *name)
{
	return faccessat(state_dir, name, F_OK, 0) == 0;
}

static int on_stop(void *arg, bool all, struct err *err)
{
	(void)arg;
	if (is_there("stay"))
		return err_set(err, EBUSY, "stay is there: remove it first");
	note("down", all ? "core all\n" : "core\n");
	return 0;
}

static int run(const struct core_options *o, const struct session_link *link, struct err *err)
{
	struct session *s = NULL;
	int r = open_state(o, err);

	if (r < 0)
		return r;
	if (is_there("crash"))
		abort();
	if (is_there("refuse"))
		return err_set(err, EPERM, "refuse is there: remove it first");
	r = session_new(&keeperfs_ops, NULL, link, &s, err);
	if (r < 0)
		return r;
	session_on_stop(s, on_stop, NULL);
	r = session_loop(s, 32, err);
	session_free(s);
	return r;
}

static int teardown(const struct core_options *o, bool all, struct err *err)
{
	int r = open_state(o, err);

	if (r < 0)
		return r;
	note("down", all ? "stopper all\n" : "stopper\n");
	return 0;
}

int main(int argc, char **argv)
{
	return daemon_main(argc, argv, &(struct daemon_roles){run, teardown});
}
