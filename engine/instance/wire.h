/* SPDX-License-Identifier: Apache-2.0 */
/* What goes over the wires between core, monitor, container child and lxdfs-enter: the tables of messages,
 * and the orders that are too long for one. Numbers are for ever: a monitor of last year talks to a core of
 * today. */
#pragma once

#include "engine/base/msg.h"
#include "engine/instance/container.h"
#include "engine/instance/exec.h"

#include <signal.h>

/* The order's form: core and helper of one build only, a start never crosses versions. */
#define WIRE_ORDER 5
#define WIRE_MAX_ORDER (1 << 20)
/* What HELLO says: a core refuses what it doesn't know. */
#define WIRE_HELLO 1

enum monitor_msg {
	MON_START = 1, /* fds: order, [filter], mount sources */
	MON_GO = 2,    /* groups and NICs are in place */
	MON_HELLO_ASK = 3,
	MON_EXIT_ACK = 4,   /* the end was taken note of */
	MON_LISTENER = 5,   /* fds: a filter's calls, from a command that is run in the container */
	MON_SERVE_ASK = 6,  /* from lxdfs-intercept, which has the connection from then on; fds: its slots */
	MON_SERVED = 7,	    /* from it: it takes no new calls */
	MON_INIT = 101,	    /* u32 pid; fds: pidfd, network namespace */
	MON_STARTED = 102,  /* u32 halt signal */
	MON_FAILED = 103,   /* err */
	MON_HELLO = 104,    /* u32 version, uuid, u32 pid, u32 halt signal; fds: pidfd */
	MON_EXIT = 105,	    /* u32 end, u32 code, u32 signal */
	MON_CALLS = 106,    /* to lxdfs-intercept; fds: a filter's calls */
	MON_SERVE = 107,    /* to it: those were all that there are, do them */
	MON_UNSERVED = 108, /* nobody does the container's calls */
};
extern const struct msg_table monitor_table;

enum child_msg {
	CHILD_BUILD = 1, /* fds: parking place, with the root file system and all mounts */
	CHILD_READY = 2, /* all is set up but for execve; fds: console's master and slave */
	CHILD_EXEC = 3,
	CHILD_FAILED = 4,   /* err */
	CHILD_LISTENER = 5, /* fds: its filter's calls */
};
extern const struct msg_table child_table;

enum enter_msg {
	ENTER_START = 1,     /* fds: order, init's pidfd, [stdin], [filter] */
	ENTER_STARTED = 101, /* fds: the helper's own pidfd */
	ENTER_FAILED = 102,  /* err */
};
extern const struct msg_table enter_table;
/* Signals to lxdfs-enter, from root, each with a number. */
#define ENTER_SIGNAL_KILL SIGRTMIN	   /* signal for the command */
#define ENTER_SIGNAL_RESIZE (SIGRTMIN + 1) /* rows << 16 | columns of its terminal */

enum mount_msg {
	MOUNT_ADD = 1, /* u32 version, u32 has users, rundir, mount; fds: mount namespace, [user namespace],
			  [source] */
	MOUNT_REMOVE =
	    2, /* u32 version, u32 has users, target, identity; fds: mount namespace, [user namespace] */
	MOUNT_DONE = 101,   /* u32 whether something was there, for MOUNT_REMOVE */
	MOUNT_FAILED = 102, /* err */
};
extern const struct msg_table mount_table;

struct wire_hierarchy {
	char *dir, *opts;
};

/* A spec as it arrived; everything in it is owned. */
struct start_order {
	struct container_spec spec; /* attach, cancel_fd, limits aren't in it */
	char *rundir;
	struct wire_hierarchy *cgroups;
	size_t n_cgroups;
};

/** start_order_pack() - what the monitor needs of a spec. Return: 0; -E2BIG */
int start_order_pack(struct buf *b, const char *rundir, const struct wire_hierarchy *groups, size_t n_groups,
		     const struct container_spec *spec, struct err *err);

/**
 * start_order_unpack() - and back
 * @bytes: an order, read once
 * @m:     the message that it came with; descriptors that are used are taken out of it
 *
 * Return: 0; -EBADMSG of another build, or torn
 */
int start_order_unpack(struct str bytes, struct msg *m, struct start_order *ret, struct err *err);
void start_order_done(struct start_order *o);

/** pack_mount(), unpack_mount() - all but its descriptor; what the texts hold is the receiver's */
void pack_mount(struct buf *b, const struct container_mount *m);
void unpack_mount(struct unpack *u, struct container_mount *ret);

/** pack_mount_id(), unpack_mount_id() */
void pack_mount_id(struct buf *b, const struct mount_id *id);
void unpack_mount_id(struct unpack *u, struct mount_id *ret);
/** unpack_version() - the first number of an order. Return: 0; -EBADMSG of another build */
int unpack_version(struct unpack *u, struct err *err);

struct exec_order {
	struct exec_spec spec;
	char **groups; /* cgroup.procs files to join */
	bool privileged;
};

int exec_order_pack(struct buf *b, const struct exec_spec *spec, const char *const *groups, bool privileged,
		    struct err *err);
int exec_order_unpack(struct str bytes, struct msg *m, struct exec_order *ret, struct err *err);
void exec_order_done(struct exec_order *o);
