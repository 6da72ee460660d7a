/* SPDX-License-Identifier: Apache-2.0 */
/* Limits and freezing on v1 hierarchies. Source: the kernel's Documentation/admin-guide/cgroup-v1. */
#include "engine/confine/cgroup-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/sys.h"

#define FREEZE_LOOK_MS 5 /* freezer.state can't be polled */

int cgroup1_set_memory(const char *dir, const struct cgroup_limits *l, struct changes *ch, struct err *err)
{
	AUTO(free) char *limit = l->memory == CGROUP_NONE ? xstrdup("-1") : xasprintf("%" PRIu64, l->memory);
	const char *hard = l->memory_soft ? "-1" : limit, *soft = l->memory_soft ? limit : "-1";
	bool has_memsw = value_exists(dir, "memory.memsw.limit_in_bytes");
	uint64_t used;
	int r = 0;

	/* memory.limit <= memory.memsw.limit holds at any moment */
	if (has_memsw)
		r = value_write(ch, dir, "memory.memsw.limit_in_bytes", "-1", err);
	if (!r)
		r = value_write(ch, dir, "memory.limit_in_bytes", hard, err);
	if (r == -EBUSY && !value_read_u64(dir, "memory.usage_in_bytes", &used))
		return err_set(err, EBUSY,
			       "the container uses %" PRIu64 " bytes of memory, more than %" PRIu64, used,
			       l->memory);
	if (!r)
		r = value_check(dir, "memory.limit_in_bytes", l->memory_soft ? CGROUP_NONE : l->memory, err);
	if (!r && has_memsw && l->no_swap && !l->memory_soft)
		r = value_write(ch, dir, "memory.memsw.limit_in_bytes", limit, err);
	if (!r && value_exists(dir, "memory.soft_limit_in_bytes")) {
		r = value_write(ch, dir, "memory.soft_limit_in_bytes", soft, err);
		if (!r)
			r = value_check(dir, "memory.soft_limit_in_bytes",
					l->memory_soft ? l->memory : CGROUP_NONE, err);
	} else if (!r && l->memory_soft && l->memory != CGROUP_NONE) {
		r = err_set(err, EOPNOTSUPP, "this kernel's memory group has no soft limit: use a hard one");
	}
	if (!r && value_exists(dir, "memory.swappiness"))
		r = value_write(ch, dir, "memory.swappiness", l->no_swap ? "0" : "60", err);
	return r;
}

int cgroup1_set_cpu(const char *dir, const struct cgroup_limits *l, struct changes *ch, struct err *err)
{
	int r = 0;

	if (l->fields & CGROUP_CPU_TIME) {
		AUTO(free) char *quota = xasprintf("%" PRIu64, l->cpu_quota_us);
		AUTO(free) char *period = xasprintf("%" PRIu64, l->cpu_period_us);
		bool none = l->cpu_quota_us == CGROUP_NONE;

		/* no quota while the period changes: the two together could be refused */
		r = value_write(ch, dir, "cpu.cfs_quota_us", "-1", err);
		if (!r && !none)
			r = value_write(ch, dir, "cpu.cfs_period_us", period, err);
		if (!r && !none)
			r = value_write(ch, dir, "cpu.cfs_quota_us", quota, err);
		if (!r)
			r = value_check(dir, "cpu.cfs_quota_us", l->cpu_quota_us, err);
	}
	if (!r && l->fields & CGROUP_CPU_SHARES) {
		AUTO(free) char *shares = xasprintf("%" PRIu64, l->cpu_shares);

		r = value_write(ch, dir, "cpu.shares", shares, err);
		if (!r)
			r = value_check(dir, "cpu.shares", l->cpu_shares, err);
	}
	return r;
}

/* A group's CPUs must hold those of all below it and lie within those above. */
static int cpus_below(const char *dir, const char *file, const char *cpus, int depth, struct changes *ch,
		      struct err *err)
{
	AUTO(closedir) DIR *d = opendir(dir);
	struct dirent *e;
	int r;

	if (!d)
		return 0;
	while (depth < 16 && (e = readdir(d))) {
		AUTO(free) char *sub = NULL;

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		sub = xasprintf("%s/%s", dir, e->d_name);
		r = cpus_below(sub, file, cpus, depth + 1, ch, err);
		if (!r)
			r = value_write(ch, sub, file, cpus, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int cgroup1_set_cpus(const char *dir, const char *file, const cpu_set_t *set, struct changes *ch,
		     struct err *err)
{
	AUTO(free) char *old_text = NULL, *new_text = cpus_text(set), *both_text = NULL;
	cpu_set_t old, both;
	int r = value_read(dir, file, &old_text);

	if (r < 0 || cpus_parse(old_text, &old) < 0)
		return err_set(err, r < 0 ? -r : EIO, "%s/%s can't be read", dir, file);
	CPU_OR(&both, &old, set);
	both_text = cpus_text(&both);
	r = value_write(ch, dir, file, both_text, err);
	if (!r)
		r = cpus_below(dir, file, new_text, 0, ch, err);
	if (!r)
		r = value_write(ch, dir, file, new_text, err);
	return r;
}

static char *device_text(const struct cgroup_device *d)
{
	struct buf b = BUF_NULL;

	buf_addc(&b, d->type);
	buf_addc(&b, ' ');
	if (d->major < 0)
		buf_addc(&b, '*');
	else
		buf_printf(&b, "%d", d->major);
	buf_addc(&b, ':');
	if (d->minor < 0)
		buf_addc(&b, '*');
	else
		buf_printf(&b, "%d", d->minor);
	buf_printf(&b, " %s", d->access);
	return buf_take(&b);
}

static bool line_is_wanted(struct str line, const struct cgroup_limits *l)
{
	for (size_t i = 0; i < l->n_devices; i++) {
		AUTO(free) char *text = device_text(&l->devices[i]);

		if (str_is(line, text))
			return true;
	}
	return false;
}

int cgroup1_set_devices(const char *dir, const struct cgroup_limits *l, struct changes *ch, struct err *err)
{
	AUTO(free) char *ns = xasprintf("%s/ns", dir), *old = NULL;
	struct str rest, line;
	int r = value_read(dir, "devices.list", &old);

	(void)ch; /* allow and deny are steps, not values: the last change of a set */
	if (r < 0)
		return err_set(err, -r, "%s/devices.list can't be read: %s", dir, strerror(-r));
	rest = str_from(old);
	if (str_has_prefix(rest, STR("a "))) {
		/* all can be denied only while there was never a group below */
		if (value_exists(ns, "cgroup.procs"))
			return err_set(err, EBUSY,
				       "devices can't be denied to a container that runs: stop it first");
		r = value_write(NULL, dir, "devices.deny", "a", err);
		rest = STR_NULL;
	}
	while (!r && str_next(&rest, '\n', &line)) {
		AUTO(free) char *text = str_dup(line);

		/* what is taken away here goes from the groups below, too */
		if (line.len && !line_is_wanted(line, l))
			r = value_write(NULL, dir, "devices.deny", text, err);
	}
	for (size_t i = 0; !r && i < l->n_devices; i++) {
		AUTO(free) char *text = device_text(&l->devices[i]);

		r = value_write(NULL, dir, "devices.allow", text, err);
		if (!r && value_exists(ns, "devices.allow"))
			r = value_write(NULL, ns, "devices.allow", text, err);
	}
	return r;
}

int cgroup1_prepare(const struct hierarchy *h, const char *parent, const char *dir, struct err *err)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
	int r;

	if (!(h->controllers & CTL_CPUSET))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO(free) char *text = NULL, *now = NULL;

		r = value_read(dir, files[i], &now);
		if (!r && *now)
			continue; /* has some already */
		r = value_read(parent, files[i], &text);
		if (r < 0)
			return err_set(err, -r, "%s/%s can't be read: %s", parent, files[i], strerror(-r));
		r = value_write(NULL, dir, files[i], text, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int cgroup1_freeze(const char *dir, bool frozen, uint64_t deadline, int cancel_fd, struct err *err)
{
	const char *want = frozen ? "FROZEN" : "THAWED";
	int r = value_write(NULL, dir, "freezer.state", want, err);

	while (!r) {
		AUTO(free) char *now = NULL;
		uint64_t look = sys_deadline(FREEZE_LOOK_MS);

		r = value_read(dir, "freezer.state", &now);
		if (r < 0)
			return err_set(err, -r, "%s/freezer.state can't be read: %s", dir, strerror(-r));
		if (!strcmp(now, want))
			return 0;
		r = sys_poll_in(cancel_fd, -1, MIN(look, deadline));
		if (r > 0)
			r = err_set(err, ECANCELED, "freezing was given up");
		else if (r == 0 && sys_deadline(0) >= deadline)
			r = err_set(err, ETIMEDOUT, "the container is still %s", now);
	}
	return r;
}
