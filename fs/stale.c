/* SPDX-License-Identifier: Apache-2.0 */
/* From changes of objects to nodes: called under tokens, so it only queues. */
#include "fs/stale.h"

#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/kind/image.h"
#include "fs/remote.h"
#include "fs/tree/keydir.h"

/* With the views that other projects have of it. */
static void node_stale(struct fs *fs, const struct node *n)
{
	AUTO(objects_free) struct object **views = node_views(n->o);

	notify_inode(fs->notifier, node_id(n));
	for (size_t i = 0; views && views[i]; i++)
		notify_inode(fs->notifier, node_view_id(n, views[i]));
}

static void entry_stale(struct fs *fs, const struct node *dir, const char *name)
{
	AUTO(objects_free) struct object **views = node_views(dir->o);

	notify_entry(fs->notifier, node_id(dir), name);
	for (size_t i = 0; views && views[i]; i++)
		notify_entry(fs->notifier, node_view_id(dir, views[i]), name);
}

/* The name is dropped in a while. Until then a look at it asks for its attributes, and hears that it is gone.
 */
static void name_gone(struct fs *fs, const struct node *dir, const char *name)
{
	const struct node gone = {
	    .o = dir->o, .row = node_unnamed_row(dir), .name = (char *)name, .above = dir->name};

	if (gone.row)
		node_stale(fs, &gone);
	entry_stale(fs, dir, name);
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

/* What is in an instance belongs to whom it does, commands too; what is in a project likewise. */
static int each_stale(void *arg, const char *name, const struct node *child)
{
	struct walk *w = arg;

	(void)name;
	if (child->via || (child->o != w->o && child->o->parent != w->o))
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

static enum kind_number const in_projects[] = {KIND_INSTANCE, KIND_PROFILE, KIND_IMAGE,
					       KIND_NETWORK,  KIND_POOL,    KIND_ACL};

/* The directory of a project that has objects of a kind. */
static bool kind_dir(struct object *project, enum kind_number kind, struct node *ret)
{
	return kind_get(kind) && node_row_named(project, kind_get(kind)->plural, ret);
}

static int names_stale(void *arg, const char *name, const struct node *child)
{
	struct walk *w = arg;
	AUTO(node_done) struct node dir = {0};

	if (node_parent(child, &dir) == 0)
		notify_entry(w->fs->notifier, node_id(&dir), name);
	return 0;
}

/* A project shows other objects than before, or other owners of those of project default. */
static void project_stale(struct fs *fs, struct object *project)
{
	for (size_t i = 0; i < ARRAY_SIZE(in_projects); i++) {
		AUTO(objects_free) struct object **shared = NULL;
		AUTO(node_done) struct node dir = {0};
		struct walk w = {fs, project};

		if (!kind_dir(project, in_projects[i], &dir))
			continue;
		node_stale(fs, &dir);
		node_list(&dir, names_stale, &w);
		shared = host_all(fs->host->project, in_projects[i]);
		for (size_t k = 0; shared[k]; k++) {
			AUTO(free) char *name = object_name(shared[k]);

			notify_entry(fs->notifier, node_id(&dir), name);
		}
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

/* Nothing in public/ is kept by the kernel; who watches it hears that it is another. */
static void public_stale(struct fs *fs, struct object *image)
{
	AUTO(node_done) struct node dir = {0}, its = node_public(image);
	AUTO(texts_free) char **aliases = image_aliases(image);
	AUTO(free) char *name = object_name(image);

	if (!node_row_named(fs->host->server, "public", &dir))
		return;
	notify_inode(fs->notifier, node_id(&its));
	notify_entry(fs->notifier, node_id(&dir), name);
	for (char **p = aliases; *p; p++)
		notify_entry(fs->notifier, node_id(&dir), *p);
	notify_inode(fs->notifier, node_id(&dir));
}

static void changed(struct host *h, struct object *o, const char *section, const char *key)
{
	static const char *const views[] = {"", "local/", "effective/"};
	struct fs *fs = h->fs;

	pins_drop(fs->pins, o);
	remote_review(fs->remote, o);
	if (o->kind->number == KIND_PROJECT && o != h->project &&
	    (!section || (!strcmp(section, SECTION_CONFIG) && key && !strncmp(key, "features.", 9))))
		project_stale(fs, o);
	if (!section) {
		all_stale(fs, o);
		return;
	}
	if (!*section) {
		if (key && o->kind->number == KIND_IMAGE && o->parent == h->project)
			public_stale(fs, o);
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
	AUTO(objects_free) struct object **views = NULL;
	struct fs *fs = h->fs;

	pins_drop(fs->pins, o);
	remote_review(fs->remote, o);
	if (!self.row || node_parent(&self, &dir) < 0)
		return;
	node_stale(fs, &self);
	node_stale(fs, &dir);
	if (old)
		notify_entry(fs->notifier, node_id(&dir), old);
	if (new)
		name_stale(fs, &dir, new);
	views = node_views(o);
	for (size_t i = 0; views && views[i]; i++) {
		AUTO(node_done) struct node its = {0};

		if (!kind_dir(views[i], o->kind->number, &its))
			continue;
		notify_inode(fs->notifier, node_id(&its));
		if (old)
			notify_entry(fs->notifier, node_id(&its), old);
		if (new)
			notify_entry(fs->notifier, node_id(&its), new);
	}
}

/* The directory of @from that it was in. */
static void left(struct host *h, struct object *o, struct object *from, const char *old)
{
	AUTO(node_done) struct node dir = {0};
	struct fs *fs = h->fs;

	if (!kind_dir(from == h->project ? h->server : from, o->kind->number, &dir))
		return;
	node_stale(fs, &dir);
	notify_entry(fs->notifier, node_id(&dir), old);
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

	AUTO(objects_free) struct object **projects = host_all(fs->host->server, KIND_PROJECT);

	for (size_t p = 0; projects[p]; p++) {
		for (size_t i = 0; i < ARRAY_SIZE(in_projects); i++)
			if (kind_get(in_projects[i]))
				recent_kind(fs, projects[p], in_projects[i], since);
		if (is_recent(projects[p], since))
			changed(fs->host, projects[p], NULL, NULL);
	}
}

void stale_hook(struct fs *fs)
{
	fs->host->fs = fs;
	fs->host->on.changed = changed;
	fs->host->on.touched = touched;
	fs->host->on.renamed = renamed;
	fs->host->on.left = left;
}
