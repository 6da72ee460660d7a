/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal for a command: a pty of the container's own devpts for the command, one of the host's for who
 * talks to it, and what goes between them. The command has nothing of the host's terminals; who opens the
 * host's pty opens nothing that the container could have put in its place. */
#pragma once

#include "engine/base/err.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/types.h>

struct terminal_bytes {
	char bytes[4096];
	size_t from, to; /* what waits to be written */
};

struct terminal {
	int host;  /* master of the host's pty */
	int slave; /* of it, held so that it stays when who used it goes; -EBADF: there is no terminal */
	int inner; /* master of the container's */
	struct winsize size;
	struct terminal_bytes in, out; /* to the command, from it */
};

#define TERMINAL_NULL ((struct terminal){.host = -EBADF, .slave = -EBADF, .inner = -EBADF})

/**
 * terminal_make() - the host's pty, raw: the container's is the one that edits lines
 * @uid, @gid: who may open it
 * @ret_path: its slave's path
 */
int terminal_make(struct terminal *t, uid_t uid, gid_t gid, struct winsize size, char **ret_path,
		  struct err *err);
void terminal_done(struct terminal *t);

/**
 * terminal_open_inside() - a new pty of the caller's own devpts, as whoever the caller is
 *
 * In the container, before the command: what lies at /dev/pts must be a devpts, or it is refused.
 */
int terminal_open_inside(struct winsize size, int *ret_master, int *ret_slave, struct err *err);
/** terminal_take() - make it the controlling terminal of a new session and standard input, output and error
 */
int terminal_take(int slave, struct err *err);

/** terminal_resize() - of both; who runs in it is told by the kernel */
void terminal_resize(struct terminal *t, struct winsize size);

#define TERMINAL_POLLS 2
typedef void terminal_keep(void *ctx, const char *bytes, size_t len);
/** terminal_wants() - what to poll for; @feed as below */
void terminal_wants(const struct terminal *t, int feed, struct pollfd p[TERMINAL_POLLS]);
/**
 * terminal_move() - after poll(2): bytes go both ways, as far as both sides take them
 * @feed: a file that is read before the host's pty is; closed at its end; -EBADF: none
 * @keep: gets what the command prints as well
 */
void terminal_move(struct terminal *t, const struct pollfd p[TERMINAL_POLLS], int *feed, terminal_keep *keep,
		   void *ctx);
/** terminal_drain() - the command ended: what it printed last goes out, and who reads it is given the time
 * that he needs, two seconds at most */
void terminal_drain(struct terminal *t, terminal_keep *keep, void *ctx);
void terminal_linger(struct terminal *t);
