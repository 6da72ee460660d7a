/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that are mounts inside an instance: disks, and nodes of the host's devices. What is attached now is
 * noted in the run directory, a file a device, so that the next core finds it whatever became of its source.
 */
#pragma once

#include "engine/device/owner.h"
#include "engine/model/kind.h"

/* Borrows its texts from the config that it was read from. */
struct device_mount {
	const char *device, *path; /* path inside */
	int source;		   /* O_PATH; -EBADF: a node */
	bool readonly, recursive, shift, follows;
	uint64_t attrs; /* MOUNT_ATTR_* besides */
	/* a node of its own */
	char node; /* 'c', 'b'; 0: none */
	unsigned major, minor, mode;
	uint32_t uid, gid; /* inside */
	/* what it is known by when it is mounted */
	uint32_t type;
	uint64_t id_device, id_inode;
};
struct device_mounts {
	struct device_mount *list;
	size_t n;
};

/**
 * device_mounts_open() - all of a config, sources opened, in the order in which they are mounted
 * @ret: zero-initialised; device_mounts_done() it in any case
 *
 * What isn't there is left out where required=false. Return: 0; -EINVAL, -ENOENT the source
 */
int device_mounts_open(const struct config *effective, struct device_mounts *ret, struct err *err);
void device_mounts_done(struct device_mounts *m);
static inline void device_mounts_done_auto(struct device_mounts *m)
{
	device_mounts_done(m);
}

/** device_mounts_note() - of an instance that starts. Return: 0 or a failure */
int device_mounts_note(struct object *o, const struct device_mounts *m, struct err *err);
/** device_mounts_forget() - it doesn't run */
void device_mounts_forget(struct object *o);
/** device_mounts_adopt() - of one that an earlier core started: what is attached becomes what the config
 * says. Return: 0, or the first failure */
int device_mounts_adopt(struct object *o, const struct config *effective, struct err *err);

/** device_mounts_watch() - of one that runs: devices that aren't required come and go with those of the host
 */
void device_mounts_watch(struct object *o, const struct config *effective);

/** device_mounts_nodes() - the devices among them; freed by the caller. Return: their number */
size_t device_mounts_nodes(const struct device_mounts *m, struct device_node **ret);

/** mount_plug(), mount_unplug() - device_type.attach and .detach of what is mounted */
int mount_plug(struct object *o, const struct config *effective, const char *device, struct err *err);
int mount_unplug(struct object *o, const struct config *effective, const char *device, struct err *err);
/** mount_path_check() - that no other device has the same path. Return: 0; -EINVAL */
int mount_path_check(const struct config *effective, const char *device, struct err *err);
