/* SPDX-License-Identifier: Apache-2.0 */
/* What changed in the model, told to the kernel as nodes that it mustn't keep. */
#pragma once

#include "fs/state.h"

/** stale_hook() - hear of changes from now on: host.on */
void stale_hook(struct fs *fs);
