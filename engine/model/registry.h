/* SPDX-License-Identifier: Apache-2.0 */
/* Which objects there are, by id and by name; for the files of engine/model/, others use host.h. */
#pragma once

#include "engine/model/host.h"

struct registry *registry_new(void);
/** registry_free() - with the references that it holds */
void registry_free(struct registry *r);

/**
 * registry_add() - take @o's name; the registry holds a reference of its own from now on
 *
 * An object that is_hidden isn't found or listed until registry_show(). Return: 0; -EEXIST; -ENOENT its
 * parent is gone
 */
int registry_add(struct object *o);
/** registry_show() - Return: 0; -ENOENT its parent went meanwhile, which didn't see it: it stays hidden */
int registry_show(struct object *o);
/** registry_remove() - it is gone: not found any more, its name is free */
void registry_remove(struct object *o);
/** registry_move() - another name, another parent or both. Return: 0; -EEXIST; -ENOENT that parent is gone */
int registry_move(struct object *o, struct object *parent, const char *name);
/** registry_formers_free() - of an object that nobody has any more */
void registry_formers_free(struct object *o);
/** registry_name() - a copy of the name, to be freed */
char *registry_name(const struct object *o);
