/* SPDX-License-Identifier: Apache-2.0 */
/* lxdfs-intercept: does system calls for one container that the kernel hands over instead of doing them
 * itself.
 *
 * This process only takes calls and watches over those who do them: a process for each, so that a container
 * that keeps one waiting, or makes one crash, has lost nothing but that. Calls come from filters' descriptors
 * that the monitor hands over; when its socket ends, others do them from then on. What is in hand stands in
 * memory that the monitor shares, so that nobody waits for ever for a helper that was killed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/fd.h"
#include "engine/base/path.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"
#include "engine/confine/intercept-act.h"
#include "engine/confine/intercept-cage.h"
#include "engine/instance/intercept.h"
#include "engine/instance/listeners.h"
#include "engine/instance/wire.h"

#define LOOK_MS 500    /* whether who waited was killed meanwhile */
#define CALL_MS 120000 /* for one call */

struct worker {
	int pidfd; /* -EBADF: none */
	int alive; /* pipe that ends with the last process of that call: a twin may outlive who made it, where
		      the container has a file system that doesn't answer. -EBADF: none */
	int listener;
	uint64_t deadline;
};

struct helper {
	int core, monitor;
	int listener[MAX_LISTENERS];
	size_t n;
	struct worker worker[LISTENER_SLOTS];
	struct seccomp_notif *slots; /* shared; one for each worker, id 0: none */
	int slots_fd;
	bool is_serving;
	struct intercept_rules rules;
	struct intercept_order order;
	struct cgroup_layout *layout;
	int filter;
};

/* ---- one call, in a process of its own */

struct reading {
	const struct intercept_rules *rules;
	struct syscall_caller caller;
};

static int read_memory(void *ctx, uint64_t address, void *to, size_t len, size_t *ret)
{
	return caller_read(&((struct reading *)ctx)->caller, address, to, len, ret);
}

static bool fs_known(void *ctx, const char *fs)
{
	return intercept_fs_known(((struct reading *)ctx)->rules, fs);
}

static void answer(int listener, uint64_t id, int r, int64_t value)
{
	struct seccomp_notif_resp resp = {.id = id};

	if (r == INTERCEPT_PASS)
		/* the kernel decides as if nobody had asked: it gives the caller nothing that it hadn't */
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (r < 0)
		resp.error = r;
	else
		resp.val = value;
	/* fails where who waited is gone */
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

static void work(const struct helper *h, int listener, const struct seccomp_notif *call)
{
	static struct intercept_call c; /* large */
	struct reading reading = {.rules = &h->rules, .caller = CALLER_NULL};
	int64_t value = 0;
	int r = caller_open(listener, call->id, (pid_t)call->pid, &reading.caller);

	if (!r)
		r = intercept_parse(&call->data, h->rules.what, fs_known, read_memory, &reading, &c);
	if (!r)
		r = c.what ? intercept_act(&h->rules, &reading.caller, &c, &value) : INTERCEPT_PASS;
	/* a caller of more groups than can be taken on, say: nothing is done for it */
	if (r == -E2BIG)
		r = INTERCEPT_PASS;
	answer(listener, call->id, r, value);
}

/* ---- taking calls */

static int free_slot(const struct helper *h)
{
	for (int i = 0; i < LISTENER_SLOTS; i++)
		if (h->worker[i].pidfd < 0 && h->worker[i].alive < 0)
			return i;
	return -1;
}

static void take_call(struct helper *h, int listener)
{
	int i = free_slot(h), alive[2];
	pid_t parent = getpid(), pid;

	if (i < 0 || pipe2(alive, O_CLOEXEC) < 0)
		return;
	memset(&h->slots[i], 0, sizeof(h->slots[i]));
	/* straight into shared memory: from here on it is known to be in hand */
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &h->slots[i]) < 0) {
		h->slots[i].id = 0; /* who waited is gone */
		close(alive[0]);
		close(alive[1]);
		return;
	}
	pid = sys_clone3(0, &h->worker[i].pidfd);
	if (pid == 0) {
		struct seccomp_notif call = h->slots[i];

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(alive[0]);
		if (getppid() == parent)
			work(h, listener, &call);
		_exit(0);
	}
	close(alive[1]);
	h->worker[i].alive = alive[0];
	if (pid < 0) {
		answer(listener, h->slots[i].id, -EAGAIN, 0);
		h->worker[i].pidfd = -EBADF;
		h->slots[i].id = 0;
		return;
	}
	h->worker[i].listener = listener;
	h->worker[i].deadline = sys_deadline(CALL_MS);
}

/* A worker ended: whatever it didn't answer fails. */
static void end_worker(struct helper *h, int i)
{
	struct worker *w = &h->worker[i];
	siginfo_t si;

	sys_waitid(w->pidfd, &si, 0);
	answer(w->listener, h->slots[i].id, -EIO, 0);
	h->slots[i].id = 0;
	close(TAKE_FD(w->pidfd));
}

/* Nobody works for a caller that was killed, nor for ever. */
static void look_after(struct helper *h)
{
	for (int i = 0; i < LISTENER_SLOTS; i++) {
		struct worker *w = &h->worker[i];

		if (w->pidfd >= 0 && (ioctl(w->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &h->slots[i].id) < 0 ||
				      sys_deadline(0) > w->deadline))
			sys_pidfd_signal(w->pidfd, SIGKILL, NULL);
	}
}

/* Return: whether it was the last that is heard: another one serves, or the container ended */
static bool hear_monitor(struct helper *h)
{
	AUTO(msg_done) struct msg m = MSG_NULL;

	if (msg_recv(h->monitor, &monitor_table, &m, NULL) <= 0) {
		msg_send(h->monitor, &monitor_table, MON_SERVED, 0, STR_NULL, NULL, 0);
		h->is_serving = false;
		h->n = 0; /* their descriptors stay open for the answers to what is in hand */
		return true;
	}
	if (m.type->number == MON_CALLS && h->n < MAX_LISTENERS) {
		h->listener[h->n++] = TAKE_FD(m.fds[0]);
	} else if (m.type->number == MON_SERVE && h->core >= 0) {
		h->is_serving = true;
		msg_send(h->core, &intercept_table, INTERCEPT_SERVES, 0, STR_NULL, NULL, 0);
		close(TAKE_FD(h->core));
	}
	return false;
}

static void drop_listener(struct helper *h, size_t i)
{
	int fd = h->listener[i];

	for (int w = 0; w < LISTENER_SLOTS; w++)
		if (h->worker[w].pidfd >= 0 && h->worker[w].listener == fd)
			return; /* its worker is killed first: nobody waits there any more */
	close(fd);
	h->listener[i] = h->listener[--h->n];
}

static bool has_work(const struct helper *h)
{
	for (int i = 0; i < LISTENER_SLOTS; i++)
		if (h->worker[i].pidfd >= 0 || h->worker[i].alive >= 0)
			return true;
	return false;
}

static void loop(struct helper *h)
{
	bool is_over = false;

	while (!is_over || has_work(h)) {
		struct pollfd p[1 + 2 * LISTENER_SLOTS + MAX_LISTENERS];
		bool full = free_slot(h) < 0;
		size_t n = 0;

		p[n++] = (struct pollfd){.fd = is_over ? -1 : h->monitor, .events = POLLIN};
		for (int i = 0; i < LISTENER_SLOTS; i++)
			p[n++] = (struct pollfd){.fd = h->worker[i].pidfd, .events = POLLIN};
		for (int i = 0; i < LISTENER_SLOTS; i++)
			p[n++] = (struct pollfd){.fd = h->worker[i].alive};
		for (size_t i = 0; h->is_serving && i < h->n; i++)
			p[n++] = (struct pollfd){.fd = h->listener[i], .events = full ? 0 : POLLIN};
		if (poll(p, n, has_work(h) ? LOOK_MS : -1) < 0 && errno != EINTR)
			return;
		for (int i = 0; i < LISTENER_SLOTS; i++) {
			if (h->worker[i].pidfd >= 0 && p[1 + i].revents)
				end_worker(h, i);
			if (h->worker[i].alive >= 0 && p[1 + LISTENER_SLOTS + i].revents)
				close(TAKE_FD(h->worker[i].alive));
		}
		for (size_t i = n - 1 - 2 * LISTENER_SLOTS; i-- > 0;) {
			short events = p[1 + 2 * LISTENER_SLOTS + i].revents;

			if (events & POLLIN)
				take_call(h, h->listener[i]);
			else if (events & (POLLHUP | POLLERR))
				drop_listener(h, i);
		}
		if (!is_over && p[0].revents)
			is_over = hear_monitor(h);
		look_after(h);
	}
}

/* ---- the start */

static int share_slots(struct helper *h, struct err *err)
{
	size_t size = LISTENER_SLOTS * sizeof(*h->slots);

	h->slots_fd = memfd_create("calls", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (h->slots_fd < 0 || ftruncate(h->slots_fd, (off_t)size) < 0 ||
	    fcntl(h->slots_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return err_set(err, errno, "no memory for calls: %s", strerror(errno));
	h->slots = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, h->slots_fd, 0);
	if (h->slots == MAP_FAILED)
		return err_set(err, errno, "no memory for calls: %s", strerror(errno));
	return 0;
}

static pid_t pid_of(int pidfd)
{
	AUTO(free) char *path = xasprintf("/proc/self/fdinfo/%d", pidfd), *text = NULL;
	const char *line;

	if (path_read(AT_FDCWD, path, 4096, &text) < 0 || !(line = strstr(text, "Pid:")))
		return -1;
	return (pid_t)strtol(line + 4, NULL, 10);
}

/* When it was started, from the 22nd field of /proc/PID/stat; the second may hold anything but its end. */
static uint64_t born(pid_t pid)
{
	AUTO(free) char *path = xasprintf("/proc/%d/stat", pid), *text = NULL;
	unsigned long long ticks = 0;
	const char *p;

	if (path_read(AT_FDCWD, path, 4096, &text) < 0 || !(p = strrchr(text, ')')))
		return 0;
	for (int field = 2; field < 22 && p; field++)
		p = strchr(p + 1, ' ');
	if (p)
		ticks = strtoull(p, NULL, 10);
	return ticks * 1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK);
}

static int know_container(struct helper *h, int init, struct err *err)
{
	pid_t pid = pid_of(init);
	AUTO(free) char *path = xasprintf("/proc/%d/ns/user", pid);

	h->rules.user = open(path, O_RDONLY | O_CLOEXEC);
	h->rules.born = born(pid);
	if (h->rules.user < 0 || sys_pidfd_signal(init, 0, NULL) < 0)
		return err_set(err, ESRCH, "the container has ended");
	return 0;
}

static int read_order(struct helper *h, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_NULL;
	struct intercept_order *o = &h->order;
	struct str bytes;
	int r = msg_recv(h->core, &intercept_table, &m, err);

	if (r <= 0 || m.type->number != INTERCEPT_START)
		return r < 0 ? r : err_set(err, ECANCELED, "nothing is wanted of lxdfs-intercept");
	r = fd_map_sealed(m.fds[0], WIRE_MAX_ORDER, &bytes);
	if (r < 0)
		return err_set(err, -r, "the order to lxdfs-intercept can't be read: %s", strerror(-r));
	r = intercept_order_unpack(bytes, o, err);
	munmap((void *)bytes.ptr, bytes.len);
	if (r < 0)
		return r;
	h->monitor = TAKE_FD(m.fds[1]);
	if (o->has_filter && m.n_fds == 4)
		h->filter = TAKE_FD(m.fds[3]);
	h->rules = (struct intercept_rules){
	    .what = o->what,
	    .allowed = o->allowed,
	    .fuse = o->fuse,
	    .groups = o->groups,
	    .shift = o->shift,
	    .rtprio = o->rtprio,
	    .user = -EBADF,
	    .fuse_runner = -EBADF,
	};
	r = know_container(h, m.fds[2], err);
	if (!r)
		r = cgroup_layout_new(NULL, o->cgroup_root, &h->layout, err);
	return r < 0 ? r : cgroup_open(h->layout, o->uuid, &h->rules.cg, err);
}

/* Whoever runs programs of the container can't be under our filter: it is a process beside us, which does
 * nothing else, and ends with us. */
static int start_runner(struct helper *h, struct err *err)
{
	const struct intercept_confine confine = {h->filter, h->order.caps_drop, h->order.profile,
						  h->order.context};
	int sv[2];
	pid_t pid;

	if (!(h->rules.what & INTERCEPT_MOUNT) || !h->rules.fuse || !h->rules.fuse[0])
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_set(err, errno, "no socket pair: %s", strerror(errno));
	pid = sys_clone3(0, NULL);
	if (pid == 0) {
		close(h->core);
		close(h->monitor);
		close(sv[0]);
		prctl(PR_SET_DUMPABLE, 0);
		signal(SIGCHLD, SIG_IGN);
		while (intercept_fuse_run(sv[1], &h->rules, &confine) <= 0)
			;
		_exit(0);
	}
	close(sv[1]);
	h->rules.fuse_runner = sv[0];
	return pid < 0 ? err_set(err, -pid, "no process for FUSE programs: %s", strerror(-pid)) : 0;
}

static int run(struct helper *h, struct err *err)
{
	int r = read_order(h, err);

	if (!r)
		r = share_slots(h, err);
	if (!r)
		r = start_runner(h, err);
	if (!r)
		r = intercept_cage(h->rules.what, err);
	if (r < 0)
		return r;
	r = msg_send(h->monitor, &monitor_table, MON_SERVE_ASK, 0, STR_NULL, &h->slots_fd, 1);
	if (r < 0)
		return err_set(err, -r, "the monitor is gone: %s", strerror(-r));
	loop(h);
	return 0;
}

int main(int argc, char **argv)
{
	static struct helper h = {.core = 3, .monitor = -EBADF, .slots_fd = -EBADF, .filter = -1};
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(buf_done) struct buf body = BUF_NULL;

	(void)argc;
	/* a program of the container that is run from here may execute /proc/self/exe, and write to it */
	if (spawn_seal("lxdfs-intercept", argv) < 0)
		return 1;
	for (int i = 0; i < LISTENER_SLOTS; i++)
		h.worker[i].pidfd = h.worker[i].alive = -EBADF;
	if (spawn_detach() < 0 || fcntl(h.core, F_SETFD, FD_CLOEXEC) < 0 || close_range(4, ~0U, 0) < 0 ||
	    chdir("/") < 0)
		return 1;
	prctl(PR_SET_NAME, "lxdfs-intercept");
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	if (run(&h, &err) < 0) {
		pack_err(&body, &err);
		msg_send(h.core, &intercept_table, INTERCEPT_FAILED, 0, buf_str(&body), NULL, 0);
		return 1;
	}
	return 0;
}
