/* SPDX-License-Identifier: Apache-2.0 */
/* The core's side of a container: spawns its monitor, or finds it, and keeps the socket to it. */
#include "engine/instance/container.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/fd.h"
#include "engine/base/path.h"
#include "engine/base/sandbox.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"
#include "engine/instance/intercept.h"
#include "engine/instance/wire.h"

#define START_MS 30000
#define HELLO_MS 5000 /* a monitor only ever waits for its own loop */
#define STUCK_MS 2000
#define GONE_MS 20000 /* for processes to die and groups to empty */

struct container {
	const struct container_env *env;
	char *uuid;
	int sock; /* to the monitor */
	pid_t pid;
	int pidfd;
	int halt_signal;
	struct cgroup *cg;
	bool is_unserved;
	char *console;		    /* where its terminal can be opened; NULL: nowhere */
	struct container_exit exit; /* CONTAINER_RUNS until it ended */
};

void container_free(struct container *c)
{
	if (!c)
		return;
	if (c->sock >= 0)
		close(c->sock);
	if (c->pidfd >= 0)
		close(c->pidfd);
	cgroup_free(c->cg);
	free(c->uuid);
	free(c->console);
	free(c);
}

DEFINE_AUTO(struct container *, container_free);

static struct container *container_new(const struct container_env *env, const char *uuid)
{
	struct container *c = xcalloc(1, sizeof(*c));

	c->env = env;
	c->uuid = xstrdup(uuid);
	c->sock = c->pidfd = -EBADF;
	return c;
}

static int uuid_ok(const char *uuid, struct err *err)
{
	size_t n = uuid ? strspn(uuid, "0123456789abcdef-") : 0;

	if (n == 36 && !uuid[n] && uuid[8] == '-' && uuid[13] == '-' && uuid[18] == '-' && uuid[23] == '-')
		return 0;
	return err_set(err, EINVAL, "\"%s\" is no UUID such as 0a1b2c3d-0000-4000-8000-0123456789ab",
		       uuid ? uuid : "");
}

static int monitors_dir(const struct container_env *env, struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/monitors", env->rundir);
	int r = path_make_dir(path, 0700), fd;

	if (r < 0)
		return err_set(err, -r, "%s can't be made: %s", path, strerror(-r));
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_set(err, errno, "%s can't be opened: %s", path, strerror(errno)) : fd;
}

/* Return: a connected socket, or -ENOENT where nobody listens */
int container_connect(const struct container_env *env, const char *uuid, struct err *err)
{
	AUTO(fd) int dir = monitors_dir(env, err), sock = -EBADF;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int n;

	if (dir < 0)
		return dir;
	n = snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s.sock", dir, uuid);
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0 || n >= (int)sizeof(addr.sun_path))
		return err_set(err, sock < 0 ? errno : ENAMETOOLONG, "no socket to the monitor of %s", uuid);
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		if (errno == ECONNREFUSED || errno == ENOENT)
			return err_set(err, ENOENT, "no monitor of %s is alive", uuid);
		return err_set(err, errno, "the monitor of %s can't be reached: %s", uuid, strerror(errno));
	}
	if (!msg_peer_is_root(sock))
		return err_set(err, EBADMSG, "who answers for the monitor of %s isn't root", uuid);
	return TAKE_FD(sock);
}

/* ---- the start */

static int spec_check(const struct container_spec *s, struct err *err)
{
	int r = uuid_ok(s->uuid, err);
	size_t host = s->hostname ? strlen(s->hostname) : 0;
	uint32_t id;

	if (r < 0)
		return r;
	if (host < 1 || host > 64)
		return err_set(err, EINVAL, "a host name has 1 to 64 characters, this one %zu", host);
	if (!(s->lower && s->lower[0] && s->layer) && !s->rootfs)
		return err_set(err, EINVAL, "there is no root file system to start from");
	if (s->argv && s->argv[0] && s->argv[0][0] != '/')
		return err_set(err, EINVAL, "init is \"%s\": it must be a path from / on", s->argv[0]);
	if (!idmap_is_privileged(&s->map) && (idmap_outside(s->map.uid, s->map.n_uid, 0, &id) < 0 ||
					      idmap_outside(s->map.gid, s->map.n_gid, 0, &id) < 0))
		return err_set(err, EINVAL, "the id map doesn't map root, 0");
	return 0;
}

static int group_make(struct container *c, const struct container_spec *s, struct err *err)
{
	struct cgroup_limits limits = s->limits;
	uint32_t uid = 0, gid = 0;
	int r = cgroup_create(c->env->cgroups, c->uuid, &c->cg, err);

	if (r < 0)
		return r;
	if (!(limits.fields & CGROUP_DEVICES)) {
		limits.fields |= CGROUP_DEVICES;
		limits.devices = cgroup_default_devices(&limits.n_devices);
	}
	r = cgroup_set(c->cg, &limits, err);
	/* root of a user namespace opens what it is given, with this or without; a host that is one itself,
	 * or lacks it, has none. Nodes of its own making are opened only where they are counted */
	if ((r == -EPERM || r == -EOPNOTSUPP) && !s->has_nodes &&
	    (!idmap_is_privileged(&s->map) || sandbox_is_namespaced())) {
		err_done(err);
		limits.fields &= ~(unsigned)CGROUP_DEVICES;
		r = cgroup_set(c->cg, &limits, err);
	}
	if (r < 0 || idmap_is_privileged(&s->map))
		return r;
	idmap_outside(s->map.uid, s->map.n_uid, 0, &uid);
	idmap_outside(s->map.gid, s->map.n_gid, 0, &gid);
	return cgroup_delegate(c->cg, uid, gid, err);
}

static int send_order(struct container *c, const struct container_spec *s, struct err *err)
{
	struct wire_hierarchy groups[64];
	const char *dir, *opts;
	AUTO(buf_done) struct buf body = BUF_NULL;
	AUTO(fd) int order = -EBADF;
	int fds[MSG_MAX_FDS], r;
	unsigned n_fds = 1;
	size_t n = 0;

	while (n < ARRAY_SIZE(groups) && cgroup_layout_hierarchy(c->env->cgroups, n, &dir, &opts))
		groups[n++] = (struct wire_hierarchy){(char *)dir, (char *)opts};
	r = start_order_pack(&body, c->env->rundir, groups, n, s, err);
	if (r < 0)
		return r;
	order = fd_sealed("order", buf_str(&body));
	if (order < 0)
		return err_set(err, -order, "no memory for the order: %s", strerror(-order));
	fds[0] = order;
	if (s->seccomp_fd >= 0)
		fds[n_fds++] = s->seccomp_fd;
	if (s->notify_fd >= 0)
		fds[n_fds++] = s->notify_fd;
	for (size_t i = 0; i < s->n_mounts; i++) {
		if (s->mounts[i].source || s->mounts[i].node)
			continue;
		if (n_fds == MSG_MAX_FDS)
			return err_set(err, E2BIG, "%zu mounts are too many", s->n_mounts);
		fds[n_fds++] = s->mounts[i].source_fd;
	}
	r = msg_send(c->sock, &monitor_table, MON_START, 0, STR_NULL, fds, n_fds);
	return r < 0 ? err_set(err, -r, "lxdfs-monitor takes no order: %s", strerror(-r)) : 0;
}

static int take_init(struct container *c, const struct container_spec *s, struct msg *m, struct err *err)
{
	struct unpack u = {m->body, m->len, false};
	AUTO(fd) int netns = TAKE_FD(m->fds[1]);
	int r;

	c->pid = (pid_t)unpack_u32(&u);
	c->pidfd = TAKE_FD(m->fds[0]);
	r = cgroup_put(c->cg, c->pid, err);
	if (!r && s->attach)
		r = s->attach(s->attach_ctx, netns, err);
	/* gone already: the monitor says why */
	if (r < 0 && sys_poll_in(c->pidfd, -1, sys_deadline(0)) <= 0)
		return r;
	err_done(err);
	r = msg_send(c->sock, &monitor_table, MON_GO, 0, STR_NULL, NULL, 0);
	return r == -EPIPE || r == -ECONNRESET ? 0 /* its reason is on the way */
	       : r < 0 ? err_set(err, -r, "lxdfs-monitor can't be told to go on: %s", strerror(-r))
		       : 0;
}

/* Return: 1 started, 0 go on, or a failure */
static int start_step(struct container *c, const struct container_spec *s, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_NULL;
	struct unpack u;
	int r = msg_recv(c->sock, &monitor_table, &m, err);

	if (r == 0)
		return err_set(err, EIO, "lxdfs-monitor died while it started the container");
	if (r < 0)
		return r;
	u = (struct unpack){m.body, m.len, false};
	switch (m.type->number) {
	case MON_INIT:
		return c->pidfd >= 0 ? err_set(err, EBADMSG, "the monitor told of init twice")
				     : take_init(c, s, &m, err);
	case MON_STARTED:
		c->halt_signal = (int)unpack_u32(&u);
		return c->pidfd < 0 ? err_set(err, EBADMSG, "the monitor told nothing of init") : 1;
	case MON_FAILED:
		return unpack_err(&u, err);
	case MON_UNSERVED:
		return 0;
	default:
		return err_set(err, EBADMSG, "the monitor said %s out of turn", m.type->name);
	}
}

/* Processes die at once, but for those that a FUSE file system of their own keeps. */
static int group_remove(struct cgroup *cg, struct err *err)
{
	AUTO(err_done) struct err own = ERR_NULL;

	if (cgroup_remove(cg, STUCK_MS, &own) == 0)
		return 0;
	cgroup_abort_fuse(cg);
	return cgroup_remove(cg, GONE_MS, err);
}

/* Reads until the monitor is gone: it kills and reaps before it exits. */
static void await_monitor(int sock, int timeout_ms)
{
	uint64_t deadline = sys_deadline(timeout_ms);

	while (sys_poll_in(sock, -1, deadline) == 1) {
		AUTO(msg_done) struct msg m = MSG_NULL;

		if (msg_recv(sock, &monitor_table, &m, NULL) == 0)
			return;
	}
}

static void files_remove(const struct container_env *env, const char *uuid)
{
	AUTO(free) char *sock = xasprintf("%s.sock", uuid), *end = xasprintf("%s.exit", uuid);
	AUTO(fd) int dir = monitors_dir(env, NULL);

	if (dir < 0)
		return;
	unlinkat(dir, sock, 0);
	unlinkat(dir, end, 0);
}

static void start_undo(struct container *c)
{
	if (c->sock >= 0) {
		shutdown(c->sock, SHUT_WR);
		await_monitor(c->sock, GONE_MS);
	}
	if (c->cg) {
		cgroup_kill(c->cg, NULL);
		group_remove(c->cg, NULL);
	}
	/* a monitor that was killed removed none */
	files_remove(c->env, c->uuid);
}

static int start_now(struct container *c, const struct container_spec *s, struct err *err)
{
	uint64_t deadline = sys_deadline(s->timeout_ms ? s->timeout_ms : START_MS);
	int r = group_make(c, s, err);

	if (!r)
		r = spawn_helper(c->env->libexec, "lxdfs-monitor", NULL, &c->sock, err);
	if (!r)
		r = send_order(c, s, err);
	while (r == 0) {
		r = sys_poll_in(c->sock, s->cancel_fd, deadline);
		if (r < 0)
			return err_set(err, -r, "waiting for the monitor failed: %s", strerror(-r));
		if (r == 0)
			return err_set(err, ETIMEDOUT, "the container didn't start in time");
		if (r & 2)
			return err_set(err, ECANCELED, "the start was interrupted");
		r = start_step(c, s, err);
	}
	if (r >= 0 && s->notify_fd >= 0)
		r = intercept_start(c->env, c, s->intercept, err);
	return r < 0 ? r : 0;
}

int container_start(const struct container_env *env, const struct container_spec *spec,
		    struct container **ret, struct err *err)
{
	AUTO(container_free) struct container *c = NULL;
	AUTO(fd) int running = -EBADF;
	int r = spec_check(spec, err);

	if (r < 0)
		return r;
	running = container_connect(env, spec->uuid, err);
	if (running >= 0)
		return err_set(err, EBUSY, "the container %s runs already", spec->uuid);
	if (running != -ENOENT)
		return running;
	r = container_clear(env, spec->uuid, err);
	if (r < 0)
		return r;
	err_done(err);
	c = container_new(env, spec->uuid);
	r = start_now(c, spec, err);
	if (r < 0) {
		start_undo(c);
		return r;
	}
	c->console = container_find_console(c->env, c->uuid);
	fcntl(c->sock, F_SETFL, O_NONBLOCK);
	*ret = TAKE(c);
	return 0;
}

/* ---- found again */

/* What the kernel says of a pidfd: its pid as we see it. */
static pid_t pidfd_pid(int pidfd)
{
	AUTO(free) char *path = xasprintf("/proc/self/fdinfo/%d", pidfd), *text = NULL;
	const char *line;

	if (path_read(AT_FDCWD, path, 4096, &text) < 0 || !(line = strstr(text, "Pid:")))
		return -1;
	return (pid_t)strtol(line + 4, NULL, 10);
}

static int take_hello(struct container *c, struct msg *m, struct err *err)
{
	struct unpack u = {m->body, m->len, false};
	uint32_t version = unpack_u32(&u);
	AUTO(free) char *uuid = unpack_text(&u);

	if (version != WIRE_HELLO)
		return err_set(err, EBADMSG, "the monitor of %s speaks version %u, known is %u", c->uuid,
			       version, WIRE_HELLO);
	c->pid = (pid_t)unpack_u32(&u);
	c->halt_signal = (int)unpack_u32(&u);
	if (!unpack_ok(&u) || !uuid || strcmp(uuid, c->uuid))
		return err_set(err, EBADMSG, "who answers for the monitor of %s says it is that of %s",
			       c->uuid, uuid ? uuid : "nobody");
	c->pidfd = TAKE_FD(m->fds[0]);
	/* -1: it ended and was reaped; the monitor says so next */
	if (pidfd_pid(c->pidfd) > 0 && pidfd_pid(c->pidfd) != c->pid)
		return err_set(err, EBADMSG, "the monitor of %s handed over another process than it named",
			       c->uuid);
	return 0;
}

int container_adopt(const struct container_env *env, const char *uuid, struct container **ret,
		    struct err *err)
{
	AUTO(container_free) struct container *c = NULL;
	AUTO(msg_done) struct msg m = MSG_NULL;
	int r = uuid_ok(uuid, err);

	if (r < 0)
		return r;
	c = container_new(env, uuid);
	c->sock = container_connect(env, uuid, err);
	if (c->sock < 0)
		return c->sock;
	r = msg_send(c->sock, &monitor_table, MON_HELLO_ASK, 1, STR_NULL, NULL, 0);
	if (!r)
		r = sys_poll_in(c->sock, -1, sys_deadline(HELLO_MS));
	if (r == 0)
		return err_set(err, ETIMEDOUT, "the monitor of %s doesn't answer", uuid);
	r = r < 0 ? 0 : msg_recv(c->sock, &monitor_table, &m, err);
	if (r == 0)
		return err_set(err, ENOENT, "the monitor of %s ended", uuid);
	if (r < 0)
		return r;
	if (m.type->number != MON_HELLO)
		return err_set(err, EBADMSG, "the monitor of %s said %s out of turn", uuid, m.type->name);
	r = take_hello(c, &m, err);
	if (!r)
		r = cgroup_open(env->cgroups, uuid, &c->cg, err);
	if (r < 0)
		return r == -ENOENT ? err_set(err, EBADMSG, "%s runs, but has no control group", uuid) : r;
	c->console = container_find_console(c->env, c->uuid);
	fcntl(c->sock, F_SETFL, O_NONBLOCK);
	*ret = TAKE(c);
	return 0;
}

/* ---- its end */

int container_fd(const struct container *c)
{
	return c->sock;
}

static int take_exit(struct container *c, struct msg *m, struct err *err)
{
	struct unpack u = {m->body, m->len, false};

	if (m->type->number == MON_UNSERVED) {
		c->is_unserved = true;
		return 0;
	}
	if (m->type->number != MON_EXIT)
		return err_set(err, EBADMSG, "the monitor said %s out of turn", m->type->name);
	c->exit.end = unpack_u32(&u) == CONTAINER_REBOOTS ? CONTAINER_REBOOTS : CONTAINER_HALTED;
	c->exit.code = (int)unpack_u32(&u);
	c->exit.signal = (int)unpack_u32(&u);
	return 0;
}

int container_dispatch(struct container *c, struct container_exit *ret, struct err *err)
{
	while (c->exit.end == CONTAINER_RUNS) {
		AUTO(msg_done) struct msg m = MSG_NULL;
		int r = msg_recv(c->sock, &monitor_table, &m, err);

		if (r == -EAGAIN)
			break;
		if (r == 0)
			c->exit = (struct container_exit){.end = CONTAINER_LOST, .code = -1};
		else if (r < 0)
			return r;
		else if ((r = take_exit(c, &m, err)) < 0)
			return r;
	}
	*ret = c->exit;
	return 0;
}

int container_wait(struct container *c, int timeout_ms, int cancel_fd, struct container_exit *ret,
		   struct err *err)
{
	uint64_t deadline = sys_deadline(timeout_ms);

	for (;;) {
		int r = container_dispatch(c, ret, err);

		if (r < 0 || ret->end != CONTAINER_RUNS)
			return r;
		r = sys_poll_in(c->sock, cancel_fd, deadline);
		if (r < 0)
			return err_set(err, -r, "waiting for the container failed: %s", strerror(-r));
		if (r == 0)
			return err_set(err, ETIMEDOUT, "the container still runs");
		if (r & 2)
			return err_set(err, ECANCELED, "the wait was interrupted");
	}
}

int container_end(struct container *c, struct container_exit *ret)
{
	int r;

	container_kill(c, NULL);
	r = container_wait(c, STUCK_MS, -1, ret, NULL);
	if (r != -ETIMEDOUT)
		return r;
	cgroup_abort_fuse(c->cg);
	return container_wait(c, GONE_MS, -1, ret, NULL);
}

int container_finish(struct container *take, struct err *err)
{
	AUTO(container_free) struct container *c = take;
	struct container_exit end;
	int r;

	if (container_dispatch(c, &end, NULL) < 0 || end.end == CONTAINER_RUNS) {
		container_end(c, &end);
	}
	msg_send(c->sock, &monitor_table, MON_EXIT_ACK, 0, STR_NULL, NULL, 0);
	fcntl(c->sock, F_SETFL, 0);
	await_monitor(c->sock, HELLO_MS);
	cgroup_kill(c->cg, NULL);
	r = group_remove(c->cg, err);
	files_remove(c->env, c->uuid);
	return r;
}

int container_exit_read(const struct container_env *env, const char *uuid, struct container_exit *ret)
{
	AUTO(free) char *name = xasprintf("monitors/%s.exit", uuid), *text = NULL;
	AUTO(fd) int dir = open(env->rundir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	unsigned end, signal;
	int code;

	if (dir < 0 || path_read(dir, name, 256, &text) < 0 ||
	    sscanf(text, "%u %d %u", &end, &code, &signal) != 3)
		return -ENOENT;
	ret->end = end == CONTAINER_REBOOTS ? CONTAINER_REBOOTS : CONTAINER_HALTED;
	ret->code = code;
	ret->signal = (int)signal;
	return 0;
}

int container_clear(const struct container_env *env, const char *uuid, struct err *err)
{
	struct cgroup *cg = NULL;
	int r = uuid_ok(uuid, err);

	if (r < 0)
		return r;
	if (!cgroup_open(env->cgroups, uuid, &cg, NULL)) {
		cgroup_kill(cg, NULL);
		r = group_remove(cg, err);
		cgroup_free(cg);
	}
	if (!r)
		files_remove(env, uuid);
	return r;
}

/* ---- what it is and does */

bool container_is_unserved(struct container *c)
{
	bool is = c->is_unserved;

	c->is_unserved = false;
	return is;
}

const char *container_uuid(const struct container *c)
{
	return c->uuid;
}

char *container_console_path(const struct container *c)
{
	return c->console ? xstrdup(c->console) : NULL;
}

pid_t container_pid(const struct container *c)
{
	return c->pid;
}

int container_pidfd(const struct container *c)
{
	return c->pidfd;
}

struct cgroup *container_cgroup(struct container *c)
{
	return c->cg;
}

int container_ns(const struct container *c, const char *name)
{
	AUTO(free) char *path = xasprintf("/proc/%d/ns/%s", c->pid, name);
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);

	/* alive after the open: the number was its own */
	if (fd < 0 || sys_pidfd_signal(c->pidfd, 0, NULL) < 0)
		return -ESRCH;
	return TAKE_FD(fd);
}

int container_netns(const struct container *c)
{
	return container_ns(c, "net");
}

int container_signal(struct container *c, int signal, struct err *err)
{
	int r = sys_pidfd_signal(c->pidfd, signal, NULL);

	if (r == -ESRCH)
		return err_set(err, ESRCH, "the container has ended");
	return r < 0 ? err_set(err, -r, "init can't be signalled: %s", strerror(-r)) : 0;
}

int container_halt(struct container *c, struct err *err)
{
	return container_signal(c, c->halt_signal, err);
}

int container_kill(struct container *c, struct err *err)
{
	int r = sys_pidfd_signal(c->pidfd, SIGKILL, NULL);

	if (r < 0 && r != -ESRCH)
		return err_set(err, -r, "init can't be killed: %s", strerror(-r));
	return cgroup_kill(c->cg, err);
}
