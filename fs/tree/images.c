/* SPDX-License-Identifier: Apache-2.0 */
/* images/FINGERPRINT/ and images/aliases/ */
#include "engine/kind/image.h"

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "fs/tree/common.h"
#include "fs/tree/keydir.h"
#include "fs/tree/tables.h"

/* ---- aliases: links to ../FINGERPRINT */

static struct object *images_of(const struct node *n)
{
	return n->o->kind->number == KIND_PROJECT ? host_scope(n->o, KIND_IMAGE) : n->o->host->project;
}

/* Return: 0; -EPERM they are project default's */
static int refuse_shared(const struct node *n, struct err *err)
{
	if (n->o->kind->number != KIND_PROJECT || images_of(n) == n->o)
		return 0;
	return err_set(err, EPERM,
		       "this project has no images of its own: aliases of project default's are made in "
		       "%s/images/aliases",
		       n->o->host->mount);
}

static struct node alias_node(const struct node *dir, const char *name)
{
	return (struct node){.o = dir->o, .row = node_unnamed_row(dir), .name = (char *)name};
}

static int aliases_list(const struct node *dir, node_visit_fn *visit, void *arg)
{
	AUTO(texts_free) char **list = image_alias_list(images_of(dir));
	int r = 0;

	for (size_t i = 0; list && list[i] && list[i + 1] && !r; i += 2) {
		struct node child = alias_node(dir, list[i]);

		r = visit(arg, list[i], &child);
	}
	return r;
}

static char *alias_link(const struct node *n)
{
	AUTO(texts_free) char **list = image_alias_list(images_of(n));

	for (size_t i = 0; list && list[i] && list[i + 1]; i += 2)
		if (!strcmp(list[i], n->name))
			return xasprintf("../%s", list[i + 1]);
	return NULL;
}

static int aliases_child(const struct node *dir, struct str name, struct node *ret, struct err *err)
{
	AUTO(free) char *text = str_dup(name), *target = NULL;
	struct node child = alias_node(dir, text);

	(void)err;
	target = alias_link(&child);
	if (!target)
		return -ENOENT;
	*ret = node_copy(&child);
	return 0;
}

/* The last part of the target is a fingerprint or its beginning, or another alias. */
static int aliases_symlink(const struct node *dir, struct str name, struct str target,
			   const struct caller *who, struct node *ret, struct err *err)
{
	const char *slash = target.len ? memrchr(target.ptr, '/', target.len) : NULL;
	struct str last = target;
	AUTO(object_unref) struct object *image = NULL;
	AUTO(free) char *text = str_dup(name);
	struct node child = alias_node(dir, text);
	int r = refuse_shared(dir, err);

	if (r < 0)
		return r;
	if (slash)
		last = (struct str){slash + 1, target.len - (size_t)(slash + 1 - target.ptr)};
	image = image_find(images_of(dir), last, err);
	if (!image)
		return -(err->errnum ? err->errnum : ENOENT);
	r = image_alias_set(images_of(dir), name, image, who, err);
	if (!r)
		*ret = node_copy(&child);
	return r;
}

static int alias_unlink(const struct node *n, const struct caller *who, struct err *err)
{
	int r = refuse_shared(n, err);

	return r < 0 ? r : image_alias_set(images_of(n), str_from(n->name), NULL, who, err);
}

static int alias_rename(const struct node *n, const struct node *to, struct str name,
			const struct caller *who, struct err *err)
{
	AUTO(free) char *target = alias_link(n);
	AUTO(object_unref) struct object *image = NULL;
	int r = refuse_shared(n, err);

	if (r < 0)
		return r;
	if (to->row->ops != &class_aliases || to->o != n->o || !target)
		return err_set(err, EXDEV, "an alias stays in images/aliases/");
	image = image_find(images_of(n), str_from(target + 3), err);
	if (!image)
		return -(err->errnum ? err->errnum : ENOENT);
	r = image_alias_set(images_of(n), name, image, who, err);
	return r < 0 ? r : alias_unlink(n, who, err);
}

const struct node_class class_aliases = {
    .list = aliases_list, .child = aliases_child, .symlink = aliases_symlink};
const struct node_class class_alias = {.link = alias_link, .unlink = alias_unlink, .rename = alias_rename};

/* ---- properties/: what the image says of itself */

#define FAMILY "properties."

static struct node property_node(const struct node *dir, const char *name)
{
	return (struct node){.o = dir->o, .row = node_unnamed_row(dir), .name = (char *)name};
}

static int properties_list(const struct node *dir, node_visit_fn *visit, void *arg)
{
	AUTO(config_unref) struct config *own = object_own(dir->o);
	const struct section *s = config_section(own, SECTION_PROPS);
	int r = 0;

	for (size_t i = 0; s && i < s->n && !r; i++) {
		struct node child = property_node(dir, s->pairs[i].key + strlen(FAMILY));

		if (!strncmp(s->pairs[i].key, FAMILY, strlen(FAMILY)))
			r = visit(arg, child.name, &child);
	}
	return r;
}

static int properties_child(const struct node *dir, struct str name, struct node *ret, struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(dir->o);
	AUTO(free) char *text = str_dup(name), *key = xasprintf(FAMILY "%s", text);
	struct node child = property_node(dir, text);

	(void)err;
	if (!config_get(own, SECTION_PROPS, key))
		return -ENOENT;
	*ret = node_copy(&child);
	return 0;
}

static int property_read(const struct node *n, struct buf *b, struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(n->o);
	AUTO(free) char *key = xasprintf(FAMILY "%s", n->name);
	const char *value = config_get(own, SECTION_PROPS, key);

	(void)err;
	if (value && *value)
		buf_printf(b, "%s\n", value);
	return 0;
}

static const struct node_class class_properties = {.list = properties_list, .child = properties_child};
static const struct node_class class_property = {.read = property_read};

/* ---- the file(s) as they came */

static struct node file_node(const struct node *dir, const char *name)
{
	return (struct node){.o = dir->o, .row = node_unnamed_row(dir), .name = (char *)name};
}

static int files_list(const struct node *dir, node_visit_fn *visit, void *arg)
{
	int r = 0;

	for (int which = 0; which < 2 && !r; which++) {
		AUTO(free) char *name = image_file_name(dir->o, which);
		struct node child = file_node(dir, name);

		if (name)
			r = visit(arg, name, &child);
	}
	return r;
}

/* Which of the two has this name; -1: neither */
static int file_which(struct object *image, const char *name)
{
	for (int which = 0; which < 2; which++) {
		AUTO(free) char *its = image_file_name(image, which);

		if (its && !strcmp(its, name))
			return which;
	}
	return -1;
}

static int files_child(const struct node *dir, struct str name, struct node *ret, struct err *err)
{
	AUTO(free) char *text = str_dup(name);
	struct node child = file_node(dir, text);

	(void)err;
	if (file_which(dir->o, text) < 0)
		return -ENOENT;
	*ret = node_copy(&child);
	return 0;
}

static int file_open(const struct node *n)
{
	int which = file_which(n->o, n->name);

	return which < 0 ? -ENOENT : image_file(n->o, which);
}

static const struct node_class class_files = {.list = files_list, .child = files_child};
static const struct node_class class_file = {.open = file_open};

/* ---- public/: what strangers are shown. How long a name takes to be refused tells nothing: every image is
 * asked whether it is public, and the names of those that aren't are never compared. */

static int public_list(const struct node *dir, node_visit_fn *visit, void *arg)
{
	AUTO(objects_free) struct object **all = host_all(dir->o->host->project, KIND_IMAGE);
	int r = 0;

	for (size_t i = 0; all[i] && !r; i++) {
		AUTO(node_done) struct node child = node_public(all[i]);
		AUTO(texts_free) char **aliases = NULL;
		AUTO(free) char *name = NULL;

		if (!image_is_public(all[i]))
			continue;
		name = object_name(all[i]);
		aliases = image_aliases(all[i]);
		r = visit(arg, name, &child);
		for (char **p = aliases; *p && !r; p++) {
			struct node alias = alias_node(dir, *p);

			r = visit(arg, *p, &alias);
		}
	}
	return r;
}

struct public_search {
	struct str name;
	struct node node;
};

static int public_match(void *arg, const char *name, const struct node *child)
{
	struct public_search *s = arg;

	if (!s->node.o && str_is(s->name, name))
		s->node = node_copy(child);
	return 0;
}

static int public_child(const struct node *dir, struct str name, struct node *ret, struct err *err)
{
	struct public_search s = {.name = name};

	(void)err;
	public_list(dir, public_match, &s);
	*ret = s.node;
	return ret->o ? 0 : -ENOENT;
}

static char *public_alias_link(const struct node *n)
{
	AUTO(objects_free) struct object **all = host_all(n->o->host->project, KIND_IMAGE);

	for (size_t i = 0; all[i]; i++) {
		AUTO(texts_free) char **aliases = image_is_public(all[i]) ? image_aliases(all[i]) : NULL;

		for (char **p = aliases; p && *p; p++)
			if (!strcmp(*p, n->name))
				return object_name(all[i]);
	}
	return NULL;
}

const struct node_class class_public = {.list = public_list, .child = public_child};
const struct node_class class_public_alias = {.link = public_alias_link};

static int fingerprint_read(const struct node *n, struct buf *b, struct err *err)
{
	AUTO(free) char *name = object_name(n->o);

	(void)err;
	buf_printf(b, "%s\n", name);
	return 0;
}

static const struct node_class class_fingerprint = {.read = fingerprint_read};

/* ---- an image */

enum {
	SELF,
	ERROR,
	ARCHITECTURE,
	CREATED_AT,
	UPLOADED_AT,
	FILENAME,
	SIZE,
	ALIASES,
	USED_BY,
	PROPERTIES,
	PROPERTY,
	OWN_FILE,
	IS_PUBLIC,
	P_SELF = IMAGE_PUBLIC,
	P_FINGERPRINT,
	P_ARCHITECTURE,
	P_SIZE,
	P_FILE,
	P_PROPERTIES,
	P_PROPERTY,
	NOWHERE = 255, /* no row's number: what is in no directory of the image */
};

/* clang-format off */
static const struct node_row rows[] = {
	{SELF, SELF, NODE_DIR, "/", .mode = 0770, .ops = &class_files},
	{OWN_FILE, SELF, NODE_FILE, NULL, 0440, .ops = &class_file},
	{IS_PUBLIC, SELF, NODE_FILE, "public", .ops = &class_prop, .arg = "public"},
	{ERROR, SELF, NODE_FILE, "error", .ops = &class_error, .is_live = true, .is_own_only = true},
	{ARCHITECTURE, SELF, NODE_FILE, "architecture", 0440, .ops = &class_prop_fixed, .arg = "architecture"},
	{CREATED_AT, SELF, NODE_FILE, "created_at", 0440, .ops = &class_prop_fixed, .arg = "created_at"},
	{UPLOADED_AT, SELF, NODE_FILE, "uploaded_at", 0440, .ops = &class_prop_fixed, .arg = "uploaded_at"},
	{FILENAME, SELF, NODE_FILE, "filename", 0440, .ops = &class_prop_fixed, .arg = "filename"},
	{SIZE, SELF, NODE_FILE, "size", 0440, .ops = &class_prop_fixed, .arg = "size"},
	{ALIASES, SELF, NODE_FILE, "aliases", 0440, .ops = &class_prop_fixed, .arg = "aliases"},
	{USED_BY, SELF, NODE_FILE, "used_by", .ops = &class_used_by, .is_live = true, .is_own_only = true},
	{PROPERTIES, SELF, NODE_DIR, "properties", .ops = &class_properties},
	{PROPERTY, PROPERTIES, NODE_FILE, NULL, .ops = &class_property},
	{P_SELF, NOWHERE, NODE_DIR, NULL, 0555, .ops = &class_files, .is_fixed = true, .is_public = true},
	{P_FINGERPRINT, P_SELF, NODE_FILE, "fingerprint", 0444, .ops = &class_fingerprint, .is_fixed = true, .is_public = true},
	{P_ARCHITECTURE, P_SELF, NODE_FILE, "architecture", 0444, .ops = &class_prop_fixed, .arg = "architecture",
		.is_fixed = true, .is_public = true},
	{P_SIZE, P_SELF, NODE_FILE, "size", 0444, .ops = &class_prop_fixed, .arg = "size", .is_fixed = true, .is_public = true},
	{P_FILE, P_SELF, NODE_FILE, NULL, 0444, .ops = &class_file, .is_fixed = true, .is_public = true},
	{P_PROPERTIES, P_SELF, NODE_DIR, "properties", 0555, .ops = &class_properties, .is_fixed = true, .is_public = true},
	{P_PROPERTY, P_PROPERTIES, NODE_FILE, NULL, 0444, .ops = &class_property, .is_fixed = true, .is_public = true},
};
/* clang-format on */

const struct node_table table_image = {KIND_IMAGE, rows, ARRAY_SIZE(rows)};
