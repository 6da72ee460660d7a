/* SPDX-License-Identifier: Apache-2.0 */
/* Commands inside a running container, run by lxdfs-enter, which outlives the core. What it prints goes to
 * files of a directory, and so does how it ended. */
#pragma once

#include "engine/base/err.h"
#include "engine/instance/container.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct exec_spec {
	const char *const *argv; /* NULL: command through /bin/sh -c */
	const char *command;
	const char *const *env; /* NAME=VALUE over PATH, HOME, USER, TERM; may be NULL */
	const char *cwd;	/* inside; NULL: the user's home, else / */
	uint32_t uid, gid;	/* inside */
	const char *dir; /* made with 0700, gets stdout, stderr, status, lock, terminal; must not hold an
			    earlier run */
	int stdin_fd;	 /* file or pipe (with a terminal a file), borrowed; -1: nothing to read */
	uint64_t
	    max_output; /* bytes kept of each of stdout and stderr; the rest is read and dropped; 0: 1 MiB */
	/* It gets a terminal; the file `terminal` in dir names the host's side of it, stdout has a copy. */
	bool has_terminal;
	unsigned short rows, columns;
	uint32_t terminal_uid, terminal_gid; /* of the host: who may open it */
	int seccomp_fd;			     /* as the container's own; -1: none */
	bool is_filter_early;		     /* it allows what making a process takes */
	int notify_fd;	/* likewise: the filter of calls that are done for it; -1: none */
	int monitor_fd; /* socket of the container's monitor, which gets these calls; set by exec_start() */
	uint64_t caps_drop;			/* as the container's own */
	const char *profile;			/* likewise; NULL: none */
	const char *context;			/* SELinux', likewise */
	const struct container_rlimit *rlimits; /* likewise */
	size_t n_rlimits;
};

#define EXEC_SPEC_NULL                                                                                       \
	((struct exec_spec){.stdin_fd = -1, .seccomp_fd = -1, .notify_fd = -1, .monitor_fd = -1})

struct exec; /* one command that runs or ran */

struct exec_status {
	bool is_done;
	int code;   /* exit status, or -1 */
	int signal; /* that killed it, or 0 */
};

/**
 * exec_start() - run a command; returns when it was executed
 *
 * Return: 0; -ENOENT, -EACCES, ... the command can't be executed (err has the sentence); -ESRCH the container
 * ended
 */
int exec_start(const struct container_env *env, struct container *c, const struct exec_spec *spec,
	       struct exec **ret, struct err *err);

/**
 * exec_adopt() - find the command of a directory again, as a new core
 * @dir: exec_spec.dir
 *
 * Return: 0, running or done; -ENOENT no command was ever run there; -ECHILD it ran and its helper was killed
 */
int exec_adopt(const char *dir, struct exec **ret, struct err *err);

/** exec_fd() - for poll: readable when the command ended */
int exec_fd(const struct exec *e);
/** exec_status() - how it is, from the status file; never blocks. -ECHILD: its helper was killed, nobody
 * knows */
int exec_status(struct exec *e, struct exec_status *ret, struct err *err);
/** exec_kill() - signal to the command and what it started in its session */
int exec_kill(struct exec *e, int signal, struct err *err);
/** exec_resize() - the terminal of one that runs. Return: 0; -ESRCH it has ended */
int exec_resize(struct exec *e, unsigned short rows, unsigned short columns, struct err *err);
/** exec_free() - forget it; it runs on */
void exec_free(struct exec *e);
