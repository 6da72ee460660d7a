/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes by id and by name, from the tables of rows. */
#include "fs/tree/node.h"

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/kind/image.h"
#include "fs/tree/tables.h"

/* 28 bits of the object's id (the first is scratch files'), 8 of the row's number, 28 of the hash of names:
 * in the view of another project with that project's number added bit by bit, so that what is left tells the
 * project */
#define OBJECT_SHIFT 36
#define ROW_SHIFT 28
#define HASH_MASK ((1u << ROW_SHIFT) - 1)
#define ROOT_ID 1 /* FUSE_ROOT_ID: object 0, row 0, and a hash that no name has there */

static const struct node_row *index_of[KINDS][256];
static const struct node_table *table_of[KINDS];

void node_init(void)
{
	for (const struct node_table *const *t = node_tables; *t; t++) {
		table_of[(*t)->kind] = *t;
		for (size_t i = 0; i < (*t)->n; i++)
			index_of[(*t)->kind][(*t)->rows[i].number] = &(*t)->rows[i];
	}
}

struct node node_copy(const struct node *n)
{
	return (struct node){object_ref(n->o), n->row, xstrdup(n->name), xstrdup(n->above),
			     n->via ? object_ref(n->via) : NULL};
}

static struct node node_root(struct host *h)
{
	return node_of(h->server);
}

struct node node_of(struct object *o)
{
	return (struct node){.o = object_ref(o), .row = index_of[o->kind->number][0]};
}

struct node node_public(struct object *image)
{
	return (struct node){.o = object_ref(image), .row = index_of[KIND_IMAGE][IMAGE_PUBLIC]};
}

static bool is_shown(const struct node_row *row, const struct object *o)
{
	return !row->is_public || o->kind->number != KIND_IMAGE || image_is_public((struct object *)o);
}

const struct node_row *node_row_number(const struct object *o, uint32_t number)
{
	return number < ARRAY_SIZE(index_of[0]) ? index_of[o->kind->number][number] : NULL;
}

/* ---- ids */

static uint32_t hash_text(const char *text)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3ULL;
	h ^= h >> 29;
	return (uint32_t)(h ^ h >> 32);
}

static uint32_t hash_names(const char *name, const char *above)
{
	uint32_t h = name ? hash_text(name) : 0;

	if (above)
		h = (h * 31) ^ (hash_text(above) * 2654435761u);
	h ^= h >> ROW_SHIFT;
	/* 0 is for rows with names */
	return name && !(h & HASH_MASK) ? 1 : h & HASH_MASK;
}

/* A one-to-one map of the numbers of 28 bits, and back: an odd factor and its inverse. 0 stays 0. */
static uint32_t stir(uint32_t id)
{
	return (uint32_t)((uint64_t)id * 0x9e3779bu) & HASH_MASK;
}

static uint32_t unstir(uint32_t stirred)
{
	return (uint32_t)((uint64_t)stirred * 0x3811693u) & HASH_MASK;
}

/* As if it were seen where it is. */
static uint64_t plain_id(const struct node *n)
{
	if (n->o->id == 0 && n->row->number == 0)
		return ROOT_ID;
	return (uint64_t)n->o->id << OBJECT_SHIFT | (uint64_t)n->row->number << ROW_SHIFT |
	       (n->name ? hash_names(n->name, n->above) : 0);
}

uint64_t node_view_id(const struct node *n, const struct object *project)
{
	return plain_id(n) ^ stir(project->id);
}

uint64_t node_id(const struct node *n)
{
	return n->via ? node_view_id(n, n->via) : plain_id(n);
}

uint64_t node_own_id(const struct node *n)
{
	static atomic_uint count;

	return node_id(n) | (1 + atomic_fetch_add(&count, 1) % HASH_MASK);
}

uint32_t node_id_object(uint64_t id)
{
	return id == ROOT_ID ? 0 : (uint32_t)(id >> OBJECT_SHIFT);
}

/* ---- views of other projects */

static bool is_shared_with(const struct object *o, const struct object *project)
{
	return o->parent == o->host->project && project != o->parent &&
	       project->kind->number == KIND_PROJECT &&
	       host_scope((struct object *)project, o->kind->number) == o->parent;
}

/* The project whose view of @o makes the difference between two ids; referenced, NULL for none. */
static struct object *via_of(const struct object *o, uint64_t difference)
{
	AUTO(object_unref)
	struct object *p =
	    difference && difference <= HASH_MASK ? host_get(o->host, unstir((uint32_t)difference)) : NULL;

	return p && is_shared_with(o, p) ? TAKE(p) : NULL;
}

struct object **node_views(const struct object *o)
{
	struct object **all;
	size_t n = 0;

	if (o->parent != o->host->project || (!o->kind->feature && !o->kind->is_global))
		return NULL;
	all = host_all(o->host->server, KIND_PROJECT);
	for (size_t i = 0; all[i]; i++) {
		if (is_shared_with(o, all[i]))
			all[n++] = all[i];
		else
			object_unref(all[i]);
	}
	all[n] = NULL;
	return all;
}

int node_refuse_view(const struct node *n, struct err *err)
{
	AUTO(free) char *name = NULL, *project = NULL;

	if (!n->via)
		return 0;
	name = object_name(n->o);
	project = object_name(n->via);
	return err_set(err, EPERM,
		       "%s %s is project default's: it can be read in project %s, and changed in %s/%s",
		       n->o->kind->name, name, project, n->o->host->mount, n->o->kind->plural);
}

struct object *node_home(const struct node *dir)
{
	if (dir->o->kind->number == KIND_SERVER)
		return dir->row->kind == KIND_WARNING || dir->row->kind == KIND_PROJECT ||
			       dir->row->kind == KIND_CERTIFICATE
			   ? dir->o
			   : dir->o->host->project;
	return dir->o->kind->number == KIND_PROJECT ? host_scope(dir->o, dir->row->kind) : dir->o;
}

/* Of a directory's child that its class or a row made. */
static void take_view(const struct node *dir, struct node *child)
{
	if (dir->via && !child->via)
		child->via = object_ref(dir->via);
}

struct search {
	uint64_t id;
	bool in_views; /* the second time round: what is seen where it is comes first */
	bool found;
	struct node node;
};

static int match_id(void *arg, const char *name, const struct node *child)
{
	struct search *s = arg;
	struct object *via = NULL;

	(void)name;
	if (s->in_views)
		via = via_of(child->o, plain_id(child) ^ s->id);
	if (!via && (s->in_views || plain_id(child) != s->id))
		return 0;
	s->node = node_copy(child);
	object_unref(s->node.via);
	s->node.via = via;
	s->found = true;
	return 1;
}

static int list_rows(const struct node *dir, bool dirs, node_visit_fn *visit, void *arg);

static int find_below(const struct node *dir, struct search *s)
{
	/* files with names in directories that the class lists: set in devices/eth0 */
	if (dir->name && list_rows(dir, false, match_id, s))
		return 0;
	if (dir->row->ops && dir->row->ops->list)
		dir->row->ops->list(dir, match_id, s);
	return s->found ? 0 : -ESTALE;
}

struct in_dirs {
	struct search *search;
	const struct node_row *row;
};

static int look_inside(void *arg, const char *name, const struct node *child)
{
	struct in_dirs *d = arg;

	(void)name;
	return child->row == d->row && find_below(child, d->search) == 0;
}

/* Directories with names of their own (devices) are searched through for their files. */
static int find_named(struct object *o, const struct node_row *row, struct search *s)
{
	const struct node_row *up = index_of[o->kind->number][row->parent];
	struct node dir = {.o = o, .row = up};
	struct in_dirs d = {s, up};

	/* or it is in no directory of the object: what public/ shows of one */
	if (up->name || up->number == 0 || !index_of[o->kind->number][up->parent])
		return find_below(&dir, s);
	dir.row = index_of[o->kind->number][up->parent];
	if (dir.row->ops && dir.row->ops->list)
		dir.row->ops->list(&dir, look_inside, &d);
	return s->found ? 0 : -ESTALE;
}

int node_find(struct host *h, uint64_t id, struct node *ret)
{
	AUTO(object_unref) struct object *o = NULL, *via = NULL;
	struct search s = {.id = id};
	const struct node_row *row;

	if (id == ROOT_ID) {
		*ret = node_root(h);
		return 0;
	}
	o = host_get(h, (uint32_t)(id >> OBJECT_SHIFT));
	row = o ? index_of[o->kind->number][id >> ROW_SHIFT & 0xff] : NULL;
	if (!row || (!row->number && !o->id) || !is_shown(row, o))
		return -ESTALE;
	if (row->is_each_own || row->is_own_when_busy) {
		*ret = (struct node){.o = TAKE(o), .row = row};
		return 0;
	}
	/* a row with a name, but in a directory that has one of its own: set in devices/eth0 */
	if (!(id & HASH_MASK)) {
		*ret = (struct node){.o = TAKE(o), .row = row};
		return 0;
	}
	if (row->number && find_named(o, row, &s) == 0) {
		*ret = s.node;
		return 0;
	}
	if (o->parent != h->project)
		return -ESTALE;
	if (row->name || !row->number) {
		via = via_of(o, id & HASH_MASK);
		if (via) {
			*ret = (struct node){.o = TAKE(o), .row = row, .via = TAKE(via)};
			return 0;
		}
	}
	s.in_views = true;
	if (!row->number || find_named(o, row, &s) < 0)
		return -ESTALE;
	*ret = s.node;
	return 0;
}

/* ---- names */

static bool is_child(const struct node_row *row, const struct node_row *dir)
{
	return row->number && row->parent == dir->number;
}

const struct node_row *node_unnamed_row(const struct node *dir)
{
	const struct node_table *t = table_of[dir->o->kind->number];

	for (size_t i = 0; i < t->n; i++)
		if (is_child(&t->rows[i], dir->row) && !t->rows[i].name)
			return &t->rows[i];
	return NULL;
}

/* Whether a directory shows objects of project default in another one. */
static bool is_view(const struct node *dir)
{
	return dir->o->kind->number == KIND_PROJECT && node_home(dir) != dir->o;
}

/* The same of what is in one without being an object: images/aliases */
static bool is_in_view(const struct node *n)
{
	const struct node dir = {.o = n->o, .row = index_of[n->o->kind->number][n->row->parent]};

	return n->row->number && dir.row && dir.row->has_objects && is_view(&dir);
}

static bool is_there(const struct node_row *row, const struct node *dir)
{
	return (!row->when || row->when(dir->o)) && !(dir->via && row->is_own_only);
}

static int find_child(const struct node *dir, struct str name, struct node *ret, struct err *err)
{
	const struct node_table *t = table_of[dir->o->kind->number];

	for (size_t i = 0; i < t->n; i++) {
		const struct node_row *row = &t->rows[i];

		if (!is_child(row, dir->row) || !row->name || !str_is(name, row->name) || !is_there(row, dir))
			continue;
		if (row->type == NODE_LINK) {
			struct node link = {.o = dir->o, .row = row};
			AUTO(free) char *target = row->ops->link(&link);

			if (!target)
				return -ENOENT;
		}
		/* below a directory that has a name, a row's nodes carry that name */
		*ret = (struct node){.o = object_ref(dir->o), .row = row};
		if (dir->name) {
			ret->name = xstrdup(row->name);
			ret->above = xstrdup(dir->name);
		}
		return 0;
	}
	if (dir->row->has_objects) {
		struct object *o = host_find(node_home(dir), dir->row->kind, name);

		if (!o)
			return -ENOENT;
		*ret = (struct node){.o = o, .row = index_of[dir->row->kind][0]};
		if (is_view(dir))
			ret->via = object_ref(dir->o);
		return 0;
	}
	if (dir->row->ops && dir->row->ops->child)
		return dir->row->ops->child(dir, name, ret, err);
	return -ENOENT;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* One in a million of names would have another's id there: it isn't shown rather than taken for the other. */
static bool is_itself(const struct node *n)
{
	AUTO(node_done) struct node found = {0};

	return node_find(n->o->host, node_id(n), &found) == 0 && found.via == n->via &&
	       same_text(found.name, n->name) && same_text(found.above, n->above);
}

int node_child(const struct node *dir, struct str name, struct node *ret, struct err *err)
{
	int r = find_child(dir, name, ret, err);

	if (r < 0)
		return r;
	take_view(dir, ret);
	if (!ret->via || is_itself(ret))
		return 0;
	node_done(ret);
	return -ENOENT;
}

static int list_rows(const struct node *dir, bool dirs, node_visit_fn *visit, void *arg)
{
	const struct node_table *t = table_of[dir->o->kind->number];
	int r = 0;

	for (size_t i = 0; i < t->n && !r; i++) {
		const struct node_row *row = &t->rows[i];
		AUTO(node_done) struct node child = {0};

		if (!is_child(row, dir->row) || !row->name || row->is_hidden ||
		    (row->type == NODE_DIR) != dirs || !is_there(row, dir) ||
		    node_child(dir, str_from(row->name), &child, NULL) < 0)
			continue;
		r = visit(arg, row->name, &child);
	}
	return r;
}

static int list_objects(const struct node *dir, node_visit_fn *visit, void *arg)
{
	AUTO(objects_free) struct object **list = host_all(node_home(dir), dir->row->kind);
	int r = 0;

	for (size_t i = 0; list[i] && !r; i++) {
		struct node child = {
		    .o = list[i], .row = index_of[dir->row->kind][0], .via = is_view(dir) ? dir->o : NULL};
		AUTO(free) char *name = object_name(list[i]);

		r = visit(arg, name, &child);
	}
	return r;
}

/* A class's list knows nothing of views. */
struct view_visit {
	struct object *via;
	node_visit_fn *visit;
	void *arg;
};

static int visit_view(void *arg, const char *name, const struct node *child)
{
	const struct view_visit *v = arg;
	struct node seen = *child;

	seen.via = v->via;
	return is_itself(&seen) ? v->visit(v->arg, name, &seen) : 0;
}

static int list_class(const struct node *dir, node_visit_fn *visit, void *arg)
{
	struct view_visit v = {dir->via, visit, arg};

	return dir->via ? dir->row->ops->list(dir, visit_view, &v) : dir->row->ops->list(dir, visit, arg);
}

int node_list(const struct node *dir, node_visit_fn *visit, void *arg)
{
	int r = list_rows(dir, false, visit, arg);

	if (!r && dir->row->has_objects)
		r = list_objects(dir, visit, arg);
	if (!r && dir->row->ops && dir->row->ops->list)
		r = list_class(dir, visit, arg);
	if (!r)
		r = list_rows(dir, true, visit, arg);
	return r;
}

char *node_name(const struct node *n)
{
	if (n->name)
		return xstrdup(n->name);
	return n->row->number && n->row->name ? xstrdup(n->row->name) : object_name(n->o);
}

int node_parent(const struct node *n, struct node *ret)
{
	const struct node_table *t;

	if (n->o->kind->number == KIND_IMAGE && n->row->number == IMAGE_PUBLIC)
		return node_row_named(n->o->host->server, "public", ret) ? 0 : -ENOENT;
	if (n->row->number) {
		*ret = (struct node){.o = object_ref(n->o),
				     .row = index_of[n->o->kind->number][n->row->parent],
				     .name = xstrdup(n->above),
				     .via = n->via ? object_ref(n->via) : NULL};
		return 0;
	}
	if (n->o->kind->number == KIND_SERVER)
		return -ENOENT;
	/* the directory for objects of this kind: of its parent, or the root for what the default project has
	 */
	ret->o = n->via ? n->via : n->o->parent == n->o->host->project ? n->o->host->server : n->o->parent;
	t = table_of[ret->o->kind->number];
	for (size_t i = 0; t && i < t->n; i++)
		if (t->rows[i].has_objects && t->rows[i].kind == n->o->kind->number) {
			*ret = (struct node){.o = object_ref(ret->o), .row = &t->rows[i]};
			return 0;
		}
	*ret = (struct node){0};
	return -ENOENT;
}

char *node_path(const struct node *n)
{
	AUTO(node_done) struct node up = {0};
	AUTO(free) char *dir = NULL, *name = NULL;

	if (node_parent(n, &up) < 0)
		return xstrdup("");
	dir = node_path(&up);
	name = node_name(n);
	return xasprintf("%s/%s", dir, name);
}

bool node_row_named(struct object *o, const char *path, struct node *ret)
{
	AUTO(node_done) struct node dir = node_of(o);
	struct str rest = str_from(path), part;

	while (str_next(&rest, '/', &part)) {
		struct node child;

		if (!dir.row || node_child(&dir, part, &child, NULL) < 0)
			return false;
		node_done(&dir);
		dir = child;
	}
	*ret = dir;
	dir = (struct node){0};
	return true;
}

/* ---- attributes */

static const struct key *node_key(const struct node *n)
{
	return n->row->ops && n->row->ops->key ? n->row->ops->key(n) : NULL;
}

enum key_class node_class_of(const struct node *n)
{
	const struct key *k = node_key(n);

	return n->row->is_fixed ? CLASS_HOST : k ? k->class : n->row->class;
}

static mode_t own_mode(const struct node *n)
{
	const struct node_row *row = n->row;
	const struct key *k;

	if (row->mode)
		return row->mode;
	if (row->type == NODE_DIR)
		return 0770;
	if (!row->ops || !row->ops->write)
		return 0440;
	k = node_key(n);
	return k && k->mode ? k->mode : 0660;
}

mode_t node_mode(const struct node *n)
{
	if (n->row->type == NODE_LINK)
		return 0777;
	/* nothing can be made in a directory that shows another project's objects */
	return own_mode(n) &
	       (n->via || (n->row->has_objects && is_view(n)) || is_in_view(n) ? 0555u : 07777u);
}

bool node_can_write(const struct node *n)
{
	return n->row->ops && n->row->ops->write && node_mode(n) & 0222;
}

static size_t view_prefix(const char *place)
{
	return !strncmp(place, "local/", 6) ? 6 : !strncmp(place, "effective/", 10) ? 10 : 0;
}

char *node_place(const struct node *n)
{
	AUTO(node_done) struct node up = {0};
	AUTO(free) char *name = NULL, *dir = NULL;

	if (!n->row->number)
		return xstrdup("");
	name = node_name(n);
	if (node_parent(n, &up) < 0 || !up.row->number)
		return TAKE(name);
	dir = node_place(&up);
	/* one key has one owner, however it is looked at */
	return xasprintf("%s/%s", dir + view_prefix(dir), name);
}

struct access node_access(const struct node *n)
{
	AUTO(free) char *place = node_place(n);

	mode_t mode = node_mode(n);
	struct access a;

	if (n->row->is_fixed)
		return (struct access){.uid = 0, .gid = 0, .mode = mode};
	/* who has the project may look at it */
	if (n->via) {
		a = object_access(n->via, n->o->kind->plural, CLASS_OWNER, mode);
		a.mode = mode;
		return a;
	}
	a = object_access(n->o, place, node_class_of(n), mode);
	/* a key's own mode counts in every view of it, and some views are only to look at */
	if (!(mode & 0222))
		a.mode &= 0555u;
	return a;
}

static int count_dirs(void *arg, const char *name, const struct node *child)
{
	nlink_t *n = arg;

	(void)name;
	*n += child->row->type == NODE_DIR;
	return 0;
}

int node_stat(const struct node *n, size_t size, uint64_t changed, struct stat *ret)
{
	const struct node_row *row = n->row;
	struct access a = node_access(n);
	uint64_t mtime = n->o->created_ns;

	*ret = (struct stat){.st_ino = node_id(n), .st_nlink = 1, .st_blksize = 4096};
	ret->st_uid = a.uid;
	ret->st_gid = a.gid;
	ret->st_mode = a.mode & 07777;
	if (row->type == NODE_DIR) {
		ret->st_mode |= S_IFDIR;
		/* counting what may be thousands costs more than it tells: 1 means "not counted" */
		if (!row->has_objects) {
			ret->st_nlink = 2;
			list_rows(n, true, count_dirs, &ret->st_nlink);
			if (row->ops && row->ops->list)
				list_class(n, count_dirs, &ret->st_nlink);
		}
	} else if (row->type == NODE_LINK) {
		AUTO(free) char *target = row->ops->link(n);

		if (!target)
			return -ENOENT;
		ret->st_mode |= S_IFLNK;
		ret->st_size = (off_t)strlen(target);
	} else {
		ret->st_mode |= S_IFREG;
		ret->st_size = (off_t)size;
		ret->st_blocks = (ret->st_size + 511) / 512;
	}
	if (row->ops && row->ops->mtime)
		mtime = row->ops->mtime(n);
	if (changed)
		mtime = changed;
	ret->st_mtim.tv_sec = (time_t)(mtime / 1000000000u);
	ret->st_mtim.tv_nsec = (long)(mtime % 1000000000u);
	ret->st_ctim = ret->st_atim = ret->st_mtim;
	return 0;
}
