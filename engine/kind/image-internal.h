/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of images share and nobody else needs. */
#pragma once

#include "engine/image/import.h"
#include "engine/kind/image.h"

#define IMAGE_NAME_LEN 64 /* a SHA-256 in hex */

/* What is being made an object: kind_image.create() fills in from it. */
struct image_new {
	struct image_new *next;
	const struct image_info *info;
	const char *filename;
};
/** image_new_begin() - only one at a time with a fingerprint. Return: 0; -EBUSY */
int image_new_begin(struct image_new *n, struct err *err);
void image_new_end(struct image_new *n);

/** image_stem() - what the names of both halves of a split image have in common: "x" of "x.tar.xz" and
 * "x.rootfs", "" of names that say no more than which half it is ("lxd.tar.xz", "rootfs.squashfs"). Freed by
 * the caller */
char *image_stem(struct str name);

/** image_files_lock() - nobody adds or removes files of images meanwhile */
void image_files_lock(void);
void image_files_unlock(void);
/** image_anywhere() - of the first project that has it; referenced. NULL: none has */
struct object *image_anywhere(struct host *h, const char *fingerprint);
bool image_is_anywhere(struct host *h, const char *fingerprint);

/** image_is_fingerprint() - 64 lower-case hex digits */
bool image_is_fingerprint(struct str name);
/** image_dir(), image_unpacked_dir() - of a fingerprint; freed by the caller */
char *image_dir(struct host *h, const char *fingerprint);
char *image_unpacked_dir(struct host *h, const char *fingerprint);
