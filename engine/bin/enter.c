/* SPDX-License-Identifier: Apache-2.0 */
/* lxdfs-enter: runs one command inside a container and keeps what it prints. Outlives the core.
 *
 * Three processes. The outer one stays on the host, outside the container's groups, holds the files and
 * waits. The middle one joins the container's groups and namespaces, clones the command as a sibling, and
 * ends. The command has nothing of the host but pipes: no descriptors, no program file (this runs from a
 * sealed memfd), no dumpable memory before its execve. Root of a privileged container sees it, and may write
 * to its memory, from the clone on: so capabilities, filter and descriptors are gone before that. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/fd.h"
#include "engine/base/path.h"
#include "engine/base/sandbox.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"
#include "engine/confine/cgroup.h"
#include "engine/instance/environ.h"
#include "engine/instance/rlimits.h"
#include "engine/instance/terminal.h"
#include "engine/instance/wire.h"

#define DEFAULT_OUTPUT (1 << 20)
#define LAST_READS 64 /* what the largest pipe holds, /proc/sys/fs/pipe-max-size */

extern char **environ;

/* The link between the processes here. */
enum inner_msg { INNER_PID = 1, INNER_FAILED = 2, INNER_TERMINAL = 3 };
static const struct msg_type inner_types[] = {
    {INNER_PID, "pid", 0, 0, 1, 1},
    {INNER_FAILED, "failed", 8, MSG_MAX_BODY, 0, 0},
    {INNER_TERMINAL, "terminal", 0, 0, 1, 1},
};
static const struct msg_table inner_table = {"command's link", inner_types, ARRAY_SIZE(inner_types)};

struct stream {
	int pipe, file;
	uint64_t left; /* bytes that are still kept */
};

struct outer {
	int core, dir, lock;
	struct stream out[2];
	int feed, feed_from; /* the command's stdin, and where it comes from */
	bool has_food;	     /* there was something to read there */
	struct terminal terminal;
	int inner;
	int pidfd; /* of the command */
	pid_t pid;
	int signals;
};

/* The ends of the pipes that the command gets; with a terminal it gets none. */
struct ends {
	int fd[3];
};

static void report(int sock, const struct msg_table *table, uint32_t number, const struct err *err)
{
	AUTO(buf_done) struct buf body = BUF_NULL;

	pack_err(&body, err);
	msg_send(sock, table, number, 0, buf_str(&body), NULL, 0);
}

/* ---- the command's side */

/* The home directory of a user, from the container's own passwd: just a text that it may choose. */
static char *home_of(uint32_t uid)
{
	AUTO(free) char *text = NULL;
	struct str rest, line;
	ssize_t n = path_read(AT_FDCWD, "/etc/passwd", 1 << 20, &text);

	rest = (struct str){text, n > 0 ? (size_t)n : 0};
	while (str_next(&rest, '\n', &line)) {
		struct str f[6];
		AUTO(free) char *number = NULL;
		int i = 0;

		while (i < 6 && str_next(&line, ':', &f[i]))
			i++;
		if (i < 6 || !f[2].len || f[5].len < 1 || f[5].ptr[0] != '/')
			continue;
		number = xasprintf("%u", uid);
		if (str_is(f[2], number))
			return str_dup(f[5]);
	}
	return xstrdup(uid ? "/" : "/root");
}

/* The monitor has them done, as those of init. */
static int hand_over_calls(const struct exec_spec *s, struct err *err)
{
	AUTO(fd) int calls = sandbox_listen(s->notify_fd);
	int r = calls;

	if (calls >= 0)
		r = msg_send(s->monitor_fd, &monitor_table, MON_LISTENER, 0, STR_NULL, &calls, 1);
	return r < 0 ? err_set(err, -r, "the filter of security.syscalls.intercept.* can't be loaded: %s",
			       strerror(-r))
		     : 0;
}

static int load_filter(const struct exec_spec *s, struct err *err)
{
	int r = s->seccomp_fd >= 0 ? sandbox_filter(s->seccomp_fd) : 0;

	return r < 0 ? err_set(err, -r, "the system call filter can't be loaded: %s", strerror(-r)) : 0;
}

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* All descriptors but these, of which some are -1. */
static void close_others(int *keep, size_t n)
{
	unsigned from = 3;

	qsort(keep, n, sizeof(*keep), compare_fds);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < (int)from)
			continue;
		if (keep[i] > (int)from)
			close_range(from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	close_range(from, ~0U, 0);
}

/* In the middle process, which nobody inside sees. */
static int confine(const struct exec_spec *s, int *proc, const struct ends *ends, int sock, struct err *err)
{
	int keep[] = {ends->fd[0],  ends->fd[1], ends->fd[2], sock, s->profile || s->context ? *proc : -EBADF,
		      s->seccomp_fd};
	int r = sandbox_drop_caps(s->caps_drop);

	if (r < 0)
		return err_set(err, -r, "capabilities can't be dropped: %s", strerror(-r));
	/* what loading the filter takes; it is gone with execve */
	r = sandbox_become(s->uid, s->gid, 1ULL << CAP_SYS_ADMIN);
	if (r < 0)
		return err_set(err, -r, "user %u and group %u can't be taken on: %s", s->uid, s->gid,
			       strerror(-r));
	r = s->notify_fd >= 0 ? hand_over_calls(s, err) : 0;
	if (r < 0)
		return r;
	if (!s->profile && !s->context)
		*proc = -EBADF;
	close_others(keep, ARRAY_SIZE(keep));
	return s->is_filter_early ? load_filter(s, err) : 0;
}

static int enter_directory(const struct exec_spec *s, const char *home, struct err *err)
{
	if (s->cwd)
		return chdir(s->cwd) < 0 ? err_set(err, errno, "the directory %s can't be entered: %s",
						   s->cwd, strerror(errno))
					 : 0;
	if (chdir(home) < 0 && chdir("/") < 0)
		return err_set(err, errno, "the container's / can't be entered: %s", strerror(errno));
	return 0;
}

/* Standard input, output and error. The outer process gets the other end of a terminal. */
static int set_streams(const struct exec_spec *s, const struct ends *ends, int sock, struct err *err)
{
	struct winsize size = {.ws_row = s->rows, .ws_col = s->columns};
	AUTO(fd) int master = -EBADF, slave = -EBADF;
	int r;

	if (s->has_terminal) {
		r = terminal_open_inside(size, &master, &slave, err);
		if (!r && msg_send(sock, &inner_table, INNER_TERMINAL, 0, STR_NULL, &master, 1) < 0)
			r = err_set(err, EIO, "the helper of the command is gone");
		return r < 0 ? r : terminal_take(slave, err);
	}
	for (int i = 0; i < 3; i++)
		if (dup2(ends->fd[i], i) < 0)
			return err_set(err, errno, "standard streams can't be set: %s", strerror(errno));
	return 0;
}

/* For the execve that comes. */
static int take_label(const struct exec_spec *s, int proc, struct err *err)
{
	int r = s->profile ? sandbox_label_exec(proc, s->profile) : 0;

	if (r < 0)
		return err_set(err, -r, "AppArmor's profile %s can't be taken on: %s", s->profile,
			       strerror(-r));
	r = s->context ? sandbox_context_exec(proc, s->context) : 0;
	return r < 0 ? err_set(err, -r, "SELinux' context %s can't be taken on: %s", s->context, strerror(-r))
		     : 0;
}

static int run_command(const struct exec_order *o, int proc, const struct ends *ends, int sock,
		       struct err *err)
{
	const struct exec_spec *s = &o->spec;
	const char *shell[] = {"/bin/sh", "-c", s->command, NULL};
	const char *const *argv = s->argv[0] ? s->argv : shell;
	AUTO(free) char *home = NULL, *home_env = NULL;
	const char *own[2] = {NULL};
	char **env;
	sigset_t none;
	int r;

	/* what became of the user cleared it (prctl(2)), and a clone has none */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	home = home_of(s->uid);
	home_env = xasprintf("HOME=%s", home);
	own[0] = home_env;
	env = environ_make((const char *const *)environ_make(environ_default, own), s->env);
	r = enter_directory(s, home, err);
	if (r < 0)
		return r;
	if (setsid() < 0)
		return err_set(err, errno, "no session for the command: %s", strerror(errno));
	r = set_streams(s, ends, sock, err);
	if (r < 0)
		return r;
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return err_set(err, errno, "descriptors can't be closed: %s", strerror(errno));
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	environ = env;
	r = take_label(s, proc, err);
	/* last, since it may deny all but execve */
	if (!r && !s->is_filter_early)
		r = load_filter(s, err);
	if (r < 0)
		return r;
	execvp(argv[0], (char *const *)argv);
	if (errno == ENOENT)
		return err_set(err, errno, "the container has no command %s", argv[0]);
	return err_set(err, errno, "%s can't be executed: %s", argv[0], strerror(errno));
}

/* In the middle process. Never returns to the caller's life: it or its clone exits. */
static void join_and_run(const struct exec_order *o, int init, int sock, const struct ends *ends)
{
	int spaces =
	    CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(fd) int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int pidfd = -EBADF, r = 0;
	pid_t pid;

	/* while root of the host may raise them */
	r = rlimits_set(0, o->spec.rlimits, o->spec.n_rlimits, &err);
	for (char **g = o->groups; !r && *g; g++)
		r = cgroup_join(*g, &err);
	if (!r && setns(init, spaces | (o->privileged ? 0 : CLONE_NEWUSER)) < 0)
		r = errno == ESRCH ? err_set(&err, ESRCH, "the container has ended")
				   : err_set(&err, errno, "the container's namespaces can't be joined: %s",
					     strerror(errno));
	if (!r)
		r = confine(&o->spec, &proc, ends, sock, &err);
	if (!r) {
		pid = sys_clone3(CLONE_PARENT, &pidfd);
		if (pid == 0) {
			run_command(o, proc, ends, sock, &err);
			report(sock, &inner_table, INNER_FAILED, &err);
			_exit(1);
		}
		if (pid < 0)
			r = err_set(&err, -pid, "no process for the command: %s", strerror(-pid));
		else
			msg_send(sock, &inner_table, INNER_PID, 0, STR_NULL, &pidfd, 1);
	}
	if (r < 0)
		report(sock, &inner_table, INNER_FAILED, &err);
	_exit(0);
}

/* ---- the outer side */

static int make_pipe(int *ret_ours, int *ret_theirs, bool we_read, struct err *err)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(err, errno, "no pipe for the command: %s", strerror(errno));
	*ret_ours = p[we_read ? 0 : 1];
	*ret_theirs = p[we_read ? 1 : 0];
	fcntl(*ret_ours, F_SETFL, O_NONBLOCK);
	return 0;
}

static int make_terminal(struct outer *u, const struct exec_spec *s, struct err *err)
{
	struct winsize size = {.ws_row = s->rows, .ws_col = s->columns};
	AUTO(free) char *path = NULL;
	int r = terminal_make(&u->terminal, s->terminal_uid, s->terminal_gid, size, &path, err);

	if (r < 0)
		return r;
	r = path_replace(u->dir, "terminal", str_from(path), 0600, false);
	return r < 0 ? err_set(err, -r, "%s/terminal can't be made: %s", s->dir, strerror(-r)) : 0;
}

static int make_files(struct outer *u, const struct exec_spec *s, struct ends *ends, struct err *err)
{
	static const char *const names[] = {"stdout", "stderr"};
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int r = 0;

	u->dir = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	u->lock = u->dir < 0
		      ? -1
		      : openat(u->dir, "lock", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (u->lock < 0 || fcntl(u->lock, F_SETLK, &lock) < 0)
		return err_set(err, errno, "%s/lock can't be made: %s", s->dir, strerror(errno));
	for (int i = 0; !r && i < 2; i++) {
		u->out[i].file =
		    openat(u->dir, names[i], O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		u->out[i].left = s->max_output ? s->max_output : DEFAULT_OUTPUT;
		if (u->out[i].file < 0)
			return err_set(err, errno, "%s/%s can't be made: %s", s->dir, names[i],
				       strerror(errno));
		if (!s->has_terminal)
			r = make_pipe(&u->out[i].pipe, &ends->fd[i + 1], true, err);
	}
	if (!r)
		r = s->has_terminal ? make_terminal(u, s, err)
				    : make_pipe(&u->feed, &ends->fd[0], false, err);
	u->feed_from = s->stdin_fd;
	u->has_food = u->feed_from < 0; /* the end can be given at once */
	return r;
}

static void remove_files(struct outer *u)
{
	static const char *const names[] = {"stdout", "stderr", "terminal", "lock"};

	for (size_t i = 0; u->lock >= 0 && i < ARRAY_SIZE(names); i++)
		unlinkat(u->dir, names[i], 0);
}

static pid_t pid_of(int pidfd)
{
	AUTO(free) char *path = xasprintf("/proc/self/fdinfo/%d", pidfd), *text = NULL;
	const char *line;

	if (path_read(AT_FDCWD, path, 4096, &text) < 0 || !(line = strstr(text, "Pid:")))
		return -1;
	return (pid_t)strtol(line + 4, NULL, 10);
}

/* Until the link ends, which is the command's execve, or a failure comes. A core that dies meanwhile doesn't
 * end it: the next one finds the lock, and may have been told that the command runs. */
static int await_exec(struct outer *u, struct err *err)
{
	for (;;) {
		AUTO(msg_done) struct msg m = MSG_NULL;
		struct unpack p;
		int r = msg_recv(u->inner, &inner_table, &m, err);
		if (r < 0)
			return r;
		if (r == 0)
			break;
		p = (struct unpack){m.body, m.len, false};
		if (m.type->number == INNER_FAILED)
			return unpack_err(&p, err);
		if (m.type->number == INNER_TERMINAL) {
			u->terminal.inner = TAKE_FD(m.fds[0]);
			continue;
		}
		u->pidfd = TAKE_FD(m.fds[0]);
		u->pid = pid_of(u->pidfd);
	}
	return u->pidfd < 0 || u->pid <= 0
		   ? err_set(err, EIO, "the command's process was killed at its start")
		   : 0;
}

static int launch(struct outer *u, struct exec_order *o, int init, struct err *err)
{
	struct ends ends = {{-EBADF, -EBADF, -EBADF}};
	AUTO(fd) int middle = -EBADF;
	siginfo_t si;
	int sv[2], r = make_files(u, &o->spec, &ends, err);
	pid_t pid;

	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_set(err, errno, "no socket pair: %s", strerror(errno));
	u->inner = sv[0];
	pid = sys_clone3(0, &middle);
	if (pid == 0) {
		close(u->core);
		close(sv[0]);
		join_and_run(o, init, sv[1], &ends);
	}
	close(sv[1]);
	for (int i = 0; i < 3; i++)
		if (ends.fd[i] >= 0)
			close(ends.fd[i]);
	if (pid < 0)
		return err_set(err, -pid, "no process for the command: %s", strerror(-pid));
	r = await_exec(u, err);
	if (r < 0) {
		sys_pidfd_signal(middle, SIGKILL, NULL);
		if (u->pidfd >= 0)
			sys_pidfd_signal(u->pidfd, SIGKILL, NULL);
	}
	sys_waitid(middle, &si, 0);
	return r;
}

static void keep(void *ctx, const char *bytes, size_t len)
{
	struct stream *s = ctx;
	size_t n = MIN((uint64_t)len, s->left);

	if (n && sys_write_all(s->file, bytes, n) < 0)
		s->left = 0; /* a full disk: what is there stays, the command goes on */
	else
		s->left -= n;
}

/* Return: whether there may be more at once */
static bool take_output(struct stream *s)
{
	char bytes[16384];
	ssize_t n = sys_read(s->pipe, bytes, sizeof(bytes));

	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		close(TAKE_FD(s->pipe));
		return false;
	}
	keep(s, bytes, (size_t)n);
	return true;
}

static void give_input(struct outer *u)
{
	char bytes[4096]; /* PIPE_BUF: written whole or not at all */
	ssize_t n = u->feed_from >= 0 ? sys_read(u->feed_from, bytes, sizeof(bytes)) : 0;

	if (n <= 0 || sys_write_all(u->feed, bytes, (size_t)n) < 0)
		close(TAKE_FD(u->feed));
	u->has_food = false;
}

static void take_signal(struct outer *u)
{
	struct signalfd_siginfo si;

	if (sys_read(u->signals, &si, sizeof(si)) != sizeof(si) || si.ssi_int <= 0 || si.ssi_uid != 0)
		return;
	/* the command is ours and not yet waited for: its number can't be another's */
	if ((int)si.ssi_signo == ENTER_SIGNAL_KILL)
		kill(-u->pid, si.ssi_int);
	else
		terminal_resize(&u->terminal, (struct winsize){.ws_row = (unsigned short)(si.ssi_int >> 16),
							       .ws_col = (unsigned short)si.ssi_int});
}

/* The command ended. What it printed is in the pipes; what it left running may print on for ever. */
static void take_last(struct outer *u)
{
	terminal_drain(&u->terminal, keep, &u->out[0]);
	for (int i = 0; i < 2; i++)
		for (int n = 0; n < LAST_READS && u->out[i].pipe >= 0 && take_output(&u->out[i]); n++)
			;
}

static void loop(struct outer *u)
{
	for (;;) {
		struct pollfd p[] = {
		    {.fd = u->pidfd, .events = POLLIN},
		    {.fd = u->out[0].pipe, .events = POLLIN},
		    {.fd = u->out[1].pipe, .events = POLLIN},
		    {.fd = u->feed, .events = POLLOUT},
		    {.fd = u->signals, .events = POLLIN},
		    {.fd = u->feed >= 0 && !u->has_food ? u->feed_from : -1, .events = POLLIN},
		    {.fd = -1},
		    {.fd = -1},
		};
		struct pollfd *terminal = &p[6];

		if (u->terminal.slave >= 0)
			terminal_wants(&u->terminal, u->feed_from, terminal);
		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return;
		for (int i = 0; i < 2; i++)
			if (p[1 + i].revents)
				take_output(&u->out[i]);
		if (p[3].revents)
			give_input(u);
		if (p[4].revents)
			take_signal(u);
		if (p[5].revents)
			u->has_food = true;
		if (u->terminal.slave >= 0)
			terminal_move(&u->terminal, terminal, &u->feed_from, keep, &u->out[0]);
		if (p[0].revents) {
			take_last(u);
			return;
		}
	}
}

static void write_status(struct outer *u)
{
	AUTO(free) char *text = NULL;
	siginfo_t si;

	if (sys_waitid(u->pidfd, &si, 0) < 0)
		return;
	text = si.si_code == CLD_EXITED ? xasprintf("exit %d\n", si.si_status)
					: xasprintf("signal %d\n", si.si_status);
	path_replace(u->dir, "status", str_from(text), 0600, false);
}

static int read_order(struct outer *u, struct exec_order *o, int *ret_init, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_NULL;
	struct str bytes;
	int r = msg_recv(u->core, &enter_table, &m, err);

	if (r == 0)
		return err_set(err, ECANCELED, "the command was given up");
	if (r < 0)
		return r;
	if (m.type->number != ENTER_START)
		return err_set(err, EBADMSG, "the core said %s out of turn", m.type->name);
	r = fd_map_sealed(m.fds[0], WIRE_MAX_ORDER, &bytes);
	if (r < 0)
		return err_set(err, -r, "the order to run a command can't be read: %s", strerror(-r));
	r = exec_order_unpack(bytes, &m, o, err);
	munmap((void *)bytes.ptr, bytes.len);
	if (!r)
		*ret_init = TAKE_FD(m.fds[1]);
	return r;
}

static int run(struct outer *u, struct exec_order *o, struct err *err)
{
	AUTO(fd) int init = -EBADF, self = -EBADF;
	sigset_t orders;
	int r = read_order(u, o, &init, err);

	if (r < 0)
		return r;
	/* no process of the container may look into ours, nor into the clones before they execute */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_set(err, errno, "memory can't be closed to others: %s", strerror(errno));
	sigemptyset(&orders);
	sigaddset(&orders, ENTER_SIGNAL_KILL);
	sigaddset(&orders, ENTER_SIGNAL_RESIZE);
	sigprocmask(SIG_BLOCK, &orders, NULL);
	u->signals = signalfd(-1, &orders, SFD_CLOEXEC | SFD_NONBLOCK);
	self = pidfd_open(getpid(), 0);
	if (u->signals < 0 || self < 0)
		return err_set(err, errno, "no descriptor for signals: %s", strerror(errno));
	r = launch(u, o, init, err);
	if (r < 0) {
		remove_files(u);
		return r;
	}
	msg_send(u->core, &enter_table, ENTER_STARTED, 0, STR_NULL, &self, 1);
	return 0;
}

int main(int argc, char **argv)
{
	struct outer u = {.core = 3,
			  .dir = -EBADF,
			  .lock = -EBADF,
			  .out = {{-EBADF, -EBADF, 0}, {-EBADF, -EBADF, 0}},
			  .feed = -EBADF,
			  .feed_from = -EBADF,
			  .terminal = TERMINAL_NULL,
			  .inner = -EBADF,
			  .pidfd = -EBADF,
			  .pid = -1,
			  .signals = -EBADF};
	struct exec_order order = {.spec = EXEC_SPEC_NULL};
	AUTO(err_done) struct err err = ERR_NULL;
	int r = spawn_seal("lxdfs-enter", argv);

	(void)argc;
	if (r < 0) {
		err_set(&err, -r, "lxdfs-enter can't be copied to memory: %s", strerror(-r));
		report(u.core, &enter_table, ENTER_FAILED, &err);
		return 1;
	}
	if (spawn_detach() < 0 || fcntl(u.core, F_SETFD, FD_CLOEXEC) < 0 || close_range(4, ~0U, 0) < 0 ||
	    chdir("/") < 0)
		return 1;
	prctl(PR_SET_NAME, "lxdfs-enter"); /* executed from a descriptor it is called by its number */
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	r = run(&u, &order, &err);
	if (r < 0) {
		report(u.core, &enter_table, ENTER_FAILED, &err);
		return 1;
	}
	close(TAKE_FD(u.core));
	/* what is left to do needs but one right: to signal processes of the container's users */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	sandbox_drop_caps(~(1ULL << CAP_KILL));
	loop(&u);
	write_status(&u);
	terminal_linger(&u.terminal);
	return 0;
}
