/* SPDX-License-Identifier: Apache-2.0 */
/* The container's root file system with the host's directories in it, as the monitor builds it. */
#pragma once

#include "engine/instance/wire.h"

/* Mounts taken from the host's mount namespace before it is left; ROOT_SOURCES_NULL, root_sources_done(). */
struct root_sources {
	int tree[MSG_MAX_FDS]; /* by index in spec.mounts; -EBADF: left out */
	size_t n;
};

/**
 * root_sources_open() - detached copies of what spec.mounts names
 *
 * In the mount namespace that their descriptors are of, so before unshare(2).
 */
int root_sources_open(const struct container_spec *spec, struct root_sources *ret, struct err *err);
void root_sources_done(struct root_sources *s);

/**
 * root_build() - layers, idmapped and joined, at @scratch, with all of spec.mounts in them
 * @userns:  the container's user namespace, -1 for none
 * @scratch: directory to mount over
 *
 * In a mount namespace of the caller's alone. Return: a descriptor of the root directory there, or a failure
 */
int root_build(const struct container_spec *spec, struct root_sources *sources, int userns,
	       const char *scratch, struct err *err);

/** root_halt_signal() - what asks init to shut down: SIGRTMIN+3 for systemd, SIGUSR2 for busybox, else SIGPWR
 */
int root_halt_signal(int root, const struct container_spec *spec);
