/* SPDX-License-Identifier: Apache-2.0 */
/* What the next core can't tell from a node's id is written down below the run directory, RUN/open/NUMBER: a
 * key that was created and isn't there before it is written, and what was written, acknowledged and is only
 * applied when the file is flushed. */
#pragma once

#include "fs/handle.h"

/** noted_load() - open again what the core before noted. Objects are loaded. Return: 0 or a failure */
int noted_load(struct fs *fs, struct err *err);
/** noted_put() - @h's lock is held, or nobody else has it yet. Return: 0 or -errno */
int noted_put(struct fs *fs, struct handle *h);
/** noted_drop() - nothing is left that another core has to know */
void noted_drop(struct fs *fs, const struct handle *h);
/** noted_sweep() - forget what cores of an earlier mount noted */
void noted_sweep(const char *run);
