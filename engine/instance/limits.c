/* SPDX-License-Identifier: Apache-2.0 */
/* Limits: the numbers that LXD makes of these keys, so that an instance gets the same share under both. */
#include "engine/instance/limits.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/instance/rlimits.h"
#include "engine/model/key.h"

#define SHARES_DEFAULT 1024
#define PRIORITY_MAX 10

uint64_t limits_host_memory(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}

/* "50%". Return: 0; -ENOENT it is no percentage */
static int percentage(const char *text, uint64_t *ret)
{
	char *end;
	unsigned long long n;

	if (*text < '0' || *text > '9')
		return -ENOENT;
	n = strtoull(text, &end, 10);
	if (end[0] != '%' || end[1])
		return -ENOENT;
	*ret = n;
	return 0;
}

int limits_memory(const struct config *c, uint64_t host_memory, struct cgroup_limits *ret, struct err *err)
{
	const char *text = config_get(c, SECTION_CONFIG, "limits.memory");
	const char *enforce = config_get(c, SECTION_CONFIG, "limits.memory.enforce");
	const char *swap = config_get(c, SECTION_CONFIG, "limits.memory.swap");
	uint64_t percent;

	ret->fields |= CGROUP_MEMORY;
	ret->memory = CGROUP_NONE;
	if (text && !percentage(text, &percent))
		ret->memory = percent >= 100 ? host_memory : host_memory / 100 * percent;
	else if (text)
		ret->memory = value_size(text, CGROUP_NONE);
	if (text && ret->memory == 0)
		return err_set(err, EINVAL, "limits.memory is \"%s\": nothing runs without memory", text);
	ret->memory_soft = enforce && !strcmp(enforce, "soft");
	ret->no_swap = swap && !value_bool(swap);
	return 0;
}

/* "25ms/100ms" */
static int hard_allowance(const char *text, struct cgroup_limits *ret)
{
	unsigned long long quota, period;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	quota = strtoull(text, &end, 10);
	if (strncmp(end, "ms/", 3) != 0 || end[3] < '0' || end[3] > '9')
		return -EINVAL;
	period = strtoull(end + 3, &end, 10);
	if (strcmp(end, "ms") != 0 || quota < 1 || quota > 1000000 || period < 1 || period > 1000)
		return -EINVAL;
	ret->cpu_quota_us = quota * 1000;
	ret->cpu_period_us = period * 1000;
	return 0;
}

int limits_cpu(const struct config *c, struct cgroup_limits *ret, struct err *err)
{
	const char *cpus = config_get(c, SECTION_CONFIG, "limits.cpu");
	const char *allowance = config_get(c, SECTION_CONFIG, "limits.cpu.allowance");
	int64_t priority = value_int(config_get(c, SECTION_CONFIG, "limits.cpu.priority"), PRIORITY_MAX);
	uint64_t percent = 100;

	ret->fields |= CGROUP_CPUSET | CGROUP_CPU_TIME | CGROUP_CPU_SHARES;
	ret->cpus = NULL;
	ret->nodes = config_get(c, SECTION_CONFIG, "limits.cpu.nodes");
	ret->cpu_count = 0;
	ret->cpu_quota_us = CGROUP_NONE;
	ret->cpu_period_us = 100000;
	/* a plain number counts, everything else names */
	if (cpus && *cpus && strspn(cpus, "0123456789") == strlen(cpus))
		ret->cpu_count = (unsigned)value_int(cpus, 0);
	else if (cpus && *cpus)
		ret->cpus = cpus;
	if (allowance && percentage(allowance, &percent) < 0 && hard_allowance(allowance, ret) < 0)
		return err_set(
		    err, EINVAL,
		    "limits.cpu.allowance is \"%s\": a share such as 50%% or a time such as 25ms/100ms is "
		    "wanted",
		    allowance);
	ret->cpu_shares = SHARES_DEFAULT - 1000 + percent * 10;
	ret->cpu_shares -= (uint64_t)(PRIORITY_MAX - MAX(MIN(priority, PRIORITY_MAX), 0));
	return 0;
}

int limits_processes(const struct config *c, struct cgroup_limits *ret, struct err *err)
{
	int64_t n = value_int(config_get(c, SECTION_CONFIG, "limits.processes"), -1);

	ret->fields |= CGROUP_PIDS;
	ret->pids = n < 0 ? CGROUP_NONE : (uint64_t)n;
	if (n == 0)
		return err_set(err, EINVAL, "limits.processes is 0: init itself is one");
	return 0;
}

struct container_rlimit *limits_kernel(const struct config *c, size_t *ret_n)
{
	static const char prefix[] = "limits.kernel.";
	const struct section *s = config_section(c, SECTION_CONFIG);
	struct container_rlimit *list = NULL;

	*ret_n = 0;
	for (size_t i = 0; s && i < s->n; i++) {
		struct str key = str_from(s->pairs[i].key);
		struct container_rlimit l;

		if (!str_has_prefix(key, str_from(prefix)))
			continue;
		key = (struct str){key.ptr + strlen(prefix), key.len - strlen(prefix)};
		if (rlimits_parse(key, str_from(s->pairs[i].value), &l, NULL) < 0)
			continue;
		list = xrealloc(list, (*ret_n + 1) * sizeof(*list));
		list[(*ret_n)++] = l;
	}
	return list;
}

void limits_supported(const struct cgroup_layout *layout, struct cgroup_limits *l)
{
	const struct {
		unsigned field;
		bool is_set;
	} rows[] = {
	    {CGROUP_MEMORY, l->memory != CGROUP_NONE || l->no_swap},
	    {CGROUP_PIDS, l->pids != CGROUP_NONE},
	    {CGROUP_CPU_TIME, l->cpu_quota_us != CGROUP_NONE},
	    {CGROUP_CPU_SHARES, l->cpu_shares != SHARES_DEFAULT},
	    {CGROUP_CPUSET, l->cpus || l->cpu_count || l->nodes},
	};
	const char *why;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (l->fields & rows[i].field && !rows[i].is_set &&
		    !cgroup_layout_can(layout, (enum cgroup_field)rows[i].field, &why))
			l->fields &= ~rows[i].field;
}
