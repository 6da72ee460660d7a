/* SPDX-License-Identifier: Apache-2.0 */
/* lxcfs is a file system of the host's; its files know from who reads them which container's figures to show.
 */
#include "engine/instance/lxcfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"

#define LXCFS "/var/lib/lxcfs" /* where its packages mount it */

static const char *const files[LXCFS_FILES] = {
    "proc/cpuinfo", "proc/diskstats", "proc/loadavg", "proc/meminfo",
    "proc/stat",    "proc/swaps",     "proc/uptime",
};

int lxcfs_mounts(struct container_mount *ret)
{
	AUTO(fd) int dir = open(LXCFS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs st;
	int n = 0;

	if (dir < 0 || fstatfs(dir, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	/* the directory is there with the package, also where the service doesn't run */
	if ((unsigned long)st.f_type != FUSE_SUPER_MAGIC)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int fd = path_open(dir, files[i], O_PATH, 0);

		if (fd == -ENOENT)
			continue; /* one that is older has fewer */
		if (fd < 0) {
			while (n > 0)
				close(ret[--n].source_fd);
			return fd;
		}
		ret[n++] = (struct container_mount){
		    .source_fd = fd,
		    .target = files[i],
		    .flags = CONTAINER_MOUNT_PROC,
		};
	}
	return n;
}
