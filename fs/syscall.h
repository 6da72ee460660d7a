/* SPDX-License-Identifier: Apache-2.0 */
/* Which system call a look-up is part of: FUSE doesn't tell. */
#pragma once

#include <sys/types.h>

enum making {
	MAKING_NOTHING,
	MAKING_FILE, /* open(2) with O_CREAT and O_EXCL */
	MAKING_DIR,
	MAKING_LINK,
};

/** syscall_makes() - as what the caller of the request at hand wants to make @name, which must not be there
 * yet. MAKING_NOTHING also where it isn't known */
enum making syscall_makes(pid_t pid, const char *name);
