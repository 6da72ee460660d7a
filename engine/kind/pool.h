/* SPDX-License-Identifier: Apache-2.0 */
/* Storage pools: where the layers of instances are. */
#pragma once

#include "engine/base/buf.h"
#include "engine/model/host.h"
#include "engine/storage/driver.h"

extern const struct kind kind_pool;

/** pool_space_text() - "total N", "used N", "free N" in bytes, a line each */
void pool_space_text(struct object *o, struct buf *b);
/** pool_dir() - the directory that its driver gets; freed by the caller */
char *pool_dir(struct object *o);
/** pool_driver() - NULL with a sentence where this lxdfs hasn't the one that it names */
const struct storage_driver *pool_driver(struct object *o, struct err *err);
