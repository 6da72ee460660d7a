/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted inside instances: read from the config, noted, attached, taken off, found again. */
#include "engine/device/mount.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/device/appear.h"
#include "engine/device/disk.h"
#include "engine/device/unix.h"

#define NOTE_MAX 8192

/* ---- from the config */

static const char *path_of(const struct config *c, const char *device)
{
	const char *path = config_device_get(c, device, "path");

	return path || !unix_type(c, device) ? path : config_device_get(c, device, "source");
}

int mount_path_check(const struct config *c, const char *device, struct err *err)
{
	const char *path = path_of(c, device);

	for (size_t i = 0; path && i < c->n; i++) {
		const char *other = section_device(&c->sections[i]), *its;

		if (!other || (!disk_is(c, other) && !unix_type(c, other)) || !strcmp(other, device))
			continue;
		its = path_of(c, other);
		if (its && !strcmp(its, path))
			return err_set(err, EINVAL, "path of %s is \"%s\": %s is there already", device, path,
				       other);
	}
	return 0;
}

/* Return: 1; 0 nothing is to be mounted; a failure */
static int read_device(const struct config *c, const char *device, struct device_mount *ret, struct err *err)
{
	if (!device)
		return 0;
	if (unix_type(c, device))
		return unix_read(c, device, ret, err);
	return disk_is(c, device) && !disk_is_root(c, device) ? disk_read(c, device, ret, err) : 0;
}

static void mount_done(struct device_mount *m)
{
	if (m->source >= 0)
		close(m->source);
	m->source = -EBADF;
}
static inline void mount_done_auto(struct device_mount *m)
{
	mount_done(m);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct device_mount *)a)->path, ((const struct device_mount *)b)->path);
}

int device_mounts_open(const struct config *c, struct device_mounts *ret, struct err *err)
{
	ret->list = xcalloc(c->n + 1, sizeof(*ret->list));
	for (size_t i = 0; i < c->n; i++) {
		int r = read_device(c, section_device(&c->sections[i]), &ret->list[ret->n], err);

		if (r < 0)
			return r;
		ret->n += (size_t)r;
	}
	/* what is mounted below another comes after it */
	qsort(ret->list, ret->n, sizeof(*ret->list), by_path);
	return 0;
}

void device_mounts_done(struct device_mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		mount_done(&m->list[i]);
	free(m->list);
	*m = (struct device_mounts){0};
}

/* ---- notes of what is attached, DEVICE=: its identity, its path, and all else that makes it what it is */

static char *notes_path(struct object *o)
{
	return xasprintf("%s/devices/%s", o->host->run, o->uuid);
}

static char *note_text(const struct device_mount *m)
{
	return xasprintf("%u %llu %llu\n%s\n%d%d%d%d %llx %o %u %u\n", m->type,
			 (unsigned long long)m->id_device, (unsigned long long)m->id_inode, m->path,
			 m->readonly, m->recursive, m->shift, m->follows, (unsigned long long)m->attrs,
			 m->mode, m->uid, m->gid);
}

static int note_write(struct object *o, const struct device_mount *m, struct err *err)
{
	AUTO(free) char *dir = notes_path(o), *text = note_text(m);
	AUTO(fd) int fd = -EBADF;
	AUTO(free) char *name = xasprintf("%s=", m->device);
	int r = path_make_dir(dir, 0700);

	if (!r) {
		fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = fd < 0 ? -errno : path_replace(fd, name, str_from(text), 0600, false);
	}
	return r < 0 ? err_set(err, -r, "%s can't be noted in %s: %s", m->device, dir, strerror(-r)) : 0;
}

static void note_drop(struct object *o, const char *device)
{
	AUTO(free) char *dir = notes_path(o), *path = xasprintf("%s/%s=", dir, device);

	unlink(path);
	rmdir(dir); /* when it was the last */
}

/* What the note of a device says; @ret_text owns its path. Return: 1; 0 there is none */
static int note_read(struct object *o, const char *device, struct device_mount *ret, char **ret_text)
{
	AUTO(free) char *dir = notes_path(o), *path = xasprintf("%s/%s=", dir, device), *text = NULL;
	unsigned long long id_device, id_inode;
	char *line, *end;

	*ret = (struct device_mount){.device = device, .source = -EBADF};
	if (path_read(AT_FDCWD, path, NOTE_MAX, &text) < 0 || !(line = strchr(text, '\n')) ||
	    sscanf(text, "%u %llu %llu", &ret->type, &id_device, &id_inode) != 3)
		return 0;
	end = strchr(++line, '\n');
	if (!end)
		return 0;
	*end = 0;
	ret->id_device = id_device;
	ret->id_inode = id_inode;
	ret->path = line;
	ret->node = S_ISCHR(ret->type) ? 'c' : S_ISBLK(ret->type) ? 'b' : 0;
	*ret_text = TAKE(text);
	return 1;
}

static bool is_noted_so(struct object *o, const struct device_mount *m)
{
	AUTO(free) char *dir = notes_path(o), *path = xasprintf("%s/%s=", dir, m->device), *text = NULL;
	AUTO(free) char *want = note_text(m);

	return path_read(AT_FDCWD, path, NOTE_MAX, &text) >= 0 && !strcmp(text, want);
}

/* Devices that have a note; NULL-terminated. */
static char **noted(struct object *o)
{
	AUTO(free) char *dir = notes_path(o);
	DIR *d = opendir(dir);
	char **list = xcalloc(1, sizeof(*list));
	struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (e->d_name[len - 1] != '=')
			continue; /* it was being written */
		list = xrealloc(list, (n + 2) * sizeof(*list));
		list[n++] = str_dup((struct str){e->d_name, len - 1});
		list[n] = NULL;
	}
	if (d)
		closedir(d);
	return list;
}

static void names_free(char **list)
{
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
}
DEFINE_AUTO(char **, names_free);

int device_mounts_note(struct object *o, const struct device_mounts *m, struct err *err)
{
	int r = 0;

	device_mounts_forget(o);
	for (size_t i = 0; !r && i < m->n; i++)
		r = note_write(o, &m->list[i], err);
	return r;
}

void device_mounts_forget(struct object *o)
{
	AUTO(free) char *dir = notes_path(o);

	appear_drop(o, NULL);
	path_remove_tree(dir);
	host_warn_resolve(o->host, o, "disk");
	host_warn_resolve(o->host, o, "device");
}

/* ---- what may be opened */

static size_t add_node(struct device_node *list, size_t n, const struct device_mount *m)
{
	if (!m->node)
		return n;
	list[n] = (struct device_node){m->node, major(m->id_device), minor(m->id_device)};
	return n + 1;
}

size_t device_mounts_nodes(const struct device_mounts *m, struct device_node **ret)
{
	size_t n = 0;

	*ret = xcalloc(m->n + 1, sizeof(**ret));
	for (size_t i = 0; i < m->n; i++)
		n = add_node(*ret, n, &m->list[i]);
	return n;
}

/* Those that have a note, but for one that is on its way out. */
static int allow_noted(struct object *o, const char *but, struct err *err)
{
	AUTO(names_free) char **names = noted(o);
	AUTO(free) char *space = NULL;
	struct device_node *nodes;
	size_t n = 0, count = 0;

	while (names[count])
		count++;
	space = xcalloc(count + 1, sizeof(*nodes));
	nodes = (struct device_node *)(void *)space;
	for (size_t i = 0; i < count; i++) {
		AUTO(free) char *text = NULL;
		struct device_mount m;

		if ((!but || strcmp(names[i], but) != 0) && note_read(o, names[i], &m, &text))
			n = add_node(nodes, n, &m);
	}
	return device_owner()->allow(o, nodes, n, err);
}

/* ---- live */

/* Its note goes last: who is killed in between leaves it to the next core. */
static int take_off(struct object *o, const char *device, struct err *err)
{
	AUTO(free) char *text = NULL;
	struct device_mount m;
	int r = 0;

	if (!note_read(o, device, &m, &text))
		return 0;
	/* what is open stays open; a node of that device, wherever it was put, opens no more */
	if (m.node)
		r = allow_noted(o, device, err);
	if (r == 0)
		r = device_owner()->unmount(o, &m, err);
	if (r < 0 && r != -ESRCH) {
		if (m.node)
			allow_noted(o, NULL, NULL);
		return r;
	}
	if (r == 0 && !m.node)
		host_warn(o->host, o, "disk",
			  "%s isn't at %s any more: the instance took it off itself, or moved it. What it "
			  "keeps elsewhere it keeps until it stops",
			  device, m.path);
	err_done(err);
	note_drop(o, device);
	return 0;
}

static int put_on(struct object *o, const struct device_mount *m, struct err *err)
{
	/* one that a core left which was killed before it could tell */
	int r = take_off(o, m->device, err);

	if (!r)
		r = note_write(o, m, err);
	if (r < 0)
		return r;
	r = m->node ? allow_noted(o, NULL, err) : 0;
	if (!r)
		r = device_owner()->mount(o, m, err);
	if (r == 0)
		return 0;
	if (m->node)
		allow_noted(o, m->device, NULL);
	note_drop(o, m->device);
	if (r == -ESRCH) {
		err_done(err);
		return 0;
	}
	return r;
}

/* What is there becomes what is to be there. */
static int bring(struct object *o, const struct config *c, const char *device, struct err *err)
{
	AUTO(mount_done) struct device_mount m = {.source = -EBADF};
	int r = read_device(c, device, &m, err);

	/* what is attached of a disk whose source is gone stays attached */
	if (r == 0)
		return unix_type(c, device) ? take_off(o, device, err) : 0;
	return r > 0 && !is_noted_so(o, &m) ? put_on(o, &m, err) : r < 0 ? r : 0;
}

static void on_change(struct object *o, const char *device)
{
	AUTO(config_unref) struct config *c = object_effective(o);
	AUTO(err_done) struct err err = ERR_NULL;

	if (unix_awaited(c, device) && bring(o, c, device, &err) < 0)
		host_warn(o->host, o, "device",
			  "device %s, which came or went, can't be brought to the instance: %s", device,
			  err_text(&err));
	else
		host_warn_resolve(o->host, o, "device");
}

/* It may come and go. A host without watches left is told of, it's no failure. */
static void await_changes(struct object *o, const struct config *c, const char *device)
{
	const char *path = unix_awaited(c, device);
	AUTO(err_done) struct err err = ERR_NULL;

	if (path && appear_watch(o, device, path, on_change, &err) < 0)
		host_warn(o->host, o, "device", "%s", err_text(&err));
}

int mount_plug(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	AUTO(mount_done) struct device_mount m = {.source = -EBADF};
	int r;

	if (disk_is(effective, device) && disk_is_root(effective, device))
		return err_set(
		    err, EOPNOTSUPP,
		    "%s, the root disk, can't be added or changed while the instance runs: stop it first",
		    device);
	/* what names its source last has none yet */
	if (!config_device_get(effective, device, "source") &&
	    (disk_is(effective, device) || !config_device_get(effective, device, "path")))
		return 0;
	await_changes(o, effective, device);
	r = read_device(effective, device, &m, err);
	if (r > 0)
		r = put_on(o, &m, err);
	if (r < 0)
		appear_drop(o, device);
	return r;
}

int mount_unplug(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	if (disk_is(effective, device) && disk_is_root(effective, device))
		return err_set(
		    err, EOPNOTSUPP,
		    "%s, the root disk, can't be changed or taken off while the instance runs: stop it first",
		    device);
	appear_drop(o, device);
	return take_off(o, device, err);
}

void device_mounts_watch(struct object *o, const struct config *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const char *device = section_device(&c->sections[i]);

		if (!device || !unix_awaited(c, device))
			continue;
		await_changes(o, c, device);
		/* what came or went before it was watched */
		on_change(o, device);
	}
}

/* ---- found again */

static int adopt_one(struct object *o, const struct config *c, const char *device, struct err *err)
{
	AUTO(free) char *text = NULL;
	struct device_mount old;
	int r = bring(o, c, device, err);

	/* likewise */
	if (r == -ENOENT && note_read(o, device, &old, &text)) {
		err_done(err);
		return 0;
	}
	return r;
}

int device_mounts_adopt(struct object *o, const struct config *c, struct err *err)
{
	AUTO(names_free) char **names = noted(o);
	int r = 0;

	for (char **p = names; *p; p++) {
		AUTO(err_done) struct err own = ERR_NULL;

		if (unix_type(c, *p) || (disk_is(c, *p) && !disk_is_root(c, *p)))
			continue;
		if (take_off(o, *p, &own) < 0 && !r) {
			err_prefix(&own, "device %s: ", *p);
			r = err_move(err, &own);
		}
	}
	for (size_t i = 0; i < c->n; i++) {
		const char *device = section_device(&c->sections[i]);
		AUTO(err_done) struct err own = ERR_NULL;

		if (device && device_is_complete(o, c, device, NULL) && adopt_one(o, c, device, &own) < 0 &&
		    !r) {
			err_prefix(&own, "device %s: ", device);
			r = err_move(err, &own);
		}
	}
	device_mounts_watch(o, c);
	return r;
}
