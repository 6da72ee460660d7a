/* SPDX-License-Identifier: Apache-2.0 */
/* Doing a call for a container: what its own credentials allow it, and the one right besides that the call is
 * about. Runs in a process of its own for each call. */
#pragma once

#include "engine/confine/caller.h"
#include "engine/confine/cgroup.h"
#include "engine/confine/intercept.h"

/* What the admin lets this container have done; the same for all its calls. */
struct intercept_rules {
	unsigned what;	/* enum intercept_what */
	char **allowed; /* file systems of mount; NULL-terminated */
	char **fuse;	/* "ext4=fuse2fs" */
	bool shift;	/* what is mounted gets the container's ids */
	int rtprio;	/* highest real-time priority */
	char **groups;	/* cgroup.procs files of the container */
	int user;	/* its user namespace */
	uint64_t born;	/* of its init, in ns since the host's boot */
	struct cgroup *cg;
	int fuse_runner; /* socket to who runs the programs of fuse; -EBADF */
};

/**
 * intercept_act() - do it
 * @ret: what the call returns where it succeeds
 *
 * Return: 0; what it fails with; INTERCEPT_PASS: the kernel shall decide; -ESRCH: nobody waits
 */
int intercept_act(const struct intercept_rules *rules, struct syscall_caller *c,
		  const struct intercept_call *call, int64_t *ret);
#define INTERCEPT_PASS 1

/** intercept_mount() - the part of it that mounts. Return: the same */
int intercept_mount(const struct intercept_rules *rules, const struct syscall_caller *c,
		    const struct intercept_call *call);

/** intercept_fs_known() - whether mounts of a file system are done at all */
bool intercept_fs_known(const struct intercept_rules *rules, const char *fs);
/** intercept_fs_fuse() - the program that does it, to be freed; NULL: the kernel */
char *intercept_fs_fuse(const struct intercept_rules *rules, const char *fs);

/* What holds a program that is run in the container. */
struct intercept_confine {
	int filter; /* of system calls; -1: none */
	uint64_t caps_drop;
	const char *profile, *context; /* NULL: none */
};

/**
 * intercept_fuse_run() - run the program of a FUSE file system in the container, as the caller; for the fuse
 * runner
 * @request: its socket, on which a request was sent by intercept_mount()
 * @confine: as all that runs in the container
 *
 * Return: 0 a request was done; 1 there will be none any more; or a failure
 */
int intercept_fuse_run(int request, const struct intercept_rules *rules,
		       const struct intercept_confine *confine);

/** intercept_caps() - capabilities (bits 1 << CAP_X) that these calls take */
uint64_t intercept_caps(unsigned what);
