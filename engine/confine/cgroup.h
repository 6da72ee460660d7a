/* SPDX-License-Identifier: Apache-2.0 */
/* A container's control group on cgroup v2, v1 and hybrid hosts: limits, use, freezing, killing.
 * Two levels: ROOT/UUID carries the limits, ROOT/UUID/ns holds the processes and is what the container sees
 * as its root, so that not even a privileged container can write its own limits. */
#pragma once

#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_NONE UINT64_MAX /* no limit */

/* Which fields of struct cgroup_limits count; the rest stays as it is. */
enum cgroup_field {
	CGROUP_MEMORY = 1 << 0, /* memory, memory_soft, no_swap */
	CGROUP_PIDS = 1 << 1,
	CGROUP_CPU_TIME = 1 << 2,   /* cpu_quota_us, cpu_period_us */
	CGROUP_CPU_SHARES = 1 << 3, /* cpu_shares */
	CGROUP_CPUSET = 1 << 4,	    /* cpus, cpu_count, nodes */
	CGROUP_DEVICES = 1 << 5,    /* devices: denies all else */
};

struct cgroup_device {
	char type;	    /* 'c', 'b' */
	int major, minor;   /* -1: any */
	const char *access; /* of "rwm" */
};

struct cgroup_limits {
	unsigned fields;  /* enum cgroup_field, or-ed */
	uint64_t memory;  /* bytes, or CGROUP_NONE; rounded down to pages by the kernel */
	bool memory_soft; /* reclaim above it instead of killing: memory.high, memory.soft_limit_in_bytes */
	bool no_swap;
	uint64_t pids;		/* processes and threads, or CGROUP_NONE */
	uint64_t cpu_quota_us;	/* per period, 1000 or more, or CGROUP_NONE */
	uint64_t cpu_period_us; /* 1000..1000000 */
	uint64_t cpu_shares;	/* 2..262144, 1024 is the default; turned into cpu.weight on v2 */
	const char *cpus;	/* CPU list as in cpuset(7): "0-1,3"; NULL: every CPU of the host */
	unsigned
	    cpu_count; /* with cpus NULL: that many, those the fewest other groups are pinned to; 0: all */
	const char
	    *nodes; /* memory nodes (NUMA) that memory comes from, and CPUs that are counted: "0-1,3", or
		       "balanced": one of them, that the fewest other groups are bound to; NULL: all */
	const struct cgroup_device *devices;
	size_t n_devices;
};

struct cgroup_layout; /* where the host has its hierarchies */
struct cgroup;	      /* one container's group */

/**
 * cgroup_layout_new() - find the host's hierarchies
 * @mountinfo: NULL for /proc/self/mountinfo
 * @root:      name of our group in each hierarchy, "lxdfs"; one path element
 *
 * Return: 0; -ENOENT no cgroup file system is mounted; -EINVAL @root isn't a name
 * Source: cgroups(7), proc(5)
 */
int cgroup_layout_new(const char *mountinfo, const char *root, struct cgroup_layout **ret, struct err *err);
void cgroup_layout_free(struct cgroup_layout *layout);

/** cgroup_layout_can() - whether this host has what a field needs; @ret_why names what is missing, a constant
 */
bool cgroup_layout_can(const struct cgroup_layout *layout, enum cgroup_field field, const char **ret_why);

/** cgroup_layout_clear() - remove our (empty) group from every hierarchy; what still holds a container stays
 */
void cgroup_layout_clear(struct cgroup_layout *layout);

/**
 * cgroup_create() - make the group of a container in every hierarchy; an old empty one is taken over
 * @layout: must outlive the group
 * @uuid:   its name, one path element
 *
 * Return: 0; -EBUSY a group of that name holds processes
 */
int cgroup_create(struct cgroup_layout *layout, const char *uuid, struct cgroup **ret, struct err *err);

/** cgroup_open() - the group of a container that runs. Return: 0; -ENOENT there is none */
int cgroup_open(struct cgroup_layout *layout, const char *uuid, struct cgroup **ret, struct err *err);

/** cgroup_free() - forget it; the group stays */
void cgroup_free(struct cgroup *cg);

/**
 * cgroup_set() - put limits in force, live
 *
 * Each is read back; when one fails, those already set get their old values again.
 * Return: 0; -EBUSY the container uses more than it may (and couldn't be squeezed); -EOPNOTSUPP the host
 * lacks it
 */
int cgroup_set(struct cgroup *cg, const struct cgroup_limits *limits, struct err *err);

/** cgroup_default_devices() - what a privileged container may use: terminals, null and its like, fuse, tun;
 * mknod of any character device, of no block device */
const struct cgroup_device *cgroup_default_devices(size_t *ret_n);

/** cgroup_put() - move a process (with its future children) into the container's own level */
int cgroup_put(struct cgroup *cg, pid_t pid, struct err *err);

/** cgroup_delegate() - let the container's root make groups below its own, where that can't lift a limit */
int cgroup_delegate(struct cgroup *cg, uid_t uid, gid_t gid, struct err *err);

/**
 * cgroup_freeze() - stop or continue all processes, and wait until that is in force
 * @cancel_fd: readable: give up (and thaw again); -1 for none
 *
 * Return: 0; -ETIMEDOUT; -ECANCELED
 */
int cgroup_freeze(struct cgroup *cg, bool frozen, int timeout_ms, int cancel_fd, struct err *err);
/** cgroup_is_frozen() - what the kernel says now. Return: 1 or 0, or a negative errno */
int cgroup_is_frozen(struct cgroup *cg);

/**
 * cgroup_kill() - SIGKILL to every process in the group and below, frozen or not
 *
 * Doesn't wait. Without cgroup.kill (v1 only) processes are listed and killed until none is left.
 */
int cgroup_kill(struct cgroup *cg, struct err *err);

/**
 * cgroup_remove() - remove the group with all that the container made below it; waits for dying processes
 * @timeout_ms: for the kernel to let go
 *
 * Return: 0, also where it was gone; -EBUSY processes are left
 */
int cgroup_remove(struct cgroup *cg, int timeout_ms, struct err *err);

/** cgroup_abort_fuse() - end the FUSE file systems that processes in the group wait for, though they were
 * killed: none that is mounted on the host */
void cgroup_abort_fuse(struct cgroup *cg);

struct cgroup_usage {
	uint64_t memory;      /* bytes now */
	uint64_t memory_peak; /* bytes, 0 where the kernel doesn't tell */
	uint64_t swap;	      /* bytes now */
	uint64_t cpu_ns;      /* since the group was made */
	uint64_t pids;	      /* processes and threads now */
};

/** cgroup_usage() - read what the container uses; a figure the host can't give is CGROUP_NONE */
int cgroup_usage(struct cgroup *cg, struct cgroup_usage *ret);

/** cgroup_pids() - host pids of the processes in the group and below. Return: their number; *@ret is freed by
 * the caller, may be NULL to count only */
int cgroup_pids(struct cgroup *cg, pid_t **ret);

/** cgroup_procs_path() - cgroup.procs of the container's own level in hierarchy @i; NULL past the last. Owned
 * by @cg */
const char *cgroup_procs_path(const struct cgroup *cg, size_t i);

/** cgroup_root_name() - of its layout, see cgroup_layout_new() */
const char *cgroup_root_name(const struct cgroup *cg);

/** cgroup_join() - move ourselves there. @procs: of cgroup_procs_path(). Return: 0 or a failure */
int cgroup_join(const char *procs, struct err *err);

/* What programs inside may count with. */
struct cgroup_memory {
	uint64_t limit;	     /* bytes, or CGROUP_NONE */
	uint64_t used;	     /* bytes now, files in the page cache included */
	uint64_t cache;	     /* of these, files in the page cache */
	uint64_t shared;     /* of these, tmpfs and the like */
	uint64_t swap_limit; /* bytes of swap, or CGROUP_NONE */
	uint64_t swap;	     /* bytes of swap now */
};

/** cgroup_memory() - figures that the host can't give are 0, limits CGROUP_NONE */
void cgroup_memory(const struct cgroup *cg, struct cgroup_memory *ret);

/** cgroup_layout_hierarchy() - what to mount inside a container: @ret_dir the name below /sys/fs/cgroup (""
 * for a host with v2 alone), @ret_opts the options ("memory", "none,name=systemd"; NULL: cgroup2). Return:
 * false past the last */
bool cgroup_layout_hierarchy(const struct cgroup_layout *layout, size_t i, const char **ret_dir,
			     const char **ret_opts);
