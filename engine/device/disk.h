/* SPDX-License-Identifier: Apache-2.0 */
/* Disks of instances: the root (path=/, pool=...) and host directories or files. */
#pragma once

#include "engine/model/kind.h"

int disk_check(struct object *o, const struct config *effective, const char *device, struct err *err);
int disk_attach(struct object *o, const struct config *effective, const char *device, struct err *err);
int disk_detach(struct object *o, const struct config *effective, const char *device, struct err *err);
/** disk_root() - name of the device that is the root; NULL with a sentence where there is none, or two */
const char *disk_root(const struct config *effective, struct err *err);

/* A directory or file of the host that is mounted inside; borrows from the config it was made of. */
struct disk_mount {
	int source; /* O_PATH */
	const char *path;
	bool readonly, recursive, shift;
};
struct disk_mounts {
	struct disk_mount *list;
	size_t n;
};
/**
 * disk_mounts_open() - all disks but the root, their sources opened
 * @ret: zero-initialised; disk_mounts_done() it in any case
 *
 * Sources that aren't there are left out where required=false. Return: 0; -EINVAL, -ENOENT the source
 */
int disk_mounts_open(const struct config *effective, struct disk_mounts *ret, struct err *err);
void disk_mounts_done(struct disk_mounts *m);
static inline void disk_mounts_done_auto(struct disk_mounts *m)
{
	disk_mounts_done(m);
}
