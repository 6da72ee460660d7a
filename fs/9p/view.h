/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection can see and do: a mount namespace that holds nothing but its part of the tree, the ids of
 * its certificate, no capabilities, few system calls, bounded memory. */
#pragma once

#include "engine/base/err.h"

#include <stdint.h>

enum view_kind {
	VIEW_ALL = 1,	   /* the whole tree */
	VIEW_PROJECTS = 2, /* README, error, projects/NAME of those named */
	VIEW_GUEST = 3,	   /* README, public/, join */
};

struct view {
	enum view_kind kind;
	const char *mount;	     /* where the tree is mounted */
	const char *const *projects; /* NULL-terminated; of VIEW_PROJECTS */
};

/**
 * view_enter() - leave the host's mounts for the view
 * @ret_root: O_PATH descriptor of its root
 *
 * The process must be able to mount and have one thread. What isn't there (a project that was just removed, a
 * file that this release hasn't) isn't in the view. Return: 0 or -errno
 */
int view_enter(const struct view *v, int *ret_root, struct err *err);

/**
 * view_become() - take on ids and give up every right
 * @groups: @n supplementary ones
 *
 * uid 0 is refused. Return: 0 or -errno
 */
int view_become(uint32_t uid, uint32_t gid, const uint32_t *groups, unsigned n, struct err *err);

/** view_confine() - limits, no core dumps, no tracing, and the system calls that serving takes. Return: 0 or
 * -errno */
int view_confine(struct err *err);
