/* SPDX-License-Identifier: Apache-2.0 */
/* Which CPUs and memory nodes a container has. Source: cpuset(7), the kernel's Documentation on cgroup v1 and
 * v2. */
#include "engine/confine/cgroup-internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"

#define NODES "/sys/devices/system/node"
#define BALANCED "balanced"

/* CPUs or memory nodes that the host's group may use, and so the containers. */
static int host_has(const struct hierarchy *h, const char *v2, const char *v1, const char *file,
		    cpu_set_t *ret, struct err *err)
{
	AUTO(free) char *text = NULL;
	int r = value_read(h->mount, h->is_v2 ? v2 : v1, &text);

	if (r < 0)
		r = value_read(h->mount, file, &text);
	if (r < 0 || cpus_parse(text, ret) < 0)
		return err_set(err, EIO, "%s of %s can't be read", file, h->mount);
	return 0;
}

/* What other groups have in a file: a line each. */
static char *others_have(const struct cgroup *cg, const struct hierarchy *h, const char *file)
{
	AUTO(free) char *top = xasprintf("%s/%s", h->mount, cg->layout->root);
	AUTO(closedir) DIR *d = opendir(top);
	struct buf all = BUF_NULL;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		AUTO(free) char *dir = NULL, *text = NULL;

		if (e->d_type != DT_DIR || e->d_name[0] == '.' || !strcmp(e->d_name, cg->uuid))
			continue;
		dir = xasprintf("%s/%s", top, e->d_name);
		if (!value_read(dir, file, &text))
			buf_printf(&all, "%s\n", text);
	}
	return all.ptr ? buf_take(&all) : xstrdup("");
}

/* How many of @others are bound to each: one that has all of @host isn't. */
static void count_used(const char *others, const cpu_set_t *host, unsigned used[CPU_SETSIZE])
{
	struct str rest = str_from(others), line;

	while (str_next(&rest, '\n', &line)) {
		AUTO(free) char *text = str_dup(line);
		cpu_set_t set;

		if (!line.len || cpus_parse(text, &set) < 0 || CPU_EQUAL(&set, host))
			continue;
		for (int c = 0; c < CPU_SETSIZE; c++)
			used[c] += CPU_ISSET(c, &set) ? 1 : 0;
	}
}

/* Those of @from that the fewest others are bound to; the lowest of those that are alike. */
static void pick(const unsigned used[CPU_SETSIZE], const cpu_set_t *from, unsigned count, cpu_set_t *ret)
{
	CPU_ZERO(ret);
	while (count--) {
		int best = -1;

		for (int c = 0; c < CPU_SETSIZE; c++)
			if (CPU_ISSET(c, from) && !CPU_ISSET(c, ret) && (best < 0 || used[c] < used[best]))
				best = c;
		if (best >= 0)
			CPU_SET(best, ret);
	}
}

/* ---- memory nodes */

int nodes_cpus(const char *sysfs, const cpu_set_t *nodes, cpu_set_t *ret)
{
	CPU_ZERO(ret);
	for (int n = 0; n < CPU_SETSIZE; n++) {
		AUTO(free)
		char *dir = CPU_ISSET(n, nodes) ? xasprintf("%s/node%d", sysfs, n) : NULL, *text = NULL;
		cpu_set_t cpus;

		if (!dir)
			continue;
		if (value_read(dir, "cpulist", &text) < 0 || cpus_parse(text, &cpus) < 0)
			return -ENOENT;
		CPU_OR(ret, ret, &cpus);
	}
	return 0;
}

int nodes_choose(const char *text, const cpu_set_t *host, const char *others, const char *now, cpu_set_t *ret,
		 struct err *err)
{
	AUTO(free) char *have = cpus_text(host);
	unsigned used[CPU_SETSIZE] = {0};
	cpu_set_t both;

	if (!strcmp(text, BALANCED)) {
		/* its memory is there already */
		if (!cpus_parse(now, ret) && CPU_COUNT(ret) == 1 && CPU_COUNT(host) > 1) {
			CPU_AND(&both, ret, host);
			if (CPU_EQUAL(&both, ret))
				return 0;
		}
		count_used(others, host, used);
		pick(used, host, 1, ret);
		return 0;
	}
	if (cpus_parse(text, ret) < 0 || !CPU_COUNT(ret))
		return err_set(err, EINVAL, "\"%s\" is no list of memory nodes such as 0-1", text);
	CPU_AND(&both, ret, host);
	if (!CPU_EQUAL(&both, ret))
		return err_set(err, EINVAL, "the memory nodes %s aren't all on this host, which has %s", text,
			       have);
	return 0;
}

static int set_list(const struct cgroup *cg, size_t i, const char *file, const cpu_set_t *set,
		    struct changes *ch, struct err *err)
{
	return cg->layout->h[i].is_v2 ? cgroup2_set_cpus(cg->dirs[i], file, set, ch, err)
				      : cgroup1_set_cpus(cg->dirs[i], file, set, ch, err);
}

/* @cpus: of the host, narrowed to those of the nodes. */
static int set_nodes(const struct cgroup *cg, size_t i, const struct cgroup_limits *l, cpu_set_t *cpus,
		     struct changes *ch, struct err *err)
{
	const struct hierarchy *h = &cg->layout->h[i];
	AUTO(free) char *now = NULL, *others = NULL;
	cpu_set_t host, want, has, near;
	int r = host_has(h, "cpuset.mems.effective", "cpuset.effective_mems", "cpuset.mems", &host, err);

	if (!r && value_read(cg->dirs[i], "cpuset.mems", &now) < 0)
		now = xstrdup("");
	if (r < 0)
		return r;
	want = host;
	if (l->nodes) {
		others = others_have(cg, h, "cpuset.mems");
		r = nodes_choose(l->nodes, &host, others, now, &want, err);
		if (!r && nodes_cpus(NODES, &want, &near) < 0)
			return err_set(err, ENOENT, "the CPUs of the memory nodes %s can't be read in " NODES,
				       l->nodes);
		if (!r)
			CPU_AND(cpus, cpus, &near);
	}
	/* none set: all, on v2 */
	if (r < 0 || cpus_parse(now, &has) < 0 || CPU_EQUAL(&has, &want) || (!l->nodes && !CPU_COUNT(&has)))
		return r;
	return set_list(cg, i, "cpuset.mems", &want, ch, err);
}

int cgroup_set_cpuset(struct cgroup *cg, size_t i, const struct cgroup_limits *l, struct changes *ch,
		      struct err *err)
{
	const struct hierarchy *h = &cg->layout->h[i];
	AUTO(free) char *have = NULL, *near = NULL, *others = NULL;
	unsigned used[CPU_SETSIZE] = {0};
	cpu_set_t host, from, set, both;
	int r = host_has(h, "cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus", &host, err);

	from = host;
	if (!r)
		r = set_nodes(cg, i, l, &from, ch, err);
	if (r < 0)
		return r;
	have = cpus_text(&host);
	near = cpus_text(&from);
	set = from;
	if (l->cpus) {
		if (cpus_parse(l->cpus, &set) < 0 || !CPU_COUNT(&set))
			return err_set(err, EINVAL, "\"%s\" is no list of CPUs such as 0-1,3", l->cpus);
		CPU_AND(&both, &set, &host);
		if (!CPU_EQUAL(&both, &set))
			return err_set(err, EINVAL, "the CPUs %s aren't all on this host, which has %s",
				       l->cpus, have);
	} else if (l->cpu_count) {
		if (l->cpu_count > (unsigned)CPU_COUNT(&from))
			return err_set(
			    err, EINVAL, "%u CPUs are more than %s: %s", l->cpu_count,
			    l->nodes ? "the memory nodes of limits.cpu.nodes have" : "this host has", near);
		if (l->cpu_count < (unsigned)CPU_COUNT(&from)) {
			others = others_have(cg, h, "cpuset.cpus");
			count_used(others, &host, used);
			pick(used, &from, l->cpu_count, &set);
		}
	} else if (!CPU_COUNT(&from)) {
		return err_set(err, EINVAL, "the memory nodes %s have no CPUs: name some in limits.cpu",
			       l->nodes);
	}
	return set_list(cg, i, "cpuset.cpus", &set, ch, err);
}
