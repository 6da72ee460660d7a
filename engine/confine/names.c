/* SPDX-License-Identifier: Apache-2.0 */
/* Modes of those files, changed where others may still read them. */
#include "engine/confine/names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/str.h"

/* In the kernel's own file systems, where nobody else makes links. */
static const struct {
	const char *path;
	mode_t mode;
} files[] = {
    {"/proc/sched_debug", 0400},	     /* until Linux 5.13 */
    {"/sys/kernel/debug/sched/debug", 0400}, /* since; below a directory that is root's where all is well */
    {"/sys/kernel/slab", 0700},		     /* caches of each control group */
};

static int hide(const char *path, mode_t mode)
{
	struct stat st;

	if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	if (!(st.st_mode & 077 & ~mode))
		return 0;
	return chmod(path, mode) < 0 ? -errno : 0;
}

int names_hide(const char *root, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO(free) char *path = xasprintf("%s%s", root, files[i].path);
		int one = hide(path, files[i].mode);

		if (one < 0 && r == 0)
			r = err_set(err, -one, "%s can't be closed to other users: %s", path, strerror(-one));
	}
	return r;
}
