/* SPDX-License-Identifier: Apache-2.0 */
/* Files of /proc and /sys that a container doesn't see, or only reads. */
#pragma once

#include "engine/base/err.h"

#include <stdbool.h>

/**
 * mask_apply() - inside the container, after pivot_root, before its init runs
 *
 * Return: 0; a file that this kernel hasn't is no failure, one that can't be masked is
 */
int mask_apply(bool privileged, bool nesting, struct err *err);
