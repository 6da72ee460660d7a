/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper: holds /dev/fuse for the life of the mount, starts the core anew whenever it dies, passes on who
 * wants the daemon to end. It knows nothing of instances. */
#pragma once

#include "fs/core.h"

/* What a core finds in its argv[1], written by the keeper */
#define KEEPER_CORE "--core"
#define KEEPER_CORE_SUSPECT "--core-suspect"

/* Descriptors of a core */
enum { KEEPER_FD_LINK = 3, KEEPER_FD_FUSE, KEEPER_FD_SHARED };

/**
 * keeper_run() - mount, serve until told to end, unmount
 * @argv:    the command line; a core gets the same behind its argv[1]
 * @starter: socket that hears CONTROL_DONE when the tree is usable; -EBADF for none. Closed
 *
 * For a single-threaded process. Return: 0 at the ordered end; -errno when the first core doesn't come up or
 * the mount breaks: nothing is left then
 */
int keeper_run(const struct core_options *o, char **argv, int starter, struct err *err);

/** keeper_lock() - the lock of a run directory, for the life of the descriptor. Return: descriptor; -EBUSY a
 * daemon works there; -ENOENT there is no such directory; -errno */
int keeper_lock(const char *run, struct err *err);

/** keeper_sweep() - unmount, and remove what a keeper puts into the run directory. Return: 0 or -errno */
int keeper_sweep(const struct core_options *o, struct err *err);
