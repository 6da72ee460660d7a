/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that no signal ends: a thread that waits for the answer of a FUSE file system which only its own
 * process could give waits for ever, killed or not, and the kernel closes that process's end only when all
 * its threads are gone. Whoever wants a container to end has to end such file systems. Source: the kernel's
 * Documentation/filesystems/fuse.rst. */
#include "engine/confine/cgroup-internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/path.h"
#include "engine/base/sys.h"

#define MAX_MOUNTINFO (16 << 20)
#define MAX_CONNECTIONS 256

struct connections {
	unsigned id[MAX_CONNECTIONS]; /* minor numbers of their devices */
	size_t n;
};

static bool has(const struct connections *c, unsigned id)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->id[i] == id)
			return true;
	return false;
}

/* Mounts of type fuse, fuse.X, fuseblk in the text of a mountinfo: "ID PARENT MAJOR:MINOR ... - TYPE ...". */
static void collect(const char *path, struct connections *c)
{
	AUTO(free) char *text = NULL;
	struct str rest, line;
	ssize_t n = path_read(AT_FDCWD, path, MAX_MOUNTINFO, &text);

	rest = (struct str){text, n > 0 ? (size_t)n : 0};
	while (str_next(&rest, '\n', &line)) {
		const char *type = line.len ? memmem(line.ptr, line.len, " - fuse", 7) : NULL;
		unsigned major, minor;

		if (type && sscanf(line.ptr, "%*u %*u %u:%u", &major, &minor) == 2 && major == 0 &&
		    !has(c, minor) && c->n < MAX_CONNECTIONS)
			c->id[c->n++] = minor;
	}
}

/* Of the threads: where the first one has ended, its process tells nothing any more. */
static void collect_threads(pid_t pid, struct connections *c)
{
	AUTO(free) char *path = xasprintf("/proc/%d/task", pid);
	AUTO(closedir) DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		AUTO(free) char *file = xasprintf("%s/%s/mountinfo", path, e->d_name);

		if (e->d_name[0] != '.')
			collect(file, c);
	}
}

void cgroup_abort_fuse(struct cgroup *cg)
{
	struct connections theirs = {.n = 0}, ours = {.n = 0};
	AUTO(fd) int fs = fsopen("fusectl", FSOPEN_CLOEXEC), dir = -EBADF;
	pid_t *pids = NULL;
	int n = cgroup_pids(cg, &pids);

	for (int i = 0; i < n; i++)
		collect_threads(pids[i], &theirs);
	free(pids);
	/* what the host has mounted itself is another's, only shown to the container */
	collect("/proc/self/mountinfo", &ours);
	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return;
	dir = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	for (size_t i = 0; dir >= 0 && i < theirs.n; i++) {
		AUTO(free) char *file = xasprintf("%u/abort", theirs.id[i]);

		if (!has(&ours, theirs.id[i]))
			path_write(dir, file, STR("1\n"));
	}
}
