/* SPDX-License-Identifier: Apache-2.0 */
/* Console output to a log that starts anew when it is full; the one before is kept as NAME.1. */
#include "engine/instance/console.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/str.h"
#include "engine/base/sys.h"

#define MAX_READS 16 /* then others get their turn */

static int open_log(struct console *c)
{
	struct stat st;

	c->log = openat(c->dirfd, c->name,
			O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
	if (c->log < 0)
		return -errno;
	if (fstat(c->log, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(TAKE_FD(c->log));
		return -EINVAL;
	}
	c->size = (uint64_t)st.st_size;
	return 0;
}

int console_open_log(struct console *c, const char *path, uint64_t max)
{
	const char *slash = strrchr(path, '/');
	AUTO(free) char *dir = slash ? str_dup((struct str){path, (size_t)(slash - path) + 1}) : xstrdup(".");

	c->name = xstrdup(slash ? slash + 1 : path);
	c->max = max;
	c->dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return c->dirfd < 0 ? -errno : open_log(c);
}

static void start_anew(struct console *c)
{
	AUTO(free) char *old = xasprintf("%s.1", c->name);

	if (renameat(c->dirfd, c->name, c->dirfd, old) < 0) {
		if (!ftruncate(c->log, 0))
			c->size = 0;
		return;
	}
	close(TAKE_FD(c->log));
	open_log(c);
}

static void keep(struct console *c, const char *bytes, size_t len)
{
	if (c->log < 0 && (c->dirfd < 0 || open_log(c) < 0))
		return;
	if (c->max && c->size + len > c->max && c->size)
		start_anew(c);
	if (c->log >= 0 && !sys_write_all(c->log, bytes, len))
		c->size += len;
}

int console_drain(struct console *c)
{
	char bytes[4096];

	for (int i = 0; i < MAX_READS; i++) {
		ssize_t n = sys_read(c->master, bytes, sizeof(bytes));

		if (n == -EAGAIN)
			return 0;
		if (n <= 0)
			return -EIO;
		keep(c, bytes, (size_t)n);
	}
	return 0;
}

void console_done(struct console *c)
{
	int fds[] = {c->master, c->slave, c->dirfd, c->log};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(c->name);
	*c = CONSOLE_NULL;
}
