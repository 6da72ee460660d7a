/* SPDX-License-Identifier: Apache-2.0 */
/* Projects: what instances and all that they use are in. Project default is the top of the tree; another one
 * has objects of its own by its features, and sees those of project default where it has none. */
#include "engine/kind/project-internal.h"

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/instance/instance.h"
#include "engine/kind/defaults.h"
#include "engine/kind/users.h"

#define DEFAULT "default"
#define NAME_MAX_LEN 63

static const enum kind_number kinds[] = {KIND_INSTANCE, KIND_PROFILE, KIND_IMAGE,
					 KIND_NETWORK,	KIND_POOL,    KIND_ACL};

static bool is_default(const struct object *o)
{
	return !o->host->project || o == o->host->project;
}

bool project_is_ending(const struct object *project)
{
	const struct project *p = project->kind->number == KIND_PROJECT ? project->data : NULL;

	return p && p->is_ending;
}

char *project_path(const struct object *project)
{
	AUTO(free) char *path = NULL;

	if (is_default(project))
		return xstrdup("");
	path = object_path(project);
	return xasprintf("%s/", path);
}

/* It becomes a part of host names. */
static int check_name(struct str name, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;
	bool is_ok = name.len && name.ptr[0] != '-' && name.ptr[name.len - 1] != '-';

	if (name.len > NAME_MAX_LEN)
		return err_set(err, ENAMETOOLONG, "a project's name has at most %d characters, this one %zu",
			       NAME_MAX_LEN, name.len);
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		is_ok = is_ok && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				  (c >= '0' && c <= '9') || c == '-');
	}
	if (is_ok)
		return 0;
	buf_escape(&shown, name);
	return err_set(err, EINVAL,
		       "\"%s\" can't be a project's name: it is 1 to %d letters, digits and '-', and neither "
		       "begins nor ends with '-'",
		       buf_cstr(&shown), NAME_MAX_LEN);
}

static int project_init(struct object *o, struct err *err)
{
	(void)err;
	o->data = xcalloc(1, sizeof(struct project));
	return 0;
}

static void project_done(struct object *o)
{
	if (o->data)
		project_claims_free(o->data);
	free(o->data);
	o->data = NULL;
}

/* As LXD makes them: networks are the host's affair. */
static int project_create(struct object *o, struct config *own, const struct caller *who, struct err *err)
{
	uint64_t now = now_ns();

	(void)who;
	(void)err;
	if (is_default(o))
		return 0;
	config_set(own, SECTION_CONFIG, "features.images", "true", now);
	config_set(own, SECTION_CONFIG, "features.profiles", "true", now);
	return 0;
}

/* ---- its profile default: in every project that has profiles of its own */

static bool is_plain(const struct config *c, const char *device)
{
	const char *type = config_device_get(c, device, "type"), *path = config_device_get(c, device, "path");

	if (!type)
		return false;
	return !strcmp(type, "nic") ? config_device_get(c, device, "network") != NULL
				    : !strcmp(type, "disk") && path && !strcmp(path, "/");
}

/* The root disk and the NICs on networks that project default's has, so that an instance can be started. */
static size_t plain_devices(const struct config *c, struct change *ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct section *s = &c->sections[i];
		const char *device = section_device(s);

		for (size_t k = 0; device && is_plain(c, device) && k < s->n && n < max; k++)
			ret[n++] = (struct change){s->name, s->pairs[k].key, s->pairs[k].value};
	}
	return n;
}

static int make_profile(struct object *o, struct err *err)
{
	AUTO(object_unref) struct object *there = host_find(o, KIND_PROFILE, STR(DEFAULT)), *model = NULL;
	AUTO(config_unref) struct config *its = NULL;
	struct change set[256] = {
	    {SECTION_PROPS, "description", "What instances of the project have that name no other profile"}};
	size_t n;
	int r;

	if (there || is_default(o) || host_scope(o, KIND_PROFILE) != o)
		return 0;
	model = host_find(o->host->project, KIND_PROFILE, STR(DEFAULT));
	its = model ? object_own(model) : config_new();
	n = 1 + plain_devices(its, set + 1, ARRAY_SIZE(set) - 1);
	r = object_create(o, &kind_profile, STR(DEFAULT), &caller_core, set, n, NULL, err);
	/* what has become wrong there is no reason to have none here */
	if (r == -EINVAL) {
		err_done(err);
		r = object_create(o, &kind_profile, STR(DEFAULT), &caller_core, set, 1, NULL, err);
	}
	return r < 0 && r != -EEXIST ? err_prefix(err, "its profile default can't be made: ") : 0;
}

static int project_load(struct object *o, struct err *err)
{
	return make_profile(o, err);
}

/* ---- what can be changed */

static char **contents(struct object *o, bool with_default)
{
	AUTO(buf_done) struct buf lines = BUF_NULL;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		AUTO(objects_free) struct object **all = host_all(o, kinds[k]);

		for (struct object **p = all; *p; p++) {
			AUTO(free) char *name = object_name(*p);

			if (with_default || kinds[k] != KIND_PROFILE || strcmp(name, DEFAULT) != 0)
				buf_printf(&lines, "%s/%s\n", (*p)->kind->plural, name);
		}
	}
	return texts_split(buf_cstr(&lines));
}

static bool flag(const struct config *c, const char *key)
{
	return value_bool(config_get(c, SECTION_CONFIG, key));
}

/* What it has of a kind, and who would have other ones from now on. */
static int check_feature(struct object *o, enum kind_number kind, struct err *err)
{
	const struct kind *k = kind_get(kind);
	AUTO(texts_free) char **inside = contents(o, false);
	AUTO(free) char *why = xasprintf("get another %s", k->feature);
	AUTO(buf_done) struct buf lines = BUF_NULL;
	AUTO(texts_free) char **users = NULL;

	for (size_t i = 0; inside[i]; i++)
		if (!strncmp(inside[i], "instances/", 10) ||
		    (!strncmp(inside[i], k->plural, strlen(k->plural)) &&
		     inside[i][strlen(k->plural)] == '/'))
			buf_printf(&lines, "%s\n", inside[i]);
	users = texts_split(buf_cstr(&lines));
	return users_refuse_list(o, why, "it has", users, err);
}

/* Everything that is in it by the rules that are to be. Their tokens are held, or nobody depends on them. */
static int check_contents(struct object *o, const struct config *own, struct err *err)
{
	static const enum kind_number bound[] = {KIND_PROFILE, KIND_INSTANCE};

	for (size_t k = 0; k < ARRAY_SIZE(bound); k++) {
		AUTO(objects_free) struct object **all = host_all(o, bound[k]);

		for (struct object **p = all; *p; p++) {
			AUTO(config_unref) struct config *effective = object_effective(*p);
			int r = project_allows_by(o, own, *p, effective, err);

			if (r < 0) {
				AUTO(free) char *name = object_name(*p);

				return err_prefix(err, "%s %s: ", (*p)->kind->name, name);
			}
		}
	}
	return 0;
}

static int project_check(struct object *o, const struct config *old, const struct config *own,
			 const struct config *effective, struct err *err)
{
	int r = 0;

	(void)effective;
	for (size_t i = 0; old && i < ARRAY_SIZE(kinds); i++) {
		const char *feature = kind_get(kinds[i])->feature;

		if (!feature || flag(old, feature) == flag(own, feature))
			continue;
		if (is_default(o))
			return err_set(err, EINVAL, "%s: project default has everything of its own", feature);
		r = check_feature(o, kinds[i], err);
		if (r < 0)
			return r;
	}
	if (!old)
		return 0;
	r = check_contents(o, own, err);
	return r < 0 ? r : project_holds(o, own, err);
}

static struct object **project_dependents(struct object *o)
{
	return host_all(o, KIND_INSTANCE);
}

/* ---- its end */

static char **project_used_by(struct object *o)
{
	return contents(o, true);
}

/* Clients are given a project by its name: another one of that name mustn't be theirs by chance. */
static int refuse_clients(struct object *o, const char *why, struct err *err)
{
	static const struct {
		enum kind_number kind;
		const char *where;
	} rows[] = {{KIND_CERTIFICATE, "certificates"}, {KIND_TOKEN, "certificates/tokens"}};
	AUTO(free) char *name = object_name(o);
	AUTO(buf_done) struct buf lines = BUF_NULL;
	AUTO(texts_free) char **users = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(objects_free) struct object **all = host_all(o->host->server, rows[i].kind);

		for (struct object **p = all; *p; p++) {
			AUTO(config_unref) struct config *own = object_own(*p);
			const char *list = config_get(own, SECTION_PROPS, "projects");
			AUTO(texts_free) char **names = texts_split(list ? list : "");
			AUTO(free) char *client = object_name(*p);

			for (char **n = names; *n; n++)
				if (!strcmp(*n, name))
					buf_printf(&lines, "%s/%s\n", rows[i].where, client);
		}
	}
	users = texts_split(buf_cstr(&lines));
	return users_refuse_list(o, why, "clients are given it in", users, err);
}

static int project_may_remove(struct object *o, struct err *err)
{
	AUTO(texts_free) char **inside = NULL;

	if (is_default(o))
		return err_set(
		    err, EPERM,
		    "project default holds everything at the top of the tree: it can't be removed");
	inside = contents(o, false);
	if (users_refuse_list(o, "be removed", "it isn't empty, it has", inside, err) < 0)
		return -EBUSY;
	return refuse_clients(o, "be removed", err);
}

/* Its profile default goes first: a state file whose project is gone would be a riddle to the next core, and
 * a project without one gets another. */
static int project_vacate(struct object *o, bool undo, struct err *err)
{
	struct project *p = o->data;
	AUTO(object_unref) struct object *profile = NULL;
	int r = undo ? 0 : project_may_remove(o, err);

	p->is_ending = !undo && r == 0;
	if (undo)
		return make_profile(o, NULL);
	profile = r == 0 ? host_find(o, KIND_PROFILE, STR(DEFAULT)) : NULL;
	return profile ? object_remove(profile, &caller_core, err) : r;
}

/* Host names of what runs have it in them. */
static int project_rename(struct object *o, const char *name, struct err *err)
{
	AUTO(objects_free) struct object **all = NULL;

	(void)name;
	if (is_default(o))
		return err_set(err, EPERM, "project default can't be renamed");
	all = host_all(o, KIND_INSTANCE);
	for (struct object **p = all; *p; p++) {
		AUTO(free) char *user = object_name(*p);

		if (instance_state(*p) != INSTANCE_STOPPED)
			return err_set(
			    err, EBUSY,
			    "%s runs in the project: it can be renamed when all of its instances are "
			    "stopped",
			    user);
	}
	return refuse_clients(o, "be renamed", err);
}

const struct kind kind_project = {
    .number = KIND_PROJECT,
    .name = "project",
    .plural = "projects",
    .check_name = check_name,
    .init = project_init,
    .done = project_done,
    .create = project_create,
    .check = project_check,
    .made = make_profile,
    .load = project_load,
    .vacate = project_vacate,
    .may_remove = project_may_remove,
    .rename = project_rename,
    .dependents = project_dependents,
    .used_by = project_used_by,
};
