/* SPDX-License-Identifier: Apache-2.0 */
/* Files of /proc that tell of the instance's limits in place of the host's figures, where the host runs
 * lxcfs. */
#pragma once

#include "engine/instance/container.h"

#define LXCFS_FILES 7

/**
 * lxcfs_mounts() - what lxcfs has, to be mounted over the container's /proc
 * @ret: LXCFS_FILES of them; their source_fd is the caller's to close
 *
 * Return: how many: 0 where the host runs no lxcfs; -errno it is there and doesn't answer
 * Source: lxcfs(1), LXC's hook for it
 */
int lxcfs_mounts(struct container_mount *ret);
