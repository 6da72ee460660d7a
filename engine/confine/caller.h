/* SPDX-License-Identifier: Apache-2.0 */
/* Who made a system call that waits for our answer: its memory, root, namespaces and credentials, held by
 * descriptors of the process that made it and no other; and its twin, a process with just these. For
 * lxdfs-intercept. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CALLER_GROUPS 256

struct caller_ids {
	uid_t ruid, euid, suid, fsuid; /* as the host counts */
	gid_t rgid, egid, sgid, fsgid;
	gid_t groups[CALLER_GROUPS];
	size_t n_groups;
	uint64_t caps; /* effective, within its user namespace */
	pid_t pid;     /* of the thread, in its own namespace of processes */
	mode_t umask;
};

struct syscall_caller {
	int listener; /* borrowed */
	uint64_t id;  /* of the call */
	int proc, mem, root, cwd;
	int mnt, pidns, user; /* namespaces */
	struct caller_ids ids;
};

#define CALLER_NULL                                                                                          \
	((struct syscall_caller){.listener = -EBADF,                                                         \
				 .proc = -EBADF,                                                             \
				 .mem = -EBADF,                                                              \
				 .root = -EBADF,                                                             \
				 .cwd = -EBADF,                                                              \
				 .mnt = -EBADF,                                                              \
				 .pidns = -EBADF,                                                            \
				 .user = -EBADF})

/**
 * caller_open() - take hold of the thread that waits with call @id
 *
 * Return: 0; -ESRCH it is gone or no longer waits: nobody is to be answered
 */
int caller_open(int listener, uint64_t id, pid_t pid, struct syscall_caller *ret);
/** caller_open_at() - the same, from its directory in /proc, which is taken over */
int caller_open_at(int listener, uint64_t id, int take_proc, struct syscall_caller *ret);
void caller_done(struct syscall_caller *c);

/** caller_is_waiting() - still the same thread, still in the same call: what was opened or read was its own.
 * Source: seccomp_unotify(2), SECCOMP_IOCTL_NOTIF_ID_VALID */
bool caller_is_waiting(const struct syscall_caller *c);

/** caller_read() - an intercept_read_fn; @ctx is the struct syscall_caller. Looks whether it waits after each
 * read */
int caller_read(void *ctx, uint64_t address, void *to, size_t len, size_t *ret);
/** caller_write() - Return: 0; -EFAULT; -ESRCH */
int caller_write(const struct syscall_caller *c, uint64_t address, const void *from, size_t len);

/** caller_fd() - O_PATH of one of its descriptors, or of its working directory for AT_FDCWD. Return:
 * descriptor; -EBADF; -ESRCH */
int caller_fd(const struct syscall_caller *c, int fd);

/** caller_in() - whether it lives in the same user namespace as who @user is of */
bool caller_in(const struct syscall_caller *c, int user);
static inline bool caller_can(const struct syscall_caller *c, int cap)
{
	return c->ids.caps & 1ULL << cap;
}
/** caller_maps() - whether its user namespace has that owner and group. Return: 1 or 0; -ESRCH */
int caller_maps(const struct syscall_caller *c, uid_t uid, gid_t gid);

/**
 * caller_twin() - have @act done with the caller's mounts, root, user namespace, ids and capabilities
 * @act:    what it opens stays open here
 * @ctx:    what it writes there is seen only where the memory is shared (mmap(2), MAP_SHARED)
 * @groups: files to write to first, to be in the caller's control groups; NULL: none
 *
 * Return: what @act did; -EPERM the caller's identity can't be taken on
 */
int caller_twin(const struct syscall_caller *c, char *const *groups, int (*act)(void *ctx), void *ctx);

/** caller_become() - become the caller for good, as its twin does. @parent: whose end is ours, or ended
 * already. Return: 0; -EPERM; -ESRCH */
int caller_become(const struct syscall_caller *c, pid_t parent);

/** caller_ids_parse() - from the text of /proc/PID/status. Return: 0; -EINVAL; -E2BIG more groups than we
 * take on */
int caller_ids_parse(const char *text, struct caller_ids *ret);
