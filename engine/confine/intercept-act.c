/* SPDX-License-Identifier: Apache-2.0 */
/* mknod, setxattr, sched_setscheduler and sysinfo for a container. The caller's twin looks paths up and finds
 * out whether the caller may; what only the host may is then done on descriptors, so that no name is looked
 * up twice. */
#include "engine/confine/intercept-act.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/sandbox.h"
#include "engine/base/sys.h"

#define BIT(cap) (1ULL << (cap))

uint64_t intercept_caps(unsigned what)
{
	/* to read the caller's memory and enter what is its own; to end who was made for that */
	uint64_t caps = BIT(CAP_SYS_PTRACE) | BIT(CAP_KILL);

	if (what & (INTERCEPT_MKNOD | INTERCEPT_SETXATTR | INTERCEPT_MOUNT))
		caps |= BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_CHROOT) | BIT(CAP_SETUID) | BIT(CAP_SETGID) |
			BIT(CAP_DAC_OVERRIDE);
	if (what & INTERCEPT_MKNOD)
		caps |= BIT(CAP_MKNOD);
	if (what & INTERCEPT_SCHED)
		caps |= BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_CHROOT) | BIT(CAP_SYS_NICE);
	return caps;
}

/* What a path is about, in memory that the twin shares. */
struct place {
	const struct intercept_call *call;
	int at; /* where it begins */
	int fd; /* what was found */
	char name[NAME_MAX + 1];
};

static struct place *place_new(const struct intercept_call *call, int at)
{
	struct place *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	*p = (struct place){.call = call, .at = at, .fd = -EBADF};
	return p;
}

static void place_done(struct place *p)
{
	if (p->fd >= 0)
		close(p->fd);
	munmap(p, sizeof(*p));
}

DEFINE_AUTO(struct place *, place_done);

/* ---- mknod */

/* The twin: the directory, and whether the caller may make something there. */
static int find_directory(void *ctx)
{
	struct place *p = ctx;
	const char *path = p->call->path, *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	AUTO(free)
	char *dir = !slash ? xstrdup(".") : str_dup((struct str){path, (size_t)(slash - path) + 1});
	size_t len = strlen(name);

	if (!len)
		return -ENOENT;
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return -EEXIST;
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	p->fd = openat(p->at, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->fd < 0)
		return -errno;
	memcpy(p->name, name, len + 1);
	return syscall(SYS_faccessat2, p->fd, "", W_OK | X_OK, AT_EACCESS | AT_EMPTY_PATH) < 0 ? -errno : 0;
}

static int act_mknod(const struct intercept_rules *rules, struct syscall_caller *c,
		     const struct intercept_call *call)
{
	AUTO(fd) int at = -EBADF;
	AUTO(place_done) struct place *p = NULL;
	int r;

	if (!caller_can(c, CAP_MKNOD) || !caller_in(c, rules->user))
		return INTERCEPT_PASS;
	at = call->path[0] == '/' ? fcntl(c->root, F_DUPFD_CLOEXEC, 3) : caller_fd(c, call->dirfd);
	if (at < 0)
		return at == -1 ? -EMFILE : at;
	p = place_new(call, at);
	if (!p)
		return -ENOMEM;
	r = caller_twin(c, NULL, find_directory, p);
	if (!r)
		r = sandbox_fs_ids(c->ids.fsuid, c->ids.fsgid);
	if (r < 0)
		return r;
	umask(c->ids.umask);
	if (!caller_is_waiting(c))
		return -ESRCH;
	return mknodat(p->fd, p->name, call->mode, call->dev) < 0 ? -errno : 0;
}

/* ---- setxattr */

static int find_file(void *ctx)
{
	struct place *p = ctx;

	p->fd = openat(p->at, p->call->path, O_PATH | O_CLOEXEC | (p->call->follow ? 0 : O_NOFOLLOW));
	return p->fd < 0 ? -errno : 0;
}

static int act_setxattr(const struct intercept_rules *rules, struct syscall_caller *c,
			const struct intercept_call *call)
{
	AUTO(fd) int at = -EBADF;
	AUTO(place_done) struct place *p = NULL;
	char path[64];
	struct stat st;
	int r = 0;

	if (!caller_can(c, CAP_SYS_ADMIN) || !caller_in(c, rules->user))
		return INTERCEPT_PASS;
	at = call->path[0] == '/' ? fcntl(c->root, F_DUPFD_CLOEXEC, 3) : caller_fd(c, call->dirfd);
	if (at < 0)
		return at == -1 ? -EMFILE : at;
	p = place_new(call, at);
	if (!p)
		return -ENOMEM;
	if (call->path[0])
		r = caller_twin(c, NULL, find_file, p);
	else
		p->fd = TAKE_FD(at);
	if (!r && fstat(p->fd, &st) < 0)
		r = -errno;
	if (!r)
		r = caller_maps(c, st.st_uid, st.st_gid);
	if (r < 0)
		return r;
	/* of directories alone; whose owner isn't one of the container's ids isn't its own */
	if (r == 0 || !S_ISDIR(st.st_mode))
		return -EPERM;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->fd);
	if (!caller_is_waiting(c))
		return -ESRCH;
	return setxattr(path, "trusted.overlay.opaque", &call->xattr_value, 1, call->xattr_flags) < 0 ? -errno
												      : 0;
}

/* ---- sched_setscheduler */

static int schedule(pid_t pid, const struct intercept_call *call)
{
	struct sched_param param = {.sched_priority = call->priority};

	return sched_setscheduler(pid, call->policy, &param) < 0 ? -errno : 0;
}

/* A number is the caller's to choose: it counts in the caller's namespace of processes, which holds the
 * container's alone. */
static int schedule_inside(const struct syscall_caller *c, const struct intercept_call *call)
{
	int *result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	AUTO(fd) int pidfd = -EBADF;
	siginfo_t si;
	pid_t pid;
	int r;

	if (result == MAP_FAILED)
		return -ENOMEM;
	*result = -EINTR;
	r = setns(c->pidns, CLONE_NEWPID) < 0 ? -EPERM : caller_is_waiting(c) ? 0 : -ESRCH;
	pid = r < 0 ? r : sys_clone3(0, &pidfd);
	if (pid == 0) {
		*result = schedule(call->pid ? call->pid : c->ids.pid, call);
		_exit(0);
	}
	r = pid < 0 ? pid : sys_waitid(pidfd, &si, 0);
	if (!r)
		r = *result;
	munmap(result, sizeof(*result));
	return r;
}

static int act_sched(const struct intercept_rules *rules, const struct syscall_caller *c,
		     const struct intercept_call *call)
{
	int policy = call->policy & ~SCHED_RESET_ON_FORK;

	if (!caller_can(c, CAP_SYS_NICE) || !caller_in(c, rules->user))
		return INTERCEPT_PASS;
	if (policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE && policy != SCHED_FIFO &&
	    policy != SCHED_RR)
		return INTERCEPT_PASS;
	if ((policy == SCHED_FIFO || policy == SCHED_RR) && call->priority > rules->rtprio)
		return -EPERM;
	return schedule_inside(c, call);
}

/* ---- sysinfo */

static uint64_t scaled(uint64_t bytes, unsigned unit)
{
	return bytes / (unit ? unit : 1);
}

static int act_sysinfo(const struct intercept_rules *rules, const struct syscall_caller *c,
		       const struct intercept_call *call)
{
	struct cgroup_memory m;
	struct cgroup_usage use;
	struct timespec now;
	struct sysinfo s;
	uint64_t total;

	if (sysinfo(&s) < 0 || clock_gettime(CLOCK_BOOTTIME, &now) < 0)
		return -errno;
	cgroup_memory(rules->cg, &m);
	cgroup_usage(rules->cg, &use);
	total = MIN((uint64_t)s.totalram * s.mem_unit, m.limit);
	if (total == m.limit) {
		s.totalram = scaled(total, s.mem_unit);
		s.freeram = scaled(total > m.used ? total - m.used : 0, s.mem_unit);
		s.bufferram = scaled(MIN(m.cache, total), s.mem_unit);
		s.sharedram = scaled(MIN(m.shared, total), s.mem_unit);
	}
	if (m.swap_limit < (uint64_t)s.totalswap * s.mem_unit) {
		s.totalswap = scaled(m.swap_limit, s.mem_unit);
		s.freeswap = scaled(m.swap_limit > m.swap ? m.swap_limit - m.swap : 0, s.mem_unit);
	}
	s.uptime = (uint64_t)now.tv_sec > rules->born / 1000000000
		       ? now.tv_sec - (long)(rules->born / 1000000000)
		       : 0;
	if (use.pids != CGROUP_NONE)
		s.procs = (unsigned short)MIN(use.pids, UINT16_MAX);
	return caller_write(c, call->address, &s, sizeof(s));
}

int intercept_act(const struct intercept_rules *rules, struct syscall_caller *c,
		  const struct intercept_call *call, int64_t *ret)
{
	*ret = 0;
	switch (call->what) {
	case INTERCEPT_MKNOD:
		return act_mknod(rules, c, call);
	case INTERCEPT_SETXATTR:
		return act_setxattr(rules, c, call);
	case INTERCEPT_MOUNT:
		return intercept_mount(rules, c, call);
	case INTERCEPT_SCHED:
		return act_sched(rules, c, call);
	case INTERCEPT_SYSINFO:
		return act_sysinfo(rules, c, call);
	default:
		return INTERCEPT_PASS;
	}
}
