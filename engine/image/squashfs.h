/* SPDX-License-Identifier: Apache-2.0 */
/* A root file system as squashfs, through unsquashfs in the cage. For lxdfs-unpack alone. */
#pragma once

#include "engine/base/err.h"
#include "engine/image/tally.h"

#include <stdbool.h>

/** squashfs_is() - begins like one */
bool squashfs_is(int fd);

/**
 * squashfs_check() - list the cage's image and count what is in it, before anything is written
 * @fd:   the same file
 * @core: socket; once nobody is at its other end, there is no use to go on
 *
 * Return: 0; -EBADMSG damaged; -EINVAL device nodes, another version; -EFBIG; -ECANCELED the core is gone
 */
int squashfs_check(int fd, struct tally *t, int core, struct err *err);

/**
 * squashfs_unpack() - put the cage's image into "rootfs" of the directory to fill
 *
 * To be called after squashfs_check(). Afterwards no other program can be started. Return: also -ENOSPC
 */
int squashfs_unpack(struct tally *t, int core, struct err *err);
