/* SPDX-License-Identifier: Apache-2.0 */
/* proc_pid_syscall(5), of a task that waits for our answer. Calls of another ABI (32 bit) aren't told apart
 * from ours by that file: at worst a name that is there is said to be there. */
#include "fs/syscall.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"

#define TRIES 50 /* of 200 us: it was woken, or doesn't sleep yet */

static bool is_exclusive(unsigned long long flags)
{
	return (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
}

/* @ret_path: where the path is in the caller's memory */
static enum making makes(long nr, const unsigned long long *args, unsigned long long *ret_path)
{
	*ret_path = args[1];
	switch (nr) {
#ifdef SYS_open
	case SYS_open:
		*ret_path = args[0];
		return is_exclusive(args[1]) ? MAKING_FILE : MAKING_NOTHING;
	case SYS_mkdir:
		*ret_path = args[0];
		return MAKING_DIR;
	case SYS_symlink:
		return MAKING_LINK;
#endif
	case SYS_openat:
		return is_exclusive(args[2]) ? MAKING_FILE : MAKING_NOTHING;
	case SYS_mkdirat:
		return MAKING_DIR;
	case SYS_symlinkat:
		*ret_path = args[2];
		return MAKING_LINK;
	default:
		return MAKING_NOTHING;
	}
}

/* Whether a path in another process's memory ends in @name: what is looked up on the way isn't to be made. */
static bool ends_in(pid_t pid, unsigned long long at, const char *name)
{
	char path[PATH_MAX + 1];
	size_t page = (size_t)sysconf(_SC_PAGESIZE), first = page - (size_t)(at % page), len;
	struct iovec to = {path, PATH_MAX};
	/* by pages, as the path may end just before what isn't mapped */
	struct iovec from[] = {{(void *)(uintptr_t)at, MIN(first, (size_t)PATH_MAX)},
			       {(void *)(uintptr_t)(at + first), PATH_MAX - MIN(first, (size_t)PATH_MAX)}};
	ssize_t n = process_vm_readv(pid, &to, 1, from, 2, 0);
	const char *slash;

	if (n <= 0)
		return false;
	path[n] = 0;
	len = strlen(path);
	while (len && path[len - 1] == '/')
		path[--len] = 0;
	slash = strrchr(path, '/');
	return !strcmp(slash ? slash + 1 : path, name);
}

enum making syscall_makes(pid_t pid, const char *name)
{
	AUTO(free) char *path = xasprintf("/proc/%d/syscall", pid);

	for (unsigned i = 0; i < TRIES; i++) {
		AUTO(free) char *text = NULL;
		unsigned long long args[3], at;
		enum making m;
		long nr;

		if (pid <= 0 || path_read(AT_FDCWD, path, 4096, &text) < 0)
			break;
		if (sscanf(text, "%ld %llx %llx %llx", &nr, &args[0], &args[1], &args[2]) == 4) {
			m = makes(nr, args, &at);
			return m != MAKING_NOTHING && ends_in(pid, at, name) ? m : MAKING_NOTHING;
		}
		if (strncmp(text, "running", 7) != 0)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
	}
	return MAKING_NOTHING;
}
