/* SPDX-License-Identifier: Apache-2.0 */
/* Files of /proc and /sys that a container doesn't see, or only reads. */
#pragma once

#include "engine/base/err.h"

#include <stdbool.h>

/**
 * mask_apply() - inside the container, after pivot_root, before its init runs
 * @has_policy: leaves it /sys/kernel/security
 *
 * Return: 0; a file that this kernel hasn't is no failure, one that can't be masked is
 */
int mask_apply(bool privileged, bool nesting, bool has_policy, struct err *err);

/**
 * mask_lock() - go on in a copy of the mounts in which none that is there can be taken off or made writable,
 * nor a /proc or /sys be mounted that shows more
 *
 * As in a container with a user namespace, for one that has none: its mounts belong to a user namespace in
 * which nobody is. Descriptors of before are of the former mounts. Return: 0; -ENOSPC, -EPERM no user
 * namespaces can be made
 * Source: mount_namespaces(7), "Restrictions on mount namespaces"
 */
int mask_lock(struct err *err);
