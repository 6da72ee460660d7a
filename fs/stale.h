/* SPDX-License-Identifier: Apache-2.0 */
/* What changed in the model, told to the kernel as nodes that it mustn't keep. */
#pragma once

#include "fs/state.h"

/** stale_hook() - hear of changes from now on: host.on */
void stale_hook(struct fs *fs);

/** stale_recent() - at the core's start: what changed shortly before may not have been told by the core that
 * did it */
void stale_recent(struct fs *fs);
