/* SPDX-License-Identifier: Apache-2.0 */
/* Joining a container's control group. */
#include "engine/confine/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"

#define SUBGROUP "lxdfs-exec"

int cgroup_join(const char *procs, struct err *err)
{
	AUTO(free) char *sub = NULL, *sub_procs = NULL;
	const char *slash = strrchr(procs, '/');
	int r = path_write(AT_FDCWD, procs, STR("0\n"));

	if (r != -EBUSY || !slash)
		return r < 0 ? err_set(err, -r, "the container's control group %s can't be joined: %s", procs,
				       strerror(-r))
			     : 0;
	/* v2: its init made groups below and processes may be in the leaves only */
	sub = xasprintf("%.*s/" SUBGROUP, (int)(slash - procs), procs);
	sub_procs = xasprintf("%s/cgroup.procs", sub);
	if (mkdir(sub, 0755) < 0 && errno != EEXIST)
		return err_set(err, errno, "the control group %s can't be made: %s", sub, strerror(errno));
	r = path_write(AT_FDCWD, sub_procs, STR("0\n"));
	return r < 0 ? err_set(err, -r, "the control group %s can't be joined: %s", sub, strerror(-r)) : 0;
}
