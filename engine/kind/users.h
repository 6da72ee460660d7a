/* SPDX-License-Identifier: Apache-2.0 */
/* Who uses an object: instances and profiles whose devices name it. */
#pragma once

#include "engine/model/host.h"

/**
 * users_by_device() - who has a device with one of these keys set to @o's name
 * @keys: NULL-terminated: "network", "parent"
 *
 * Only what instances and profiles set themselves counts, of all projects that see @o. Return:
 * "instances/foo", "profiles/bar", "projects/web/profiles/default", ...;
 * texts_free()
 */
char **users_by_device(struct object *o, const char *const *keys);

/** users_path() - @user as who looks at @o finds it: "instances/foo" in the same project, "projects/web/..."
 * in another. Freed by the caller */
char *users_path(const struct object *o, const struct object *user);

/**
 * users_refuse() - a sentence with their names, where there are any
 * @why: what was to be done: "be removed"
 *
 * Return: 0 nobody uses it; -EBUSY
 */
int users_refuse(struct object *o, const char *why, struct err *err);
/** users_refuse_list() - the same of any list: "project web can't be removed: it isn't empty, it has ..." */
int users_refuse_list(struct object *o, const char *why, const char *since, char *const *users,
		      struct err *err);
