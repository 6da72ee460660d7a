/* SPDX-License-Identifier: Apache-2.0 */
/* From changes of objects to nodes: called under tokens, so it only queues. */
#include "fs/stale.h"

#include <string.h>

#include "engine/base/auto.h"
#include "fs/tree/keydir.h"

static void node_stale(struct fs *fs, const struct node *n)
{
	notify_inode(fs->notifier, node_id(n));
}

/* The name is dropped in a while. Until then a look at it asks for its attributes, and hears that it is gone.
 */
static void name_gone(struct fs *fs, const struct node *dir, const char *name)
{
	const struct node gone = {
	    .o = dir->o, .row = node_unnamed_row(dir), .name = (char *)name, .above = dir->name};

	if (gone.row)
		node_stale(fs, &gone);
	notify_entry(fs->notifier, node_id(dir), name);
}

/* A name in a directory that is now there, not there, or another thing than before. */
static void name_stale(struct fs *fs, const struct node *dir, const char *name)
{
	AUTO(node_done) struct node n = {0};

	if (node_child(dir, str_from(name), &n, NULL) == 0)
		node_stale(fs, &n);
	else
		name_gone(fs, dir, name);
	node_stale(fs, dir);
}

struct walk {
	struct fs *fs;
	struct object *o;
};

/* What is in an instance belongs to whom it does, commands too. */
static int each_stale(void *arg, const char *name, const struct node *child)
{
	struct walk *w = arg;

	(void)name;
	if (child->o != w->o && child->o->parent != w->o)
		return 0;
	node_stale(w->fs, child);
	if (child->row->type == NODE_DIR)
		node_list(child, each_stale, w);
	return 0;
}

static void all_stale(struct fs *fs, struct object *o)
{
	AUTO(node_done) struct node self = node_of(o);
	struct walk w = {fs, o};

	node_stale(fs, &self);
	node_list(&self, each_stale, &w);
}

/* The file whose key a prop is. */
static void prop_stale(struct fs *fs, struct object *o, const char *key)
{
	struct node n;

	if (!node_row_named(o, key, &n))
		return;
	node_stale(fs, &n);
	node_done(&n);
}

static void changed(struct host *h, struct object *o, const char *section, const char *key)
{
	static const char *const views[] = {"", "local/", "effective/"};
	struct fs *fs = h->fs;

	pins_drop(fs->pins, o);
	if (!section) {
		all_stale(fs, o);
		return;
	}
	if (!*section) {
		if (key)
			prop_stale(fs, o, key);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
		AUTO(free) char *path = xasprintf("%s%s", views[i], section);
		struct node dir;

		/* a device that went has no directory any more: its name is stale in the one above */
		if (!key || !node_row_named(o, path, &dir)) {
			char *slash = strrchr(path, '/');

			if (!slash)
				continue;
			*slash = 0;
			if (!node_row_named(o, path, &dir))
				continue;
			name_stale(fs, &dir, slash + 1);
		} else {
			name_stale(fs, &dir, key);
		}
		node_done(&dir);
	}
}

static void touched(struct host *h, struct object *o, const char *place)
{
	struct fs *fs = h->fs;
	AUTO(free) char *path = NULL;
	struct node n;

	pins_drop(fs->pins, o);
	if (!node_row_named(o, place, &n))
		return;
	node_stale(fs, &n);
	path = node_path(&n);
	notify_echo(fs->notifier, path);
	node_done(&n);
}

static void renamed(struct host *h, struct object *o, const char *old, const char *new)
{
	AUTO(node_done) struct node self = node_of(o), dir = {0};
	struct fs *fs = h->fs;

	pins_drop(fs->pins, o);
	if (!self.row || node_parent(&self, &dir) < 0)
		return;
	node_stale(fs, &self);
	node_stale(fs, &dir);
	if (old)
		notify_entry(fs->notifier, node_id(&dir), old);
	if (new)
		name_stale(fs, &dir, new);
}

/* ---- what the core before didn't live to tell */

#define RECENT_NS (60ULL * 1000000000u)

static bool is_recent(struct object *o, uint64_t since)
{
	AUTO(config_unref) struct config *own = object_own(o);

	for (size_t i = 0; i < own->n; i++)
		if (own->sections[i].mtime >= since)
			return true;
	return false;
}

static void recent_kind(struct fs *fs, struct object *parent, enum kind_number kind, uint64_t since)
{
	AUTO(objects_free) struct object **list = host_all(parent, kind);

	for (size_t i = 0; list[i]; i++) {
		AUTO(objects_free) struct object **users = NULL;

		if (!is_recent(list[i], since))
			continue;
		all_stale(fs, list[i]);
		users = list[i]->kind->dependents ? list[i]->kind->dependents(list[i]) : NULL;
		for (size_t k = 0; users && users[k]; k++)
			all_stale(fs, users[k]);
	}
}

void stale_recent(struct fs *fs)
{
	uint64_t since = now_ns() - RECENT_NS;

	for (unsigned kind = KIND_INSTANCE; kind < KINDS; kind++)
		if (kind != KIND_EXEC && kind != KIND_WARNING && kind_get(kind))
			recent_kind(fs, fs->host->project, kind, since);
}

void stale_hook(struct fs *fs)
{
	fs->host->fs = fs;
	fs->host->on.changed = changed;
	fs->host->on.touched = touched;
	fs->host->on.renamed = renamed;
}
