/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that aren't files of a path: sealed memory. */
#pragma once

#include "engine/base/str.h"

/** fd_sealed() - a memfd with that content which nobody can change any more. Return: descriptor or -errno */
int fd_sealed(const char *name, struct str content);

/**
 * fd_map_sealed() - map a memfd from elsewhere, after checking that it is sealed
 * @max: bytes allowed
 * @ret: its content, until munmap(2)
 *
 * Return: 0; -EINVAL not sealed or empty; -EFBIG
 */
int fd_map_sealed(int fd, size_t max, struct str *ret);
