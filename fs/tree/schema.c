/* SPDX-License-Identifier: Apache-2.0 */
/* What can be set, from the rows of the keys. */
#include "fs/tree/schema.h"

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/keys/keys.h"

static const char *const live_text[] = {
    [LIVE_NOW] = "when the write returns",
    [LIVE_RESTART] = "at the next start",
    [LIVE_REPLUG] = "when the write returns; the device is detached and attached",
    [LIVE_NEVER] = "only while the object is new",
};

void schema_text(struct buf *b, const struct key *k)
{
	buf_printf(b, "type: %s\n", k->type->name);
	buf_adds(b, "values: ");
	key_accepts(k, b);
	buf_addc(b, '\n');
	if ((k->min || k->max) && k->type != &type_integer)
		buf_printf(b, "range: %lld to %lld\n", (long long)k->min, (long long)k->max);
	if (k->def || k->def_text)
		buf_printf(b, "default: %s\n", k->def_text ? k->def_text : k->def);
	buf_printf(b, "applies: %s\n", live_text[k->live]);
	buf_printf(b, "class: %s\n",
		   k->class == CLASS_HOST      ? "host"
		   : k->class == CLASS_PROJECT ? "project"
					       : "owner");
	if (k->is_required)
		buf_adds(b, "required: true\n");
	if (k->mode && !(k->mode & 0222))
		buf_adds(b, "read-only: true\n");
	if (k->refuse)
		buf_printf(b, "refused: %s\n", k->refuse);
	buf_printf(b, "%s\n", k->text);
}

static const struct key_table *table_of(const char *name)
{
	for (const struct key_table *const *t = keys_tables(); *t; t++)
		if (!strcmp((*t)->name, name))
			return *t;
	return NULL;
}

static struct node child_of(const struct node *dir, const char *name)
{
	return (struct node){dir->o, node_unnamed_row(dir), (char *)name, dir->name, NULL};
}

static int tables_list(const struct node *dir, node_visit_fn *visit, void *arg)
{
	int r = 0;

	for (const struct key_table *const *t = keys_tables(); *t && !r; t++) {
		struct node child = child_of(dir, (*t)->name);

		r = visit(arg, (*t)->name, &child);
	}
	return r;
}

static int tables_child(const struct node *dir, struct str name, struct node *ret, struct err *err)
{
	AUTO(free) char *text = str_dup(name);
	struct node child = child_of(dir, text);

	(void)err;
	if (!table_of(text))
		return -ENOENT;
	*ret = node_copy(&child);
	return 0;
}

static int table_list(const struct node *dir, node_visit_fn *visit, void *arg)
{
	const struct key_table *t = table_of(dir->name);
	int r = 0;

	for (size_t i = 0; t && i < t->n && !r; i++) {
		struct node child = child_of(dir, t->keys[i].name);

		r = visit(arg, t->keys[i].name, &child);
	}
	return r;
}

static const struct key *key_of(const char *table, const char *name)
{
	const struct key_table *t = table_of(table);

	for (size_t i = 0; t && i < t->n; i++)
		if (!strcmp(t->keys[i].name, name))
			return &t->keys[i];
	return NULL;
}

static int table_child(const struct node *dir, struct str name, struct node *ret, struct err *err)
{
	AUTO(free) char *text = str_dup(name);
	struct node child = child_of(dir, text);

	(void)err;
	if (!key_of(dir->name, text))
		return -ENOENT;
	*ret = node_copy(&child);
	return 0;
}

static int key_read(const struct node *n, struct buf *b, struct err *err)
{
	const struct key *k = key_of(n->above, n->name);

	(void)err;
	if (k)
		schema_text(b, k);
	return 0;
}

const struct node_class class_schema = {.list = tables_list, .child = tables_child};
const struct node_class class_schema_table = {.list = table_list, .child = table_child};
const struct node_class class_schema_key = {.read = key_read};
