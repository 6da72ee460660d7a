/* SPDX-License-Identifier: Apache-2.0 */
/* The root file system of an instance: its image, its pool, its layer there. */
#pragma once

#include "engine/instance/instance.h"

/** instance_root_check() - pure: that source and pool exist, and that they stay what they are once there are
 * files. As kind.check */
int instance_root_check(struct object *o, const struct config *old, const struct config *own,
			const struct config *effective, struct err *err);
/** instance_root_check_move() - whether its files can stay where they are with another effective config */
int instance_root_check_move(struct object *o, const struct config *effective, struct err *err);
/** instance_root_make() - struct instances' root(): unpacks the image, makes the layer; blocks */
int instance_root_make(struct object *o, const struct config *effective, const struct caller *who,
		       struct instance_root *ret, struct err *err);
/** instance_root_undo() - likewise root_undo() */
void instance_root_undo(struct object *o, const struct instance_root *root);
/** instance_root_stopped() - struct instances' stopped_path() */
char *instance_root_stopped(struct object *o);
/** instance_root_destroy() - its files in its pool, if it has any */
int instance_root_destroy(struct object *o, struct err *err);
