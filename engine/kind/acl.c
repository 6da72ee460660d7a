/* SPDX-License-Identifier: Apache-2.0 */
/* Access control lists as objects. What they say is known to net/acl.c from the moment that they are there,
 * used or not. */
#include "engine/kind/acl.h"

#include <errno.h>
#include <stdio.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/kind/acl-rule.h"
#include "engine/kind/users.h"

#define RULES_MAX 512

static const char *const sections[] = {"ingress", "egress"};

struct rules {
	struct acl_rule *list;
	size_t n;
};

static void rules_done_auto(struct rules *rules)
{
	for (size_t i = 0; i < rules->n; i++)
		acl_rule_done(&rules->list[i]);
	free(rules->list);
}

/* What a config says, as typed values. */
static int rules_read(const struct config *c, struct rules *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		const struct section *s = config_section(c, sections[i]);

		for (size_t k = 0; s && k < s->n; k++) {
			struct acl_rule rule;
			int r;

			if (ret->n == RULES_MAX)
				return err_set(err, ENOSPC, "a list has at most %d rules", RULES_MAX);
			r = acl_rule_parse(str_from(s->pairs[k].value), NULL, &rule, err);
			if (r < 0)
				return err_prefix(err, "%s/%s ", sections[i], s->pairs[k].key);
			rule.is_ingress = i == 0;
			snprintf(rule.name, sizeof(rule.name), "%s", s->pairs[k].key);
			ret->list = xrealloc(ret->list, (ret->n + 1) * sizeof(*ret->list));
			ret->list[ret->n++] = rule;
		}
	}
	return 0;
}

static int check_name(struct str name, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;

	if (acl_name_ok(name))
		return 0;
	buf_escape(&shown, (struct str){name.ptr, MIN(name.len, (size_t)80)});
	return err_set(
	    err, name.len > ACL_NAME_MAX ? ENAMETOOLONG : EINVAL,
	    "\"%s\" can't be a list's name: it is 1 to %d letters, digits, '-', '_', '.' and begins with a "
	    "letter",
	    buf_cstr(&shown), ACL_NAME_MAX);
}

/* The groups that rules name must be lists. */
static int check_groups(struct object *o, const struct acl_rule *rule, const struct acl_peer *peers, size_t n,
			struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(object_unref) struct object *other = NULL;

		if (peers[i].kind != ACL_GROUP)
			continue;
		other = host_find(o->host->project, KIND_ACL, str_from(peers[i].group));
		if (!other)
			return err_set(err, EINVAL, "%s/%s names %s: there is no list of that name in acls/",
				       sections[!rule->is_ingress], rule->name, peers[i].group);
	}
	return 0;
}

static int acl_check(struct object *o, const struct config *old, const struct config *own,
		     const struct config *effective, struct err *err)
{
	__attribute__((cleanup(rules_done_auto))) struct rules rules = {0};
	int r = rules_read(own, &rules, err);

	(void)old;
	(void)effective;
	for (size_t i = 0; i < rules.n && r == 0; i++) {
		const struct acl_rule *rule = &rules.list[i];

		r = check_groups(o, rule, rule->sources, rule->n_sources, err);
		if (r == 0)
			r = check_groups(o, rule, rule->destinations, rule->n_destinations, err);
	}
	return r;
}

static int define(const char *name, const struct config *c, struct err *err)
{
	__attribute__((cleanup(rules_done_auto))) struct rules rules = {0};
	int r = rules_read(c, &rules, err);

	return r < 0 ? r : acl_define(name, rules.list, rules.n, err);
}

int acl_apply(struct object *o, const struct config *old, const struct config *new, const char *device,
	      struct err *err)
{
	AUTO(free) char *name = object_name(o);

	(void)old;
	(void)device;
	return define(name, new, err);
}

static int acl_load(struct object *o, struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(o);
	AUTO(free) char *name = object_name(o);

	o->is_live = true;
	return define(name, own, err);
}

/* ---- who uses it */

static bool has_name(const char *list, const char *name)
{
	AUTO(texts_free) char **names = list ? texts_split(list) : NULL;

	for (char **p = names; p && *p; p++)
		if (!strcmp(*p, name))
			return true;
	return false;
}

static bool config_uses(const struct config *c, const char *name)
{
	if (has_name(config_get(c, SECTION_CONFIG, "security.acls"), name))
		return true;
	for (size_t i = 0; i < c->n; i++) {
		const struct pair *p = section_device(&c->sections[i])
					   ? section_pair(&c->sections[i], STR("security.acls"))
					   : NULL;

		if (p && has_name(p->value, name))
			return true;
	}
	return false;
}

static bool peers_name(const struct acl_peer *peers, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (peers[i].kind == ACL_GROUP && !strcmp(peers[i].group, name))
			return true;
	return false;
}

static bool rules_name(const struct config *c, const char *name)
{
	__attribute__((cleanup(rules_done_auto))) struct rules rules = {0};

	if (rules_read(c, &rules, NULL) < 0)
		return false;
	for (size_t i = 0; i < rules.n; i++)
		if (peers_name(rules.list[i].sources, rules.list[i].n_sources, name) ||
		    peers_name(rules.list[i].destinations, rules.list[i].n_destinations, name))
			return true;
	return false;
}

static char **acl_used_by(struct object *o)
{
	static const enum kind_number kinds[] = {KIND_INSTANCE, KIND_PROFILE, KIND_NETWORK, KIND_ACL};
	AUTO(buf_done) struct buf lines = BUF_NULL;
	AUTO(free) char *name = object_name(o);

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		AUTO(objects_free) struct object **all = host_every(o->host, kinds[k]);

		for (struct object **p = all; *p; p++) {
			AUTO(config_unref) struct config *own = object_own(*p);
			AUTO(free) char *user = users_path(o, *p);

			if (*p != o &&
			    (kinds[k] == KIND_ACL ? rules_name(own, name) : config_uses(own, name)))
				buf_printf(&lines, "%s\n", user);
		}
	}
	return texts_split(buf_cstr(&lines));
}

static int acl_may_remove(struct object *o, struct err *err)
{
	return users_refuse(o, "be removed", err);
}

static void acl_remove(struct object *o)
{
	AUTO(free) char *name = object_name(o);

	acl_forget(name);
}

/* Nobody has it: nothing in the kernel bears its name. */
static int acl_rename(struct object *o, const char *name, struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(o);
	AUTO(free) char *old = object_name(o);
	int r = users_refuse(o, "be renamed", err);

	if (r == 0 && rules_name(own, old))
		r = err_set(err, EBUSY, "list %s can't be renamed: its own rules name it", old);
	if (r == 0)
		r = define(name, own, err);
	if (r == 0 && strcmp(old, name) != 0)
		acl_forget(old);
	return r;
}

const struct kind kind_acl = {
    .number = KIND_ACL,
    .name = "acl",
    .plural = "acls",
    .is_global = true,
    .check_name = check_name,
    .check = acl_check,
    .activate = acl_load,
    .load = acl_load,
    .may_remove = acl_may_remove,
    .remove = acl_remove,
    .rename = acl_rename,
    .used_by = acl_used_by,
};
