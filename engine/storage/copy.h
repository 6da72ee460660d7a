/* SPDX-License-Identifier: Apache-2.0 */
/* A directory tree copied with all that a root file system needs: owners, modes, times, links, extended
 * attributes. */
#pragma once

#include "engine/base/err.h"

/**
 * tree_copy() - make @to a copy of directory @from
 * @to: must not exist. On failure what was made is removed
 *
 * Data is shared where the file system can (reflinks). Devices, FIFOs and sockets are left out, as an
 * unpacked image has none. On the disk when it returns. Return: 0; -ENOSPC, -EDQUOT, ...
 */
int tree_copy(const char *from, const char *to, struct err *err);
