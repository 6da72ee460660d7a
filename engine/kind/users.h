/* SPDX-License-Identifier: Apache-2.0 */
/* Who uses an object: instances and profiles whose devices name it. */
#pragma once

#include "engine/model/host.h"

/**
 * users_by_device() - who has a device with one of these keys set to @o's name
 * @keys: NULL-terminated: "network", "parent"
 *
 * Only what instances and profiles set themselves counts. Return: "instances/foo", "profiles/bar", ...;
 * texts_free()
 */
char **users_by_device(struct object *o, const char *const *keys);

/**
 * users_refuse() - a sentence with their names, where there are any
 * @why: what was to be done: "be removed"
 *
 * Return: 0 nobody uses it; -EBUSY
 */
int users_refuse(struct object *o, const char *why, struct err *err);
