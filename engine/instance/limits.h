/* SPDX-License-Identifier: Apache-2.0 */
/* limits.* keys to what a control group takes. Pure. */
#pragma once

#include "engine/base/err.h"
#include "engine/confine/cgroup.h"
#include "engine/instance/container.h"
#include "engine/model/config.h"

/**
 * limits_memory() - limits.memory, .enforce, .swap
 * @host_memory: bytes, of which a percentage is taken
 *
 * Each adds its fields to @ret, also where no limit is set: so an old one is lifted. Return: 0; -EINVAL
 */
int limits_memory(const struct config *c, uint64_t host_memory, struct cgroup_limits *ret, struct err *err);
/** limits_cpu() - limits.cpu, .allowance, .priority. ret->cpus borrows from @c */
int limits_cpu(const struct config *c, struct cgroup_limits *ret, struct err *err);
/** limits_processes() - limits.processes */
int limits_processes(const struct config *c, struct cgroup_limits *ret, struct err *err);
/** limits_kernel() - limits.kernel.*, @ret_n of them; freed by the caller */
struct container_rlimit *limits_kernel(const struct config *c, size_t *ret_n);
/** limits_host_memory() - bytes that this host has */
uint64_t limits_host_memory(void);
/** limits_supported() - without those fields that set no limit and that this host can't have */
void limits_supported(const struct cgroup_layout *layout, struct cgroup_limits *l);
