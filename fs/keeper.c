/* SPDX-License-Identifier: Apache-2.0 */
/* One thread, one loop: signals, the control socket, the core's link and its end. */
#include "fs/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/log.h"
#include "engine/base/path.h"
#include "engine/base/sys.h"
#include "fs/control.h"
#include "fs/inflight.h"
#include "fs/mountpoint.h"
#include "fs/noted.h"

#define START_TRIES 5	/* of the first core */
#define SUSPECT_MS 2000 /* a core that ended sooner may have died of what it was asked */
#define EARLY_KILLS 200 /* SIGKILL comes from outside, unless a request takes all memory again and again */
#define FORGIVE_MS 100	/* for one death to count no longer */
#define FREE_DEATHS 20	/* that count, before the next core has to wait */
#define DELAY_MIN_MS 50 /* doubled with each further death */
#define DELAY_MAX_MS 5000
#define GO_IN_MS 5000 /* for a core that said it is done */
#define NEVER UINT64_MAX

struct keeper {
	const struct core_options *o;
	char **argv;
	int lock, signals, listener, fuse, shared;
	int client;	/* who waits: the starter first, then a stopper; -EBADF: nobody */
	int link, core; /* the core's socket and pidfd, -EBADF: none runs */
	bool is_mounted;
	bool is_ready;	  /* the core */
	bool was_ready;	  /* any core so far */
	bool is_suspect;  /* the core before */
	bool is_stopping; /* the core was told to end, or killed for it */
	bool has_stopped; /* and said that it took down what was asked for */
	bool is_over;
	int early;	    /* cores in a row that ended soon after they were ready */
	int deaths;	    /* not forgiven yet */
	uint64_t ready_at;  /* when the core was ready */
	uint64_t died_at;   /* the core before */
	uint64_t next;	    /* when to start the next core, or to kill this one */
	struct err failure; /* what the core said before it died */
};

static int spawn_core(struct keeper *k, int link, pid_t *ret)
{
	const int fds[] = {
	    [KEEPER_FD_LINK] = link, [KEEPER_FD_FUSE] = k->fuse, [KEEPER_FD_SHARED] = k->shared};
	char role[] = KEEPER_CORE, suspect[] = KEEPER_CORE_SUSPECT;
	AUTO(free) char *list = NULL;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none;
	char **argv;
	int n = 0, r = 0;

	while (k->argv[n])
		n++;
	list = xcalloc((size_t)n + 2, sizeof(*argv));
	argv = (char **)(void *)list;
	argv[0] = k->argv[0];
	argv[1] = k->is_suspect ? suspect : role;
	for (int i = 1; i < n; i++)
		argv[i + 1] = k->argv[i];
	sigemptyset(&none);
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&attr);
	/* a terminal's ^C is for the keeper, who asks the core */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attr, &none);
	/* all sources lie above what they are copied to, see raise_fd() */
	for (int fd = KEEPER_FD_LINK; fd <= KEEPER_FD_SHARED && !r; fd++)
		r = posix_spawn_file_actions_adddup2(&fa, fds[fd], fd);
	if (!r)
		r = posix_spawn_file_actions_addclosefrom_np(&fa, KEEPER_FD_SHARED + 1);
	if (!r)
		r = posix_spawn(ret, "/proc/self/exe", &fa, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	return -r;
}

static int raise_fd(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 16), r = high < 0 ? -errno : high;

	close(fd);
	return r;
}

static int start_core(struct keeper *k, struct err *err)
{
	AUTO(fd) int theirs = -EBADF;
	int sv[2], r;
	pid_t pid;

	k->next = NEVER;
	err_done(&k->failure);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_set(err, errno, "no socket for a core: %s", strerror(errno));
	k->link = sv[0];
	theirs = raise_fd(sv[1]);
	r = theirs < 0 ? theirs : spawn_core(k, theirs, &pid);
	if (!r && (k->core = pidfd_open(pid, 0)) < 0)
		r = -errno;
	if (r < 0) {
		fd_auto(&k->link);
		k->link = -EBADF;
		return err_set(err, -r, "no core can be started: %s", strerror(-r));
	}
	return 0;
}

static void answer(struct keeper *k, uint32_t number, const struct err *failure)
{
	if (k->client >= 0) {
		control_say(k->client, &control_table, number, failure);
		close(TAKE_FD(k->client));
	}
}

/* ---- what is heard */

static void core_is_ready(struct keeper *k)
{
	AUTO(fd) int run = open(k->o->run, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO(free) char *pid = xasprintf("%d\n", getpid());

	k->is_ready = true;
	k->ready_at = sys_deadline(0);
	if (!k->was_ready) {
		if (path_replace(run, "pid", str_from(pid), 0644, false) < 0)
			log_warning("%s/pid can't be written", k->o->run);
		answer(k, CONTROL_DONE, NULL);
	}
	k->was_ready = true;
}

/* Return: whether the link may have more to say */
static bool hear_core(struct keeper *k)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	int r = msg_recv(k->link, &link_table, &msg, &err);

	if (r <= 0)
		return false;
	switch (msg.type->number) {
	case LINK_READY:
		core_is_ready(k);
		break;
	case LINK_FAILED:
		control_failure(&msg, &k->failure);
		log_err("%s", err_text(&k->failure));
		break;
	case LINK_STOPPED:
		k->has_stopped = k->is_stopping = true;
		k->next = sys_deadline(GO_IN_MS);
		break;
	case LINK_STAYS:
		control_failure(&msg, &err);
		k->is_stopping = false;
		answer(k, CONTROL_FAILED, &err);
		break;
	default: /* LINK_STOP is ours to say */
		break;
	}
	return true;
}

/* A core that isn't ready can't be asked, but killed at any time. */
static void stop_core(struct keeper *k, bool all)
{
	k->is_stopping = true;
	if (k->core < 0)
		k->is_over = true;
	else if (!k->is_ready || control_say_flag(k->link, &link_table, LINK_STOP, all) < 0)
		sys_pidfd_signal(k->core, SIGKILL, NULL);
}

static void hear_control(struct keeper *k)
{
	AUTO(fd) int fd = accept4(k->listener, NULL, NULL, SOCK_CLOEXEC);
	AUTO(msg_done) struct msg msg = MSG_NULL;
	AUTO(err_done) struct err err = ERR_NULL;

	/* root's word comes with the connection or never; nobody may hold up the loop */
	if (fd < 0 || !msg_peer_is_root(fd) || !(sys_poll_in(fd, -1, sys_deadline(1000)) & 1) ||
	    msg_recv(fd, &control_table, &msg, NULL) <= 0 || msg.type->number != CONTROL_STOP)
		return;
	if (k->is_stopping) {
		err_set(&err, EBUSY, "lxdfsd is stopping already: wait for it");
		control_say(fd, &control_table, CONTROL_FAILED, &err);
		return;
	}
	if (k->client >= 0) {
		err_set(&err, ECANCELED, "lxdfsd was told to stop while it started");
		answer(k, CONTROL_FAILED, &err);
	}
	k->client = TAKE_FD(fd);
	stop_core(k, control_flag(&msg));
}

/* Who starts a daemon and gives up waiting doesn't want it; who stops one has said so for good. */
static void client_is_gone(struct keeper *k)
{
	close(TAKE_FD(k->client));
	if (!k->was_ready && !k->is_stopping)
		stop_core(k, false);
}

static void hear_signal(struct keeper *k)
{
	struct signalfd_siginfo si;

	if (sys_read(k->signals, &si, sizeof(si)) == sizeof(si) && !k->is_stopping)
		stop_core(k, false);
}

/* ---- the core's end */

static bool is_disconnected(const struct keeper *k)
{
	struct pollfd p = {.fd = k->fuse};

	return poll(&p, 1, 0) > 0 && p.revents & POLLERR;
}

static void how_it_ended(const siginfo_t *si, struct err *err)
{
	if (err->errnum)
		return;
	if (si->si_code == CLD_EXITED)
		err_set(err, EIO, "the core ended with status %d", si->si_status);
	else
		err_set(err, EIO, "the core was killed by signal %d (%s)", si->si_status,
			strsignal(si->si_status));
}

static int core_is_dead(struct keeper *k, struct err *err)
{
	uint64_t now = sys_deadline(0), age = k->is_ready ? now - k->ready_at : 0;
	bool said_why, was_killed;
	int delay = 0;
	siginfo_t si;

	while (hear_core(k))
		;
	said_why = k->failure.errnum;
	sys_waitid(k->core, &si, 0);
	was_killed = si.si_code == CLD_KILLED && si.si_status == SIGKILL;
	how_it_ended(&si, &k->failure);
	close(TAKE_FD(k->core));
	close(TAKE_FD(k->link));
	k->is_ready = false;
	k->next = NEVER;
	if (k->is_stopping || is_disconnected(k)) {
		if (!k->is_stopping)
			log_info("%s was unmounted: lxdfsd ends, what runs goes on", k->o->mount);
		k->is_over = true;
		return 0;
	}
	k->deaths = 1 + k->deaths - (int)MIN((now - k->died_at) / FORGIVE_MS, (uint64_t)k->deaths);
	k->died_at = now;
	if (!k->was_ready && (said_why || k->deaths == START_TRIES)) {
		if (!said_why)
			err_prefix(&k->failure, "lxdfsd doesn't start, tried %d times: ", START_TRIES);
		return err_move(err, &k->failure);
	}
	k->early = age < SUSPECT_MS ? k->early + 1 : 0;
	k->is_suspect = k->early && (!was_killed || k->early > EARLY_KILLS);
	if (k->deaths > FREE_DEATHS)
		delay = MIN(DELAY_MIN_MS << MIN(k->deaths - FREE_DEATHS - 1, 8), DELAY_MAX_MS);
	k->next = now + (unsigned)delay;
	if (!said_why)
		log_err("%s; another is started", err_text(&k->failure));
	return 0;
}

static int time_is_over(struct keeper *k, struct err *err)
{
	k->next = NEVER;
	if (k->core < 0)
		return start_core(k, err);
	sys_pidfd_signal(k->core, SIGKILL, NULL);
	return 0;
}

static int loop(struct keeper *k, struct err *err)
{
	int r = start_core(k, err);

	while (r >= 0 && !k->is_over) {
		struct pollfd p[] = {{.fd = k->core, .events = POLLIN},
				     {.fd = k->link, .events = POLLIN},
				     {.fd = k->signals, .events = POLLIN},
				     {.fd = k->listener, .events = POLLIN},
				     {.fd = k->client}};
		uint64_t now = sys_deadline(0);

		r = poll(p, ARRAY_SIZE(p), k->next == NEVER ? -1 : k->next <= now ? 0 : (int)(k->next - now));
		if (r < 0 && errno != EINTR)
			return err_set(err, errno, "the keeper can't wait: %s", strerror(errno));
		if (r == 0 && k->next != NEVER)
			r = time_is_over(k, err);
		else if (r > 0 && p[0].revents)
			r = core_is_dead(k, err);
		else if (r > 0 && p[1].revents && !hear_core(k))
			sys_pidfd_signal(k->core, SIGKILL, NULL);
		else if (r > 0 && p[2].revents)
			hear_signal(k);
		else if (r > 0 && p[3].revents)
			hear_control(k);
		else if (r > 0 && p[4].revents)
			client_is_gone(k);
		else
			r = 0;
	}
	return r;
}

/* ---- begin and end */

int keeper_lock(const char *run, struct err *err)
{
	AUTO(fd) int fd = open(run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "%s can't be opened: %s", run, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, EBUSY,
			       "lxdfsd runs already in %s: stop it first, or choose another --run", run);
	return TAKE_FD(fd);
}

int keeper_sweep(const struct core_options *o, struct err *err)
{
	static const char *const names[] = {"control", "pid", "log"};
	int r = mountpoint_detach(o->mount, err);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO(free) char *path = xasprintf("%s/%s", o->run, names[i]);

		unlink(path);
	}
	noted_sweep(o->run);
	rmdir(o->run); /* stays where others put something */
	return r;
}

/* The first request of every mount, which the kernel has queued when mount(2) returns. */
static int read_init(struct keeper *k, struct err *err)
{
	_Alignas(8) char init[FUSE_MIN_READ_BUFFER];
	ssize_t n = sys_read(k->fuse, init, sizeof(init));

	if (n < (ssize_t)sizeof(struct fuse_in_header) ||
	    ((struct fuse_in_header *)(void *)init)->opcode != FUSE_INIT)
		return err_set(err, EPROTO, "the kernel didn't begin with INIT: %s",
			       n < 0 ? strerror((int)-n) : "");
	k->shared = inflight_make((struct str){init, (size_t)n}, err);
	return k->shared < 0 ? k->shared : 0;
}

static int set_up(struct keeper *k, struct err *err)
{
	sigset_t set;
	int r = path_make_dir(k->o->run, 0711);

	if (r < 0)
		return err_set(err, -r, "%s can't be made: %s", k->o->run, strerror(-r));
	k->lock = keeper_lock(k->o->run, err);
	if (k->lock < 0)
		return k->lock;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	k->signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (k->signals < 0)
		return err_set(err, errno, "no descriptor for signals: %s", strerror(errno));
	k->fuse = mountpoint_attach(k->o->mount, err);
	if (k->fuse < 0)
		return k->fuse;
	k->is_mounted = true;
	noted_sweep(k->o->run);
	k->fuse = raise_fd(k->fuse);
	r = read_init(k, err);
	if (r < 0)
		return r;
	k->shared = raise_fd(k->shared);
	if (k->shared < 0)
		return err_set(err, -k->shared, "no descriptor for a core: %s", strerror(-k->shared));
	k->listener = control_listen(k->o->run, err);
	return k->listener < 0 ? k->listener : 0;
}

int keeper_run(const struct core_options *o, char **argv, int starter, struct err *err)
{
	struct keeper k = {.o = o,
			   .argv = argv,
			   .lock = -EBADF,
			   .signals = -EBADF,
			   .listener = -EBADF,
			   .fuse = -EBADF,
			   .shared = -EBADF,
			   .client = starter,
			   .link = -EBADF,
			   .core = -EBADF,
			   .next = NEVER};
	int r = set_up(&k, err);

	if (!r)
		r = loop(&k, err);
	if (k.core >= 0) {
		siginfo_t si;

		sys_pidfd_signal(k.core, SIGKILL, NULL);
		sys_waitid(k.core, &si, 0);
	}
	if (k.is_mounted)
		keeper_sweep(o, NULL);
	answer(&k,
	       r < 0	       ? CONTROL_FAILED
	       : k.has_stopped ? CONTROL_DONE
			       : CONTROL_ORPHANED,
	       r < 0 ? err : NULL);
	for (size_t i = 0; i < 7; i++)
		fd_auto((int *[]){&k.lock, &k.signals, &k.listener, &k.fuse, &k.shared, &k.link, &k.core}[i]);
	err_done(&k.failure);
	return r;
}
