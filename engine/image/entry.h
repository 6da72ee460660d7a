/* SPDX-License-Identifier: Apache-2.0 */
/* Names of tar entries: from foreign bytes to a path below the directory that is unpacked to, or a refusal.
 */
#pragma once

#include "engine/base/err.h"
#include "engine/base/str.h"

#include <stdbool.h>

#define ENTRY_MAX_PATH 4000 /* with "rootfs/" before it, still below PATH_MAX */

/* Which file's entries these are. */
enum entry_source {
	ENTRY_META,   /* unified or metadata tarball: metadata.yaml, rootfs/, templates/ */
	ENTRY_ROOTFS, /* the root file system itself */
};

enum entry_place {
	PLACE_NONE, /* left out: not part of an image, or below the container's dev/ */
	PLACE_METADATA,
	PLACE_TEMPLATES, /* the directory and what is in it */
	PLACE_ROOT,	 /* rootfs itself */
	PLACE_ROOTFS,	 /* below it */
};

/**
 * entry_path() - make a path of a name
 * @name:      as it stands in the archive
 * @source:    whose names of ENTRY_ROOTFS come below rootfs/
 * @max_depth: elements allowed
 * @ret:       elements joined by single slashes, without "." and slashes at the ends; "" for the archive's
 * own directory. The caller frees it
 *
 * Return: 0; -EINVAL empty, absolute or with ".."; -ENAMETOOLONG; -EFBIG too deep
 */
int entry_path(struct str name, enum entry_source source, unsigned max_depth, char **ret, struct err *err);

/** entry_place() - where a path of entry_path() belongs */
enum entry_place entry_place(const char *path);

/** entry_quote() - a foreign name for a sentence: printable and cut. The caller frees it */
char *entry_quote(struct str name);
