/* SPDX-License-Identifier: Apache-2.0 */
/* The container's own side of its start: the child that becomes init. Runs in the monitor's program. */
#pragma once

#include "engine/instance/wire.h"

/**
 * init_run() - in the child, after clone3: wait for the root, set everything up, become init
 * @sock:  to the monitor, close-on-exec: its end tells that init runs
 * @order: what is wanted
 *
 * Sends CHILD_FAILED with the reason where something fails, and exits.
 */
void init_run(int sock, const struct start_order *order) __attribute__((noreturn));
