/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits of processes by name: limits.kernel.* */
#pragma once

#include "engine/base/str.h"
#include "engine/instance/container.h"

/**
 * rlimits_parse() - a value of limits.kernel.NAME
 * @name:  "nofile"
 * @value: a number, a size such as 64MiB, or unlimited; or two of these as SOFT:HARD
 *
 * Return: 0; -ENOENT there is no such resource; -EINVAL
 */
int rlimits_parse(struct str name, struct str value, struct container_rlimit *ret, struct err *err);

/** rlimits_name() - of a RLIMIT_X, as in limits.kernel.NAME; NULL for none */
const char *rlimits_name(int resource);

/**
 * rlimits_set() - put limits on a process
 * @pid: 0: the caller
 *
 * Return: 0; -EPERM above what the kernel lets anybody have (nofile: fs.nr_open)
 */
int rlimits_set(pid_t pid, const struct container_rlimit *list, size_t n, struct err *err);
