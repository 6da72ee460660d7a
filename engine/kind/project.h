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
/**
 * project_has_room() - whether an instance may be as big as it is to be, beside the others of its project
 *
 * It is asked with the instance's token, or of one that is new. Return: 0; -EDQUOT
 */
int project_has_room(struct object *o, bool is_new, const struct config *effective, struct err *err);

/* What limits.* of the project bound. */
enum project_figure { PROJECT_INSTANCES, PROJECT_CPU, PROJECT_MEMORY, PROJECT_PROCESSES };
/** project_usage() - what its instances are set to together; memory in bytes. Those without a limit count
 * nothing */
uint64_t project_usage(struct object *project, enum project_figure what);
/** project_allows_by() - the same by a config of the project that isn't published yet */
int project_allows_by(struct object *project, const struct config *rules, struct object *o,
		      const struct config *effective, struct err *err);
