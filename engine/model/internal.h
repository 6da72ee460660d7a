/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of engine/model/ share and nobody else needs. */
#pragma once

#include "engine/model/host.h"

/** life_tell() - "instance-created" and its like, LXD's lifecycle names */
void life_tell(struct object *o, const char *what);
/** life_check_name() - Return: 0; -EINVAL, -ENAMETOOLONG */
int life_check_name(const struct kind *kind, struct str name, struct err *err);

/** object_new() - neither stored nor in the registry; object_unref() it */
struct object *object_new(struct host *h, const struct kind *kind, struct object *parent, uint32_t id,
			  const char *name);
/** object_publish() - readers see this own config from now on */
void object_publish(struct object *o, struct config *take_own);
/** object_effective_with() - as object_effective_of(), as if profile @changed had the config @its */
struct config *object_effective_with(struct object *o, const struct config *own, const struct object *changed,
				     const struct config *its);

struct access_list *access_list_new(void);
/** access_list_without() - a copy without what is said of a section and all in it */
struct access_list *access_list_without(const struct access_list *l, const char *section);
/** access_list_put() - add or replace; only while nobody else has the list */
void access_list_put(struct access_list *l, const char *place, uid_t uid, gid_t gid, mode_t mode);
/** object_publish_access() - in force from now on */
void object_publish_access(struct object *o, struct access_list *take);

/**
 * change_prepare() - a copy of @own with the changes in it, each parsed and its right checked
 *
 * Pure. Return: 0; as object_change()
 */
int change_prepare(struct object *o, const struct caller *who, const struct config *own,
		   const struct change *changes, size_t n, struct config **ret, struct err *err);
/** change_check() - the whole of a config that is to be: devices, and what the kind says. @own: NULL for a
 * new object */
int change_check(struct object *o, const struct config *own, const struct config *new,
		 const struct config *effective, struct err *err);

/* What is to be done in the kernel for one live object, in order. */
struct plan;
/** plan_new() - everything by which @new differs from @old; both are referenced */
struct plan *plan_new(struct object *o, const struct config *old, const struct config *new);
/** plan_run() - all steps; when one fails those that were done are undone. Return: 0 or that failure */
int plan_run(struct plan *p, struct err *err);
/** plan_undo() - of one that was run */
void plan_undo(struct plan *p);
void plan_free(struct plan *p);

/** change_tell() - on.changed for every key by which @new differs from @old */
void change_tell(struct object *o, const struct config *old, const struct config *new);
