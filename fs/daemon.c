/* SPDX-License-Identifier: Apache-2.0 */
/* lxdfsd's command line, and its four roles: the starter that a shell waits for, the keeper and the core
 * behind it, the stopper. */
#include "fs/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/log.h"
#include "engine/base/path.h"
#include "engine/base/sys.h"
#include "fs/control.h"
#include "fs/keeper.h"

#define PATIENCE_MS 3000 /* for the lock of a process that is just dying */
#define HANGUP_MS 2000	 /* for the end of a keeper that hung up */

struct command {
	struct core_options o;
	char *libexec;
	bool stop, all, foreground;
};

static const char usage[] =
    "usage: lxdfsd [option...]               mount the tree and serve it\n"
    "       lxdfsd --stop [--all] [option...]  end that; --all: with all instances and networks\n"
    "  --mount DIR      where the tree is (/lxd)\n"
    "  --state DIR      what survives a reboot (/var/lib/lxdfs)\n"
    "  --run DIR        what doesn't (/run/lxdfs)\n"
    "  --name NAME      of the cgroup and the nftables table (lxdfs)\n"
    "  --libexec DIR    the helper programs (found from where lxdfsd lies)\n"
    "  --no-init        make no default profile, pool and network\n"
    "  --foreground     stay in the foreground\n"
    "A daemon in the background writes its log to where standard error was when that is a file or the "
    "journal,\n"
    "else to log in the run directory. Sent SIGTERM, it ends as with --stop; what runs goes on.\n";

/* ---- the command line */

static bool is_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	return n && n <= 64 && !name[n] && name[0] != '-' && name[0] != '.';
}

static int check(const struct command *c, struct err *err)
{
	const struct {
		const char *option, *path;
	} paths[] = {
	    {"mount", c->o.mount}, {"state", c->o.state}, {"run", c->o.run}, {"libexec", c->o.libexec}};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (paths[i].path[0] != '/' || !paths[i].path[1] || strlen(paths[i].path) > 4000)
			return err_set(err, EINVAL,
				       "--%s is \"%s\": it has to be an absolute path, and not /",
				       paths[i].option, paths[i].path);
	if (!is_name(c->o.name))
		return err_set(err, EINVAL,
			       "--name is \"%s\": it has to be of at most 64 letters, digits, \"-\", \"_\" "
			       "and \".\", and "
			       "begin with neither \"-\" nor \".\"",
			       c->o.name);
	if (c->all && !c->stop)
		return err_set(err, EINVAL, "--all belongs to --stop");
	return 0;
}

/* Beside lxdfsd, as in a build directory, or where `make install` puts them. */
static char *find_libexec(void)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	exe[MAX(n, 0)] = 0;
	slash = strrchr(exe, '/');
	if (slash) {
		AUTO(free) char *beside = NULL;

		*slash = 0;
		beside = xasprintf("%s/lxdfs-monitor", exe);
		if (access(beside, X_OK) == 0)
			return xstrdup(exe);
		slash = strrchr(exe, '/');
		if (slash)
			*slash = 0;
	}
	return xasprintf("%s/libexec/lxdfs", exe);
}

/* Return: 0, 1 all is said, -errno */
static int parse(int argc, char **argv, struct command *c, struct err *err)
{
	enum { MOUNT = 1, STATE, RUN, NAME, LIBEXEC, NO_INIT, FOREGROUND, STOP, ALL, HELP };
	static const struct option options[] = {
	    {"mount", required_argument, NULL, MOUNT},
	    {"state", required_argument, NULL, STATE},
	    {"run", required_argument, NULL, RUN},
	    {"name", required_argument, NULL, NAME},
	    {"libexec", required_argument, NULL, LIBEXEC},
	    {"no-init", no_argument, NULL, NO_INIT},
	    {"foreground", no_argument, NULL, FOREGROUND},
	    {"stop", no_argument, NULL, STOP},
	    {"all", no_argument, NULL, ALL},
	    {"help", no_argument, NULL, HELP},
	    {NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case MOUNT:
			c->o.mount = optarg;
			break;
		case STATE:
			c->o.state = optarg;
			break;
		case RUN:
			c->o.run = optarg;
			break;
		case NAME:
			c->o.name = optarg;
			break;
		case LIBEXEC:
			c->o.libexec = optarg;
			break;
		case NO_INIT:
			c->o.init = false;
			break;
		case FOREGROUND:
			c->foreground = true;
			break;
		case STOP:
			c->stop = true;
			break;
		case ALL:
			c->all = true;
			break;
		case HELP:
			fputs(usage, stdout);
			return 1;
		default: /* getopt has said it */
			return err_set(err, EINVAL, "lxdfsd --help lists the options");
		}
	}
	if (optind < argc)
		return err_set(err, EINVAL, "\"%s\" isn't an option: lxdfsd --help lists them", argv[optind]);
	if (!c->o.libexec)
		c->o.libexec = c->libexec = find_libexec();
	return check(c, err);
}

/* ---- roles */

/* Whoever dies at the moment lets go of a lock soon. */
static int wait_for_lock(int fd)
{
	for (uint64_t end = sys_deadline(PATIENCE_MS); flock(fd, LOCK_EX | LOCK_NB) < 0; poll(NULL, 0, 20))
		if (errno != EWOULDBLOCK || sys_deadline(0) >= end)
			return -errno;
	return 0;
}

/* One process at a time works on a state directory, whatever its run directory is. */
static int lock_state(const struct core_options *o, struct err *err)
{
	AUTO(fd) int fd = -EBADF;
	int r = path_make_dir(o->state, 0711);

	if (r < 0)
		return err_set(err, -r, "%s can't be made: %s", o->state, strerror(-r));
	fd = open(o->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "%s can't be opened: %s", o->state, strerror(errno));
	r = wait_for_lock(fd);
	if (r == -EWOULDBLOCK)
		return err_set(err, EBUSY,
			       "another lxdfsd works on %s: stop it first, or choose another --state",
			       o->state);
	return r < 0 ? err_set(err, -r, "%s can't be locked: %s", o->state, strerror(-r)) : TAKE_FD(fd);
}

static int be_core(const struct command *c, bool suspect, const struct daemon_roles *roles)
{
	struct session_link link = {KEEPER_FD_LINK, KEEPER_FD_FUSE, KEEPER_FD_SHARED, suspect};
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(fd) int state = -EBADF;
	/* open until there is no process any more: the keeper kills a core whose end of it is closed */
	int keeper = fcntl(link.keeper, F_DUPFD_CLOEXEC, 0), r;

	for (int fd = KEEPER_FD_LINK; fd <= KEEPER_FD_SHARED; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	prctl(PR_SET_NAME, "lxdfsd"); /* executed as /proc/self/exe, it is "exe" */
	/* without a keeper there is no mount to serve; one that died before this shows at the link */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(077);
	r = state = lock_state(&c->o, &err);
	if (r >= 0)
		r = roles->run(&c->o, &link, &err);
	if (r >= 0)
		return 0;
	if (!err.errnum)
		err_set(&err, -r, "the core ended: %s", strerror(-r));
	control_say(keeper, &link_table, LINK_FAILED, &err);
	return 1;
}

/* A daemon keeps no terminal and no pipe: who reads the other end would wait for ever. */
static void leave_terminal(const struct core_options *o)
{
	AUTO(fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC), log = -EBADF;
	AUTO(free) char *path = xasprintf("%s/log", o->run);
	struct stat st;

	setsid();
	if (chdir("/") < 0 || null < 0)
		return;
	dup2(null, 0);
	dup2(null, 1);
	if (fstat(2, &st) == 0 && (S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode)))
		return;
	if (path_make_dir(o->run, 0711) == 0)
		log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	dup2(log < 0 ? null : log, 2);
}

static int hear_keeper(int fd, uint32_t *ret_number, struct err *err)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	int r = msg_recv(fd, &control_table, &msg, err);

	if (r <= 0)
		return r < 0 ? r : -ECONNRESET;
	*ret_number = msg.type->number;
	return *ret_number == CONTROL_FAILED ? control_failure(&msg, err) : 0;
}

static int start(const struct command *c, char **argv, struct err *err)
{
	AUTO(fd) int ours = -EBADF;
	uint32_t number = 0;
	int sv[2], r;
	pid_t pid;

	if (c->foreground)
		return keeper_run(&c->o, argv, -EBADF, err);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_set(err, errno, "no socket pair for the start: %s", strerror(errno));
	pid = sys_clone3(0, NULL);
	if (pid == 0) {
		close(sv[0]);
		leave_terminal(&c->o);
		r = keeper_run(&c->o, argv, sv[1], err);
		_exit(r < 0);
	}
	ours = sv[0];
	close(sv[1]);
	if (pid < 0)
		return err_set(err, -pid, "no process for the keeper: %s", strerror(-pid));
	r = hear_keeper(ours, &number, err);
	if (r == -ECONNRESET)
		return err_set(err, EIO, "the keeper was killed before the tree was usable");
	if (!r && number != CONTROL_DONE)
		return err_set(err, ECANCELED,
			       "%s was unmounted, or lxdfsd told to end, before the tree was usable",
			       c->o.mount);
	return r;
}

/* What a killed daemon left, done by this process in its core's place. */
static int take_down(const struct command *c, const struct daemon_roles *roles, struct err *err)
{
	AUTO(fd) int run = -EBADF, state = -EBADF;
	int r = path_make_dir(c->o.run, 0711);

	if (r < 0)
		return err_set(err, -r, "%s can't be made: %s", c->o.run, strerror(-r));
	run = keeper_lock(c->o.run, err);
	if (run == -EBUSY)
		return err_set(err, EBUSY, "lxdfsd in %s is just starting or ending: try again", c->o.run);
	if (run < 0)
		return run;
	state = lock_state(&c->o, err);
	if (state < 0)
		return state;
	r = roles->teardown(&c->o, c->all, err);
	return r < 0 ? r : keeper_sweep(&c->o, err);
}

/* Return: 1 the keeper has ended, and answered with *@number where it could; 0 it hung up and lives */
static int ask_keeper(const struct command *c, uint32_t *number, struct err *err)
{
	AUTO(fd) int keeper = -EBADF, pidfd = -EBADF;
	int r;

	keeper = control_connect(c->o.run, &pidfd, err);
	if (keeper < 0)
		return keeper == -ENOENT ? 1 : keeper;
	r = control_say_flag(keeper, &control_table, CONTROL_STOP, c->all);
	if (!r)
		r = hear_keeper(keeper, number, err);
	if (r < 0 && r != -ECONNRESET && r != -EPIPE)
		return r;
	/* one that dies meanwhile leaves its work to us; one that lives took our word for too late */
	r = sys_poll_in(pidfd, -1, r < 0 ? sys_deadline(HANGUP_MS) : UINT64_MAX);
	return r != 0;
}

static int stop(const struct command *c, const struct daemon_roles *roles, struct err *err)
{
	uint32_t number = CONTROL_ORPHANED;
	int r;

	while ((r = ask_keeper(c, &number, err)) == 0)
		err_done(err);
	if (r < 0)
		return r;
	return number == CONTROL_DONE ? 0 : take_down(c, roles, err);
}

int daemon_main(int argc, char **argv, const struct daemon_roles *roles)
{
	AUTO(err_done) struct err err = ERR_NULL;
	struct command c = {.o = {"/lxd", "/var/lib/lxdfs", "/run/lxdfs", "lxdfs", NULL, true}};
	bool suspect = argc > 1 && !strcmp(argv[1], KEEPER_CORE_SUSPECT);
	bool core = suspect || (argc > 1 && !strcmp(argv[1], KEEPER_CORE));
	int r = parse(argc - core, argv + core, &c, &err);

	/* such as make's job server, which would wait for the daemon */
	if (!core)
		close_range(3, ~0U, 0);
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	if (!r && geteuid() != 0)
		r = err_set(&err, EPERM, "lxdfsd is a daemon of root: sudo lxdfsd ...");
	if (!r && core)
		r = be_core(&c, suspect, roles);
	else if (!r)
		r = c.stop ? stop(&c, roles, &err) : start(&c, argv, &err);
	if (r < 0)
		fprintf(stderr, "lxdfsd: %s\n", err_text(&err));
	free(c.libexec);
	return r < 0 || (core && r);
}
