/* SPDX-License-Identifier: Apache-2.0 */
/* How much the instances of a project may be together: limits.* of the project. What two changes at one time
 * would have together is bounded by claims: what was checked and isn't published yet. Their lock, one for all
 * projects, is a leaf but for object.lock and the registry's. */
#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/base/parse.h"
#include "engine/kind/project-internal.h"

enum amount { CPU, MEMORY, PROCESSES, AMOUNTS };

/* The same in the project and in an instance. */
static const char *const keys[AMOUNTS] = {"limits.cpu", "limits.memory", "limits.processes"};

static pthread_mutex_t claims_lock = PTHREAD_MUTEX_INITIALIZER;

struct claim {
	struct claim *next;
	uint32_t id; /* of the instance, whose token is held */
	uint64_t version;
	uint64_t amounts[AMOUNTS];
};

void project_claims_free(struct project *p)
{
	while (p->claims) {
		struct claim *c = p->claims;

		p->claims = c->next;
		free(c);
	}
}

/* ---- one instance's */

/* "4" is a count, "0-3,7" are five. */
static bool cpus_of(const char *text, uint64_t *ret)
{
	struct str rest = str_from(text), piece;
	uint64_t first, last;
	int count = -1;

	*ret = 0;
	if (parse_cpus(rest, NULL, &count) < 0)
		return false;
	if (count >= 0) {
		*ret = (uint64_t)count;
		return true;
	}
	while (str_next(&rest, ',', &piece)) {
		if (parse_range(str_trim(piece), 0, PARSE_CPUS_MAX, &first, &last) < 0)
			return false;
		*ret += last - first + 1;
	}
	return true;
}

/* Return: false: it isn't set, or as no number (a percentage of the host's memory) */
static bool amount_of(const struct config *effective, enum amount what, uint64_t *ret)
{
	const char *text = config_get(effective, SECTION_CONFIG, keys[what]);
	int64_t number;

	*ret = 0;
	if (!text)
		return false;
	if (what == CPU)
		return cpus_of(text, ret);
	if (what == MEMORY)
		return parse_size(str_from(text), ret) == 0;
	number = value_int(text, -1);
	*ret = number < 0 ? 0 : (uint64_t)number;
	return number >= 0;
}

static void amounts_of(const struct config *effective, uint64_t ret[AMOUNTS])
{
	for (int a = 0; a < AMOUNTS; a++)
		amount_of(effective, (enum amount)a, &ret[a]);
}

static uint64_t version_of(struct object *o, bool *ret_busy)
{
	uint64_t version;

	pthread_mutex_lock(&o->lock);
	version = o->version;
	*ret_busy = o->busy != NULL;
	pthread_mutex_unlock(&o->lock);
	return version;
}

/* ---- claims; their lock is held */

static struct claim *find_claim(struct project *p, uint32_t id)
{
	struct claim *c = p->claims;

	while (c && c->id != id)
		c = c->next;
	return c;
}

/* What it is about to be, where that is more than what it is. */
static void add_claim(struct project *p, struct object *x, uint64_t amounts[AMOUNTS])
{
	const struct claim *c = find_claim(p, x->id);
	bool busy = false;

	if (!c || version_of(x, &busy) != c->version || !busy)
		return;
	for (int a = 0; a < AMOUNTS; a++)
		amounts[a] = MAX(amounts[a], c->amounts[a]);
}

static void put_claim(struct project *p, struct object *o, const uint64_t amounts[AMOUNTS])
{
	struct claim *c = find_claim(p, o->id);
	bool busy;

	if (!c) {
		c = xcalloc(1, sizeof(*c));
		c->next = p->claims;
		c->id = o->id;
		p->claims = c;
	}
	c->version = version_of(o, &busy);
	memcpy(c->amounts, amounts, sizeof(c->amounts));
}

static void drop_claims_of_gone(struct project *p, struct object *const *all)
{
	for (struct claim **c = &p->claims; *c;) {
		struct claim *x = *c;
		size_t i = 0;

		while (all[i] && all[i]->id != x->id)
			i++;
		if (all[i]) {
			c = &x->next;
			continue;
		}
		*c = x->next;
		free(x);
	}
}

/* ---- all of them */

static void print_amount(struct buf *b, enum amount what, uint64_t amount)
{
	static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
	size_t unit = 0;

	while (what == MEMORY && amount && !(amount & 1023) && unit + 1 < ARRAY_SIZE(units)) {
		amount >>= 10;
		unit++;
	}
	buf_printf(b, "%llu%s", (unsigned long long)amount, units[unit]);
}

/* @others: what all but one have. @is_all: of a whole project, not of one that is to change */
static int check_amount(struct object *project, const struct config *rules, enum amount what, uint64_t own,
			uint64_t others, bool is_all, struct err *err)
{
	const char *limit = config_get(rules, SECTION_CONFIG, keys[what]);
	AUTO(buf_done) struct buf its = BUF_NULL, rest = BUF_NULL;
	AUTO(free) char *name = NULL;
	uint64_t most = 0;

	if (!limit)
		return 0;
	if (what == MEMORY)
		most = value_size(limit, 0);
	else
		most = (uint64_t)value_int(limit, 0);
	if (own <= most && others <= most - own)
		return 0;
	name = object_name(project);
	print_amount(&its, what, own);
	print_amount(&rest, what, others);
	if (is_all)
		return err_set(err, EDQUOT, "%s is \"%s\": the instances of project %s have %s together",
			       keys[what], limit, name, buf_cstr(&rest));
	return err_set(
	    err, EDQUOT,
	    "%s is %s: with %s of the other instances that is more than the %s that project %s may have",
	    keys[what], buf_cstr(&its), buf_cstr(&rest), limit, name);
}

static int check_set(struct object *project, const struct config *rules, const struct config *effective,
		     struct err *err)
{
	AUTO(free) char *name = NULL;

	for (int a = 0; a < AMOUNTS; a++) {
		const char *limit = config_get(rules, SECTION_CONFIG, keys[a]), *own;
		uint64_t amount;

		if (!limit || amount_of(effective, (enum amount)a, &amount))
			continue;
		name = object_name(project);
		own = config_get(effective, SECTION_CONFIG, keys[a]);
		return err_set(
		    err, EDQUOT,
		    "%s is %s: in project %s, which may have %s, each instance needs it as a number, of "
		    "its own or from a profile",
		    keys[a], own ? own : "not set", name, limit);
	}
	return 0;
}

/* Those that came before it. */
static int check_count(struct object *project, const struct config *rules, size_t n, struct err *err)
{
	static const char *const counts[] = {"limits.containers", "limits.instances"};
	AUTO(free) char *name = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		const char *limit = config_get(rules, SECTION_CONFIG, counts[i]);

		if (!limit || n <= (size_t)value_int(limit, 0))
			continue;
		name = object_name(project);
		return err_set(err, EDQUOT, "project %s may have %s instances: its %s", name, limit,
			       counts[i]);
	}
	return 0;
}

static bool has_limits(const struct config *rules)
{
	const struct section *s = config_section(rules, SECTION_CONFIG);

	for (size_t i = 0; s && i < s->n; i++)
		if (!strncmp(s->pairs[i].key, "limits.", 7))
			return true;
	return false;
}

int project_has_room(struct object *o, bool is_new, const struct config *effective, struct err *err)
{
	struct object *project = o->parent;
	struct project *p = project->kind->number == KIND_PROJECT ? project->data : NULL;
	AUTO(config_unref) struct config *rules = p ? object_own(project) : NULL;
	AUTO(objects_free) struct object **all = NULL;
	uint64_t own[AMOUNTS], others[AMOUNTS] = {0};
	size_t before = 0;
	int r;

	if (!p || !has_limits(rules))
		return 0;
	r = check_set(project, rules, effective, err);
	if (r < 0)
		return r;
	amounts_of(effective, own);
	all = host_all_new(project, KIND_INSTANCE);
	pthread_mutex_lock(&claims_lock);
	drop_claims_of_gone(p, all);
	for (size_t i = 0; all[i]; i++) {
		AUTO(config_unref) struct config *its = NULL;
		uint64_t amounts[AMOUNTS];

		if (all[i]->id == o->id)
			continue;
		/* of two that are just being made the older is the first */
		before += all[i]->id < o->id || !all[i]->is_hidden;
		its = object_effective(all[i]);
		amounts_of(its, amounts);
		add_claim(p, all[i], amounts);
		for (int a = 0; a < AMOUNTS; a++)
			others[a] += amounts[a];
	}
	if (is_new)
		r = check_count(project, rules, before + 1, err);
	for (int a = 0; a < AMOUNTS && !r; a++)
		r = check_amount(project, rules, (enum amount)a, own[a], others[a], false, err);
	if (!r && !is_new)
		put_claim(p, o, own);
	pthread_mutex_unlock(&claims_lock);
	return r;
}

int project_holds(struct object *project, const struct config *rules, struct err *err)
{
	AUTO(objects_free) struct object **all = NULL;
	uint64_t sum[AMOUNTS] = {0};
	size_t n = 0;
	int r = 0;

	if (!has_limits(rules))
		return 0;
	all = host_all_new(project, KIND_INSTANCE);
	for (; all[n] && !r; n++) {
		AUTO(config_unref) struct config *its = object_effective(all[n]);
		uint64_t amounts[AMOUNTS];

		r = check_set(project, rules, its, err);
		if (r < 0) {
			AUTO(free) char *name = object_name(all[n]);

			err_prefix(err, "instance %s: ", name);
		}
		amounts_of(its, amounts);
		for (int a = 0; a < AMOUNTS; a++)
			sum[a] += amounts[a];
	}
	if (!r)
		r = check_count(project, rules, n, err);
	for (int a = 0; a < AMOUNTS && !r; a++)
		r = check_amount(project, rules, (enum amount)a, 0, sum[a], true, err);
	return r;
}

uint64_t project_usage(struct object *project, enum project_figure what)
{
	AUTO(objects_free) struct object **all = host_all(project, KIND_INSTANCE);
	uint64_t sum = 0;
	size_t n = 0;

	for (; all[n]; n++) {
		AUTO(config_unref) struct config *its = object_effective(all[n]);
		uint64_t amounts[AMOUNTS];

		amounts_of(its, amounts);
		if (what != PROJECT_INSTANCES)
			sum += amounts[what - PROJECT_CPU];
	}
	return what == PROJECT_INSTANCES ? n : sum;
}
