/* SPDX-License-Identifier: Apache-2.0 */
/* A container's memory as programs inside may count with it. Source: the kernel's Documentation on cgroup v1
 * and v2. */
#include "engine/confine/cgroup-internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine/base/auto.h"

/* A line "NAME VALUE" of memory.stat. */
static uint64_t stat_line(const char *text, const char *name)
{
	struct str rest = str_from(text), line;

	while (str_next(&rest, '\n', &line)) {
		struct str value = line, key;

		str_next(&value, ' ', &key);
		if (str_is(key, name)) {
			AUTO(free) char *number = str_dup(value);

			return strtoull(number, NULL, 10);
		}
	}
	return 0;
}

static uint64_t read_or(const char *dir, const char *file, uint64_t otherwise)
{
	uint64_t v;

	return value_read_u64(dir, file, &v) < 0 ? otherwise : v;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

void cgroup_memory(const struct cgroup *cg, struct cgroup_memory *ret)
{
	int m = layout_find(cg->layout, CTL_MEMORY);
	const char *dir = m < 0 ? NULL : cg->dirs[m];
	AUTO(free) char *text = NULL;

	*ret = (struct cgroup_memory){.limit = CGROUP_NONE, .swap_limit = CGROUP_NONE};
	if (!dir || value_read(dir, "memory.stat", &text) < 0)
		return;
	if (cg->layout->h[m].is_v2) {
		uint64_t high = read_or(dir, "memory.high", CGROUP_NONE);

		ret->limit = MIN(read_or(dir, "memory.max", CGROUP_NONE), high);
		ret->used = read_or(dir, "memory.current", 0);
		ret->cache = stat_line(text, "file");
		ret->shared = stat_line(text, "shmem");
		ret->swap_limit = read_or(dir, "memory.swap.max", CGROUP_NONE);
		ret->swap = read_or(dir, "memory.swap.current", 0);
	} else {
		uint64_t both = read_or(dir, "memory.memsw.limit_in_bytes", CGROUP_NONE);

		ret->limit = read_or(dir, "memory.limit_in_bytes", CGROUP_NONE);
		ret->used = read_or(dir, "memory.usage_in_bytes", 0);
		ret->cache = stat_line(text, "total_cache");
		ret->shared = stat_line(text, "total_shmem");
		ret->swap = less(read_or(dir, "memory.memsw.usage_in_bytes", 0), ret->used);
		ret->swap_limit = both == CGROUP_NONE ? CGROUP_NONE : less(both, ret->limit);
	}
}
