/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that a container may have done for it: which, and what of them. Pure: the tables of what is
 * allowed, and the reading of a call into plain values. Who does them is lxdfs-intercept. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

#include <limits.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum intercept_what {
	INTERCEPT_MKNOD = 1 << 0,    /* mknod, mknodat of harmless devices */
	INTERCEPT_SETXATTR = 1 << 1, /* setxattr, lsetxattr, fsetxattr of trusted.overlay.opaque */
	INTERCEPT_MOUNT = 1 << 2,    /* mount of a block device */
	INTERCEPT_SCHED = 1 << 3,    /* sched_setscheduler */
	INTERCEPT_SYSINFO = 1 << 4,
};

/* A call as it was made. */
struct intercept_call {
	unsigned what; /* one of enum intercept_what; 0: the kernel shall decide, as without interception */
	int dirfd;     /* of the caller; AT_FDCWD: its working directory */
	char path[PATH_MAX]; /* mknod, setxattr; the target of a mount. "": the descriptor itself */
	bool follow;	     /* a symbolic link at its end */
	mode_t mode;
	dev_t dev;
	char xattr_value;
	int xattr_flags;
	char source[PATH_MAX];
	char fs[32];
	uint64_t mount_flags;
	char options[4096];
	pid_t pid; /* as the caller counts; 0: the caller */
	int policy, priority;
	uint64_t address; /* where the caller wants its struct sysinfo */
};

/**
 * intercept_read_fn - bytes of the caller's memory
 * @ret: how many there were, up to the end of what is mapped
 *
 * Return: 0; -EFAULT none; -ESRCH the caller is gone, or no longer in that call
 */
typedef int intercept_read_fn(void *ctx, uint64_t address, void *to, size_t len, size_t *ret);

/**
 * intercept_parse() - read a call
 * @what: calls that are asked for
 * @fs_known: whether mounts of that file system are done; may be NULL for none
 *
 * Everything that decides is copied from the caller's memory once, here. Return: 0; what the call is to fail
 * with: -EFAULT, -ENAMETOOLONG, -EINVAL; -ESRCH nobody waits for an answer any more
 */
int intercept_parse(const struct seccomp_data *data, unsigned what,
		    bool (*fs_known)(void *ctx, const char *fs), intercept_read_fn *read, void *ctx,
		    struct intercept_call *ret);

/* Devices that mknod makes: what whoever is in the container has anyway. */
struct intercept_device {
	unsigned major, minor;
};
extern const struct intercept_device intercept_devices[];
extern const size_t intercept_n_devices;
bool intercept_device_ok(mode_t mode, dev_t dev);

/** intercept_fs_ok() - a file system that reads a block device and nothing else */
bool intercept_fs_ok(struct str name);
/** intercept_fs_names() - all of them, for sentences: "btrfs, erofs, ..." */
void intercept_fs_names(struct buf *b);

/* An option of a mount; value "" is a flag. */
struct intercept_option {
	char name[32], value[64];
};
#define INTERCEPT_OPTIONS 32

/**
 * intercept_options() - options of a mount that can't lead beyond the file system itself
 * @text: as mount(2) has them
 * @ret:  INTERCEPT_OPTIONS of them
 *
 * Adds what keeps a bad image from halting the host. Return: how many; -EINVAL one that isn't among the
 * harmless
 */
int intercept_options(const char *fs, const char *text, struct intercept_option *ret);

/** intercept_fuse() - the program of a line "ext4=fuse2fs" that is for that file system, to be freed; NULL:
 * it is for another. @fs NULL: of any */
char *intercept_fuse(struct str line, const char *fs);
