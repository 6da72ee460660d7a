/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that compile filters share. */
#pragma once

#include <seccomp.h>

/** seccomp_write_program() - a filter as a sealed memfd. Return: 0; -E2BIG; -errno */
int seccomp_write_program(scmp_filter_ctx ctx, int *ret_fd);
