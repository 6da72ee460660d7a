/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the kernel that tell every user of the host which control groups there are. */
#pragma once

#include "engine/base/err.h"

/**
 * names_hide() - close them to all but root: their modes until the next boot
 * @root: "" for this host's, or a directory that stands for / in tests
 *
 * What this kernel hasn't is no failure; the others are tried after one that fails.
 * Return: 0; -EROFS, -EPERM, ... with the file's name
 */
int names_hide(const char *root, struct err *err);
