/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles: what several instances have in common. */
#include <errno.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/kind/defaults.h"
#include "engine/kind/project.h"
#include "engine/kind/users.h"

#define DEFAULT "default"

static int check_name(struct str name, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;
	bool is_ok = name.len > 0 && name.ptr[0] != '.' && name.ptr[0] != '-';

	if (name.len > 63)
		return err_set(err, ENAMETOOLONG, "a profile's name has at most 63 characters, this one %zu",
			       name.len);
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		is_ok = is_ok && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				  (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-');
	}
	if (is_ok)
		return 0;
	buf_escape(&shown, name);
	return err_set(err, EINVAL,
		       "\"%s\" can't be a profile's name: it is 1 to 63 letters, digits, '.', '_', '-' and "
		       "begins with a letter or digit",
		       buf_cstr(&shown));
}

/* Whether an instance has it: one that names none has the default one. */
static bool is_used(struct object *instance, const char *name)
{
	AUTO(config_unref) struct config *own = object_own(instance);
	const char *list = config_get(own, SECTION_PROPS, "profiles");
	AUTO(texts_free) char **names = texts_split(list ? list : DEFAULT);

	for (char **p = names; *p; p++)
		if (!strcmp(*p, name))
			return true;
	return false;
}

static struct object **profile_dependents(struct object *o)
{
	AUTO(free) char *name = object_name(o);
	struct object **all = host_users(o->parent, KIND_PROFILE, KIND_INSTANCE);
	size_t n = 0;

	for (size_t i = 0; all[i]; i++) {
		if (is_used(all[i], name))
			all[n++] = all[i];
		else
			object_unref(all[i]);
	}
	all[n] = NULL;
	return all;
}

static char **profile_used_by(struct object *o)
{
	AUTO(objects_free) struct object **users = profile_dependents(o);
	AUTO(buf_done) struct buf lines = BUF_NULL;

	for (struct object **p = users; *p; p++) {
		AUTO(free) char *path = users_path(o, *p);

		buf_printf(&lines, "%s\n", path);
	}
	return texts_split(buf_cstr(&lines));
}

static int refuse_default(struct object *o, const char *why, struct err *err)
{
	AUTO(free) char *name = object_name(o);

	if (!strcmp(name, DEFAULT) && !project_is_ending(o->parent))
		return err_set(
		    err, EPERM,
		    "profile %s can't %s: an instance that names no profile has it. What is in it can "
		    "be changed and removed",
		    name, why);
	return users_refuse(o, why, err);
}

static int profile_may_remove(struct object *o, struct err *err)
{
	return refuse_default(o, "be removed", err);
}

static int profile_rename(struct object *o, const char *name, struct err *err)
{
	(void)name;
	return refuse_default(o, "be renamed", err);
}

static int profile_check(struct object *o, const struct config *old, const struct config *own,
			 const struct config *effective, struct err *err)
{
	(void)old;
	(void)own;
	return project_allows(o, effective, err);
}

const struct kind kind_profile = {
    .number = KIND_PROFILE,
    .name = "profile",
    .plural = "profiles",
    .feature = "features.profiles",
    .check_name = check_name,
    .check = profile_check,
    .may_remove = profile_may_remove,
    .rename = profile_rename,
    .dependents = profile_dependents,
    .used_by = profile_used_by,
};
