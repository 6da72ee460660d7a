/* SPDX-License-Identifier: Apache-2.0 */
/* Limits and freezing on cgroup v2. Source: the kernel's Documentation/admin-guide/cgroup-v2.rst. */
#include "engine/confine/cgroup-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/sys.h"

#define OWN_GROUP "lxdfs-host" /* what is in the container beside the instances */
#define ROUNDS 10

/* Reclaims until the container fits: a plain write of memory.max would have its processes killed instead. */
static int squeeze(const char *dir, uint64_t limit, struct err *err)
{
	uint64_t now;

	for (int round = 0; round < 4; round++) {
		AUTO(free) char *text = NULL;

		if (value_read_u64(dir, "memory.current", &now) < 0 || now <= limit)
			return 0;
		if (!value_exists(dir, "memory.reclaim"))
			break;
		text = xasprintf("%" PRIu64, now - limit);
		value_write(NULL, dir, "memory.reclaim", text, NULL);
	}
	if (value_read_u64(dir, "memory.current", &now) < 0 || now <= limit)
		return 0;
	return err_set(err, EBUSY, "the container uses %" PRIu64 " bytes of memory, more than %" PRIu64, now,
		       limit);
}

int cgroup2_set_memory(const char *dir, const struct cgroup_limits *l, struct changes *ch, struct err *err)
{
	AUTO(free) char *limit = l->memory == CGROUP_NONE ? xstrdup("max") : xasprintf("%" PRIu64, l->memory);
	const char *hard = l->memory_soft ? "max" : limit, *high = l->memory_soft ? limit : "max";
	int r = 0;

	if (!l->memory_soft && l->memory != CGROUP_NONE)
		r = squeeze(dir, l->memory, err);
	if (!r)
		r = value_write(ch, dir, "memory.max", hard, err);
	if (!r)
		r = value_check(dir, "memory.max", l->memory_soft ? CGROUP_NONE : l->memory, err);
	if (!r)
		r = value_write(ch, dir, "memory.high", high, err);
	if (!r)
		r = value_check(dir, "memory.high", l->memory_soft ? l->memory : CGROUP_NONE, err);
	if (!r && value_exists(dir, "memory.swap.max"))
		r = value_write(ch, dir, "memory.swap.max", l->no_swap ? "0" : "max", err);
	return r;
}

int cgroup2_set_cpu(const char *dir, const struct cgroup_limits *l, struct changes *ch, struct err *err)
{
	int r = 0;

	if (l->fields & CGROUP_CPU_TIME) {
		AUTO(free)
		char *text = l->cpu_quota_us == CGROUP_NONE
				 ? xstrdup("max 100000")
				 : xasprintf("%" PRIu64 " %" PRIu64, l->cpu_quota_us, l->cpu_period_us);
		AUTO(free) char *now = NULL;

		r = value_write(ch, dir, "cpu.max", text, err);
		if (!r && (value_read(dir, "cpu.max", &now) < 0 || strcmp(now, text)))
			r = err_set(err, EIO, "%s/cpu.max is \"%s\" after \"%s\" was written", dir,
				    now ? now : "", text);
	}
	if (!r && l->fields & CGROUP_CPU_SHARES) {
		uint64_t weight = 1 + (l->cpu_shares - 2) * 9999 / 262142;
		AUTO(free) char *text = xasprintf("%" PRIu64, weight);

		r = value_write(ch, dir, "cpu.weight", text, err);
		if (!r)
			r = value_check(dir, "cpu.weight", weight, err);
	}
	return r;
}

int cgroup2_set_cpus(const char *dir, const char *file, const cpu_set_t *set, struct changes *ch,
		     struct err *err)
{
	AUTO(free) char *text = cpus_text(set), *now = NULL;
	cpu_set_t got;
	int r = value_write(ch, dir, file, text, err);

	if (r < 0)
		return r;
	r = value_read(dir, file, &now);
	if (r < 0 || cpus_parse(now, &got) < 0 || !CPU_EQUAL(&got, set))
		return err_set(err, EIO, "%s/%s is \"%s\" after %s was written", dir, file, now ? now : "",
			       text);
	return 0;
}

int cgroup2_make_room(const char *top, struct err *err)
{
	AUTO(free) char *group = xasprintf("%s/" OWN_GROUP, top), *have = NULL, *can = NULL;

	/* the top of a host has no type; one whose groups have controllers has room */
	if (!value_exists(top, "cgroup.type") || value_read(top, "cgroup.subtree_control", &have) < 0 ||
	    *have || value_read(top, "cgroup.controllers", &can) < 0 || !*can)
		return 0;
	if (mkdir(group, 0755) < 0 && errno != EEXIST)
		return err_set(err, errno, "the control group %s can't be made: %s", group, strerror(errno));
	/* as long as new ones come */
	for (int round = 0; round < ROUNDS; round++) {
		AUTO(free) char *pids = NULL;
		struct str rest, pid;

		if (value_read(top, "cgroup.procs", &pids) < 0 || !*pids)
			return 0;
		rest = str_from(pids);
		while (str_next(&rest, '\n', &pid)) {
			AUTO(free) char *text = str_dup(pid);

			/* one that ended meanwhile, or is the kernel's */
			value_write(NULL, group, "cgroup.procs", text, NULL);
		}
	}
	return 0;
}

int cgroup2_enable(const char *dir, struct err *err)
{
	AUTO(free) char *have = NULL;
	struct str rest, name;
	int r = value_read(dir, "cgroup.controllers", &have);

	if (r < 0)
		return err_set(err, -r, "%s/cgroup.controllers can't be read: %s", dir, strerror(-r));
	rest = str_from(have);
	while (str_next(&rest, ' ', &name)) {
		AUTO(free) char *text = xasprintf("+%.*s", STR_FMT(name));

		if (!name.len)
			continue;
		r = value_write(NULL, dir, "cgroup.subtree_control", text, NULL);
		/* a controller that a v1 hierarchy or the host's scheduler settings keep stays off: limits
		 * that need it are then refused by name */
		if (r < 0 && r != -EBUSY && r != -EINVAL && r != -ENOENT && r != -EOPNOTSUPP)
			return err_set(err, -r, "%s/cgroup.subtree_control doesn't take \"%s\": %s", dir,
				       text, strerror(-r));
	}
	return 0;
}

static int frozen_now(int events)
{
	char text[256] = "";
	ssize_t n = pread(events, text, sizeof(text) - 1, 0);

	return n < 0 ? -errno : strstr(text, "frozen 1") != NULL;
}

int cgroup2_freeze(const char *dir, bool frozen, uint64_t deadline, int cancel_fd, struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/cgroup.events", dir);
	AUTO(fd) int events = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (events < 0)
		return err_set(err, errno, "%s can't be opened: %s", path, strerror(errno));
	r = value_write(NULL, dir, "cgroup.freeze", frozen ? "1" : "0", err);
	while (!r) {
		struct pollfd p[2] = {{.fd = events, .events = POLLPRI}, {.fd = cancel_fd, .events = POLLIN}};
		uint64_t now = sys_deadline(0);

		r = frozen_now(events);
		if (r < 0)
			return err_set(err, -r, "%s can't be read: %s", path, strerror(-r));
		if ((r == 1) == frozen)
			return 0;
		if (now >= deadline)
			return err_set(err, ETIMEDOUT, "the container is still not %s",
				       frozen ? "frozen" : "thawed");
		r = poll(p, 2, deadline - now > 60000 ? 60000 : (int)(deadline - now));
		if (r < 0 && errno != EINTR)
			return err_set(err, errno, "%s can't be watched: %s", path, strerror(errno));
		if (r > 0 && p[1].revents)
			return err_set(err, ECANCELED, "freezing was given up");
		r = 0;
	}
	return r;
}
