/* SPDX-License-Identifier: Apache-2.0 */
/* Cleanup at scope end: one macro a destructor, and moves out of a scope that are visible. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/**
 * DEFINE_AUTO() - make a destructor usable with AUTO()
 * @type: the variable's type, usually a pointer; a false value is never destroyed
 * @dtor: called with the variable's value
 */
#define DEFINE_AUTO(type, dtor)                                                                              \
	static inline void dtor##_auto(type *p)                                                              \
	{                                                                                                    \
		if (*p)                                                                                      \
			dtor(*p);                                                                            \
	}                                                                                                    \
	struct dtor##_auto_needs_a_semicolon

/** AUTO() - destroy the variable with @dtor when it leaves its scope, unless TAKE() emptied it */
#define AUTO(dtor) __attribute__((cleanup(dtor##_auto)))

/** TAKE() - move a pointer out of its variable, which is NULL from then on */
#define TAKE(p)                                                                                              \
	({                                                                                                   \
		__auto_type take_ = (p);                                                                     \
		(p) = 0;                                                                                     \
		take_;                                                                                       \
	})

/** TAKE_FD() - the same for a descriptor, which is -EBADF from then on */
#define TAKE_FD(fd)                                                                                          \
	({                                                                                                   \
		int take_ = (fd);                                                                            \
		(fd) = -EBADF;                                                                               \
		take_;                                                                                       \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline void fd_auto(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

DEFINE_AUTO(char *, free);
DEFINE_AUTO(DIR *, closedir);
DEFINE_AUTO(FILE *, fclose);
