/* SPDX-License-Identifier: Apache-2.0 */
/* The log of what a container prints on its console: raw bytes, bounded. */
#pragma once

#include <stdint.h>

struct console {
	int master, slave; /* the slave is held so that the master never hangs up */
	int dirfd;	   /* of the log; -EBADF: what is printed is dropped */
	char *name;
	int log;
	uint64_t size, max;
};

#define CONSOLE_NULL ((struct console){.master = -EBADF, .slave = -EBADF, .dirfd = -EBADF, .log = -EBADF})

/** console_open_log() - open, or go on with, the log at a path. Return: 0 or -errno */
int console_open_log(struct console *c, const char *path, uint64_t max);

/**
 * console_drain() - take what is there from the master to the log; never blocks on the container
 *
 * A full disk loses output, never the container. Return: 0, or -EIO when the pty is gone
 */
int console_drain(struct console *c);

void console_done(struct console *c);
