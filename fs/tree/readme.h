/* SPDX-License-Identifier: Apache-2.0 */
/* What README files say. */
#pragma once

#include "engine/base/buf.h"

/** readme_text() - how a tree of instances, images, ... is used; @root: where it begins, "/lxd" */
void readme_text(struct buf *b, const char *root);
