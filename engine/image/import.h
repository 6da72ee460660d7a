/* SPDX-License-Identifier: Apache-2.0 */
/* Images: what is in a file, and its way onto the disk. Foreign bytes are read by lxdfs-unpack alone, a
 * helper that is confined to one directory; what it answers is checked again here.
 *
 * Files that are taken: LXD's unified tarball (metadata.yaml, rootfs/, templates/), or its two halves: a
 * tarball of metadata.yaml and templates/, and the root file system as a tarball or squashfs. Tarballs may be
 * compressed with gzip, xz or zstd.
 *
 * What is left out of a root file system: whatever lies below dev/ (a container has a /dev of its own), FIFOs
 * and sockets (services make theirs), access control lists, and extended attributes but user.* (without
 * user.overlay.*) and, in tarballs, security.capability. Owners and modes are kept, set-user-ID bits
 * included, and aren't shifted: the directories above must be closed to all but root. Refused, with a
 * sentence: device nodes elsewhere, absolute names, "..", names below symbolic links, hard links to what
 * wasn't unpacked before, and what is larger, deeper or more than struct image_limits allows. */
#pragma once

#include "engine/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Bounds of image_info: what the core takes from the helper. */
#define IMAGE_MAX_PROPERTIES 128
#define IMAGE_MAX_NAME 128    /* of a property */
#define IMAGE_MAX_TEXT 2048   /* value of a property, and architecture */
#define IMAGE_MAX_TEXTS 8192  /* all of them together */
#define IMAGE_MAX_YAML 262144 /* metadata.yaml */

enum image_part {
	IMAGE_UNIFIED = 1, /* all in one file */
	IMAGE_SPLIT,	   /* both halves were given */
	IMAGE_METADATA,	   /* one file, the half with metadata.yaml: its rootfs is still missing */
	IMAGE_ROOTFS,	   /* one file, the other half: nothing is known of it but size and fingerprint */
};

/* Zero-initialise with IMAGE_INFO_NULL; image_info_done() frees. */
struct image_info {
	enum image_part part;
	char fingerprint[65]; /* SHA-256 of the file, or of metadata and rootfs one behind the other */
	uint64_t size;	      /* bytes of the files */
	uint64_t unpacked;    /* bytes of all files inside, as their sizes say */
	bool squashfs;	      /* the root file system is one */
	char *architecture;   /* as metadata.yaml says, "x86_64"; NULL for IMAGE_ROOTFS */
	uint64_t created_at, expires_at; /* seconds since 1970, 0: not said */
	char **properties; /* NAME=VALUE sorted by name, NULL-terminated; names of a-z A-Z 0-9 . _ -, values
			    * printable UTF-8 in one line. Never NULL after a success */
};

#define IMAGE_INFO_NULL ((struct image_info){0})

/* What a file may grow to. 0: the default. */
struct image_limits {
	uint64_t bytes;	  /* of all files, holes included; 64 GiB */
	uint64_t entries; /* 4 million */
	uint32_t ratio;	  /* unpacked : packed, once there is more than 1 GiB; 200 */
	uint32_t depth;	  /* directories above one another; 128 */
};

/**
 * image_probe() - look into an image, every entry included: what this takes, image_unpack() takes
 * @libexec:   directory of lxdfs-unpack
 * @fd_meta:   unified tarball, metadata tarball, or a lone file of which nothing is known yet; borrowed, its
 *             offset doesn't matter and isn't changed
 * @fd_rootfs: the other half, -1 for none. A squashfs must have a name on the disk, whichever
 * @limits:    NULL for the defaults
 * @ret:       filled on success; image_info_done() it
 * @cancel_fd: readable: give up; -1 for none
 *
 * Blocks while it reads the whole file; for job threads. Return: 0; -EINVAL no image, or one that isn't
 * taken; -EFBIG beyond a limit; -EBADMSG damaged; -ECANCELED; -EOPNOTSUPP squashfs without squashfs-tools;
 * -EIO the helper ended in the middle
 */
int image_probe(const char *libexec, int fd_meta, int fd_rootfs, const struct image_limits *limits,
		struct image_info *ret, int cancel_fd, struct err *err);

/**
 * image_unpack() - put an image onto the disk: @dest/rootfs, @dest/metadata.yaml, @dest/templates/
 * @dest: must not exist, its parent must; made with mode 0700 and durable when this returns. A @dest.new left
 *        by a crash is removed first; one caller at a time for a @dest
 *
 * The rest as image_probe(). All or nothing: after a failure there is neither @dest nor @dest.new. Return:
 * also -EEXIST @dest is there; -ENOSPC, -EDQUOT the disk is full
 */
int image_unpack(const char *libexec, int fd_meta, int fd_rootfs, const char *dest,
		 const struct image_limits *limits, int cancel_fd, struct err *err);

void image_info_done(struct image_info *info);

static inline void image_info_done_auto(struct image_info *info)
{
	image_info_done(info);
}
