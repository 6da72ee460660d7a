/* SPDX-License-Identifier: Apache-2.0 */
/* Where lxdfs-unpack reads foreign bytes: a root with nothing in it but the directory it fills, no network,
 * no process but its own, few capabilities, few system calls, bounded memory. */
#pragma once

#include "engine/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Names in the cage. */
#define CAGE_DEST "/dest"
#define CAGE_ROOTFS "/dest/rootfs"
#define CAGE_IMAGE "/image"
#define CAGE_UNSQUASHFS "/usr/bin/unsquashfs"

/* Mounts that the cage will have, taken while the host's are still to be seen; CAGE_NULL, cage_done(). */
struct cage {
	int dest;     /* -EBADF: nothing is written */
	int image;    /* a squashfs; -EBADF: no program is run */
	int programs; /* of the host, read-only */
};

#define CAGE_NULL ((struct cage){-EBADF, -EBADF, -EBADF})

/**
 * cage_prepare() - take hold of the mounts
 * @dest:     descriptor of the directory to fill, -1 for none
 * @squashfs: descriptor of the file that unsquashfs will read, -1 for none
 *
 * Return: 0 or -errno
 */
int cage_prepare(struct cage *ret, int dest, int squashfs, struct err *err);

/**
 * cage_enter() - in a process that was cloned with CAGE_SPACES: go in for good
 * @max_file: bytes that one file may grow to
 *
 * With a directory to fill, what is needed to give files away is kept of the capabilities, none otherwise.
 * Return: 0 or -errno
 */
int cage_enter(struct cage *c, uint64_t max_file, struct err *err);

/** cage_narrow() - no programs any more, once unsquashfs has ended. Return: 0 or -errno */
int cage_narrow(struct err *err);

void cage_done(struct cage *c);

#define CAGE_SPACES                                                                                          \
	(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)
