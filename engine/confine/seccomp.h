/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls that a container is denied, compiled for every architecture of this host. */
#pragma once

#include "engine/base/err.h"

#include <stdbool.h>

struct seccomp_options {
	bool privileged;  /* also denies what only a privileged container could misuse */
	bool no_default;  /* security.syscalls.deny_default=false: leaves the built-in list out */
	bool deny_compat; /* 32-bit and x32 calls fail with ENOSYS */
};

/**
 * seccomp_export() - compile the filter
 * @ret_fd: sealed memfd with the BPF program, for container_spec and exec_spec
 *
 * Return: 0; -EOPNOTSUPP the kernel has no seccomp filters
 * Source: seccomp(2); the list: LXC's common.seccomp
 */
int seccomp_export(const struct seccomp_options *options, int *ret_fd, struct err *err);
