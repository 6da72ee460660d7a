/* SPDX-License-Identifier: Apache-2.0 */
/* Storage pools: where the layers of instances are. */
#pragma once

#include "engine/base/buf.h"
#include "engine/model/host.h"
#include "engine/storage/driver.h"

extern const struct kind kind_pool;

/** pool_find() - by name, with its directory and driver. @ret_dir is freed by the caller. Return: 0; -EINVAL
 * there is no such pool; -EOPNOTSUPP its driver isn't there */
int pool_find(struct host *h, const char *name, char **ret_dir, const struct storage_driver **ret_driver,
	      struct err *err);
/** pool_apply() - the key_apply_fn of source: the directory is there, and the driver can work in it */
int pool_apply(struct object *o, const struct config *old, const struct config *new, const char *device,
	       struct err *err);
/** pool_space_text() - "total N", "used N", "free N" in bytes, a line each */
void pool_space_text(struct object *o, struct buf *b);
