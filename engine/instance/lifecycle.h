/* SPDX-License-Identifier: Apache-2.0 */
/* Instances: what fs/ and the daemon do with one. Functions that say "blocks" are called from jobs. */
#pragma once

#include "engine/base/buf.h"
#include "engine/model/host.h"
#include "net/link.h"

enum instance_state {
	INSTANCE_STOPPED,
	INSTANCE_RUNNING,
	INSTANCE_FROZEN,
};

/** instance_state() - as the kernel has it now; never waits */
enum instance_state instance_state(struct object *o);
/** instance_state_text() - "stopped", "running", "frozen" */
const char *instance_state_text(enum instance_state s);

enum instance_action {
	INSTANCE_START,	  /* also thaws a frozen one: "running" */
	INSTANCE_STOP,	  /* clean, then killed when the time is over */
	INSTANCE_RESTART, /* clean stop and start under one token */
	INSTANCE_FREEZE,
};

/**
 * instance_act() - change the state; blocks until it is reached
 * @force:      don't ask init, kill at once
 * @timeout_ms: for a clean stop, -1: boot.host_shutdown_timeout; when it is over the container is killed
 * @who:        cancel_fd: what was begun is undone, -EINTR
 *
 * In a state already: 0, nothing is done. Return: 0; -EBUSY; -EPERM security.protection.start; else a
 * sentence from where it failed
 */
int instance_act(struct object *o, enum instance_action action, bool force, int timeout_ms,
		 const struct caller *who, struct err *err);

/** instance_wait() - blocks until a state is reached. @timeout_ms -1: for ever. Return: 0; -ETIMEDOUT;
 * -EINTR; -ENOENT it was deleted */
int instance_wait(struct object *o, enum instance_state want, int timeout_ms, const struct caller *who,
		  struct err *err);

/** instance_pid() - host pid of init, 0 where it isn't running */
pid_t instance_pid(struct object *o);
/** instance_processes() - number of processes, 0 where it isn't running */
int instance_processes(struct object *o);
/** instance_usage() - Return: 0; -ESRCH it isn't running */
struct cgroup_usage;
int instance_usage(struct object *o, struct cgroup_usage *ret);
/** instance_links() - links inside, from the kernel. Return: 0; -ESRCH it isn't running */
int instance_links(struct object *o, struct link_list *ret, struct err *err);
/**
 * instance_addresses() - a line for each global address inside: "eth0 10.1.2.3"
 *
 * Without those of lo and link-local ones. Nothing where it isn't running.
 */
void instance_addresses(struct object *o, struct buf *b);
/**
 * instance_await_address() - give one that has just started, and has a NIC, a moment to get its first address
 * @cancel_fd: readable: don't
 *
 * Returns at once where it has one, or isn't young any more: who reads addresses right after a start sees
 * what DHCP gave, and nobody waits for an instance that asks for none more than once.
 */
void instance_await_address(struct object *o, int cancel_fd);
/**
 * instance_confinement() - how it is confined, a line each: namespaces, id maps, capabilities that it can't
 * have, system call filter, profile, and what of /proc and /sys is hidden or read-only
 *
 * As the kernel has it for the instance's init. Nothing where it isn't running.
 */
void instance_confinement(struct object *o, struct buf *b);
/** instance_root_path() - where `files` points to: /proc/PID/root of a running one, else its layer; freed by
 * the caller. NULL: there is none yet */
char *instance_root_path(struct object *o);
/** instance_log_path() - of the console's log, which may not exist; freed by the caller */
char *instance_log_path(struct object *o);
/** instance_console_path() - of the pty, for the symlink console; NULL where it isn't running; freed */
char *instance_console_path(struct object *o);
