/* SPDX-License-Identifier: Apache-2.0 */
/* AppArmor of this host: profiles are compiled by apparmor_parser, and loaded and removed by writes to the
 * kernel's own files. */
#pragma once

#include "engine/base/err.h"
#include "engine/confine/apparmor-text.h"

#include <stdbool.h>
#include <sys/types.h>

/**
 * apparmor_here() - whether profiles can be loaded
 *
 * Return: 0; -EOPNOTSUPP the kernel has no AppArmor; -ENOENT its files aren't mounted, or there is no
 * apparmor_parser; -EPERM this process is confined itself. A sentence with each
 */
int apparmor_here(struct err *err);

/** apparmor_stacks() - this kernel can give a container profiles of its own below the host's (Linux 4.13) */
bool apparmor_stacks(void);

/**
 * apparmor_load() - have the kernel know a profile; one of that name is replaced, also under processes
 * @run_dir: what was compiled is kept in apparmor/ below it, and taken from there while the text is the same
 *
 * Blocks for what the parser takes. Return: 0; -EINVAL with the parser's sentence; what the kernel said
 */
int apparmor_load(const char *run_dir, const char *name, struct str text, struct err *err);

/**
 * apparmor_unload() - and forget it; none there is no failure
 *
 * Processes that have it would be unconfined: only when there are none left. Return: 0 or -errno
 */
int apparmor_unload(const char *name, struct err *err);

/** apparmor_is_used() - whether any process has it; looks at all of them */
bool apparmor_is_used(const char *name);

/** apparmor_forget() - remove what was compiled for a name that isn't used again */
void apparmor_forget(const char *run_dir, const char *name);

/**
 * apparmor_space_make() - a policy namespace of that name, for a container's own profiles; one that is there
 * will do. apparmor_space_remove() with all profiles in it
 */
int apparmor_space_make(const char *name, struct err *err);
int apparmor_space_remove(const char *name, struct err *err);

/**
 * apparmor_check() - whether the parser takes a profile's raw rules; nothing is loaded
 *
 * Return: 0; -EINVAL with line and the parser's words; -ENOENT no apparmor_parser
 */
int apparmor_check(const struct apparmor_profile *p, struct err *err);

/** apparmor_label() - of a process, as the kernel shows it to us: "NAME", "NAME//&:SPACE:OTHER",
 * "unconfined"; "" without AppArmor. Freed by the caller */
char *apparmor_label(pid_t pid);

/**
 * apparmor_sweep() - remove profiles PREFIX-UUID, and policy namespaces of such names, that no process has
 *
 * For the daemon's start and end, when nothing is about to use one. Return: 0 or the first failure
 */
int apparmor_sweep(const char *prefix, struct err *err);
