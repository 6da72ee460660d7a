/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls that a container is denied, compiled for every architecture of this host. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"

#include <stdbool.h>

struct seccomp_options {
	bool privileged; /* also denies what only a privileged container could misuse */
	bool nesting;	 /* leaves it the kernel's log, as caps_dropped() does, and mounts of all kinds */
	bool no_profile; /* no AppArmor says what may be mounted: in a privileged container nothing new may */
	bool no_default; /* security.syscalls.deny_default=false: leaves the built-in list out */
	bool deny_compat; /* 32-bit and x32 calls fail with ENOSYS */
	/* Texts of the keys, NULL where they aren't set. allow and raw leave the built-in list out too. */
	const char *deny, *allow, *raw;
};

/**
 * seccomp_check() - of the texts alone, before they are stored: what goes with what
 * Return: 0; -EINVAL
 */
int seccomp_check(const struct seccomp_options *options, struct err *err);

/**
 * seccomp_export() - compile the filter
 * @ret_fd:      sealed memfd with the BPF program, for container_spec and exec_spec
 * @ret_unknown: names in the texts that this libseccomp doesn't know, which are left out; may be NULL
 *
 * Return: 0; -EOPNOTSUPP the kernel has no seccomp filters; -EINVAL a text doesn't read; -E2BIG
 * Source: seccomp(2); the list: LXC's common.seccomp
 */
int seccomp_export(const struct seccomp_options *options, int *ret_fd, struct buf *ret_unknown,
		   struct err *err);

/**
 * seccomp_notify_export() - compile the filter that asks lxdfs-intercept, for sandbox_listen()
 * @what: enum intercept_what, or-ed
 *
 * Return: 0; -EOPNOTSUPP
 */
int seccomp_notify_export(unsigned what, int *ret_fd, struct err *err);
