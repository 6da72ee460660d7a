/* SPDX-License-Identifier: Apache-2.0 */
/* Starting helper programs: executed, never forked, with a socket as their only descriptor besides standard
 * error. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"

/**
 * spawn_helper() - start DIR/NAME with one end of a new SOCK_SEQPACKET pair as its descriptor 3
 * @argv: its arguments without the name; what /proc shows to everybody, so no names of instances.
 * NULL-terminated, may be NULL
 * @ret_socket: our end
 *
 * The helper detaches itself (spawn_detach()); what was started is waited for here, so nothing is left to
 * reap. Signals have their defaults and none is blocked; standard input and output are /dev/null. Return: 0;
 * -ENOENT, -EACCES, ... it can't be executed
 */
int spawn_helper(const char *dir, const char *name, const char *const *argv, int *ret_socket,
		 struct err *err);

/**
 * spawn_run() - run a program of others to its end, without a shell
 * @path: of the program
 * @argv: its arguments, NULL-terminated, its name first
 * @timeout_ms: it is killed then
 * @ret_words: what it said on standard error is appended, at most SPAWN_MAX_WORDS bytes
 *
 * Its descriptors are /dev/null but for standard error, its environment is PATH and the C locale. A program
 * that becomes a daemon ends, here, when its first process does. Return: exit status, 128 and more for a
 * signal; -ENOENT, -EACCES, ... it can't be executed; -ETIMEDOUT
 */
int spawn_run(const char *path, const char *const *argv, int timeout_ms, struct buf *ret_words,
	      struct err *err);
#define SPAWN_MAX_WORDS 8192

/**
 * spawn_seal() - in a helper that goes into containers, before all else: go on as a copy of the program in
 * memory that nobody can write, which is what /proc/PID/exe shows inside
 *
 * Return: 0, it is the copy that runs; -errno
 */
int spawn_seal(const char *name, char **argv);

/** spawn_detach() - in a helper, first of all: go on as a child of nobody in a session of its own. Return: 0
 * or -errno; the process that was started is gone then */
int spawn_detach(void);
