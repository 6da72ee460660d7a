/* SPDX-License-Identifier: Apache-2.0 */
/* Who uses an object: instances and profiles whose devices name it. */
#include "engine/kind/users.h"

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"

/* How many are named in a sentence. */
#define NAMED_MAX 5

static bool config_names(const struct config *c, const char *name, const char *const *keys)
{
	for (size_t i = 0; i < c->n; i++) {
		if (!section_device(&c->sections[i]))
			continue;
		for (const char *const *k = keys; *k; k++) {
			const struct pair *p = section_pair(&c->sections[i], str_from(*k));

			if (p && !strcmp(p->value, name))
				return true;
		}
	}
	return false;
}

char *users_path(const struct object *o, const struct object *user)
{
	AUTO(free) char *name = NULL;

	if (user->parent != o->parent)
		return object_path(user);
	name = object_name(user);
	return xasprintf("%s/%s", user->kind->plural, name);
}

char **users_by_device(struct object *o, const char *const *keys)
{
	static const enum kind_number kinds[] = {KIND_INSTANCE, KIND_PROFILE};
	AUTO(buf_done) struct buf lines = BUF_NULL;
	AUTO(free) char *name = object_name(o);

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		AUTO(objects_free) struct object **all = host_users(o->parent, o->kind->number, kinds[k]);

		for (struct object **p = all; *p; p++) {
			AUTO(config_unref) struct config *own = object_own(*p);
			AUTO(free) char *user = NULL;

			/* one that its project doesn't show at present uses nothing */
			if (!config_names(own, name, keys) ||
			    host_scope((*p)->parent, kinds[k]) != (*p)->parent)
				continue;
			user = users_path(o, *p);
			buf_printf(&lines, "%s\n", user);
		}
	}
	return texts_split(buf_cstr(&lines));
}

int users_refuse_list(struct object *o, const char *why, const char *since, char *const *users,
		      struct err *err)
{
	AUTO(buf_done) struct buf names = BUF_NULL;
	AUTO(free) char *name = NULL;
	size_t n = 0;

	for (; users && users[n]; n++)
		if (n < NAMED_MAX)
			buf_printf(&names, "%s%s", n ? ", " : "", users[n]);
	if (!n)
		return 0;
	if (n > NAMED_MAX)
		buf_printf(&names, " and %zu more", n - NAMED_MAX);
	name = object_name(o);
	return err_set(err, EBUSY, "%s %s can't %s: %s %s", o->kind->name, name, why, since,
		       buf_cstr(&names));
}

int users_refuse(struct object *o, const char *why, struct err *err)
{
	AUTO(texts_free) char **users = o->kind->used_by ? o->kind->used_by(o) : NULL;

	return users_refuse_list(o, why, "it is used by", users, err);
}
