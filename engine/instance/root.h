/* SPDX-License-Identifier: Apache-2.0 */
/* The container's root file system with the host's directories in it, as the monitor builds it. */
#pragma once

#include "engine/instance/mounts.h"

#define ROOT_PARKED "root" /* its name in the parking place */

/**
 * root_build() - layers, idmapped and joined, parked over @scratch together with all of spec.mounts
 * @userns:  the container's user namespace, -1 for none
 * @scratch: directory to mount over
 * @ret_root: the root file system there
 *
 * In a mount namespace of the caller's alone. Return: the parking place, or a failure
 */
int root_build(const struct container_spec *spec, struct mount_sources *sources, int userns,
	       const char *scratch, int *ret_root, struct err *err);

/** root_halt_signal() - what asks init to shut down: SIGRTMIN+3 for systemd, SIGUSR2 for busybox, else SIGPWR
 */
int root_halt_signal(int root, const struct container_spec *spec);
