/* SPDX-License-Identifier: Apache-2.0 */
/* Removing a directory tree that others filled, however deep it is. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"

#define MAX_OPEN 64 /* one descriptor a level; what lies deeper is first moved to the top */

struct remover {
	int top;
	unsigned moved;
};

static int empty_dir(struct remover *m, int fd, unsigned depth);

static int remove_dir(struct remover *m, int dir, const char *name, unsigned depth)
{
	int fd, r;

	if (depth >= MAX_OPEN) {
		char to[32];

		do
			snprintf(to, sizeof(to), ".deep.%u", m->moved++);
		while (!faccessat(m->top, to, F_OK, AT_SYMLINK_NOFOLLOW));
		return renameat(dir, name, m->top, to) < 0 ? -errno : 0;
	}
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = empty_dir(m, fd, depth + 1);
	if (!r && unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

/* Takes the descriptor. */
static int empty_dir(struct remover *m, int take_fd, unsigned depth)
{
	AUTO(closedir) DIR *d = fdopendir(take_fd);
	const struct dirent *e;
	unsigned moved;
	int r = 0;

	if (!d) {
		r = -errno;
		close(take_fd);
		return r;
	}
	do {
		moved = m->moved;
		rewinddir(d);
		while (!r && (errno = 0, e = readdir(d))) {
			if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
				continue;
			if (e->d_type != DT_DIR && !unlinkat(take_fd, e->d_name, 0))
				continue;
			if (e->d_type != DT_DIR && errno != EISDIR && errno != ENOENT)
				r = -errno;
			else
				r = remove_dir(m, take_fd, e->d_name, depth);
		}
		if (!r && errno)
			r = -errno;
		/* what was moved up meanwhile may not have been listed */
	} while (!r && depth == 0 && m->moved != moved);
	return r;
}

int path_remove_tree(const char *path)
{
	AUTO(fd) int top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct remover m = {.top = top};
	int fd, r;

	if (top < 0)
		return errno == ENOENT ? 0 : -errno;
	fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = empty_dir(&m, fd, 0);
	if (!r && rmdir(path) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}
