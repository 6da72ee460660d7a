/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of isolated instances. Nothing is kept but in configs and, of those that run, in memory: who asks
 * for a range looks at all others under one lock, so what one was given another isn't. It comes before the
 * registry. */
#include "engine/instance/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/instance/idmap-raw.h"

static bool is_on(const struct config *c, const char *key)
{
	return value_bool(config_get(c, SECTION_CONFIG, key));
}

static uint32_t number(const struct config *c, const char *key, uint32_t otherwise)
{
	return (uint32_t)value_int(config_get(c, SECTION_CONFIG, key), otherwise);
}

/* ---- what others have */

/* Whose claim is the stronger: it comes first, and a weaker one that overlaps it doesn't count. */
enum claim { RUNS, FIXED, KEPT, CLAIMS };

static struct id_range range_of(struct object *o, const struct config *c, enum claim claim)
{
	bool is_isolated = is_on(c, "security.idmap.isolated");
	uint32_t fixed = number(c, "security.idmap.base", IDMAP_ANY), base;

	if (claim == RUNS)
		return instance_of(o)->ids;
	base = claim == FIXED ? fixed : number(c, "volatile.idmap.base", IDMAP_ANY);
	if (!is_isolated || base == IDMAP_ANY || (claim == KEPT && fixed != IDMAP_ANY))
		return (struct id_range){0};
	return (struct id_range){base, number(c, "security.idmap.size", IDMAP_MIN)};
}

/* What one instance claims. */
struct claims {
	char *name;
	struct id_range ranges[CLAIMS];
};

/* Whom a sentence names; a pool has one range an owner, so no two are called the same. */
static char *claimant(const struct object *except, const struct object *o)
{
	return o->parent == except->parent ? object_name(o)
					   : xasprintf("an instance of another project (%.8s)", o->uuid);
}

static struct claims claims_of(const struct object *except, struct object *o)
{
	AUTO(config_unref) struct config *c = object_effective(o);
	struct claims all = {.name = claimant(except, o)};

	for (int claim = RUNS; claim < CLAIMS; claim++)
		all.ranges[claim] = range_of(o, c, (enum claim)claim);
	return all;
}

static void add_claim(struct idmap_pool *pool, const struct claims *all, enum claim claim)
{
	const struct id_range *r = &all->ranges[claim];
	uint32_t got;

	if (!r->count)
		return;
	/* a pool has one range an owner: what it will start with is besides what it runs with */
	if (idmap_alloc(pool, all->name, r->count, r->base, &got, NULL) == -EEXIST) {
		AUTO(free) char *next = xasprintf("%s (from its next start on)", all->name);

		idmap_alloc(pool, next, r->count, r->base, &got, NULL);
	}
}

/* The ranges of all instances but @except; under the lock. */
static struct idmap_pool *gather(struct object *except)
{
	struct host *h = except->host;
	struct idmap_pool *pool = idmap_pool_new(&instances_of(except)->range);
	AUTO(objects_free) struct object **list = host_every(h, KIND_INSTANCE);
	struct claims *all = NULL;
	size_t n = 0;

	for (size_t i = 0; list[i]; i++) {
		if (list[i]->id == except->id)
			continue;
		all = xrealloc(all, (n + 1) * sizeof(*all));
		all[n++] = claims_of(except, list[i]);
	}
	for (int claim = RUNS; claim < CLAIMS; claim++)
		for (size_t i = 0; i < n; i++)
			add_claim(pool, &all[i], (enum claim)claim);
	for (size_t i = 0; i < n; i++)
		free(all[i].name);
	free(all);
	return pool;
}

static int pick(struct object *o, const struct config *c, uint32_t *ret_base, struct err *err)
{
	struct idmap_pool *pool = gather(o);
	const char *fixed = config_get(c, SECTION_CONFIG, "security.idmap.base");
	uint32_t size = number(c, "security.idmap.size", IDMAP_MIN);
	uint32_t want = number(c, fixed ? "security.idmap.base" : "volatile.idmap.base", IDMAP_ANY);
	int r = idmap_alloc(pool, "", size, want, ret_base, err);

	/* the one of last time may be too small now, or another's */
	if (r < 0 && !fixed && want != IDMAP_ANY) {
		err_done(err);
		r = idmap_alloc(pool, "", size, IDMAP_ANY, ret_base, err);
	}
	idmap_pool_free(pool);
	return r;
}

/* ---- the map */

static int base_map(struct object *o, const struct config *c, struct idmap *ret, uint32_t *ret_base,
		    struct err *err)
{
	int r;

	*ret_base = IDMAP_ANY;
	if (!is_on(c, "security.idmap.isolated")) {
		idmap_shared(&instances_of(o)->range, ret);
		return 0;
	}
	r = pick(o, c, ret_base, err);
	if (!r)
		idmap_own(*ret_base, number(c, "security.idmap.size", IDMAP_MIN), ret);
	return r;
}

/* Neither among those of its own range nor of anybody else's. */
static int add_raw(struct object *o, const struct config *c, bool ask, struct idmap *map, struct err *err)
{
	struct instances *all = instances_of(o);
	const char *text = config_get(c, SECTION_CONFIG, "raw.idmap");
	struct idmap raw, shared;
	int r;

	if (!text)
		return 0;
	idmap_shared(&all->range, &shared);
	r = idmap_raw_parse(str_from(text), &raw, err);
	if (r < 0)
		return err_prefix(err, "raw.idmap ");
	r = idmap_raw_add(&shared, &raw, err);
	if (!r && ask)
		r = idmap_raw_allowed(&raw, all->subuid, all->subgid, err);
	return r < 0 ? r : idmap_raw_add(map, &raw, err);
}

int ids_check(struct object *o, const struct config *c, bool raw_changed, struct err *err)
{
	struct instances *all = instances_of(o);
	struct idmap map;
	uint32_t base;
	int r;

	if (is_on(c, "security.privileged"))
		return 0;
	pthread_mutex_lock(&all->ids_lock);
	r = base_map(o, c, &map, &base, err);
	pthread_mutex_unlock(&all->ids_lock);
	return r < 0 ? r : add_raw(o, c, raw_changed, &map, err);
}

int ids_claim(struct object *o, const struct config *c, struct idmap *ret, uint32_t *ret_base,
	      struct err *err)
{
	struct instances *all = instances_of(o);
	struct instance *in = instance_of(o);
	int r;

	*ret_base = IDMAP_ANY;
	if (is_on(c, "security.privileged")) {
		*ret = (struct idmap){0};
		return 0;
	}
	if (all->range_why.errnum)
		return err_set(err, all->range_why.errnum, "%s", err_text(&all->range_why));
	pthread_mutex_lock(&all->ids_lock);
	r = base_map(o, c, ret, ret_base, err);
	if (!r && *ret_base != IDMAP_ANY)
		in->ids = (struct id_range){*ret_base, number(c, "security.idmap.size", IDMAP_MIN)};
	pthread_mutex_unlock(&all->ids_lock);
	return r < 0 ? r : add_raw(o, c, true, ret, err);
}

void ids_release(struct object *o)
{
	struct instances *all = instances_of(o);

	pthread_mutex_lock(&all->ids_lock);
	instance_of(o)->ids = (struct id_range){0};
	pthread_mutex_unlock(&all->ids_lock);
}

/* How far the range that begins at @base reaches, of what the kernel says; its size may have been changed
 * since the start. */
static uint32_t running_count(pid_t pid, uint32_t base)
{
	AUTO(free) char *path = xasprintf("/proc/%d/uid_map", pid), *text = NULL;
	uint64_t end = base;
	char *line, *rest;

	if (path_read(AT_FDCWD, path, 65536, &text) < 0)
		return 0;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		unsigned inside, outside, count;

		/* pieces that raw.idmap left of it lie behind one another */
		if (sscanf(line, "%u %u %u", &inside, &outside, &count) == 3 && outside >= base &&
		    outside - base == inside && (uint64_t)outside + count > end)
			end = (uint64_t)outside + count;
	}
	return (uint32_t)MIN(end - base, (uint64_t)UINT32_MAX);
}

void ids_adopt(struct object *o, const struct config *c, pid_t pid)
{
	struct instances *all = instances_of(o);
	uint32_t base = number(c, "volatile.idmap.base", IDMAP_ANY);

	if (base == IDMAP_ANY)
		return;
	pthread_mutex_lock(&all->ids_lock);
	instance_of(o)->ids = (struct id_range){base, running_count(pid, base)};
	pthread_mutex_unlock(&all->ids_lock);
}
