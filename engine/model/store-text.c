/* SPDX-License-Identifier: Apache-2.0 */
/* The form of a state file: libconfig, all values strings in canonical text. Keys are list elements, as
 * libconfig takes no dots in names of settings. What a newer version added to a section is kept. */
#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/model/internal.h"
#include "engine/model/store.h"

#define FORMAT 1

static void destroy(config_t *c)
{
	config_destroy(c);
}
static inline void destroy_auto(config_t *c)
{
	destroy(c);
}

static void add_text(config_setting_t *to, const char *name, const char *value)
{
	config_setting_set_string(config_setting_add(to, name, CONFIG_TYPE_STRING), value);
}

static void add_number(config_setting_t *to, const char *name, uint64_t value)
{
	config_setting_t *s = config_setting_add(to, name, CONFIG_TYPE_INT64);

	config_setting_set_int64(s, (long long)value);
	config_setting_set_format(s, CONFIG_FORMAT_DEFAULT);
}

static void add_access(config_setting_t *root, const struct access_list *l)
{
	config_setting_t *list = config_setting_add(root, "access", CONFIG_TYPE_LIST);

	for (size_t i = 0; i < l->n; i++) {
		config_setting_t *row = config_setting_add(list, NULL, CONFIG_TYPE_LIST);

		add_text(row, NULL, l->list[i].place);
		add_number(row, NULL, l->list[i].uid);
		add_number(row, NULL, l->list[i].gid);
		add_number(row, NULL, l->list[i].mode);
	}
}

static void add_section(config_setting_t *list, const struct section *s)
{
	config_setting_t *row = config_setting_add(list, NULL, CONFIG_TYPE_LIST);

	add_text(row, NULL, s->name);
	add_number(row, NULL, s->mtime);
	for (size_t i = 0; i < s->n; i++) {
		config_setting_t *pair = config_setting_add(row, NULL, CONFIG_TYPE_LIST);

		add_text(pair, NULL, s->pairs[i].key);
		add_text(pair, NULL, s->pairs[i].value);
		add_number(pair, NULL, s->pairs[i].mtime);
	}
}

int store_text(struct buf *b, struct object *o, const char *name, const struct config *own,
	       const struct access_list *access)
{
	__attribute__((cleanup(destroy_auto))) config_t c;
	config_setting_t *root, *sections;
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	config_init(&c);
	root = config_root_setting(&c);
	add_number(root, "format", FORMAT);
	add_text(root, "kind", o->kind->name);
	add_text(root, "name", name);
	add_number(root, "id", o->id);
	add_number(root, "parent", o->parent ? o->parent->id : 0);
	add_text(root, "uuid", o->uuid);
	add_number(root, "created", o->created_ns);
	add_number(root, "created_by", o->created_by);
	add_access(root, access);
	sections = config_setting_add(root, "sections", CONFIG_TYPE_LIST);
	for (size_t i = 0; i < own->n; i++)
		add_section(sections, &own->sections[i]);
	f = open_memstream(&text, &len);
	if (!f)
		return -errno;
	config_write(&c, f);
	if (fclose(f)) {
		free(text);
		return -EIO;
	}
	buf_add(b, text, len);
	free(text);
	return 0;
}

/* ---- and back */

static uint64_t number_of(const config_setting_t *s)
{
	return s && (config_setting_type(s) == CONFIG_TYPE_INT || config_setting_type(s) == CONFIG_TYPE_INT64)
		   ? (uint64_t)config_setting_get_int64(s)
		   : 0;
}

static const char *text_of(const config_setting_t *s)
{
	return s && config_setting_type(s) == CONFIG_TYPE_STRING ? config_setting_get_string(s) : NULL;
}

static uint64_t number_at(const config_setting_t *list, unsigned i)
{
	return number_of(config_setting_get_elem(list, i));
}

static const char *text_at(const config_setting_t *list, unsigned i)
{
	return text_of(config_setting_get_elem(list, i));
}

static bool is_list(const config_setting_t *s)
{
	return s && config_setting_type(s) == CONFIG_TYPE_LIST;
}

static int read_access(const config_setting_t *list, struct access_list *to, struct err *err)
{
	for (unsigned i = 0; is_list(list) && i < (unsigned)config_setting_length(list); i++) {
		const config_setting_t *row = config_setting_get_elem(list, i);

		if (!is_list(row) || config_setting_length(row) != 4 || !text_at(row, 0))
			return err_set(err, EINVAL, "row %u of its access list isn't one", i + 1);
		access_list_put(to, text_at(row, 0), (uid_t)number_at(row, 1), (gid_t)number_at(row, 2),
				(mode_t)number_at(row, 3));
	}
	return 0;
}

static int read_sections(const config_setting_t *list, struct config *to, struct err *err)
{
	for (unsigned i = 0; is_list(list) && i < (unsigned)config_setting_length(list); i++) {
		const config_setting_t *row = config_setting_get_elem(list, i);
		const char *name = is_list(row) && config_setting_length(row) >= 2 ? text_at(row, 0) : NULL;

		if (!name)
			return err_set(err, EINVAL, "section %u isn't one", i + 1);
		config_add_section(to, name, number_at(row, 1));
		for (unsigned k = 2; k < (unsigned)config_setting_length(row); k++) {
			const config_setting_t *pair = config_setting_get_elem(row, k);

			if (!is_list(pair) || config_setting_length(pair) != 3 || !text_at(pair, 0) ||
			    !text_at(pair, 1))
				return err_set(err, EINVAL, "key %u of section \"%s\" isn't one", k - 1,
					       name);
			config_set(to, name, text_at(pair, 0), text_at(pair, 1), number_at(pair, 2));
		}
		/* setting its keys changed it */
		((struct section *)config_section(to, name))->mtime = number_at(row, 1);
	}
	return 0;
}

static struct object *parent_of(struct host *h, const struct kind *kind, uint32_t id, struct err *err)
{
	struct object *parent = kind->number == KIND_SERVER ? NULL : host_get(h, id);

	if (!parent && kind->number != KIND_SERVER)
		err_set(err, ENOENT, "object %u, in which it should be, is gone", id);
	return parent;
}

struct object *store_parse(struct host *h, const struct kind *kind, struct str text, struct err *err)
{
	__attribute__((cleanup(destroy_auto))) config_t c;
	AUTO(object_unref) struct object *o = NULL, *parent = NULL;
	const char *name, *uuid;

	config_init(&c);
	if (memchr(text.ptr, 0, text.len) || config_read_string(&c, text.ptr) != CONFIG_TRUE) {
		err_set(err, EINVAL, "line %d doesn't read: %s", config_error_line(&c),
			config_error_text(&c) ? config_error_text(&c) : "a NUL byte");
		return NULL;
	}
	if (number_of(config_lookup(&c, "format")) != FORMAT) {
		err_set(err, EINVAL,
			"it isn't of format %d: it is damaged, or a newer version of lxdfs wrote it", FORMAT);
		return NULL;
	}
	name = text_of(config_lookup(&c, "name"));
	uuid = text_of(config_lookup(&c, "uuid"));
	if (!name || !*name || !uuid || strlen(uuid) != 36) {
		err_set(err, EINVAL, "it has no name or no uuid");
		return NULL;
	}
	parent = parent_of(h, kind, (uint32_t)number_of(config_lookup(&c, "parent")), err);
	if (!parent && kind->number != KIND_SERVER)
		return NULL;
	o = object_new(h, kind, parent, (uint32_t)number_of(config_lookup(&c, "id")), name);
	memcpy(o->uuid, uuid, sizeof(o->uuid));
	o->created_ns = number_of(config_lookup(&c, "created"));
	o->created_by = number_of(config_lookup(&c, "created_by"));
	if (read_access(config_lookup(&c, "access"), o->access, err) < 0 ||
	    read_sections(config_lookup(&c, "sections"), o->own, err) < 0)
		return NULL;
	return TAKE(o);
}
