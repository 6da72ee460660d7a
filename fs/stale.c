/* SPDX-License-Identifier: Apache-2.0 */
/* From changes of objects to nodes: called under tokens, so it only queues. */
#include "fs/stale.h"

#include <string.h>

#include "engine/base/auto.h"
#include "fs/tree/keydir.h"

static void node_stale(struct fs *fs, const struct node *n)
{
	uint64_t id = node_id(n);

	pins_drop(fs->pins, id);
	notify_inode(fs->notifier, id);
}

/* A name in a directory that is now there, not there, or another thing than before. */
static void name_stale(struct fs *fs, const struct node *dir, const char *name)
{
	AUTO(node_done) struct node n = {0};

	if (node_child(dir, str_from(name), &n, NULL) == 0)
		node_stale(fs, &n);
	else
		notify_entry(fs->notifier, node_id(dir), name);
	node_stale(fs, dir);
}

static int each_stale(void *arg, const char *name, const struct node *child)
{
	(void)name;
	/* objects inside tell for themselves */
	if (child->row->number)
		node_stale(arg, child);
	return 0;
}

static void all_stale(struct fs *fs, struct object *o)
{
	AUTO(node_done) struct node self = node_of(o);
	struct node dir;

	node_stale(fs, &self);
	node_list(&self, each_stale, fs);
	for (const char *const *p = (const char *const[]){"config", "devices", NULL}; *p; p++) {
		if (!node_row_named(o, *p, &dir))
			continue;
		node_list(&dir, each_stale, fs);
		node_done(&dir);
	}
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

	if (!self.row || node_parent(&self, &dir) < 0)
		return;
	if (old)
		notify_entry(fs->notifier, node_id(&dir), old);
	if (new)
		name_stale(fs, &dir, new);
}

void stale_hook(struct fs *fs)
{
	fs->host->fs = fs;
	fs->host->on.changed = changed;
	fs->host->on.touched = touched;
	fs->host->on.renamed = renamed;
}
