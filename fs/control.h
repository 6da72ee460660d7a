/* SPDX-License-Identifier: Apache-2.0 */
/* The words between the daemon's processes: keeper and core on the link between them, keeper and
 * `lxdfsd --stop` (or who started the keeper) on RUN/control. */
#pragma once

#include "engine/base/msg.h"

enum {
	LINK_READY = 1,	 /* core: the tree is usable */
	LINK_FAILED = 2, /* core: the end, and why (pack_err) */
	LINK_STOP = 3,	 /* keeper: come to an end; u32: with everything */
	LINK_STOPPED = 4,
	LINK_STAYS = 5, /* core: the end isn't possible, and why (pack_err) */
};
extern const struct msg_table link_table;

enum {
	CONTROL_STOP = 1,     /* client; u32: with everything */
	CONTROL_DONE = 2,     /* keeper: so it is */
	CONTROL_FAILED = 3,   /* keeper: it isn't, and why (pack_err) */
	CONTROL_ORPHANED = 4, /* keeper: the daemon ends, but no core was there to take anything down */
};
extern const struct msg_table control_table;

/** control_listen() - listen at @run/control. Return: socket or -errno */
int control_listen(const char *run, struct err *err);

/**
 * control_connect() - reach the keeper that works in @run
 * @ret_pidfd: of the keeper
 *
 * Return: socket; -ENOENT nobody listens, without a sentence; -errno
 */
int control_connect(const char *run, int *ret_pidfd, struct err *err);

/** control_say() - a message whose body is a failure where @failure isn't NULL. Return: as msg_send() */
int control_say(int fd, const struct msg_table *table, uint32_t number, const struct err *failure);

/** control_say_flag() - a message whose body is a yes or no. Return: as msg_send() */
int control_say_flag(int fd, const struct msg_table *table, uint32_t number, bool flag);

/** control_flag() - what control_say_flag() packed; false where it isn't that */
bool control_flag(const struct msg *m);

/** control_failure() - what control_say() packed. Return: -errnum, as err_set() */
int control_failure(const struct msg *m, struct err *err);
