/* SPDX-License-Identifier: Apache-2.0 */
/* Projects: each has instances of its own, and of all else what its features say. */
#pragma once

#include "engine/model/host.h"

/** project_is_ending() - it is being removed: what came with it may go */
bool project_is_ending(const struct object *project);
/** project_path() - "" for project default, "projects/web/" for another: where its objects are below the root
 * of the tree. Freed by the caller */
char *project_path(const struct object *project);

/**
 * project_allows() - whether an instance or profile may be so in its project
 * @effective: all of it, as it is to be
 *
 * Asked of every config that is about to be and at each start. Return: 0; -EPERM with the key of the project
 */
int project_allows(struct object *o, const struct config *effective, struct err *err);
/** project_allows_by() - the same by a config of the project that isn't published yet */
int project_allows_by(struct object *project, const struct config *rules, struct object *o,
		      const struct config *effective, struct err *err);
