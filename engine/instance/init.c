/* SPDX-License-Identifier: Apache-2.0 */
/* The child that becomes a container's init: one step after the other, each with its sentence. */
#include "engine/instance/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/base/sandbox.h"
#include "engine/base/sys.h"
#include "engine/confine/mask.h"
#include "engine/instance/devtree.h"
#include "engine/instance/environ.h"
#include "engine/instance/root.h"

/* Sysctls that belong to a namespace of the container's; any other is the host's. Source: namespaces(7),
 * sysctl(5), the kernel's Documentation/admin-guide/sysctl. */
static const char *const own_sysctls[] = {
    "fs/mqueue/",
    "kernel/domainname",
    "kernel/hostname",
    "kernel/msgmax",
    "kernel/msgmnb",
    "kernel/msgmni",
    "kernel/msg_next_id",
    "kernel/sem",
    "kernel/sem_next_id",
    "kernel/shm_next_id",
    "kernel/shm_rmid_forced",
    "kernel/shmall",
    "kernel/shmmax",
    "kernel/shmmni",
    "net/",
    "user/",
};

/* Without a user namespace of its own those of user/ are the host's. */
static int set_sysctl(const struct container_sysctl *s, bool privileged, struct err *err)
{
	AUTO(free) char *path = xstrdup(s->name);
	AUTO(fd) int sys = open("/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -EBADF;
	bool is_own = false;
	int r;

	if (!strchr(path, '/'))
		for (char *p = path; *p; p++)
			*p = *p == '.' ? '/' : *p;
	for (size_t i = 0; i < ARRAY_SIZE(own_sysctls); i++) {
		size_t n = strlen(own_sysctls[i]);

		is_own = is_own || (own_sysctls[i][n - 1] == '/' ? !strncmp(path, own_sysctls[i], n)
								 : !strcmp(path, own_sysctls[i]));
	}
	if (!is_own || strstr(path, "..") || (privileged && !strncmp(path, "user/", 5)))
		return err_set(err, EINVAL,
			       "the sysctl %s isn't a container's own: it would change the whole host",
			       s->name);
	/* its file is for the host's root alone, whoever's namespace it is */
	if (!strcmp(path, "kernel/domainname"))
		return setdomainname(s->value, strlen(s->value)) < 0
			   ? err_set(err, errno, "the sysctl %s doesn't take \"%s\": %s", s->name, s->value,
				     strerror(errno))
			   : 0;
	fd = path_open(sys, path, O_WRONLY, 0);
	if (fd == -ENOENT)
		return err_set(err, ENOENT, "there is no sysctl %s in a container on this kernel", s->name);
	r = fd < 0 ? fd : sys_write_all(fd, s->value, strlen(s->value));
	if (r < 0)
		return err_set(err, -r, "the sysctl %s doesn't take \"%s\": %s", s->name, s->value,
			       strerror(-r));
	return 0;
}

/* A mount namespace of our own, in which the root is a mount that may be made the root. What the monitor
 * mounted is copied into it locked: see mounts.h. */
static int enter_mounts(int dir, int *ret_parking, int *ret_root, struct err *err)
{
	AUTO(fd) int tree = -EBADF, parking = -EBADF;
	int r = mount_enter(dir, CLONE_NEWCGROUP, err);

	if (r < 0)
		return r;
	/* all is private but what follows the host on purpose */
	parking = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	tree = open_tree(AT_FDCWD, ROOT_PARKED, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (parking < 0 || tree < 0 ||
	    move_mount(tree, "", AT_FDCWD, ROOT_PARKED, MOVE_MOUNT_F_EMPTY_PATH) < 0 || fchdir(tree) < 0)
		return err_set(err, errno, "the root file system can't be mounted: %s", strerror(errno));
	*ret_parking = TAKE_FD(parking);
	*ret_root = TAKE_FD(tree);
	return 0;
}

static int take_parked(const struct container_spec *s, int parking, struct mount_sources *ret,
		       struct err *err)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		int tree = parking_take(parking, i, &s->mounts[i], err);

		if (tree == -ENOENT && s->mounts[i].flags & CONTAINER_MOUNT_OPTIONAL)
			err_done(err);
		else if (tree < 0)
			return tree;
		ret->tree[ret->n++] = tree < 0 ? -EBADF : tree;
	}
	return 0;
}

/* Copies of what is parked, locked by the kernel: in a user namespace they are so already. */
static int take_mounts(const struct start_order *o, int parking, struct mount_sources *ret, struct err *err)
{
	const struct container_spec *s = &o->spec;
	AUTO(free) char *scratch = xasprintf("%s/monitors", o->rundir);
	AUTO(fd) int home = -EBADF, copy = -EBADF;
	int r;

	if (!s->n_mounts || !idmap_is_privileged(&s->map) || s->nesting)
		return take_parked(s, parking, ret, err);
	home = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return err_set(err, errno, "/proc/self/ns/mnt can't be opened: %s", strerror(errno));
	r = mask_lock(err);
	if (r < 0)
		return r;
	copy = open(scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = copy < 0 ? err_set(err, errno, "%s can't be opened: %s", scratch, strerror(errno))
		     : take_parked(s, copy, ret, err);
	if (setns(home, CLONE_NEWNS) < 0 && r >= 0)
		r = err_set(err, errno, "the mounts can't be entered again: %s", strerror(errno));
	return r;
}

/* Last, over all else that is there: so that the host can take them off again, none is locked in its place.
 */
static int place_mounts(const struct container_spec *s, const struct mount_sources *trees, struct err *err)
{
	AUTO(fd) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	for (size_t i = 0; !r && i < trees->n; i++)
		r = trees->tree[i] < 0 ? 0 : mount_place(trees->tree[i], root, &s->mounts[i], err);
	return r;
}

static int change_root(int root, struct err *err)
{
	int r = fchdir(root) < 0 ? -errno : sys_pivot_root(".", ".");

	/* the old root lies over the new one now, at "." */
	if (!r && (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0))
		r = -errno;
	return r < 0 ? err_set(err, -r, "the root can't be changed: %s", strerror(-r)) : 0;
}

static int take_console(int slave, struct err *err)
{
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		return err_set(err, errno, "the console can't be made init's: %s", strerror(errno));
	for (int i = 0; i < 3; i++)
		if (dup2(slave, i) < 0)
			return err_set(err, errno, "the console can't be opened: %s", strerror(errno));
	return 0;
}

/* A label of two parts, the latter in a policy namespace of the container's. */
static bool has_policy(const struct container_spec *s)
{
	return s->profile && strstr(s->profile, "//&");
}

/* See PRIVILEGED_BARE in engine/confine/seccomp.c. */
static bool may_mount(const struct container_spec *s)
{
	return !idmap_is_privileged(&s->map) || s->nesting || s->profile;
}

/* The console by its name, in the mounts that init has. */
static int reopen_console(int *slave, struct err *err)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "the console can't be opened: %s", strerror(errno));
	close(*slave);
	*slave = fd;
	return 0;
}

static int hide(const struct container_spec *s, int *slave, struct err *err)
{
	bool privileged = idmap_is_privileged(&s->map);
	int r = mask_apply(privileged, s->nesting, has_policy(s), err);

	/* in a user namespace they are locked already */
	if (r < 0 || !privileged || s->nesting)
		return r;
	r = mask_lock(err);
	return r < 0 ? r : reopen_console(slave, err);
}

static int confine(const struct container_spec *s, struct err *err)
{
	int r = sandbox_drop_caps(s->caps_drop);
	if (r < 0)
		return err_set(err, -r, "capabilities can't be dropped: %s", strerror(-r));
	return 0;
}

static void signals_default(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The kernel kills us with the monitor from here on. Where it is dead already, the socket has ended: the
 * caller asks once more. Changes of ids and capabilities clear the setting (prctl(2)), so none may follow. */
static int tie_to_monitor(struct err *err)
{
	int signal = 0;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_GET_PDEATHSIG, &signal) < 0 || signal != SIGKILL)
		return err_set(err, EIO, "init can't be tied to its monitor");
	return 0;
}

static int receive(int sock, uint32_t number, struct msg *ret, struct err *err)
{
	int r = msg_recv(sock, &child_table, ret, err);

	if (r < 0)
		return r;
	if (r == 0)
		_exit(1); /* the start was given up */
	return ret->type->number == number
		   ? 0
		   : err_set(err, EBADMSG, "the monitor said %s out of turn", ret->type->name);
}

static int set_up(int sock, const struct start_order *o, struct err *err)
{
	const struct container_spec *s = &o->spec;
	bool privileged = idmap_is_privileged(&s->map);
	AUTO(msg_done) struct msg build = MSG_NULL, go = MSG_NULL;
	AUTO(fd) int parking = -EBADF, root = -EBADF, master = -EBADF, slave = -EBADF;
	__attribute__((cleanup(mount_sources_done))) struct mount_sources trees = {.n = 0};
	int fds[2], r = receive(sock, CHILD_BUILD, &build, err);

	devtree_context(s->files);
	if (!r)
		r = enter_mounts(build.fds[0], &parking, &root, err);
	if (!r)
		r = take_mounts(o, parking, &trees, err);
	if (!r)
		r = may_mount(s) ? 0 : devtree_mount_run(root, err);
	if (!r)
		r = devtree_mount(root, privileged, &master, &slave, err);
	if (!r && !may_mount(s))
		r = devtree_mount_huge(root, err);
	if (!r)
		r = devtree_mount_kernel(root, o->cgroups, o->n_cgroups, err);
	if (!r && has_policy(s))
		r = devtree_mount_security(root, err);
	if (!r)
		r = change_root(root, err);
	if (!r && sethostname(s->hostname, strlen(s->hostname)) < 0)
		r = err_set(err, errno, "the host name \"%s\" can't be set: %s", s->hostname,
			    strerror(errno));
	for (size_t i = 0; !r && i < s->n_sysctls; i++)
		r = set_sysctl(&s->sysctls[i], privileged, err);
	if (!r)
		r = hide(s, &slave, err);
	if (!r)
		r = place_mounts(s, &trees, err);
	if (!r)
		r = take_console(slave, err);
	if (!r)
		r = confine(s, err);
	if (!r)
		r = tie_to_monitor(err);
	if (r < 0)
		return r;
	fds[0] = master;
	fds[1] = slave;
	r = msg_send(sock, &child_table, CHILD_READY, 0, STR_NULL, fds, 2);
	if (r < 0)
		_exit(1);
	return receive(sock, CHILD_EXEC, &go, err);
}

/* From here on some calls wait for an answer from elsewhere: none of those that are made until execve. */
static int hand_over_calls(int filter, int sock, struct err *err)
{
	AUTO(fd) int calls = sandbox_listen(filter);
	int r;

	if (calls == -EBUSY)
		return err_set(
		    err, EBUSY,
		    "security.syscalls.intercept.* can't be had here: lxdfs itself runs in a container whose "
		    "system calls are intercepted, and the kernel has one interceptor for a process");
	if (calls < 0)
		return err_set(err, -calls, "the filter of security.syscalls.intercept.* can't be loaded: %s",
			       strerror(-calls));
	r = msg_send(sock, &child_table, CHILD_LISTENER, 0, STR_NULL, &calls, 1);
	return r < 0 ? err_set(err, -r, "the monitor takes no calls: %s", strerror(-r)) : 0;
}

/* For the execve that comes. */
static int take_label(const struct container_spec *s, int proc, struct err *err)
{
	int r = s->profile ? sandbox_label_exec(proc, s->profile) : 0;

	if (r < 0)
		return err_set(err, -r, "AppArmor's profile %s can't be taken on: %s", s->profile,
			       strerror(-r));
	r = s->context ? sandbox_context_exec(proc, s->context) : 0;
	return r < 0 ? err_set(err, -r, "SELinux' context %s can't be taken on: %s", s->context, strerror(-r))
		     : 0;
}

static int become_init(const struct container_spec *s, int proc, int sock, struct err *err)
{
	static const char *const default_argv[] = {"/sbin/init", NULL};
	const char *const *argv = s->argv && s->argv[0] ? s->argv : default_argv;
	char **env = environ_make(environ_default, s->env);
	int errnum, r;

	signals_default();
	umask(022);
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return err_set(err, errno, "descriptors can't be closed: %s", strerror(errno));
	r = s->notify_fd >= 0 ? hand_over_calls(s->notify_fd, sock, err) : 0;
	if (r < 0)
		return r;
	r = take_label(s, proc, err);
	if (r < 0)
		return r;
	/* last, since it may deny all but execve */
	r = s->seccomp_fd >= 0 ? sandbox_filter(s->seccomp_fd) : 0;
	if (r < 0)
		return err_set(err, -r, "the system call filter can't be loaded: %s", strerror(-r));
	execve(argv[0], (char *const *)argv, env);
	errnum = errno;
	if (errnum == ENOENT && faccessat(AT_FDCWD, argv[0], F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errnum, "the container has no %s: its image is none that can boot",
			       argv[0]);
	if (errnum == ENOENT)
		return err_set(
		    err, errnum,
		    "%s can't be executed: its link, interpreter or loader is missing in the container",
		    argv[0]);
	if (errnum == ENOEXEC)
		return err_set(err, errnum, "%s is no program for this machine", argv[0]);
	return err_set(err, errnum, "%s can't be executed: %s", argv[0], strerror(errnum));
}

void init_run(int sock, const struct start_order *order)
{
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(buf_done) struct buf body = BUF_NULL;
	/* the host's: its file of this process says for whom it speaks */
	AUTO(fd) int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = set_up(sock, order, &err);

	if (!r)
		become_init(&order->spec, proc, sock, &err);
	pack_err(&body, &err);
	msg_send(sock, &child_table, CHILD_FAILED, 0, buf_str(&body), NULL, 0);
	_exit(1);
}
