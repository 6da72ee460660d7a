/* SPDX-License-Identifier: Apache-2.0 */
/* Disks: the rules, and the opening of what is mounted at an instance's start. */
#include "engine/device/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/auto.h"
#include "engine/base/sys.h"

static bool is_disk(const struct config *c, const char *device)
{
	const char *type = device ? config_device_get(c, device, "type") : NULL;

	return type && !strcmp(type, "disk");
}

static bool is_root(const struct config *c, const char *device)
{
	const char *path = config_device_get(c, device, "path");

	return path && !strcmp(path, "/");
}

const char *disk_root(const struct config *effective, struct err *err)
{
	const char *found = NULL;

	for (size_t i = 0; i < effective->n; i++) {
		const char *device = section_device(&effective->sections[i]);

		if (!is_disk(effective, device) || !is_root(effective, device))
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

int disk_check(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	const char *path = config_device_get(effective, device, "path");
	const char *source = config_device_get(effective, device, "source");
	const char *pool = config_device_get(effective, device, "pool");

	(void)o;
	if (!path)
		return 0;
	if (!is_root(effective, device)) {
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
	for (size_t i = 0; i < effective->n; i++) {
		const char *other = section_device(&effective->sections[i]), *its;

		if (!is_disk(effective, other) || !strcmp(other, device))
			continue;
		its = config_device_get(effective, other, "path");
		if (its && !strcmp(its, path))
			return err_set(err, EINVAL, "path of %s is \"%s\": %s is there already", device, path,
				       other);
	}
	return 0;
}

int disk_attach(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	(void)o;
	(void)effective;
	return err_set(
	    err, EOPNOTSUPP,
	    "%s can't be added while the instance runs: disks are mounted at its start, stop it first",
	    device);
}

int disk_detach(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	(void)o;
	(void)effective;
	return err_set(
	    err, EOPNOTSUPP,
	    "%s can't be taken off while the instance runs: disks are mounted at its start, stop it first",
	    device);
}

/* ---- for a start */

static int open_source(const struct config *c, const char *device, const char *source, struct disk_mounts *m,
		       struct err *err)
{
	const char *required = config_device_get(c, device, "required");
	AUTO(fd) int fd = sys_openat2(AT_FDCWD, source, O_PATH, 0, RESOLVE_NO_MAGICLINKS);
	struct stat st;

	if (fd == -ENOENT && required && !value_bool(required))
		return 0;
	if (fd < 0)
		return err_set(err, -fd, "source of %s is \"%s\", which can't be opened: %s", device, source,
			       strerror(-fd));
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "source of %s is \"%s\": %s", device, source, strerror(errno));
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISSOCK(st.st_mode))
		return err_set(
		    err, EINVAL,
		    "source of %s is \"%s\": a directory, a file or a socket can be mounted, no device, pipe "
		    "or other thing",
		    device, source);
	m->list = xrealloc(m->list, (m->n + 1) * sizeof(*m->list));
	m->list[m->n++] = (struct disk_mount){
	    .source = TAKE_FD(fd),
	    .path = config_device_get(c, device, "path"),
	    .readonly = value_bool(config_device_get(c, device, "readonly")),
	    .recursive = value_bool(config_device_get(c, device, "recursive")),
	    .shift = value_bool(config_device_get(c, device, "shift")),
	};
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct disk_mount *)a)->path, ((const struct disk_mount *)b)->path);
}

int disk_mounts_open(const struct config *effective, struct disk_mounts *ret, struct err *err)
{
	for (size_t i = 0; i < effective->n; i++) {
		const char *device = section_device(&effective->sections[i]), *source;
		int r;

		if (!is_disk(effective, device) || is_root(effective, device))
			continue;
		source = config_device_get(effective, device, "source");
		if (!source)
			return err_set(err, EINVAL, "%s needs source, a path of the host", device);
		r = open_source(effective, device, source, ret, err);
		if (r < 0)
			return r;
	}
	/* what is mounted below another comes after it */
	if (ret->n)
		qsort(ret->list, ret->n, sizeof(*ret->list), by_path);
	return 0;
}

void disk_mounts_done(struct disk_mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		close(m->list[i].source);
	free(m->list);
	*m = (struct disk_mounts){0};
}
