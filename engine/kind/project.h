/* SPDX-License-Identifier: Apache-2.0 */
/* Projects: each has instances of its own, and of all else what its features say. */
#pragma once

#include "engine/model/host.h"

/** project_is_ending() - it is being removed: what came with it may go */
bool project_is_ending(const struct object *project);
/** project_path() - "" for project default, "projects/web/" for another: where its objects are below the root
 * of the tree. Freed by the caller */
char *project_path(const struct object *project);
