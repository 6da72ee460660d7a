/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as files. A key that has no value is ENOENT; writing makes it, rm unsets it. */
#include "fs/tree/keydir.h"

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"

const enum keydir_view view_set = VIEW_SET, view_local = VIEW_LOCAL, view_effective = VIEW_EFFECTIVE;

enum keydir_view keydir_view_of(const struct node *n)
{
	return n->row->arg ? *(const enum keydir_view *)n->row->arg : VIEW_SET;
}

/* Of a file, `above` is the device; of a device's directory, its name is. */
char *keydir_section(const struct node *n)
{
	const char *device = n->row->type == NODE_DIR ? n->name : n->above;

	if (n->row->section)
		return xstrdup(n->row->section);
	return device ? xasprintf(SECTION_DEVICES "%s", device) : xstrdup(SECTION_CONFIG);
}

static struct config *view_config(const struct node *n)
{
	return keydir_view_of(n) == VIEW_LOCAL ? object_own(n->o) : object_effective(n->o);
}

static const struct key *row_of(const struct node *n)
{
	AUTO(config_unref) struct config *c = object_effective(n->o);
	AUTO(free) char *section = keydir_section(n);

	return object_key(n->o, c, section, str_from(n->name), NULL);
}

/* ---- a key's file */

static void add_value(struct buf *b, const char *value)
{
	if (value && *value)
		buf_printf(b, "%s\n", value);
}

static int key_read(const struct node *n, struct buf *b, struct err *err)
{
	AUTO(config_unref) struct config *c = view_config(n);
	AUTO(free) char *section = keydir_section(n);
	const char *value = config_get(c, section, n->name);

	(void)err;
	if (!value && keydir_view_of(n) == VIEW_EFFECTIVE) {
		const struct key *k = object_key(n->o, c, section, str_from(n->name), NULL);

		value = k ? k->def : NULL;
	}
	add_value(b, value);
	return 0;
}

static int set_key(const struct node *n, const char *value, const struct caller *who, struct err *err)
{
	AUTO(free) char *section = keydir_section(n);
	struct change change = {section, n->name, value};

	return object_change(n->o, who, &change, 1, UINT64_MAX, err);
}

/* Without the one newline at its end; what else there is is the type's business. */
static char *without_newline(struct str text, struct err *err)
{
	if (text.len && text.ptr[text.len - 1] == '\n')
		text.len--;
	if (text.len && memchr(text.ptr, 0, text.len)) {
		err_set(err, EINVAL, "the value holds a NUL byte");
		return NULL;
	}
	if (text.len > KEY_VALUE_MAX) {
		err_set(err, EFBIG, "the value is %zu bytes long: %d is the most", text.len, KEY_VALUE_MAX);
		return NULL;
	}
	return str_dup(text);
}

static int key_write(const struct node *n, struct str text, const struct caller *who, struct err *err)
{
	AUTO(free) char *value = without_newline(text, err);

	if (!value)
		return err_prefix(err, "%s: ", n->name);
	return set_key(n, value, who, err);
}

static int check_text(const struct key *k, const char *name, struct str text, struct err *err)
{
	AUTO(free) char *value = without_newline(text, err);
	AUTO(buf_done) struct buf canonical = BUF_NULL;

	if (!value)
		return err_prefix(err, "%s: ", name);
	return k ? key_parse(k, str_from(name), str_from(value), &canonical, err) : 0;
}

static int key_check(const struct node *n, struct str text, const struct caller *who, struct err *err)
{
	AUTO(free) char *section = keydir_section(n);
	const struct change change = {section, n->name, ""};
	int r = object_may_change(n->o, who, &change, err);

	return r < 0 ? r : check_text(row_of(n), n->name, text, err);
}

static int key_unlink(const struct node *n, const struct caller *who, struct err *err)
{
	return set_key(n, NULL, who, err);
}

/* mv of one key over another: the value moves. */
static int key_rename(const struct node *n, const struct node *to, struct str name, const struct caller *who,
		      struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(n->o);
	AUTO(free) char *from = keydir_section(n), *section = keydir_section(to), *key = str_dup(name);
	const char *value = config_get(own, from, n->name);
	struct change changes[] = {{section, key, value}, {from, n->name, NULL}};

	if (to->o != n->o || (to->row->ops != &class_config_dir && to->row->ops != &class_device_dir))
		return err_set(err, EXDEV, "%s can't be moved there: copy it and remove it here", n->name);
	if (!value)
		return err_set(err, EPERM, "%s is inherited: it can't be moved away from here", n->name);
	return object_change(n->o, who, changes, ARRAY_SIZE(changes), UINT64_MAX, err);
}

static uint64_t key_mtime(const struct node *n)
{
	AUTO(config_unref) struct config *c = view_config(n);
	AUTO(free) char *section = keydir_section(n);
	const struct pair *p = config_pair(c, section, n->name);

	return p ? p->mtime : n->o->created_ns;
}

const struct node_class class_key = {
    .read = key_read,
    .write = key_write,
    .check = key_check,
    .unlink = key_unlink,
    .rename = key_rename,
    .key = row_of,
    .mtime = key_mtime,
};
const struct node_class class_key_fixed = {.read = key_read, .key = row_of, .mtime = key_mtime};

/* ---- a directory of keys */

static struct node file_node(const struct node *dir, const char *name)
{
	return (struct node){
	    .o = dir->o, .row = node_unnamed_row(dir), .name = (char *)name, .above = dir->name};
}

/* A default of what isn't built applies to nothing. */
static bool has_default(const struct key *k)
{
	return k->def && !k->refuse && !key_is_family(k);
}

static int list_defaults(const struct node *dir, const struct section *s, const char *section,
			 const struct config *c, node_visit_fn *visit, void *arg)
{
	const struct key_table *table = kind_tables(dir->o->kind)->config;
	int r = 0;

	if (strcmp(section, SECTION_CONFIG)) {
		const struct device_type *t = s ? device_type_of(dir->o, s, NULL) : NULL;

		table = t ? &t->keys : NULL;
	}
	for (size_t i = 0; table && i < table->n && !r; i++) {
		const struct key *k = &table->keys[i];
		struct node child = file_node(dir, k->name);

		if (has_default(k) && !config_get(c, section, k->name))
			r = visit(arg, k->name, &child);
	}
	return r;
}

static int keys_list(const struct node *dir, node_visit_fn *visit, void *arg)
{
	AUTO(config_unref) struct config *c = view_config(dir);
	AUTO(free) char *section = keydir_section(dir);
	const struct section *s = config_section(c, section);
	int r = 0;

	/* what tells the kind of a device first, so that a copy in this order can be made */
	for (int pass = 0; pass < 2 && s; pass++)
		for (size_t i = 0; i < s->n && !r; i++) {
			struct node child = file_node(dir, s->pairs[i].key);

			if ((strcmp(s->pairs[i].key, "type") == 0) == (pass == 0))
				r = visit(arg, s->pairs[i].key, &child);
		}
	if (!r && keydir_view_of(dir) == VIEW_EFFECTIVE)
		r = list_defaults(dir, s, section, c, visit, arg);
	return r;
}

static int keys_child(const struct node *dir, struct str name, struct node *ret, struct err *err)
{
	AUTO(config_unref) struct config *c = view_config(dir);
	AUTO(free) char *section = keydir_section(dir);
	const struct section *s = config_section(c, section);
	bool is_there = section_pair(s, name);
	struct node child;

	(void)err;
	if (!is_there && keydir_view_of(dir) == VIEW_EFFECTIVE) {
		const struct key *k = object_key(dir->o, c, section, name, NULL);

		is_there = k && has_default(k);
	}
	if (!is_there)
		return -ENOENT;
	child = file_node(dir, NULL);
	*ret = node_copy(&child);
	ret->name = str_dup(name);
	return 0;
}

/* A hash that another name of the directory has, or a key of the schema. */
static bool id_is_taken(const struct node *dir, const struct node *child)
{
	AUTO(node_done) struct node other = {0};

	return node_find(dir->o->host, node_id(child), &other) == 0 &&
	       strcmp(other.name ? other.name : "", child->name) != 0;
}

static int keys_may_create(const struct node *dir, struct str name, const struct caller *who,
			   struct node *ret, struct err *err)
{
	AUTO(config_unref) struct config *c = object_effective(dir->o);
	AUTO(free) char *section = keydir_section(dir), *place = NULL;
	const struct key *k = object_key(dir->o, c, section, name, err);
	AUTO(node_done) struct node child = {0};
	struct access a;

	if (!k)
		return -ENOENT;
	child =
	    (struct node){object_ref(dir->o), node_unnamed_row(dir), str_dup(name), xstrdup(dir->name), NULL};
	if (k->refuse)
		return err_set(err, EOPNOTSUPP, "%s: %s", child.name, k->refuse);
	place = node_place(&child);
	a = object_access(dir->o, place, k->class, k->mode ? k->mode : 0660);
	if (!(a.mode & 0222))
		return err_set(err, EPERM, "%s is set by lxdfs alone", child.name);
	if (!access_may(&a, who, 2))
		return err_set(
		    err, EACCES, "%s belongs to user %u, group %u, mode %03o: you (uid %u) may not set it%s",
		    child.name, (unsigned)a.uid, (unsigned)a.gid, (unsigned)a.mode, (unsigned)who->uid,
		    k->class != CLASS_OWNER ? ", as it could reach the host" : "");
	if (key_is_family(k) && id_is_taken(dir, &child))
		return err_set(err, EINVAL, "%s has the number of another key here: choose another name",
			       child.name);
	*ret = child;
	child = (struct node){0};
	return 0;
}

const struct node_class class_config_dir = {
    .list = keys_list, .child = keys_child, .may_create = keys_may_create};

/* ---- devices */

static int devices_list(const struct node *dir, node_visit_fn *visit, void *arg)
{
	AUTO(config_unref) struct config *c = view_config(dir);
	int r = 0;

	for (size_t i = 0; i < c->n && !r; i++) {
		const char *device = section_device(&c->sections[i]);
		struct node child = {.o = dir->o, .row = node_unnamed_row(dir), .name = (char *)device};

		if (device)
			r = visit(arg, device, &child);
	}
	return r;
}

static int devices_child(const struct node *dir, struct str name, struct node *ret, struct err *err)
{
	AUTO(config_unref) struct config *c = view_config(dir);
	AUTO(free) char *device = str_dup(name);

	(void)err;
	if (!config_device(c, device))
		return -ENOENT;
	*ret = (struct node){object_ref(dir->o), node_unnamed_row(dir), TAKE(device), NULL, NULL};
	return 0;
}

static int devices_mkdir(const struct node *dir, struct str name, const struct caller *who, struct node *ret,
			 struct err *err)
{
	AUTO(node_done)
	struct node child = {object_ref(dir->o), node_unnamed_row(dir), str_dup(name), NULL, NULL};
	AUTO(free) char *section = keydir_section(&child);
	struct change change = {section, NULL, ""};
	int r;

	if (id_is_taken(dir, &child))
		return err_set(err, EINVAL, "%s has the number of another device here: choose another name",
			       child.name);
	r = object_change(dir->o, who, &change, 1, UINT64_MAX, err);
	if (r < 0)
		return r;
	*ret = child;
	child = (struct node){0};
	return 0;
}

static int device_rmdir(const struct node *n, const struct caller *who, struct err *err)
{
	AUTO(free) char *section = keydir_section(n);
	struct change change = {section, NULL, NULL};

	return object_change(n->o, who, &change, 1, UINT64_MAX, err);
}

static uint64_t device_mtime(const struct node *n)
{
	AUTO(config_unref) struct config *c = view_config(n);
	AUTO(free) char *section = keydir_section(n);
	const struct section *s = config_section(c, section);

	return s ? s->mtime : n->o->created_ns;
}

const struct node_class class_devices_dir = {
    .list = devices_list, .child = devices_child, .mkdir = devices_mkdir};
const struct node_class class_device_dir = {
    .list = keys_list,
    .child = keys_child,
    .may_create = keys_may_create,
    .rmdir = device_rmdir,
    .mtime = device_mtime,
};

const struct node_class class_fixed_dir = {.list = keys_list, .child = keys_child};
const struct node_class class_fixed_devices = {.list = devices_list, .child = devices_child};

/* ---- props */

static const struct key *prop_key(const struct node *n)
{
	return key_find(kind_tables(n->o->kind)->props, str_from(n->row->arg));
}

static int prop_read(const struct node *n, struct buf *b, struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(n->o);
	const struct key *k = prop_key(n);
	const char *value = config_get(own, SECTION_PROPS, n->row->arg);

	(void)err;
	add_value(b, value ? value : k ? k->def : NULL);
	return 0;
}

static int prop_set(const struct node *n, const char *value, const struct caller *who, struct err *err)
{
	struct change change = {SECTION_PROPS, n->row->arg, value};

	return object_change(n->o, who, &change, 1, UINT64_MAX, err);
}

static int prop_write(const struct node *n, struct str text, const struct caller *who, struct err *err)
{
	AUTO(free) char *value = without_newline(text, err);

	return value ? prop_set(n, value, who, err) : err_prefix(err, "%s: ", (const char *)n->row->arg);
}

static int prop_check(const struct node *n, struct str text, const struct caller *who, struct err *err)
{
	(void)who;
	return check_text(prop_key(n), n->row->arg, text, err);
}

/* To its default. */
static int prop_unlink(const struct node *n, const struct caller *who, struct err *err)
{
	return prop_set(n, NULL, who, err);
}

static uint64_t prop_mtime(const struct node *n)
{
	AUTO(config_unref) struct config *own = object_own(n->o);
	const struct pair *p = config_pair(own, SECTION_PROPS, n->row->arg);

	return p ? p->mtime : n->o->created_ns;
}

const struct node_class class_prop = {
    .read = prop_read,
    .write = prop_write,
    .check = prop_check,
    .unlink = prop_unlink,
    .key = prop_key,
    .mtime = prop_mtime,
};
const struct node_class class_prop_fixed = {.read = prop_read, .mtime = prop_mtime};
