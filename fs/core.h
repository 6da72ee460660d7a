/* SPDX-License-Identifier: Apache-2.0 */
/* The core: everything but holding /dev/fuse. What the keeper's program starts, and what takes a host down.
 */
#pragma once

#include "engine/base/err.h"
#include "fs/session.h"

#include <stdbool.h>

/* Where a daemon works; the command line's. All paths are absolute. */
struct core_options {
	const char *mount;   /* the tree */
	const char *state;   /* what survives a reboot */
	const char *run;     /* what doesn't */
	const char *name;    /* of the cgroup and the nftables table */
	const char *libexec; /* the helper programs */
	bool init;	     /* make default profile, pool and network where there are none */
};

/**
 * core_run() - be the core: load, adopt what runs, serve until told to end
 * @link: given to session_new()
 *
 * Calls session_loop(), which tells the keeper that the tree is usable. Nobody else works on the state
 * directory meanwhile: the caller holds its lock. Return: 0 when it was told to end or the tree was
 * unmounted; -errno when it can't start, with the sentence that the admin who started the daemon reads
 */
int core_run(const struct core_options *o, const struct session_link *link, struct err *err);

/**
 * core_teardown() - what core_run() does on a stop, by a process that has no tree and no keeper
 *
 * For what a killed daemon left. Idempotent, and a success where nothing is there. @all: instances, networks,
 * rules and cgroups as well; else only what serves nobody without a daemon. The tree is unmounted by the
 * caller afterwards. Return: 0 or -errno
 */
int core_teardown(const struct core_options *o, bool all, struct err *err);
