/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that glibc 2.36 lacks, and the only place where EINTR is retried. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/wait.h>

/**
 * sys_openat2() - open with a rule for the path's resolution
 * @resolve: RESOLVE_* of openat2(2); O_CLOEXEC is always added to @flags
 *
 * Return: descriptor or -errno
 */
int sys_openat2(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve);

/**
 * sys_clone3() - clone into new namespaces, as fork(2) does: no shared memory
 * @flags:     CLONE_NEW* and CLONE_PARENT
 * @ret_pidfd: of the child; NULL for none
 *
 * For single-threaded programs. Return: pid in the parent, 0 in the child, -errno
 */
pid_t sys_clone3(uint64_t flags, int *ret_pidfd);

/** sys_pivot_root() - pivot_root(2). Return: 0 or -errno */
int sys_pivot_root(const char *new_root, const char *put_old);

/** sys_pidfd_signal() - @info may be NULL. Return: 0 or -errno */
int sys_pidfd_signal(int pidfd, int signal, siginfo_t *info);

/** sys_read() - read(2), EINTR retried. Return: bytes, 0 at the end, or -errno */
ssize_t sys_read(int fd, void *to, size_t len);

/** sys_write() - write(2), EINTR retried. Return: bytes, or -errno */
ssize_t sys_write(int fd, const void *from, size_t len);
/** sys_write_all() - write everything to a descriptor that blocks. Return: 0 or -errno */
int sys_write_all(int fd, const void *from, size_t len);

/**
 * sys_poll_in() - wait until one of two descriptors is readable or hung up
 * @fd, @other: -1 for none
 * @deadline:   from sys_deadline()
 *
 * Return: bit 0 for @fd, bit 1 for @other; 0 when the time is over; -errno
 */
int sys_poll_in(int fd, int other, uint64_t deadline);

/** sys_deadline() - now + @timeout_ms on the monotonic clock, in ms; negative: never */
uint64_t sys_deadline(int timeout_ms);

/** sys_waitid() - waitid(P_PIDFD, WEXITED | @options), EINTR retried. Return: 0 or -errno */
int sys_waitid(int pidfd, siginfo_t *ret, int options);
