/* SPDX-License-Identifier: Apache-2.0 */
/* Storage drivers as tables of functions. A volume is an instance's own layer or copy; images are unpacked
 * once per host, unshifted. */
#pragma once

#include "engine/base/err.h"

#include <stdbool.h>

/* Where an instance's root comes from; texts are owned, storage_root_done() frees. */
struct storage_root {
	char **lower; /* directories, topmost first, NULL-terminated; NULL: rootfs alone */
	char *layer;  /* directory with upper/ and work/ */
	char *rootfs;
};
void storage_root_done(struct storage_root *r);

struct storage_driver {
	const char *name;
	/** usable() - whether this host and this directory can have it: a sentence where not. NULL: always */
	int (*usable)(const char *pool_dir, struct err *err);
	/** prepare() - before a start: make what is missing. @image_rootfs: the unpacked image's rootfs/, or
	 * NULL */
	int (*prepare)(const char *pool_dir, const char *uuid, const char *image_rootfs,
		       struct storage_root *ret, struct err *err);
	/** destroy() - remove all of an instance; none there is no failure */
	int (*destroy)(const char *pool_dir, const char *uuid, struct err *err);
	/** path() - of the files of one that isn't running, or NULL where there are none; freed */
	char *(*path)(const char *pool_dir, const char *uuid);
};

/** storage_driver_find() - NULL for none */
const struct storage_driver *storage_driver_find(const char *name);
/** storage_driver_names() - NULL-terminated */
const char *const *storage_driver_names(void);
