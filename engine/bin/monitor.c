/* SPDX-License-Identifier: Apache-2.0 */
/* lxdfs-monitor: one small process per running container. Makes its namespaces and root, waits for its end,
 * keeps its console. Lives on without a core, and is found again at RUNDIR/monitors/UUID.sock.
 *
 * Single-threaded. Until the container's init is executed everything runs in order, and the core's end of the
 * socket going away means: undo. From then on it is a loop that waits for init, its console, and a core. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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
#include "engine/instance/console.h"
#include "engine/instance/init.h"
#include "engine/instance/listeners.h"
#include "engine/instance/rlimits.h"
#include "engine/instance/root.h"
#include "engine/instance/wire.h"

#define FAREWELL_MS 5000
#define MAX_CORES 4 /* the daemon, and who else looks: a new core while the old one goes, a tool */

struct monitor {
	int core[MAX_CORES]; /* sockets, -EBADF: none; the first is that of who started us */
	int listener;	     /* where another core can find us */
	int dir;	     /* RUNDIR/monitors */
	char *uuid;
	pid_t pid;
	int pidfd;
	int halt_signal;
	struct console console;
	bool has_ended;
	uint32_t end, code, signal;
	struct listeners listeners;
};

/* ---- the start */

static int listen_at(struct monitor *m, struct err *err)
{
	AUTO(free) char *name = xasprintf("%s.sock", m->uuid), *exit_name = xasprintf("%s.exit", m->uuid);
	AUTO(free) char *path = xasprintf("/proc/self/fd/%d/%s", m->dir, name);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(err, ENAMETOOLONG, "%s is too long for a socket", path);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	m->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->listener < 0)
		return err_set(err, errno, "no socket for the monitor: %s", strerror(errno));
	if ((unlinkat(m->dir, name, 0) < 0 || unlinkat(m->dir, exit_name, 0) < 0) && errno != ENOENT)
		return err_set(err, errno, "the old %s can't be removed: %s", name, strerror(errno));
	if (bind(m->listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(m->listener, 4) < 0)
		return err_set(err, errno, "the monitor can't listen at monitors/%s: %s", name,
			       strerror(errno));
	return 0;
}

static int write_map(pid_t pid, const char *file, const struct id_extent *extents, unsigned n,
		     struct err *err)
{
	AUTO(free) char *path = xasprintf("/proc/%d/%s", pid, file), *text = idmap_text(extents, n);
	int r = path_write(AT_FDCWD, path, str_from(text));

	return r < 0 ? err_set(err, -r, "the container's %s can't be written: %s", file, strerror(-r)) : 0;
}

static int open_ns(pid_t pid, const char *name, struct err *err)
{
	AUTO(free) char *path = xasprintf("/proc/%d/ns/%s", pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_set(err, errno, "the container's %s namespace can't be opened: %s", name,
				strerror(errno))
		      : fd;
}

/* The next message from the child, unless the core goes away or says something else first. */
static int from_child(struct monitor *m, int sock, struct msg *ret, struct err *err)
{
	int r = sys_poll_in(sock, m->core[0], UINT64_MAX);

	if (r < 0)
		return err_set(err, -r, "waiting for the container failed: %s", strerror(-r));
	if (r & 1)
		return msg_recv(sock, &child_table, ret, err);
	return err_set(err, ECANCELED, "the start was given up");
}

static int from_core(struct monitor *m, uint32_t number, struct msg *ret, struct err *err)
{
	int r = msg_recv(m->core[0], &monitor_table, ret, err);

	if (r == 0)
		return err_set(err, ECANCELED, "the start was given up");
	if (r > 0 && ret->type->number != number)
		return err_set(err, EBADMSG, "the core said %s out of turn", ret->type->name);
	return r < 0 ? r : 0;
}

static int fail_of(struct msg *msg, struct err *err)
{
	struct unpack u = {msg->body, msg->len, false};

	return unpack_err(&u, err);
}

static int tell_init(struct monitor *m, int netns, struct err *err)
{
	AUTO(buf_done) struct buf body = BUF_NULL;
	int fds[2] = {m->pidfd, netns}, r;

	pack_u32(&body, (uint32_t)m->pid);
	r = msg_send(m->core[0], &monitor_table, MON_INIT, 0, buf_str(&body), fds, 2);
	return r < 0 ? err_set(err, -r, "the core went away: %s", strerror(-r)) : 0;
}

/* Until its execve ends the link. */
static int await_init(struct monitor *m, int sock, struct err *err)
{
	for (;;) {
		AUTO(msg_done) struct msg last = MSG_NULL;
		int r = from_child(m, sock, &last, err);

		if (r <= 0)
			return r;
		if (last.type->number != CHILD_LISTENER)
			return fail_of(&last, err);
		listeners_add(&m->listeners, TAKE_FD(last.fds[0]));
	}
}

/* From the clone on: everything that needs the child. */
static int raise_child(struct monitor *m, const struct start_order *o, struct mount_sources *sources,
		       int sock, int host_mounts, struct err *err)
{
	const struct container_spec *s = &o->spec;
	bool privileged = idmap_is_privileged(&s->map);
	AUTO(free) char *scratch = xasprintf("%s/monitors", o->rundir);
	AUTO(fd) int userns = -EBADF, netns = -EBADF, parking = -EBADF, root = -EBADF;
	AUTO(msg_done) struct msg go = MSG_NULL, ready = MSG_NULL;
	int r = 0;

	if (!privileged) {
		r = write_map(m->pid, "uid_map", s->map.uid, s->map.n_uid, err);
		if (!r)
			r = write_map(m->pid, "gid_map", s->map.gid, s->map.n_gid, err);
		if (!r)
			r = userns = open_ns(m->pid, "user", err);
	}
	if (r >= 0)
		r = netns = open_ns(m->pid, "net", err);
	if (r >= 0)
		r = rlimits_set(m->pid, s->rlimits, s->n_rlimits, err);
	if (r >= 0)
		r = tell_init(m, netns, err);
	/* the core makes groups and NICs meanwhile */
	if (r >= 0)
		r = parking = root_build(s, sources, userns, scratch, &root, err);
	if (r >= 0) {
		m->halt_signal = root_halt_signal(root, s);
		r = from_core(m, MON_GO, &go, err);
	}
	if (r < 0)
		return r;
	r = msg_send(sock, &child_table, CHILD_BUILD, 0, STR_NULL, &parking, 1);
	if (r < 0)
		return err_set(err, -r, "the container's process ended at its start");
	r = from_child(m, sock, &ready, err);
	if (r == 0)
		return err_set(err, EIO, "the container's process was killed at its start");
	if (r < 0)
		return r;
	if (ready.type->number != CHILD_READY)
		return fail_of(&ready, err);
	m->console.master = TAKE_FD(ready.fds[0]);
	m->console.slave = TAKE_FD(ready.fds[1]);
	/* the child has its own mounts now: leave ours, which end with that */
	if (setns(host_mounts, CLONE_NEWNS) < 0)
		return err_set(err, errno, "the host's mounts can't be entered again: %s", strerror(errno));
	r = msg_send(sock, &child_table, CHILD_EXEC, 0, STR_NULL, NULL, 0);
	if (r < 0)
		return err_set(err, -r, "the container's process ended at its start");
	return await_init(m, sock, err);
}

static int start(struct monitor *m, const struct start_order *o, struct err *err)
{
	const struct container_spec *s = &o->spec;
	uint64_t spaces = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC;
	AUTO(fd)
	int ours = -EBADF, theirs = -EBADF, host_mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	struct mount_sources sources = {.n = 0};
	int sv[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0 || host_mounts < 0)
		return err_set(err, errno, "no socket or mount namespace for the container: %s",
			       strerror(errno));
	ours = sv[0];
	theirs = sv[1];
	r = s->console_log ? console_open_log(&m->console, s->console_log, s->console_log_max) : 0;
	if (r < 0)
		return err_set(err, -r, "the console log %s can't be opened: %s", s->console_log,
			       strerror(-r));
	r = mount_sources_open(s->mounts, s->n_mounts, &sources, err);
	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		r = err_set(err, errno, "no mount namespace: %s", strerror(errno));
		mount_sources_done(&sources);
		return r;
	}
	if (!idmap_is_privileged(&s->map))
		spaces |= CLONE_NEWUSER;
	m->pid = sys_clone3(spaces, &m->pidfd);
	if (m->pid == 0) {
		/* one descriptor of ours survives in the child: its own socket; the filter is opened already
		 */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ours);
		close(m->core[0]);
		close(m->listener);
		init_run(theirs, o);
	}
	if (m->pid < 0) {
		r = err_set(err, -m->pid, "the container's namespaces can't be made: %s", strerror(-m->pid));
		mount_sources_done(&sources);
		return r;
	}
	close(TAKE_FD(theirs));
	r = raise_child(m, o, &sources, ours, host_mounts, err);
	mount_sources_done(&sources);
	return r;
}

static int read_order(struct monitor *m, struct start_order *o, struct err *err)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	AUTO(free) char *dir = NULL;
	struct str bytes;
	int r = from_core(m, MON_START, &msg, err);

	if (r < 0)
		return r;
	r = fd_map_sealed(msg.fds[0], WIRE_MAX_ORDER, &bytes);
	if (r < 0)
		return err_set(err, -r, "the order to start a container can't be read: %s", strerror(-r));
	r = start_order_unpack(bytes, &msg, o, err);
	munmap((void *)bytes.ptr, bytes.len);
	if (r < 0)
		return r;
	m->uuid = xstrdup(o->spec.uuid);
	dir = xasprintf("%s/monitors", o->rundir);
	m->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return m->dir < 0 ? err_set(err, errno, "%s can't be opened: %s", dir, strerror(errno)) : 0;
}

/* Nothing of a start that failed stays; the core hears why. */
static void give_up(struct monitor *m, struct err *err)
{
	AUTO(buf_done) struct buf body = BUF_NULL;
	siginfo_t si;

	if (m->pidfd >= 0) {
		sys_pidfd_signal(m->pidfd, SIGKILL, NULL);
		sys_waitid(m->pidfd, &si, 0);
	}
	if (m->listener >= 0) {
		AUTO(free) char *name = xasprintf("%s.sock", m->uuid);

		unlinkat(m->dir, name, 0);
	}
	pack_err(&body, err);
	msg_send(m->core[0], &monitor_table, MON_FAILED, 0, buf_str(&body), NULL, 0);
	/* Until the core turns away: what it said meanwhile, left unread, would reach it as a reset of the
	 * connection, before the reason. */
	while (sys_poll_in(m->core[0], -1, sys_deadline(FAREWELL_MS)) == 1) {
		AUTO(msg_done) struct msg last = MSG_NULL;

		if (msg_recv(m->core[0], &monitor_table, &last, NULL) <= 0)
			break;
	}
}

/* ---- the long wait */

static void send_numbers(int core, uint32_t type, uint32_t id, const uint32_t *numbers, size_t n)
{
	AUTO(buf_done) struct buf body = BUF_NULL;

	for (size_t i = 0; i < n; i++)
		pack_u32(&body, numbers[i]);
	msg_send(core, &monitor_table, type, id, buf_str(&body), NULL, 0);
}

static void send_exit(struct monitor *m, int core)
{
	uint32_t numbers[] = {m->end, m->code, m->signal};

	send_numbers(core, MON_EXIT, 0, numbers, ARRAY_SIZE(numbers));
}

static void say_hello(struct monitor *m, int core, uint32_t id)
{
	AUTO(buf_done) struct buf body = BUF_NULL;

	pack_u32(&body, WIRE_HELLO);
	pack_text(&body, m->uuid);
	pack_u32(&body, (uint32_t)m->pid);
	pack_u32(&body, (uint32_t)m->halt_signal);
	msg_send(core, &monitor_table, MON_HELLO, id, buf_str(&body), &m->pidfd, 1);
	if (m->has_ended)
		send_exit(m, core);
	else if (m->listeners.is_wanted && m->listeners.serving < 0)
		send_numbers(core, MON_UNSERVED, 0, NULL, 0);
}

/* Init ended. In a pid namespace reboot(2) ends it with SIGHUP for a restart, SIGINT for halt and power off.
 */
static void note_end(struct monitor *m)
{
	AUTO(free) char *name = xasprintf("%s.exit", m->uuid), *text = NULL;
	siginfo_t si = {0};

	if (sys_waitid(m->pidfd, &si, 0) < 0)
		si.si_code = CLD_KILLED;
	m->has_ended = true;
	m->end = CONTAINER_HALTED;
	m->code = (uint32_t)-1;
	if (si.si_code == CLD_EXITED)
		m->code = (uint32_t)si.si_status;
	else if (si.si_status == SIGHUP)
		m->end = CONTAINER_REBOOTS;
	else if (si.si_status != SIGINT)
		m->signal = (uint32_t)si.si_status;
	text = xasprintf("%u %d %u\n", m->end, (int)m->code, m->signal);
	if (m->console.master >= 0)
		console_drain(&m->console);
	/* a core that is away reads it here; full disks don't matter on a run directory */
	path_replace(m->dir, name, str_from(text), 0600, false);
}

static void hear_core(struct monitor *m, int *core)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	int r = msg_recv(*core, &monitor_table, &msg, &err);

	if (r == -EAGAIN)
		return;
	if (r > 0 && msg.type->number == MON_HELLO_ASK)
		say_hello(m, *core, msg.id);
	else if (r > 0 && msg.type->number == MON_LISTENER)
		listeners_add(&m->listeners, TAKE_FD(msg.fds[0]));
	else if (r > 0 && msg.type->number == MON_SERVE_ASK)
		listeners_serve(&m->listeners, TAKE_FD(*core), TAKE_FD(msg.fds[0]));
	else /* it went, took note of the end, or talks nonsense */
		close(TAKE_FD(*core));
}

static void hear_listener(struct monitor *m)
{
	int fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (size_t i = 0; fd >= 0 && i < MAX_CORES && msg_peer_is_root(fd); i++)
		if (m->core[i] < 0)
			m->core[i] = TAKE_FD(fd);
	if (fd >= 0)
		close(fd);
}

static bool has_core(const struct monitor *m)
{
	for (size_t i = 0; i < MAX_CORES; i++)
		if (m->core[i] >= 0)
			return true;
	return false;
}

/* Until init ended, and every core that is there took note. */
static void loop(struct monitor *m)
{
	while (!m->has_ended || has_core(m)) {
		size_t n;
		struct pollfd p[3 + MAX_CORES + LISTENER_POLLS] = {
		    {.fd = m->has_ended ? -1 : m->pidfd, .events = POLLIN},
		    {.fd = m->console.master, .events = POLLIN},
		    {.fd = m->listener, .events = POLLIN},
		};

		for (size_t i = 0; i < MAX_CORES; i++)
			p[3 + i] = (struct pollfd){.fd = m->core[i], .events = POLLIN};
		n = 3 + MAX_CORES + listeners_poll(&m->listeners, p + 3 + MAX_CORES);
		if (poll(p, n, -1) < 0) {
			if (errno != EINTR)
				return;
			continue;
		}
		if (listeners_heard(&m->listeners, p + 3 + MAX_CORES) && !m->has_ended)
			for (size_t i = 0; i < MAX_CORES; i++)
				if (m->core[i] >= 0)
					send_numbers(m->core[i], MON_UNSERVED, 0, NULL, 0);
		if (p[1].revents && console_drain(&m->console) < 0)
			close(TAKE_FD(m->console.master));
		if (p[0].revents)
			note_end(m);
		for (size_t i = 0; i < MAX_CORES; i++) {
			if (p[3 + i].revents)
				hear_core(m, &m->core[i]);
			if (p[0].revents && m->core[i] >= 0)
				send_exit(m, m->core[i]);
		}
		if (p[2].revents)
			hear_listener(m);
	}
}

static void finish(struct monitor *m)
{
	AUTO(free) char *name = xasprintf("%s.sock", m->uuid);

	unlinkat(m->dir, name, 0);
	listeners_end(&m->listeners, FAREWELL_MS);
	console_done(&m->console);
}

int main(void)
{
	struct monitor m = {.core = {3, -EBADF, -EBADF, -EBADF},
			    .listener = -EBADF,
			    .dir = -EBADF,
			    .pidfd = -EBADF,
			    .console = CONSOLE_NULL};
	struct start_order order = {.spec = CONTAINER_SPEC_NULL};
	AUTO(err_done) struct err err = ERR_NULL;
	uint32_t started;
	int r = spawn_detach();

	listeners_init(&m.listeners);
	if (r < 0 || fcntl(m.core[0], F_SETFD, FD_CLOEXEC) < 0 || close_range(4, ~0U, 0) < 0 ||
	    chdir("/") < 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	r = read_order(&m, &order, &err);
	if (!r)
		r = listen_at(&m, &err);
	if (!r)
		r = start(&m, &order, &err);
	if (r < 0) {
		give_up(&m, &err);
		return 1;
	}
	start_order_done(&order);
	malloc_trim(0);
	started = (uint32_t)m.halt_signal;
	send_numbers(m.core[0], MON_STARTED, 0, &started, 1);
	fcntl(m.core[0], F_SETFL, O_NONBLOCK);
	sandbox_lock_down();
	loop(&m);
	finish(&m);
	return 0;
}
