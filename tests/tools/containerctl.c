/* SPDX-License-Identifier: Apache-2.0 */
/* Drives the container runtime for tests, without a daemon: each call is a process of its own, so whatever it
 * does to a container that runs, it adopted it first. `containerctl help` prints its verbs. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/sys.h"
#include "engine/confine/caps.h"
#include "engine/confine/cgroup.h"
#include "engine/confine/seccomp.h"
#include "engine/instance/container.h"
#include "engine/instance/exec.h"
#include "engine/storage/overlay.h"

static const char usage_text[] =
    "containerctl LIBEXEC RUNDIR CGROUPROOT VERB UUID [NAME=VALUE...]\n"
    "  start   image=DIR layer=DIR | rootfs=DIR, init=PATH arg=TEXT... privileged=yes base=N log=FILE "
    "memory=N pids=N\n"
    "          cpus=LIST cpu_count=N mount=SOURCE:TARGET[:ro] sysctl=NAME:VALUE hostname=NAME nofile=N "
    "attach=fail|abort\n"
    "          wait=yes (stay until it ends)\n"
    "  adopt   prints pid, frozen, processes     wait timeout=MS     halt     kill     finish     clear     "
    "exit\n"
    "  freeze  thaw  usage                       set memory=N pids=N cpus=LIST ...\n"
    "  exec    command=TEXT | arg=TEXT... dir=DIR uid=N gid=N cwd=DIR max=N stdin=FILE wait=no\n"
    "  status  dir=DIR                           signal dir=DIR number=N\n"
    "Fails with status 1 and the sentence on standard error, as \"ERRNO: text\".\n";

static char **args;
static struct container_env env;

/* The value of NAME=..., the @nth of that name; NULL where there is none. */
static const char *arg(const char *name, int nth)
{
	size_t n = strlen(name);

	for (char **p = args; *p; p++)
		if (!strncmp(*p, name, n) && (*p)[n] == '=' && nth-- == 0)
			return *p + n + 1;
	return NULL;
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = arg(name, 0);

	if (!text)
		return otherwise;
	return !strcmp(text, "none") ? CGROUP_NONE : strtoull(text, NULL, 10);
}

static bool yes(const char *name)
{
	return arg(name, 0) && !strcmp(arg(name, 0), "yes");
}

static struct cgroup_limits limits(void)
{
	struct cgroup_limits l = {.cpu_period_us = 100000};

	if (arg("memory", 0))
		l.fields |= CGROUP_MEMORY;
	if (arg("pids", 0))
		l.fields |= CGROUP_PIDS;
	if (arg("cpus", 0) || arg("cpu_count", 0))
		l.fields |= CGROUP_CPUSET;
	if (arg("quota", 0))
		l.fields |= CGROUP_CPU_TIME;
	if (arg("shares", 0))
		l.fields |= CGROUP_CPU_SHARES;
	l.memory = number("memory", CGROUP_NONE);
	l.memory_soft = yes("soft");
	l.pids = number("pids", CGROUP_NONE);
	l.cpu_quota_us = number("quota", CGROUP_NONE);
	l.cpu_shares = number("shares", 1024);
	l.cpus = arg("cpus", 0);
	l.cpu_count = (unsigned)number("cpu_count", 0);
	return l;
}

static int attach(void *ctx, int netns, struct err *err)
{
	const char *how = ctx;

	if (!strcmp(how, "abort")) { /* the core dies in the middle of a start */
		kill(getpid(), SIGKILL);
		pause();
	}
	return err_set(err, EADDRINUSE, "attaching to namespace %d fails, as it was asked to", netns > 0);
}

static size_t list(const char *name, const char **to, size_t max)
{
	size_t n = 0;

	while (n < max && (to[n] = arg(name, (int)n)))
		n++;
	to[n] = NULL;
	return n;
}

static int stay(struct container *c, struct err *err)
{
	struct container_exit end;
	int r = container_wait(c, (int)number("timeout", 60000), -1, &end, err);

	if (r < 0)
		return r;
	printf("end %d code %d signal %d\n", end.end, end.code, end.signal);
	return 0;
}

static int start(const char *uuid, struct err *err)
{
	struct container_spec s = CONTAINER_SPEC_NULL;
	struct container_mount mounts[8];
	struct container_sysctl sysctls[8];
	struct container_rlimit nofile = {RLIMIT_NOFILE, number("nofile", 0), number("nofile", 0)};
	const char *argv[32], *lower[] = {arg("image", 0), NULL}, *text;
	struct container *c = NULL;
	bool privileged = yes("privileged");
	struct seccomp_options filter = {.privileged = privileged};
	int r = 0;

	s.uuid = uuid;
	s.hostname = arg("hostname", 0) ? arg("hostname", 0) : "test";
	s.layer = arg("layer", 0);
	s.lower = lower;
	s.rootfs = arg("rootfs", 0);
	s.limits = limits();
	s.console_log = arg("log", 0);
	s.console_log_max = number("log_max", 1 << 20);
	s.caps_drop = caps_dropped(privileged, false);
	s.rlimits = &nofile;
	s.n_rlimits = nofile.soft ? 1 : 0;
	s.mounts = mounts;
	s.sysctls = sysctls;
	if (!privileged)
		idmap_own((uint32_t)number("base", 1000000), 65536, &s.map);
	argv[0] = arg("init", 0) ? arg("init", 0) : "/sbin/init";
	list("arg", argv + 1, 30);
	s.argv = argv;
	for (; s.n_mounts < 8 && (text = arg("mount", (int)s.n_mounts)); s.n_mounts++) {
		char *source = xstrdup(text), *target = strchr(source, ':'), *flags;

		*target++ = 0;
		flags = strchr(target, ':');
		if (flags)
			*flags++ = 0;
		mounts[s.n_mounts] =
		    (struct container_mount){.source = source, .source_fd = -1, .target = target};
		mounts[s.n_mounts].flags = CONTAINER_MOUNT_SHIFT | (flags ? CONTAINER_MOUNT_READONLY : 0);
	}
	for (; s.n_sysctls < 8 && (text = arg("sysctl", (int)s.n_sysctls)); s.n_sysctls++) {
		char *name = xstrdup(text), *value = strchr(name, ':');

		*value++ = 0;
		sysctls[s.n_sysctls] = (struct container_sysctl){name, value};
	}
	if (arg("attach", 0)) {
		s.attach = attach;
		s.attach_ctx = (void *)arg("attach", 0);
	}
	if (lower[0])
		r = overlay_layer_make(s.layer, lower[0], err);
	if (!r)
		r = seccomp_export(&filter, &s.seccomp_fd, NULL, err);
	if (!r)
		r = container_start(&env, &s, &c, err);
	if (r < 0)
		return r;
	printf("pid %d\n", container_pid(c));
	fflush(stdout);
	if (yes("wait"))
		r = stay(c, err);
	container_free(c);
	return r;
}

static int print_adopted(struct container *c)
{
	struct cgroup_usage usage;

	cgroup_usage(container_cgroup(c), &usage);
	printf("pid %d\nfrozen %d\nprocesses %d\nmemory %llu\ncpu_ns %llu\npids %llu\n", container_pid(c),
	       cgroup_is_frozen(container_cgroup(c)), cgroup_pids(container_cgroup(c), NULL),
	       (unsigned long long)usage.memory, (unsigned long long)usage.cpu_ns,
	       (unsigned long long)usage.pids);
	return 0;
}

static int print_status(struct exec *e, struct err *err)
{
	struct exec_status st;
	int r = exec_status(e, &st, err);

	if (r < 0)
		return r;
	if (!st.is_done)
		printf("running\n");
	else if (st.signal)
		printf("signal %d\n", st.signal);
	else
		printf("exit %d\n", st.code);
	return 0;
}

static int run(struct container *c, struct err *err)
{
	struct exec_spec s = EXEC_SPEC_NULL;
	struct seccomp_options filter = {.privileged = yes("privileged")};
	const char *argv[32];
	struct exec *e = NULL;
	int r;

	s.argv = list("arg", argv, 31) ? argv : NULL;
	s.command = arg("command", 0);
	s.dir = arg("dir", 0);
	s.cwd = arg("cwd", 0);
	s.uid = (uint32_t)number("uid", 0);
	s.gid = (uint32_t)number("gid", 0);
	s.max_output = number("max", 0);
	s.caps_drop = caps_dropped(filter.privileged, false);
	if (arg("stdin", 0))
		s.stdin_fd = open(arg("stdin", 0), O_RDONLY | O_CLOEXEC);
	r = seccomp_export(&filter, &s.seccomp_fd, NULL, err);
	if (!r)
		r = exec_start(&env, c, &s, &e, err);
	if (r < 0)
		return r;
	if (!arg("wait", 0)) {
		sys_poll_in(exec_fd(e), -1, sys_deadline(60000));
		r = print_status(e, err);
	}
	exec_free(e);
	return r;
}

static int with_exec(const char *verb, struct err *err)
{
	struct exec *e = NULL;
	int r = exec_adopt(arg("dir", 0), &e, err);

	if (!r && !strcmp(verb, "signal"))
		r = exec_kill(e, (int)number("number", SIGTERM), err);
	if (!r && yes("wait"))
		sys_poll_in(exec_fd(e), -1, sys_deadline(60000));
	if (!r)
		r = print_status(e, err);
	exec_free(e);
	return r;
}

static int with_container(const char *verb, const char *uuid, struct err *err)
{
	struct cgroup_limits l = limits();
	struct container *c = NULL;
	int r = container_adopt(&env, uuid, &c, err);

	if (r < 0)
		return r;
	if (!strcmp(verb, "adopt"))
		r = print_adopted(c);
	else if (!strcmp(verb, "wait"))
		r = stay(c, err);
	else if (!strcmp(verb, "halt"))
		r = container_halt(c, err);
	else if (!strcmp(verb, "kill"))
		r = container_kill(c, err);
	else if (!strcmp(verb, "freeze"))
		r = cgroup_freeze(container_cgroup(c), true, 10000, -1, err);
	else if (!strcmp(verb, "thaw"))
		r = cgroup_freeze(container_cgroup(c), false, 10000, -1, err);
	else if (!strcmp(verb, "set"))
		r = cgroup_set(container_cgroup(c), &l, err);
	else if (!strcmp(verb, "exec"))
		r = run(c, err);
	else if (!strcmp(verb, "finish"))
		return container_finish(c, err);
	else
		r = err_set(err, EINVAL, "no verb %s", verb);
	container_free(c);
	return r;
}

int main(int argc, char **argv)
{
	AUTO(err_done) struct err err = ERR_NULL;
	struct container_exit end;
	const char *verb, *uuid;
	int r;

	if (argc < 6) {
		fputs(usage_text, argc > 1 && !strcmp(argv[1], "help") ? stdout : stderr);
		return 2;
	}
	env.libexec = argv[1];
	env.rundir = argv[2];
	verb = argv[4];
	uuid = argv[5];
	args = argv + 6;
	r = cgroup_layout_new(NULL, argv[3], &env.cgroups, &err);
	if (r < 0)
		;
	else if (!strcmp(verb, "start"))
		r = start(uuid, &err);
	else if (!strcmp(verb, "clear"))
		r = container_clear(&env, uuid, &err);
	else if (!strcmp(verb, "status") || !strcmp(verb, "signal"))
		r = with_exec(verb, &err);
	else if (!strcmp(verb, "exit")) {
		r = container_exit_read(&env, uuid, &end);
		if (r < 0)
			err_set(&err, -r, "nothing is known of the end of %s", uuid);
		else
			printf("end %d code %d signal %d\n", end.end, end.code, end.signal);
	} else
		r = with_container(verb, uuid, &err);
	if (env.cgroups)
		cgroup_layout_clear(env.cgroups);
	cgroup_layout_free(env.cgroups);
	if (r < 0)
		fprintf(stderr, "%d: %s\n", -r, err_text(&err));
	return r < 0;
}
