/* SPDX-License-Identifier: Apache-2.0 */
/* mount for a container: a block device that the caller can open becomes a mount that the caller attaches
 * itself. Only what is between takes rights of the host: having the kernel read the device. Source: mount(2),
 * fsopen(2). */
#include "engine/confine/intercept-act.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/base/sandbox.h"
#include "engine/base/sys.h"

bool intercept_fs_known(const struct intercept_rules *rules, const char *fs)
{
	AUTO(free) char *program = intercept_fs_fuse(rules, fs);

	if (program)
		return true;
	for (char **p = rules->allowed; p && *p; p++)
		if (!strcmp(*p, fs) && intercept_fs_ok(str_from(fs)))
			return true;
	return false;
}

char *intercept_fs_fuse(const struct intercept_rules *rules, const char *fs)
{
	char *program = NULL;

	for (char **p = rules->fuse; p && *p && !program; p++)
		program = intercept_fuse(str_from(*p), fs);
	return program;
}

/* What the twin finds, in memory that it shares. */
struct mount_ends {
	const struct intercept_call *call;
	int cwd, source, target, tree;
	bool readonly; /* the caller may only read the device */
};

static void ends_done(struct mount_ends *e)
{
	int fds[] = {e->source, e->target, e->tree};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	munmap(e, sizeof(*e));
}

DEFINE_AUTO(struct mount_ends *, ends_done);

/* Whether the caller can open the device that @e->source names. */
static int try_open(const struct mount_ends *e, const struct stat *st, int flags)
{
	AUTO(fd) int fd = openat(e->cwd, e->call->source, O_NOCTTY | O_NONBLOCK | O_CLOEXEC | flags);
	struct stat now;

	if (fd < 0)
		return -errno;
	return !fstat(fd, &now) && now.st_dev == st->st_dev && now.st_ino == st->st_ino ? 0 : -ESTALE;
}

/* The twin: with the caller's eyes and rights, in its control groups. The device isn't kept open: where
 * somebody may write to it, some kernels don't mount it. */
static int find_ends(void *ctx)
{
	struct mount_ends *e = ctx;
	struct stat st;
	int r;

	e->target = openat(e->cwd, e->call->path, O_PATH | O_CLOEXEC);
	if (e->target < 0)
		return -errno;
	e->source = openat(e->cwd, e->call->source, O_PATH | O_CLOEXEC);
	if (e->source < 0 || fstat(e->source, &st) < 0)
		return -errno;
	if (!S_ISBLK(st.st_mode))
		return -ENOTBLK;
	e->readonly = e->call->mount_flags & MS_RDONLY;
	r = try_open(e, &st, e->readonly ? O_RDONLY : O_RDWR);
	if (!e->readonly && (r == -EACCES || r == -EROFS || r == -EPERM)) {
		e->readonly = true;
		r = try_open(e, &st, O_RDONLY);
	}
	return r;
}

static int attach(void *ctx)
{
	struct mount_ends *e = ctx;

	return move_mount(e->tree, "", e->target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
		   ? -errno
		   : 0;
}

static unsigned attributes(uint64_t flags)
{
	/* an image is the container's to write: its device nodes would be the host's devices */
	unsigned a = MOUNT_ATTR_NODEV;

	a |= flags & MS_RDONLY ? MOUNT_ATTR_RDONLY : 0;
	a |= flags & MS_NOSUID ? MOUNT_ATTR_NOSUID : 0;
	a |= flags & MS_NOEXEC ? MOUNT_ATTR_NOEXEC : 0;
	a |= flags & MS_NODIRATIME ? MOUNT_ATTR_NODIRATIME : 0;
	a |= flags & MS_STRICTATIME ? MOUNT_ATTR_STRICTATIME : flags & MS_NOATIME ? MOUNT_ATTR_NOATIME : 0;
	return a;
}

static int configure(int fs, const struct mount_ends *e, const struct intercept_option *options, int n)
{
	/* a link of the kernel's to what was opened: no name is looked up again */
	AUTO(free) char *source = xasprintf("/proc/self/fd/%d", e->source);

	if (fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return -errno;
	if (e->readonly && fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
		return -errno;
	if (e->call->mount_flags & MS_SYNCHRONOUS && fsconfig(fs, FSCONFIG_SET_FLAG, "sync", NULL, 0) < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		const char *value = options[i].value;

		if (!strcmp(options[i].name, "ro") || !strcmp(options[i].name, "rw"))
			continue;
		if ((*value ? fsconfig(fs, FSCONFIG_SET_STRING, options[i].name, value, 0)
			    : fsconfig(fs, FSCONFIG_SET_FLAG, options[i].name, NULL, 0)) < 0)
			return -errno;
	}
	return fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

static int make_tree(const struct intercept_rules *rules, struct mount_ends *e)
{
	struct intercept_option options[INTERCEPT_OPTIONS];
	struct mount_attr idmap = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)rules->user};
	int n = intercept_options(e->call->fs, e->call->options, options), r;
	AUTO(fd) int fs = n < 0 ? -EBADF : fsopen(e->call->fs, FSOPEN_CLOEXEC);

	if (n < 0)
		return n;
	if (fs < 0)
		return -errno;
	r = configure(fs, e, options, n);
	if (r < 0)
		return r;
	e->tree =
	    fsmount(fs, FSMOUNT_CLOEXEC, attributes(e->call->mount_flags | (e->readonly ? MS_RDONLY : 0)));
	if (e->tree < 0)
		return -errno;
	if (rules->shift && mount_setattr(e->tree, "", AT_EMPTY_PATH, &idmap, sizeof(idmap)) < 0)
		return -errno;
	return 0;
}

/* ---- by a program in the container */

enum { FUSE_ASK = 1, FUSE_DONE = 101 };
static const struct msg_type fuse_types[] = {
    {FUSE_ASK, "mount", 16, MSG_MAX_BODY, 3,
     3},			     /* u64 id, program, source, target, options; fds: listener, proc, back */
    {FUSE_DONE, "done", 4, 4, 0, 0}, /* u32 errno */
};
static const struct msg_table fuse_table = {"fuse runner's link", fuse_types, ARRAY_SIZE(fuse_types)};

static int ask_fuse(const struct intercept_rules *rules, const struct syscall_caller *c,
		    const struct intercept_call *call, const char *program)
{
	AUTO(buf_done) struct buf body = BUF_NULL;
	AUTO(msg_done) struct msg answer = MSG_NULL;
	AUTO(fd) int ours = -EBADF, theirs = -EBADF;
	struct unpack u;
	int sv[2], fds[3], r;

	if (rules->fuse_runner < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -ENODEV;
	ours = sv[0];
	theirs = sv[1];
	pack_u64(&body, c->id);
	pack_text(&body, program);
	pack_text(&body, call->source);
	pack_text(&body, call->path);
	pack_u32(&body, call->mount_flags & MS_RDONLY ? 1 : 0);
	fds[0] = c->listener;
	fds[1] = c->proc;
	fds[2] = theirs;
	r = msg_send(rules->fuse_runner, &fuse_table, FUSE_ASK, 0, buf_str(&body), fds, 3);
	close(TAKE_FD(theirs));
	if (!r)
		r = msg_recv(ours, &fuse_table, &answer, NULL);
	if (r <= 0)
		return r < 0 ? r : -EIO;
	u = (struct unpack){answer.body, answer.len, false};
	return -(int)unpack_u32(&u);
}

struct fuse_request {
	struct syscall_caller caller;
	char *program, *source, *target;
	bool readonly;
};

/* In the container, in a process of its own: never returns. */
static void run_program(const struct fuse_request *q, const struct intercept_confine *confine, pid_t parent)
{
	static const char *const env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
					  NULL};
	const char *const argv[] = {q->program, q->source, q->target, "-o", q->readonly ? "ro" : "rw", NULL};
	extern char **environ;
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (sandbox_drop_caps(confine->caps_drop) < 0 || caller_become(&q->caller, parent) < 0 ||
	    ((q->source[0] != '/' || q->target[0] != '/') && fchdir(q->caller.cwd) < 0) || setsid() < 0)
		_exit(126);
	for (int i = 0; i < 3; i++)
		if (dup2(0, i) < 0)
			_exit(126);
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		_exit(126);
	umask(022);
	environ = (char **)env;
	if ((confine->profile && sandbox_label_exec(proc, confine->profile) < 0) ||
	    (confine->context && sandbox_context_exec(proc, confine->context) < 0) ||
	    (confine->filter >= 0 && sandbox_filter(confine->filter) < 0))
		_exit(126);
	execvp(argv[0], (char *const *)argv);
	_exit(errno == ENOENT ? 127 : 126);
}

static int join_spaces(const struct syscall_caller *c)
{
	static const struct {
		const char *name;
		int type;
	} spaces[] = {{"ns/net", CLONE_NEWNET},
		      {"ns/ipc", CLONE_NEWIPC},
		      {"ns/uts", CLONE_NEWUTS},
		      {"ns/cgroup", CLONE_NEWCGROUP}};

	for (size_t i = 0; i < ARRAY_SIZE(spaces); i++) {
		AUTO(fd) int fd = openat(c->proc, spaces[i].name, O_RDONLY | O_CLOEXEC);

		if (fd < 0 || !caller_is_waiting(c) || setns(fd, spaces[i].type) < 0)
			return -EPERM;
	}
	return setns(c->pidns, CLONE_NEWPID) < 0 ? -EPERM : 0;
}

static int run_request(const struct intercept_rules *rules, const struct fuse_request *q,
		       const struct intercept_confine *confine)
{
	AUTO(fd) int pidfd = -EBADF;
	siginfo_t si;
	pid_t pid;
	int r = 0;

	for (char **g = rules->groups; !r && g && *g; g++)
		r = cgroup_join(*g, NULL);
	if (!r)
		r = join_spaces(&q->caller);
	if (r < 0)
		return r;
	pid = sys_clone3(0, &pidfd);
	if (pid == 0)
		run_program(q, confine, getppid());
	r = pid < 0 ? pid : sys_waitid(pidfd, &si, 0);
	if (r < 0)
		return r;
	if (si.si_code != CLD_EXITED)
		return -EIO;
	return si.si_status == 0 ? 0 : si.si_status == 127 ? -ENODEV : si.si_status == 126 ? -EPERM : -EIO;
}

int intercept_fuse_run(int request, const struct intercept_rules *rules,
		       const struct intercept_confine *confine)
{
	AUTO(msg_done) struct msg ask = MSG_NULL;
	AUTO(buf_done) struct buf body = BUF_NULL;
	AUTO(free) char *program = NULL, *source = NULL, *target = NULL;
	struct fuse_request q = {.caller = CALLER_NULL};
	struct unpack u;
	uint64_t id;
	int r = msg_recv(request, &fuse_table, &ask, NULL);

	if (r <= 0)
		return r < 0 ? r : 1;
	if (ask.type->number != FUSE_ASK || sys_clone3(0, NULL) != 0)
		return 0;
	/* a process for each, which may be kept waiting by the container for as long as it likes */
	signal(SIGCHLD, SIG_DFL);
	u = (struct unpack){ask.body, ask.len, false};
	id = unpack_u64(&u);
	q.program = program = unpack_text(&u);
	q.source = source = unpack_text(&u);
	q.target = target = unpack_text(&u);
	q.readonly = unpack_u32(&u);
	r = unpack_ok(&u) && program && source && target
		? caller_open_at(ask.fds[0], id, TAKE_FD(ask.fds[1]), &q.caller)
		: -EBADMSG;
	if (!r)
		r = run_request(rules, &q, confine);
	pack_u32(&body, (uint32_t)-r);
	msg_send(ask.fds[2], &fuse_table, FUSE_DONE, 0, buf_str(&body), NULL, 0);
	_exit(0);
}

/* ---- together */

int intercept_mount(const struct intercept_rules *rules, const struct syscall_caller *c,
		    const struct intercept_call *call)
{
	AUTO(free) char *program = NULL;
	AUTO(ends_done) struct mount_ends *e = NULL;
	int r;

	if (!caller_can(c, CAP_SYS_ADMIN) || !caller_in(c, rules->user))
		return INTERCEPT_PASS;
	program = intercept_fs_fuse(rules, call->fs);
	if (program)
		return ask_fuse(rules, c, call, program);
	e = mmap(NULL, sizeof(*e), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (e == MAP_FAILED) {
		e = NULL;
		return -ENOMEM;
	}
	*e = (struct mount_ends){call, c->cwd, -EBADF, -EBADF, -EBADF, false};
	r = caller_twin(c, rules->groups, find_ends, e);
	if (!r)
		r = make_tree(rules, e);
	return r < 0 ? r : caller_twin(c, NULL, attach, e);
}
