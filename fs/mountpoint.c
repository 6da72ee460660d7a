/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts and unmounts the tree. Nothing here asks the tree for anything: it may be unserved. */
#include "fs/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/base/str.h"

#define LINGER_MS 500
#define LOOK_MS 20
#define TYPE "fuse.lxdfs"

/* The mount that a descriptor lies in, from the fdinfo of a descriptor. */
static int mount_id(int fd, unsigned *ret)
{
	AUTO(free) char *path = xasprintf("/proc/self/fdinfo/%d", fd), *text = NULL;
	ssize_t n = path_read(AT_FDCWD, path, 4096, &text);
	const char *at = n < 0 ? NULL : strstr(text, "mnt_id:");

	if (n < 0)
		return (int)n;
	return at && sscanf(at, "mnt_id: %u", ret) == 1 ? 0 : -EINVAL;
}

/* Opens with O_PATH and compares by number: no request, and no escaped path to decode. */
static int is_ours(const char *path)
{
	AUTO(fd) int fd = open(path, O_PATH | O_CLOEXEC);
	AUTO(free) char *table = NULL;
	struct str rest, line;
	unsigned id = 0, found;
	ssize_t n;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = mount_id(fd, &id);
	if (r < 0)
		return r;
	n = path_read(AT_FDCWD, "/proc/self/mountinfo", 64 << 20, &table);
	if (n < 0)
		return (int)n;
	rest = (struct str){table, (size_t)n};
	while (str_next(&rest, '\n', &line)) {
		const char *type = line.len ? memmem(line.ptr, line.len, " - ", 3) : NULL;

		if (type && sscanf(line.ptr, "%u", &found) == 1 && found == id)
			return !strncmp(type + 3, TYPE " ", sizeof(TYPE));
	}
	return 0;
}

int mountpoint_detach(const char *path, struct err *err)
{
	for (;;) {
		int r = is_ours(path);

		if (r < 0)
			return err_set(err, -r, "what is mounted at %s can't be told: %s", path,
				       strerror(-r));
		if (!r)
			return 0;
		/* by force: whose request was read and not answered waits for ever else, if he holds
		 * /dev/fuse himself */
		if (umount2(path, MNT_FORCE | MNT_DETACH) < 0 && errno != EINVAL &&
		    /* in a container force is denied: see engine/confine/seccomp.c */
		    (errno != EPERM || umount2(path, MNT_DETACH) < 0))
			return err_set(err, errno, "%s can't be unmounted: %s", path, strerror(errno));
	}
}

static int mount_at(const char *path, int fuse, struct err *err)
{
	AUTO(free)
	char *options =
	    xasprintf("fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other,default_permissions", fuse);

	if (mount("lxdfs", path, TYPE, MS_NOSUID | MS_NODEV, options) < 0)
		return err_set(err, errno, "the tree can't be mounted at %s: %s", path, strerror(errno));
	return 0;
}

/* A tree that is served answers this, one that isn't fails at once in the kernel: as soon as lxdfs-notify is
 * gone too, which follows a core that was killed. */
static bool is_served(const char *path)
{
	struct statfs st; /* unlike attributes, never kept by the kernel */

	for (int left = LINGER_MS / LOOK_MS; left >= 0; left--) {
		if (statfs(path, &st) < 0 && (errno == ENOTCONN || errno == ECONNABORTED))
			return false;
		poll(NULL, 0, LOOK_MS);
	}
	return true;
}

int mountpoint_attach(const char *path, struct err *err)
{
	AUTO(fd) int fuse = -EBADF;
	int r = is_ours(path);

	if (r > 0 && is_served(path))
		return err_set(err, EBUSY,
			       "another lxdfsd serves %s: stop it first, or choose another --mount", path);
	r = mountpoint_detach(path, err);
	if (r < 0)
		return r;
	r = path_make_dir(path, 0755);
	if (r < 0)
		return err_set(err, -r, "%s can't be made: %s", path, strerror(-r));
	fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse < 0)
		return err_set(
		    err, errno, "/dev/fuse can't be opened: %s (%s)", strerror(errno),
		    errno == EACCES || errno == EPERM
			? "where this is a container, chmod 666 /dev/fuse on the host opens it to all"
			: "modprobe fuse loads it");
	r = mount_at(path, fuse, err);
	return r < 0 ? r : TAKE_FD(fuse);
}
