/* SPDX-License-Identifier: Apache-2.0 */
/* Which device of the host a node stands for, and how the node is to look. The node that an instance gets is
 * one of its own: changing its mode or owner changes nothing of the host's. */
#include "engine/device/unix.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "engine/base/auto.h"
#include "engine/base/sys.h"

#define DEFAULT_MODE 0660

char unix_type(const struct config *c, const char *device)
{
	const char *type = device ? config_device_get(c, device, "type") : NULL;

	return !type ? 0 : !strcmp(type, "unix-char") ? 'c' : !strcmp(type, "unix-block") ? 'b' : 0;
}

/* Not "/", not a place of the kernel's file systems, not a directory's spelling. */
static int check_path(const char *device, const char *path, struct err *err)
{
	static const char *const not_in[] = {"/proc", "/sys"};
	size_t len = strlen(path);

	for (size_t i = 0; i < ARRAY_SIZE(not_in); i++) {
		size_t n = strlen(not_in[i]);

		if (!strncmp(path, not_in[i], n) && (!path[n] || path[n] == '/'))
			return err_set(err, EINVAL, "path of %s is \"%s\": %s is the instance's own", device,
				       path, not_in[i]);
	}
	if (!len || path[len - 1] == '/')
		return err_set(err, EINVAL,
			       "path of %s is \"%s\": a file's path is wanted, such as /dev/ttyS0", device,
			       path);
	return 0;
}

int unix_check(struct object *o, const struct config *c, const char *device, struct err *err)
{
	const char *source = config_device_get(c, device, "source"),
		   *path = config_device_get(c, device, "path");
	const char *major = config_device_get(c, device, "major"),
		   *minor = config_device_get(c, device, "minor");
	int r = 0;

	(void)o;
	if (source && source[0] != '/')
		return err_set(err, EINVAL, "source of %s is \"%s\": a path of the host begins with /",
			       device, source);
	if (path || source)
		r = check_path(device, path ? path : source, err);
	if (r < 0)
		return r;
	/* one of them alone may be what is written first */
	if (major && minor && value_int(major, 0) == 0)
		return err_set(err, EINVAL, "major of %s is 0: no device has that number", device);
	return mount_path_check(c, device, err);
}

/* Links below /dev are udev's, such as /dev/disk/by-id/...; elsewhere they may be anybody's. */
static int open_source(const char *source)
{
	AUTO(fd) int dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (strncmp(source, "/dev/", 5) || dev < 0)
		return sys_openat2(AT_FDCWD, source, O_PATH, 0, RESOLVE_NO_SYMLINKS);
	return sys_openat2(dev, source + 5, O_PATH, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

static int read_source(const struct config *c, const char *device, struct device_mount *m, struct err *err)
{
	const char *source = config_device_get(c, device, "source");
	const char *what = m->node == 'c' ? "character" : "block";
	AUTO(fd) int fd = -EBADF;
	struct stat st;

	source = source ? source : m->path;
	fd = open_source(source);
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ENXIO)
		return err_set(err, ENOENT, "the host has no device %s, the source of %s", source, device);
	if (fd == -ELOOP || fd == -EXDEV)
		return err_set(
		    err, ELOOP,
		    "source of %s is \"%s\", a symbolic link that leads out of /dev, or one elsewhere: "
		    "name the device itself",
		    device, source);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, fd < 0 ? -fd : errno, "source of %s is \"%s\", which can't be opened: %s",
			       device, source, strerror(fd < 0 ? -fd : errno));
	if (m->node == 'c' ? !S_ISCHR(st.st_mode) : !S_ISBLK(st.st_mode))
		return err_set(err, EINVAL, "source of %s is \"%s\", which is no %s device", device, source,
			       what);
	m->major = major(st.st_rdev);
	m->minor = minor(st.st_rdev);
	return 0;
}

const char *unix_awaited(const struct config *c, const char *device)
{
	const char *required = config_device_get(c, device, "required"), *source;

	if (!unix_type(c, device) || !required || value_bool(required) ||
	    (config_device_get(c, device, "major") && config_device_get(c, device, "minor")))
		return NULL;
	source = config_device_get(c, device, "source");
	return source ? source : config_device_get(c, device, "path");
}

static uint32_t number(const struct config *c, const char *device, const char *key, uint32_t otherwise)
{
	return (uint32_t)value_int(config_device_get(c, device, key), otherwise);
}

int unix_read(const struct config *c, const char *device, struct device_mount *ret, struct err *err)
{
	const char *source = config_device_get(c, device, "source"),
		   *path = config_device_get(c, device, "path");
	const char *required = config_device_get(c, device, "required"),
		   *mode = config_device_get(c, device, "mode");
	bool has_major = config_device_get(c, device, "major"),
	     has_minor = config_device_get(c, device, "minor");
	struct device_mount m = {.device = device, .path = path ? path : source, .source = -EBADF};
	int r = 0;

	m.node = unix_type(c, device);
	if (!m.path)
		return err_set(err, EINVAL, "%s needs source or path: where the device's node is on the host",
			       device);
	if (!has_major || !has_minor)
		r = read_source(c, device, &m, err);
	if (r == -ENOENT && required && !value_bool(required)) {
		err_done(err);
		return 0;
	}
	if (r < 0)
		return r;
	m.major = number(c, device, "major", m.major);
	m.minor = number(c, device, "minor", m.minor);
	m.mode = mode ? (unsigned)strtoul(mode, NULL, 8) : DEFAULT_MODE;
	m.uid = number(c, device, "uid", 0);
	m.gid = number(c, device, "gid", 0);
	m.type = m.node == 'c' ? S_IFCHR : S_IFBLK;
	m.id_device = makedev(m.major, m.minor);
	*ret = m;
	return 1;
}
