/* SPDX-License-Identifier: Apache-2.0 */
/* Instances as objects: their names, how they begin and end, and what of their root comes from other kinds.
 */
#include "engine/kind/instance.h"

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/base/path.h"
#include "engine/device/nic.h"
#include "engine/instance/guard.h"
#include "engine/instance/ids.h"
#include "engine/instance/instance.h"
#include "engine/kind/exec.h"
#include "engine/kind/image.h"
#include "engine/kind/instance-root.h"
#include "engine/kind/project.h"

#define NAME_MAX_LEN 63

static int check_name(struct str name, struct err *err)
{
	AUTO(buf_done) struct buf b = BUF_NULL;
	const char *why = NULL;

	if (name.len > NAME_MAX_LEN)
		return err_set(err, ENAMETOOLONG,
			       "an instance's name has at most %d characters, this one %zu", NAME_MAX_LEN,
			       name.len);
	if (!name.len || !((name.ptr[0] | 0x20) >= 'a' && (name.ptr[0] | 0x20) <= 'z'))
		why = "it must begin with a letter";
	else if (name.ptr[name.len - 1] == '-')
		why = "it can't end with '-'";
	for (size_t i = 0; i < name.len && !why; i++)
		if (!memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-", name.ptr[i],
			    63))
			why = "it is made of letters, digits and '-', as a host name is";
	if (!why)
		return 0;
	buf_escape(&b, name);
	return err_set(err, EINVAL, "\"%s\" is no name for an instance: %s", buf_cstr(&b), why);
}

static int init(struct object *o, struct err *err)
{
	(void)err;
	o->data = instance_new();
	return 0;
}

static void done(struct object *o)
{
	if (o->data)
		nics_forget(o);
	instance_free(o->data);
	o->data = NULL;
}

/* Those that are named anew: one that went while it was used can't be, but old state files may say anything.
 */
static int check_profiles(struct object *o, const struct config *old, const struct config *own,
			  struct err *err)
{
	const char *now = config_get(own, SECTION_PROPS, "profiles");
	const char *before = old ? config_get(old, SECTION_PROPS, "profiles") : NULL;
	AUTO(texts_free) char **names = now && (!before || strcmp(now, before)) ? texts_split(now) : NULL;
	struct object *scope = host_scope(o->parent, KIND_PROFILE);

	for (size_t i = 0; names && names[i]; i++) {
		AUTO(object_unref)
		struct object *p = host_find(scope, KIND_PROFILE, str_from(names[i]));
		AUTO(free) char *above = NULL;

		if (p)
			continue;
		above = project_path(scope);
		return err_set(err, EINVAL,
			       "profiles: there is no profile %s: mkdir %s/%sprofiles/%s makes one", names[i],
			       o->host->mount, above, names[i]);
	}
	return 0;
}

/* What of the keys about ids contradicts, and whether they are to be had. */
static int check_ids(struct object *o, const struct config *old, const struct config *own,
		     const struct config *effective, struct err *err)
{
	const struct pair *base = config_pair(effective, SECTION_CONFIG, "security.idmap.base");
	bool isolated = value_bool(config_get(effective, SECTION_CONFIG, "security.idmap.isolated"));
	bool privileged = value_bool(config_get(effective, SECTION_CONFIG, "security.privileged"));
	const char *raw = config_get(effective, SECTION_CONFIG, "raw.idmap");
	const char *was = old ? config_get(old, SECTION_CONFIG, "raw.idmap") : NULL;
	const char *now = config_get(own, SECTION_CONFIG, "raw.idmap");

	if (base && !isolated)
		return err_set(
		    err, EINVAL,
		    "security.idmap.base is set: it is for a range of its own, security.idmap.isolated=true");
	if (privileged && isolated)
		return err_set(
		    err, EINVAL,
		    "security.privileged and security.idmap.isolated contradict one another: a privileged "
		    "container has no id map");
	if (privileged && raw)
		return err_set(
		    err, EINVAL,
		    "security.privileged and raw.idmap contradict one another: a privileged container has "
		    "every id of the host");
	if (base && base->origin)
		return err_set(
		    err, EINVAL,
		    "security.idmap.base comes from the profile %s, but a range is one instance's: set it "
		    "on the instance",
		    base->origin);
	return ids_check(o, effective, raw && !(was && now && !strcmp(was, now)), err);
}

/* Copies of an instance get its keys; what is its alone isn't among them. */
static int check(struct object *o, const struct config *old, const struct config *own,
		 const struct config *effective, struct err *err)
{
	struct seccomp_options filter = instance_filter(effective);
	int r = project_allows(o, effective, err);

	if (!r)
		r = project_has_room(o, !old, effective, err);

	if (!r)
		r = check_ids(o, old, own, effective, err);
	if (!r)
		r = seccomp_check(&filter, err);
	if (!r)
		r = check_profiles(o, old, own, err);
	return r < 0 ? r : instance_root_check(o, old, own, effective, err);
}

static int may_remove(struct object *o, struct err *err)
{
	AUTO(config_unref) struct config *c = object_effective(o);
	AUTO(free) char *name = object_name(o), *path = object_path(o);

	if (instance_state(o) != INSTANCE_STOPPED)
		return err_set(err, EBUSY, "%s is running: echo stopped > %s/%s/state first", name,
			       o->host->mount, path);
	if (value_bool(config_get(c, SECTION_CONFIG, "security.protection.delete")))
		return err_set(err, EPERM,
			       "security.protection.delete of %s is true: it can't be removed before that is "
			       "false",
			       name);
	return 0;
}

static void remove_instance(struct object *o)
{
	AUTO(config_unref) struct config *own = object_own(o);
	const char *image = config_get(own, SECTION_CONFIG, "volatile.base_image");
	AUTO(free) char *logs = xasprintf("%s/logs/%s", o->host->state, o->uuid);
	AUTO(free) char *execs = xasprintf("%s/exec/%s", o->host->run, o->uuid);
	AUTO(objects_free) struct object **list = host_all(o, KIND_EXEC);
	AUTO(err_done) struct err err = ERR_NULL;

	for (size_t i = 0; list && list[i]; i++) {
		exec_end(list[i]);
		object_remove(list[i], &caller_core, NULL);
	}
	if (instance_root_destroy(o, &err) < 0)
		host_warn(o->host, NULL, "storage", "files of a removed instance, %s, are left: %s", o->uuid,
			  err_text(&err));
	host_warn_resolve(o->host, o, "privileged");
	host_warn_resolve(o->host, o, "seccomp");
	host_warn_resolve(o->host, o, "intercept");
	guard_drop(o, true);
	if (image)
		image_collect(o->host, image);
	path_remove_tree(logs);
	path_remove_tree(execs);
	/* who waits for a state of it is told that it is gone */
	instance_told(o, NULL);
}

static int rename_instance(struct object *o, const char *name, struct err *err)
{
	AUTO(free) char *old = object_name(o);

	(void)name;
	if (instance_state(o) == INSTANCE_STOPPED)
		return 0;
	return err_set(err, EBUSY, "%s is running: it can be renamed when it is stopped", old);
}

/* Stopped, with profiles of those names there, and its root in the same pool. */
static int may_move(struct object *o, struct object *there, const struct config *effective, struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(o);
	AUTO(free) char *name = NULL;

	if (instance_state(o) == INSTANCE_STOPPED) {
		int r = check_profiles(there, NULL, own, err);

		if (!r)
			r = project_has_room(there, true, effective, err);
		return r < 0 ? r : instance_root_check_move(o, effective, err);
	}
	name = object_name(o);
	return err_set(err, EBUSY, "%s is running: it can go to another project when it is stopped", name);
}

const struct kind kind_instance = {
    .number = KIND_INSTANCE,
    .name = "instance",
    .plural = "instances",
    .has_profiles = true,
    .leaves_files = true,
    .check_name = check_name,
    .init = init,
    .done = done,
    .check = check,
    .load = instance_adopt,
    .may_remove = may_remove,
    .remove = remove_instance,
    .rename = rename_instance,
    .may_move = may_move,
};
