/* SPDX-License-Identifier: Apache-2.0 */
/* lxdfs-mount: mounts one thing in a container that runs, or takes one off, and ends. See mounts.h for why
 * what it mounts stays as it is.
 *
 * It touches the container's files as the container's root, with none of the host's rights: what it meets
 * there can do no more to it than keep it waiting, and that ends with an alarm. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/base/spawn.h"
#include "engine/confine/mask.h"
#include "engine/instance/mounts.h"
#include "engine/instance/wire.h"

#define CORE 3
#define PATIENCE 20 /* seconds */
#define MAX_COVERS 64

struct job {
	int mounts, users; /* the container's namespaces; users -1: the host's own */
	int source;
};

/* The container's mounts, as its root. Return: a descriptor of its root directory, or a failure */
static int join(const struct job *j, struct err *err)
{
	int root;

	if (setns(j->mounts, CLONE_NEWNS) < 0)
		return err_set(err, errno, "the container's mounts can't be entered: %s", strerror(errno));
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? err_set(err, errno, "the container's root can't be opened: %s", strerror(errno))
			: root;
}

static int join_users(const struct job *j, struct err *err)
{
	if (j->users < 0 || setns(j->users, CLONE_NEWUSER) == 0)
		return 0;
	return err_set(err, errno, "the container's user namespace can't be joined: %s", strerror(errno));
}

/* ---- adding */

/* A copy of all mounts in which the kernel has locked them. Return: the parking place in it, or a failure */
static int enter_copy(const struct job *j, int parking, const char *scratch, struct err *err)
{
	int r = j->users >= 0 ? join_users(j, err) : mask_lock(err), copy;

	if (!r && j->users >= 0)
		r = mount_enter(parking, 0, err);
	if (r < 0)
		return r;
	copy = open(j->users >= 0 ? "." : scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return copy < 0 ? err_set(err, errno, "%s can't be opened: %s", scratch, strerror(errno)) : copy;
}

static int add(const struct job *j, const char *rundir, struct container_mount *m, struct err *err)
{
	AUTO(free) char *scratch = xasprintf("%s/monitors", rundir);
	AUTO(fd) int parking = -EBADF, copy = -EBADF, tree = -EBADF, root = -EBADF;
	struct mount_sources sources;
	int r;

	m->source_fd = j->source;
	r = mount_sources_open(m, 1, &sources, err);
	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set(err, errno, "no mount namespace: %s", strerror(errno));
	parking = parking_open(scratch, err);
	if (parking < 0)
		return parking;
	r = parking_add(parking, 0, m, sources.tree[0], j->users, err);
	if (r >= 0)
		r = copy = enter_copy(j, parking, scratch, err);
	if (r >= 0)
		r = tree = parking_take(copy, 0, m, err);
	if (r < 0)
		return r;
	root = join(j, err);
	return root < 0 ? root : mount_place(tree, root, m, err);
}

/* ---- taking off */

/* Return: 1 it is the root of that mount, 0 of another one, -ENOENT of none */
static int is_it(int fd, const struct mount_id *id)
{
	struct statx st;
	uint64_t device;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &st) < 0)
		return -errno;
	if (!(st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return -ENOENT;
	if ((st.stx_mode & S_IFMT) != id->type)
		return 0;
	if (S_ISCHR(st.stx_mode) || S_ISBLK(st.stx_mode))
		return makedev(st.stx_rdev_major, st.stx_rdev_minor) == id->device;
	device = makedev(st.stx_dev_major, st.stx_dev_minor);
	return device == id->device && st.stx_ino == id->inode;
}

static bool is_same(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static int take_off(int fds, int fd)
{
	char number[12];

	snprintf(number, sizeof(number), "%d", fd);
	/* by its descriptor: no path that could lead elsewhere meanwhile */
	return fchdir(fds) < 0 || umount2(number, MNT_DETACH) < 0 ? -errno : 0;
}

/* What a node was mounted over, made for that. */
static void remove_file(int root, const char *target)
{
	AUTO(free) char *dir = xstrdup(target);
	char *slash = strrchr(dir, '/');
	AUTO(fd) int parent = -EBADF;
	struct stat st;

	if (!slash || !slash[1])
		return;
	*slash = 0;
	parent = path_open_in_root(root, *dir ? dir : "/", O_PATH | O_DIRECTORY);
	if (parent >= 0 && !fstatat(parent, slash + 1, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) &&
	    !st.st_size)
		unlinkat(parent, slash + 1, 0);
}

static int take_all_off(int root, int fds, const char *target, const struct mount_id *id, struct err *err)
{
	bool found = false;

	for (int i = 0; i < MAX_COVERS; i++) {
		AUTO(fd) int fd = path_open_in_root(root, target, O_PATH);
		int r = fd < 0 ? fd : is_same(root, fd) ? -ENOENT : is_it(fd, id);

		/* once it is gone, what it covered stays */
		if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP || (r == 0 && found))
			return found;
		if (r < 0)
			return err_set(err, -r, "%s can't be looked at inside: %s", target, strerror(-r));
		found = found || r > 0;
		r = take_off(fds, fd);
		if (r < 0)
			return err_set(err, -r, "what is mounted at %s can't be taken off: %s", target,
				       strerror(-r));
	}
	return err_set(err, ELOOP, "more than %d mounts lie over one another at %s", MAX_COVERS, target);
}

static int take(const struct job *j, const char *target, const struct mount_id *id, struct err *err)
{
	AUTO(fd) int fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC), root = -EBADF;
	int r = join_users(j, err);

	if (fds < 0)
		return err_set(err, errno, "/proc/self/fd can't be opened: %s", strerror(errno));
	if (!r)
		r = mount_become_root(err);
	if (!r)
		r = root = join(j, err);
	if (r < 0)
		return r;
	r = take_all_off(root, fds, target, id, err);
	if (r > 0 && (id->type == S_IFCHR || id->type == S_IFBLK))
		remove_file(root, target);
	return r;
}

/* ---- the order */

static int torn(struct err *err)
{
	return err_set(err, EBADMSG, "the order to mount is torn");
}

static int obey(struct msg *msg, struct err *err)
{
	struct unpack u = {msg->body, msg->len, false};
	struct job j = {.mounts = msg->fds[0], .users = -EBADF, .source = -EBADF};
	int r = unpack_version(&u, err);
	unsigned next = 1;

	if (r < 0)
		return r;
	if (unpack_u32(&u) && next < msg->n_fds)
		j.users = msg->fds[next++];
	if (next < msg->n_fds)
		j.source = msg->fds[next];
	if (msg->type->number == MOUNT_ADD) {
		AUTO(free) char *rundir = unpack_text(&u);
		struct container_mount m;

		unpack_mount(&u, &m);
		r = unpack_ok(&u) && rundir ? add(&j, rundir, &m, err) : torn(err);
		free((char *)m.source);
		free((char *)m.target);
	} else {
		AUTO(free) char *target = unpack_text(&u);
		struct mount_id id;

		unpack_mount_id(&u, &id);
		r = unpack_ok(&u) && target ? take(&j, target, &id, err) : torn(err);
	}
	return r;
}

int main(void)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(buf_done) struct buf body = BUF_NULL;
	int r = spawn_detach();

	if (r < 0 || fcntl(CORE, F_SETFD, FD_CLOEXEC) < 0 || close_range(CORE + 1, ~0U, 0) < 0 ||
	    chdir("/") < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	r = msg_recv(CORE, &mount_table, &msg, &err);
	if (r == 0)
		return 1;
	/* a file system of the container's may never answer */
	alarm(PATIENCE);
	r = r < 0 ? r : obey(&msg, &err);
	if (r < 0)
		pack_err(&body, &err);
	else
		pack_u32(&body, (uint32_t)r);
	msg_send(CORE, &mount_table, r < 0 ? MOUNT_FAILED : MOUNT_DONE, 0, buf_str(&body), NULL, 0);
	return r < 0;
}
