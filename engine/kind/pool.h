/* SPDX-License-Identifier: Apache-2.0 */
/* Storage pools: where the layers of instances are. */
#pragma once

#include "engine/base/buf.h"
#include "engine/model/host.h"

extern const struct kind kind_pool;

/** pool_space_text() - "total N", "used N", "free N" in bytes, a line each */
void pool_space_text(struct object *o, struct buf *b);
