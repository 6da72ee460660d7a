/* SPDX-License-Identifier: Apache-2.0 */
/* SELinux contexts of containers: a type for all, and categories that tell them apart. */
#pragma once

#include "engine/base/err.h"

#include <stdbool.h>
#include <sys/types.h>

#define SELINUX_TYPE "container_t" /* what policies call a container's processes */

/** selinux_here() - a policy is loaded, enforcing or not */
bool selinux_here(void);

/**
 * selinux_process() - the context of a container's processes, in its categories; selinux_files() - of its
 * files
 * @uuid: gives two of 1024 categories, so that nearly no two containers have the same
 *
 * Freed by the caller
 */
char *selinux_process(const char *type, const char *uuid);
char *selinux_files(const char *uuid);

/** selinux_check() - Return: 0; -EINVAL the policy has no such context */
int selinux_check(const char *context, struct err *err);

/** selinux_context() - of a process; NULL without SELinux. Freed by the caller */
char *selinux_context(pid_t pid);
