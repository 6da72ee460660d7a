/* SPDX-License-Identifier: Apache-2.0 */
/* The core's side of a command: spawns lxdfs-enter, or finds it by the lock that it holds in the command's
 * directory. stdout, stderr: what was printed; status: how it ended; lock: a record lock of the helper, while
 * it lives; terminal: its path. */
#include "engine/instance/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/fd.h"
#include "engine/base/path.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"
#include "engine/instance/wire.h"

#define START_MS 30000
#define RESIZE_MS 2000
#define RESIZE_STEP_MS 2

struct exec {
	int dir;
	int fd; /* readable when it ended: the helper's pidfd, or an eventfd where that is over already */
	bool is_over; /* fd is no pidfd */
};

void exec_free(struct exec *e)
{
	if (!e)
		return;
	if (e->dir >= 0)
		close(e->dir);
	if (e->fd >= 0)
		close(e->fd);
	free(e);
}

DEFINE_AUTO(struct exec *, exec_free);

static int send_order(struct container *c, const struct exec_spec *s, int sock, struct err *err)
{
	AUTO(buf_done) struct buf body = BUF_NULL;
	AUTO(fd) int order = -EBADF;
	const char *groups[64] = {NULL};
	int fds[6], r;
	unsigned n_fds = 2;
	bool privileged;

	for (size_t i = 0; i + 1 < ARRAY_SIZE(groups) && cgroup_procs_path(container_cgroup(c), i); i++)
		groups[i] = cgroup_procs_path(container_cgroup(c), i);
	r = container_is_privileged(c, &privileged);
	if (r < 0)
		return err_set(err, ESRCH, "the container has ended");
	r = exec_order_pack(&body, s, groups, privileged, err);
	if (r < 0)
		return r;
	order = fd_sealed("order", buf_str(&body));
	if (order < 0)
		return err_set(err, -order, "no memory for the order: %s", strerror(-order));
	fds[0] = order;
	fds[1] = container_pidfd(c);
	if (s->stdin_fd >= 0)
		fds[n_fds++] = s->stdin_fd;
	if (s->seccomp_fd >= 0)
		fds[n_fds++] = s->seccomp_fd;
	if (s->notify_fd >= 0) {
		fds[n_fds++] = s->notify_fd;
		fds[n_fds++] = container_fd(c);
	}
	r = msg_send(sock, &enter_table, ENTER_START, 0, STR_NULL, fds, n_fds);
	return r < 0 ? err_set(err, -r, "lxdfs-enter takes no order: %s", strerror(-r)) : 0;
}

static int await_start(int sock, int *ret_pidfd, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_NULL;
	int r = sys_poll_in(sock, -1, sys_deadline(START_MS));
	struct unpack u;

	if (r == 0)
		return err_set(err, ETIMEDOUT, "the command didn't start in time: is the container frozen?");
	r = r < 0 ? r : msg_recv(sock, &enter_table, &m, err);
	if (r == 0)
		return err_set(err, EIO, "lxdfs-enter died before it ran the command");
	if (r < 0)
		return r;
	u = (struct unpack){m.body, m.len, false};
	if (m.type->number == ENTER_FAILED)
		return unpack_err(&u, err);
	if (m.type->number != ENTER_STARTED)
		return err_set(err, EBADMSG, "lxdfs-enter said %s out of turn", m.type->name);
	*ret_pidfd = TAKE_FD(m.fds[0]);
	return 0;
}

int exec_start(const struct container_env *env, struct container *c, const struct exec_spec *spec,
	       struct exec **ret, struct err *err)
{
	AUTO(exec_free) struct exec *e = xcalloc(1, sizeof(*e));
	AUTO(fd) int sock = -EBADF;
	int r;

	e->dir = e->fd = -EBADF;
	if (!spec->dir || (!spec->command && !(spec->argv && spec->argv[0])))
		return err_set(err, EINVAL, "there is no command to run");
	r = path_make_dir(spec->dir, 0700);
	if (r < 0)
		return err_set(err, -r, "%s can't be made: %s", spec->dir, strerror(-r));
	e->dir = open(spec->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->dir < 0)
		return err_set(err, errno, "%s can't be opened: %s", spec->dir, strerror(errno));
	if (!faccessat(e->dir, "lock", F_OK, 0))
		return err_set(err, EEXIST,
			       "a command was run here already: make another directory for the next");
	r = spawn_helper(env->libexec, "lxdfs-enter", NULL, &sock, err);
	if (!r)
		r = send_order(c, spec, sock, err);
	if (!r)
		r = await_start(sock, &e->fd, err);
	if (r < 0)
		return r;
	*ret = TAKE(e);
	return 0;
}

/* The helper that holds the lock, as a pidfd. Return: -ESRCH nobody does */
static int lock_holder(int dir)
{
	AUTO(fd) int lock = openat(dir, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC), pidfd = -EBADF;
	struct flock before = {.l_type = F_WRLCK, .l_whence = SEEK_SET}, after = before;

	if (lock < 0)
		return errno == ENOENT ? -ENOENT : -errno;
	if (fcntl(lock, F_GETLK, &before) < 0)
		return -errno;
	if (before.l_type == F_UNLCK)
		return -ESRCH;
	pidfd = pidfd_open(before.l_pid, 0);
	/* still the same holder, so the number was its own when the descriptor was made */
	if (pidfd < 0 || fcntl(lock, F_GETLK, &after) < 0 || after.l_type == F_UNLCK ||
	    after.l_pid != before.l_pid)
		return -ESRCH;
	return TAKE_FD(pidfd);
}

int exec_adopt(const char *dir, struct exec **ret, struct err *err)
{
	AUTO(exec_free) struct exec *e = xcalloc(1, sizeof(*e));
	struct exec_status st;
	int r;

	e->fd = -EBADF;
	e->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->dir < 0)
		return err_set(err, errno, "%s can't be opened: %s", dir, strerror(errno));
	e->fd = lock_holder(e->dir);
	if (e->fd == -ENOENT)
		return err_set(err, ENOENT, "no command was run in %s", dir);
	if (e->fd < 0) {
		e->is_over = true;
		e->fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
		if (e->fd < 0)
			return err_set(err, errno, "no descriptor for an event: %s", strerror(errno));
		r = exec_status(e, &st, err);
		if (r < 0)
			return r;
	}
	*ret = TAKE(e);
	return 0;
}

int exec_fd(const struct exec *e)
{
	return e->fd;
}

static int read_status(int dir, struct exec_status *ret)
{
	AUTO(free) char *text = NULL;
	int n;

	if (path_read(dir, "status", 64, &text) < 0)
		return -ENOENT;
	*ret = (struct exec_status){.is_done = true, .code = -1};
	if (sscanf(text, "exit %d", &n) == 1)
		ret->code = n;
	else if (sscanf(text, "signal %d", &n) == 1)
		ret->signal = n;
	else
		return -EIO;
	return 0;
}

int exec_status(struct exec *e, struct exec_status *ret, struct err *err)
{
	*ret = (struct exec_status){.code = -1};
	if (!read_status(e->dir, ret))
		return 0;
	if (!e->is_over && sys_poll_in(e->fd, -1, sys_deadline(0)) == 0)
		return 0;
	/* it ends right after it wrote: look again */
	if (!read_status(e->dir, ret))
		return 0;
	return err_set(err, ECHILD,
		       "the helper of the command was killed: nobody knows how the command ended");
}

/* What lxdfs-enter understands: @order and a number with it. */
static int tell(struct exec *e, int order, int value, struct err *err)
{
	siginfo_t info = {.si_signo = order, .si_code = SI_QUEUE};
	int r;

	info.si_value.sival_int = value;
	r = e->is_over ? -ESRCH : sys_pidfd_signal(e->fd, order, &info);
	if (r == -ESRCH)
		return err_set(err, ESRCH, "the command has ended");
	return r < 0 ? err_set(err, -r, "the command can't be signalled: %s", strerror(-r)) : 0;
}

int exec_kill(struct exec *e, int signal, struct err *err)
{
	if (signal < 1 || signal > SIGRTMAX)
		return err_set(err, EINVAL, "%d is no signal", signal);
	return tell(e, ENTER_SIGNAL_KILL, signal, err);
}

int exec_resize(struct exec *e, unsigned short rows, unsigned short columns, struct err *err)
{
	AUTO(free) char *path = NULL;
	AUTO(fd) int fd = -EBADF;
	struct winsize now = {0};
	uint64_t end = sys_deadline(RESIZE_MS);
	int r = tell(e, ENTER_SIGNAL_RESIZE, rows << 16 | columns, err);

	if (r < 0)
		return r;
	fd = path_read(e->dir, "terminal", PATH_MAX, &path) < 0
		 ? -EBADF
		 : open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	/* a signal has no answer: the terminal is one */
	while (fd >= 0 && sys_deadline(0) < end && ioctl(fd, TIOCGWINSZ, &now) == 0 &&
	       (now.ws_row != rows || now.ws_col != columns))
		if (sys_poll_in(e->fd, -1, sys_deadline(RESIZE_STEP_MS)) != 0)
			break;
	return 0;
}
