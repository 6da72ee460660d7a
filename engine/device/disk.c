/* SPDX-License-Identifier: Apache-2.0 */
/* Disks: the rules, and the opening of what is mounted. */
#include "engine/device/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "engine/base/auto.h"
#include "engine/base/sys.h"

bool disk_is(const struct config *c, const char *device)
{
	const char *type = device ? config_device_get(c, device, "type") : NULL;

	return type && !strcmp(type, "disk");
}

bool disk_is_root(const struct config *c, const char *device)
{
	const char *path = config_device_get(c, device, "path");

	return path && !strcmp(path, "/");
}

const char *disk_root(const struct config *effective, struct err *err)
{
	const char *found = NULL;

	for (size_t i = 0; i < effective->n; i++) {
		const char *device = section_device(&effective->sections[i]);

		if (!disk_is(effective, device) || !disk_is_root(effective, device))
			continue;
		if (found) {
			err_set(err, EINVAL, "%s and %s both are the root disk, path=/: there can be one",
				found, device);
			return NULL;
		}
		found = device;
	}
	if (!found)
		err_set(err, EINVAL,
			"there is no root disk: a device with type=disk, path=/ and pool, as profile default "
			"has one");
	return found;
}

static bool is_own_place(const char *path)
{
	static const char *const places[] = {"/dev", "/proc", "/sys"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		size_t n = strlen(places[i]);

		if (!strncmp(path, places[i], n) && (!path[n] || path[n] == '/'))
			return true;
	}
	return false;
}

int disk_check(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	const char *path = config_device_get(effective, device, "path");
	const char *source = config_device_get(effective, device, "source");
	const char *pool = config_device_get(effective, device, "pool");

	(void)o;
	if (!path)
		return 0;
	if (!disk_is_root(effective, device)) {
		if (is_own_place(path))
			return err_set(err, EINVAL,
				       "path of %s is \"%s\": /dev, /proc and /sys are the instance's own",
				       device, path);
		if (pool)
			return err_set(
			    err, EINVAL,
			    "%s has pool, but path is \"%s\": volumes of pools can only be the root, path=/, "
			    "give a host path in source",
			    device, path);
		if (source && source[0] != '/')
			return err_set(err, EINVAL,
				       "source of %s is \"%s\": a path of the host begins with /", device,
				       source);
	} else if (source) {
		return err_set(err, EINVAL,
			       "%s is the root disk: it comes from its pool, source isn't for it", device);
	} else if (!disk_root(effective, err)) {
		return -EINVAL;
	}
	return mount_path_check(effective, device, err);
}

/* ---- for a mount */

static const struct option {
	const char *name;
	uint64_t attr;
} options[] = {
    {"nosuid", MOUNT_ATTR_NOSUID},	     {"nodev", MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC},	     {"noatime", MOUNT_ATTR_NOATIME},
    {"nodiratime", MOUNT_ATTR_NODIRATIME},   {"strictatime", MOUNT_ATTR_STRICTATIME},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW}, {"ro", MOUNT_ATTR_RDONLY},
};

static const struct option *find_option(struct str word)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (str_is(word, options[i].name))
			return &options[i];
	return NULL;
}

int disk_options_check(const struct key *key, struct str value, struct err *err)
{
	struct str word;

	(void)key;
	while (value.len && str_next(&value, ',', &word))
		if (!find_option(word))
			return err_set(
			    err, EINVAL,
			    "has \"%.*s\": of ro, nosuid, nodev, noexec, noatime, nodiratime, strictatime "
			    "and nosymfollow some can be set, with commas between",
			    (int)MIN(word.len, 32u), word.ptr);
	return 0;
}

static uint64_t read_options(const char *text)
{
	struct str rest = str_from(text ? text : ""), word;
	uint64_t attrs = 0;

	while (rest.len && str_next(&rest, ',', &word)) {
		const struct option *o = find_option(word);

		attrs |= o ? o->attr : 0;
	}
	return attrs;
}

/* No link on the way: whoever may write where one lies could lead us anywhere, and so could an instance that
 * has that directory as a disk. */
static int open_source(const char *device, const char *source, struct stat *ret, struct err *err)
{
	AUTO(fd) int fd = sys_openat2(AT_FDCWD, source, O_PATH, 0, RESOLVE_NO_SYMLINKS);

	if (fd == -ELOOP)
		return err_set(
		    err, ELOOP,
		    "source of %s is \"%s\", and there is a symbolic link on the way: name the place that "
		    "it leads to, as realpath prints it",
		    device, source);
	if (fd < 0)
		return err_set(err, -fd, "source of %s is \"%s\", which can't be opened: %s", device, source,
			       strerror(-fd));
	if (fstat(fd, ret) < 0)
		return err_set(err, errno, "source of %s is \"%s\": %s", device, source, strerror(errno));
	if (!S_ISDIR(ret->st_mode) && !S_ISREG(ret->st_mode) && !S_ISSOCK(ret->st_mode))
		return err_set(
		    err, EINVAL,
		    "source of %s is \"%s\": a directory, a file or a socket can be mounted, no device, pipe "
		    "or other thing",
		    device, source);
	return TAKE_FD(fd);
}

int disk_read(const struct config *c, const char *device, struct device_mount *ret, struct err *err)
{
	const char *source = config_device_get(c, device, "source");
	const char *required = config_device_get(c, device, "required");
	const char *propagation = config_device_get(c, device, "propagation");
	struct stat st;
	int fd;

	if (!source)
		return err_set(err, EINVAL, "%s needs source, a path of the host", device);
	fd = open_source(device, source, &st, err);
	if (fd == -ENOENT && required && !value_bool(required)) {
		err_done(err);
		return 0;
	}
	if (fd < 0)
		return fd;
	*ret = (struct device_mount){
	    .device = device,
	    .path = config_device_get(c, device, "path"),
	    .source = fd,
	    .readonly = value_bool(config_device_get(c, device, "readonly")),
	    .recursive = value_bool(config_device_get(c, device, "recursive")) ||
			 (propagation && !strcmp(propagation, "rslave")),
	    .shift = value_bool(config_device_get(c, device, "shift")),
	    .follows = propagation && strstr(propagation, "slave"),
	    .attrs = read_options(config_device_get(c, device, "raw.mount.options")),
	    .type = st.st_mode & S_IFMT,
	    .id_device = st.st_dev,
	    .id_inode = st.st_ino,
	};
	return 1;
}
