/* SPDX-License-Identifier: Apache-2.0 */
/* The tree's place among the mounts: put there and taken away with the system calls themselves, which work
 * whether anybody serves it or not. */
#pragma once

#include "engine/base/err.h"

/**
 * mountpoint_attach() - mount lxdfs at @path, which is made where it is missing
 *
 * A tree that nobody serves any more is taken away first. Return: the descriptor of /dev/fuse; -EBUSY a tree
 * that is served is there; -errno
 */
int mountpoint_attach(const char *path, struct err *err);

/** mountpoint_detach() - until no tree of ours is at @path; where it is in use, those who use it keep a view
 * that nobody serves. Return: 0 or -errno */
int mountpoint_detach(const char *path, struct err *err);
