/* SPDX-License-Identifier: Apache-2.0 */
/* What a restricted project allows. One look at the merged config, whichever way it came about: writes,
 * profiles, moves, starts. What no rule names isn't allowed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/base/parse.h"
#include "engine/instance/idmap-raw.h"
#include "engine/kind/project.h"

struct rules {
	struct object *project;
	const struct config *c;
	char *name;
};

static const char *rule_of(const struct rules *r, const char *key)
{
	const char *value = config_get(r->c, SECTION_CONFIG, key);
	const struct key *k =
	    value ? NULL : object_key(r->project, NULL, SECTION_CONFIG, str_from(key), NULL);

	return value ? value : k && k->def ? k->def : "";
}

static bool is_rule(const struct rules *r, const char *key, const char *word)
{
	return !strcmp(rule_of(r, key), word);
}

static int refuse(const struct rules *r, const char *key, const char *what, const char *value,
		  struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;
	const char *rule = rule_of(r, key);
	struct str first = str_from(value), line = first;

	(void)str_next(&first, '\n', &line);
	buf_escape(&shown, line);
	return err_set(err, EPERM, "%s is \"%s\", which project %s doesn't allow: its %s is %s", what,
		       buf_cstr(&shown), r->name, key, *rule ? rule : "not set");
}

/* ---- keys */

/* "1000", "1000-1999", one an entry. */
static bool is_listed(const char *list, uint32_t first, uint32_t count)
{
	AUTO(texts_free) char **entries = texts_split(list);

	for (char **e = entries; *e; e++) {
		uint64_t low, high;

		if (parse_range(str_from(*e), 0, UINT32_MAX - 1, &low, &high) == 0 && first >= low &&
		    (uint64_t)first + count - 1 <= high)
			return true;
	}
	return false;
}

static bool are_listed(const char *list, const struct id_extent *extents, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!is_listed(list, extents[i].outside, extents[i].count))
			return false;
	return true;
}

static bool may_map(const struct rules *r, const char *raw)
{
	struct idmap map;

	return idmap_raw_parse(str_from(raw), &map, NULL) == 0 &&
	       are_listed(rule_of(r, "restricted.idmap.uid"), map.uid, map.n_uid) &&
	       are_listed(rule_of(r, "restricted.idmap.gid"), map.gid, map.n_gid);
}

/* The key of the project that says whether a key of an instance may be other than it is by itself. */
static const char *rule_for(const struct key *k, const char *name)
{
	if (!strcmp(name, "security.nesting"))
		return "restricted.containers.nesting";
	if (!strncmp(name, "security.syscalls.intercept.", 28))
		return "restricted.containers.interception";
	/* the host's own shutdown waits for it */
	if (k->class == CLASS_HOST || !strcmp(name, "boot.host_shutdown_timeout"))
		return "restricted.containers.lowlevel";
	return NULL;
}

static int check_key(const struct rules *r, const struct key *k, const struct pair *p, struct err *err)
{
	const char *rule;

	if (k->def && !strcmp(k->def, p->value))
		return 0;
	if (!strcmp(p->key, "security.privileged"))
		return is_rule(r, "restricted.containers.privilege", "allow")
			   ? 0
			   : refuse(r, "restricted.containers.privilege", p->key, p->value, err);
	/* more of it is never less safe; what demands it is looked at below */
	if (!strcmp(p->key, "security.idmap.isolated"))
		return 0;
	if (!strcmp(p->key, "raw.idmap") && may_map(r, p->value))
		return 0;
	rule = rule_for(k, p->key);
	return !rule || is_rule(r, rule, "allow") ? 0 : refuse(r, rule, p->key, p->value, err);
}

static int check_keys(const struct rules *r, struct object *o, const struct config *effective,
		      struct err *err)
{
	const struct section *s = config_section(effective, SECTION_CONFIG);
	const char *isolated = config_get(effective, SECTION_CONFIG, "security.idmap.isolated");
	int result = 0;

	for (size_t i = 0; s && i < s->n && !result; i++) {
		const struct key *k =
		    object_key(o, effective, SECTION_CONFIG, str_from(s->pairs[i].key), NULL);

		if (k)
			result = check_key(r, k, &s->pairs[i], err);
	}
	if (result < 0 || !is_rule(r, "restricted.containers.privilege", "isolated") || value_bool(isolated))
		return result;
	/* a profile need not say it */
	if (o->kind->number == KIND_INSTANCE || isolated)
		return refuse(r, "restricted.containers.privilege", "security.idmap.isolated", "false", err);
	return 0;
}

/* ---- devices */

static bool is_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	while (n > 1 && top[n - 1] == '/')
		n--;
	return !strncmp(path, top, n) && (n == 1 || !path[n] || path[n] == '/');
}

/* Where it really is: no link leads out of what is allowed, as far as that can be told before it is mounted.
 */
static bool is_allowed_path(const struct rules *r, const char *source)
{
	AUTO(texts_free) char **tops = texts_split(rule_of(r, "restricted.devices.disk.paths"));
	AUTO(free) char *real = realpath(source, NULL);

	if (!*tops)
		return true;
	for (char **t = tops; *t; t++) {
		AUTO(free) char *top = realpath(*t, NULL);

		if (is_below(real ? real : source, top ? top : *t) && (real || !strstr(source, "/../")))
			return true;
	}
	return false;
}

static int check_disk(const struct rules *r, const struct section *s, const char *what, struct err *err)
{
	const struct pair *path = section_pair(s, STR("path")), *pool = section_pair(s, STR("pool")),
			  *source = section_pair(s, STR("source"));
	AUTO(free) char *source_text = xasprintf("source of %s", what);
	const char *rule = "restricted.devices.disk";

	if (path && !strcmp(path->value, "/"))
		return 0;
	if (is_rule(r, rule, "block"))
		return refuse(r, rule, what, path ? path->value : "a disk", err);
	if (pool || !source)
		return 0;
	if (!is_rule(r, rule, "allow"))
		return refuse(r, rule, source_text, source->value, err);
	return is_allowed_path(r, source->value)
		   ? 0
		   : refuse(r, "restricted.devices.disk.paths", source_text, source->value, err);
}

static int check_nic(const struct rules *r, const struct section *s, const char *what, struct err *err)
{
	const struct pair *network = section_pair(s, STR("network")),
			  *parent = section_pair(s, STR("parent")), *type = section_pair(s, STR("nictype"));
	const struct pair *place = network ? network : parent;
	AUTO(texts_free) char **names = texts_split(rule_of(r, "restricted.networks.access"));
	AUTO(free) char *place_text = xasprintf("%s of %s", network ? "network" : "parent", what);
	const char *rule = "restricted.devices.nic";

	if (is_rule(r, rule, "block") || (!network && (type || parent) && !is_rule(r, rule, "allow")))
		return refuse(r, rule, what, type ? type->value : "a NIC", err);
	for (char **n = names; place && *n; n++)
		if (!strcmp(*n, place->value))
			return 0;
	return *names && place ? refuse(r, "restricted.networks.access", place_text, place->value, err) : 0;
}

static int check_device(const struct rules *r, const struct section *s, struct err *err)
{
	const char *type = section_pair(s, STR("type"))->value;
	AUTO(free) char *what = xasprintf("device %s", section_device(s));
	AUTO(free) char *rule = xasprintf("restricted.devices.%s", type);

	if (!strcmp(type, "none"))
		return 0;
	if (!strcmp(type, "disk"))
		return check_disk(r, s, what, err);
	if (!strcmp(type, "nic"))
		return check_nic(r, s, what, err);
	return is_rule(r, rule, "allow") ? 0 : refuse(r, rule, what, type, err);
}

/* ---- the whole */

int project_allows_by(struct object *project, const struct config *rules, struct object *o,
		      const struct config *effective, struct err *err)
{
	struct rules r = {.project = project, .c = rules};
	int result;

	if (!value_bool(config_get(rules, SECTION_CONFIG, "restricted")))
		return 0;
	r.name = object_name(project);
	result = check_keys(&r, o, effective, err);
	for (size_t i = 0; i < effective->n && !result; i++)
		if (section_device(&effective->sections[i]) &&
		    section_pair(&effective->sections[i], STR("type")))
			result = check_device(&r, &effective->sections[i], err);
	free(r.name);
	return result;
}

int project_allows(struct object *o, const struct config *effective, struct err *err)
{
	AUTO(config_unref) struct config *rules = NULL;

	if (!o->parent || o->parent->kind->number != KIND_PROJECT)
		return 0;
	rules = object_own(o->parent);
	return project_allows_by(o->parent, rules, o, effective, err);
}
