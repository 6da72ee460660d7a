/* SPDX-License-Identifier: Apache-2.0 */
/* What a change means, before anything is touched: rows found, texts parsed, rights checked, the whole looked
 * at. Pure: all of it works on copies. */
#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/model/internal.h"

#define DEVICES_MAX 256
#define KEYS_MAX 2048 /* of one section */
#define KEY_MODE 0660

static const char *section_word(const char *section)
{
	return *section ? section : "it";
}

static int device_name_ok(const char *name, struct err *err)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	if (n && n <= 63 && !name[n] && name[0] != '.' && name[0] != '-')
		return 0;
	return err_set(
	    err, strlen(name) > 63 ? ENAMETOOLONG : EINVAL,
	    "\"%s\" is no name for a device: 1 to 63 letters, digits, '.', '_', '-' are, that begin "
	    "with a letter or digit",
	    name);
}

/* A key of any type of device, for one that has no type yet. */
static const struct key *any_device_key(const struct object *o, struct str name, const struct key **ret_guess)
{
	const struct device_type *const *t = kind_tables(o->kind)->devices;

	for (; t && *t; t++) {
		const struct key *k = key_find(&(*t)->keys, name);

		if (k)
			return k;
		if (!*ret_guess)
			*ret_guess = key_guess(&(*t)->keys, name);
	}
	return NULL;
}

static const struct key *no_key(struct str name, const char *where, const struct key *guess, struct err *err)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	buf_escape(&b, name.len > KEY_NAME_MAX ? (struct str){name.ptr, KEY_NAME_MAX} : name);
	if (guess)
		err_set(err, EINVAL, "%s has no key %s; %s is one with a name like it", where, buf_cstr(&b),
			guess->name);
	else
		err_set(err, EINVAL, "%s has no key %s: ls /lxd/schema/* shows all that there are", where,
			buf_cstr(&b));
	return NULL;
}

const struct key *object_key(const struct object *o, const struct config *config, const char *section,
			     struct str name, struct err *err)
{
	const struct kind_tables *t = kind_tables(o->kind);
	const struct key_table *table = NULL;
	const struct key *k, *guess = NULL;

	if (name.len > KEY_NAME_MAX) {
		err_set(err, ENAMETOOLONG, "a key's name has at most %d characters, this one %zu",
			KEY_NAME_MAX, name.len);
		return NULL;
	}
	if (!strcmp(section, SECTION_PROPS)) {
		table = t->props;
	} else if (!strcmp(section, SECTION_CONFIG)) {
		table = t->config;
	} else if (!strncmp(section, SECTION_DEVICES, strlen(SECTION_DEVICES)) && t->devices) {
		const struct section *s = config ? config_section(config, section) : NULL;
		const struct device_type *type = s ? device_type_of((struct object *)o, s, NULL) : NULL;

		if (!type) {
			k = any_device_key(o, name, &guess);
			return k ? k : no_key(name, "no type of device", guess, err);
		}
		table = &type->keys;
	}
	if (!table)
		return no_key(name, o->kind->name, NULL, err);
	k = key_find(table, name);
	return k ? k : no_key(name, table->name, key_guess(table, name), err);
}

/* ---- one change */

static char *place_text(const char *section, const char *key)
{
	if (!*section)
		return xstrdup(key);
	return xasprintf("%s/%s", section, key);
}

static int may_write(struct object *o, const struct caller *who, const struct key *k, const char *section,
		     const char *key, struct err *err)
{
	AUTO(free) char *place = place_text(section, key);
	mode_t mode = k->mode ? k->mode : KEY_MODE;
	struct access a;

	if (who->is_core)
		return 0;
	if (!(mode & 0222))
		return err_set(err, EPERM, "%s is set by lxdfs alone", key);
	a = object_access(o, place, k->class, mode);
	if (access_may(&a, who, 2))
		return 0;
	return err_set(err, EACCES,
		       "%s belongs to user %u, group %u, mode %03o, and you (uid %u) may not write it%s",
		       place, (unsigned)a.uid, (unsigned)a.gid, (unsigned)a.mode, (unsigned)who->uid,
		       k->class == CLASS_HOST ? ": it could reach the host" : "");
}

static int unset(struct object *o, struct config *c, const struct config *effective,
		 const struct change *change, uint64_t now, struct err *err)
{
	const struct pair *p = config_pair(c, change->section, change->key), *inherited;

	if (p) {
		config_set(c, change->section, change->key, NULL, now);
		return 0;
	}
	inherited = config_pair(effective, change->section, change->key);
	if (inherited && inherited->origin)
		return err_set(err, EPERM,
			       "%s comes from profile %s: it isn't set here, so it can't be unset here. Set "
			       "another value over it, or unset it there",
			       change->key, inherited->origin);
	(void)o;
	return err_set(err, ENOENT, "%s isn't set", change->key);
}

static int set(struct object *o, const struct caller *who, struct config *c, const struct config *effective,
	       const struct change *change, uint64_t now, struct err *err)
{
	struct str name = str_from(change->key);
	const struct key *k = object_key(o, effective, change->section, name, err);
	AUTO(buf_done) struct buf canonical = BUF_NULL;
	int r;

	if (!k)
		return -err->errnum;
	r = may_write(o, who, k, change->section, change->key, err);
	if (r < 0)
		return r;
	if (!change->value)
		return unset(o, c, effective, change, now, err);
	if (who->is_core && k->mode && !(k->mode & 0222)) {
		config_set(c, change->section, change->key, change->value, now);
		return 0;
	}
	r = key_parse(k, name, str_from(change->value), &canonical, err);
	if (!r)
		config_set(c, change->section, change->key, buf_cstr(&canonical), now);
	return r;
}

/* Who drops a device unsets all of its keys, and must have the right to. */
static int may_drop(struct object *o, const struct caller *who, const struct config *effective,
		    const struct section *s, struct err *err)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct key *k = object_key(o, effective, s->name, str_from(s->pairs[i].key), NULL);
		int r = k ? may_write(o, who, k, s->name, s->pairs[i].key, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int change_section(struct object *o, const struct caller *who, struct config *c,
			  const struct config *effective, const struct change *change, uint64_t now,
			  struct err *err)
{
	const char *device = change->section + strlen(SECTION_DEVICES);
	const struct section *there = config_section(c, change->section);
	int r = device_name_ok(device, err);
	size_t n = 0;

	if (r < 0)
		return r;
	if (change->value) {
		for (size_t i = 0; i < c->n; i++)
			n += section_device(&c->sections[i]) != NULL;
		if (n >= DEVICES_MAX)
			return err_set(err, ENOSPC, "there are %d devices already: no more can be",
				       DEVICES_MAX);
		if (there)
			return err_set(err, EEXIST, "device %s is there already", device);
		config_add_section(c, change->section, now);
		return 0;
	}
	if (there) {
		r = may_drop(o, who, effective, there, err);
		if (!r)
			config_drop_section(c, change->section);
		return r;
	}
	if (config_section(effective, change->section))
		return err_set(err, EPERM,
			       "device %s comes from a profile: `echo none > devices/%s/type` masks it here",
			       device, device);
	return err_set(err, ENOENT, "there is no device %s", device);
}

/* The type first: it tells what the others mean. */
static bool is_first(const struct change *c)
{
	return !c->key || (!strncmp(c->section, SECTION_DEVICES, strlen(SECTION_DEVICES)) &&
			   (!strcmp(c->key, "type") || !strcmp(c->key, "nictype") ||
			    !strcmp(c->key, "network") || !strcmp(c->key, "parent")));
}

int change_prepare(struct object *o, const struct caller *who, const struct config *own,
		   const struct change *changes, size_t n, struct config **ret, struct err *err)
{
	AUTO(config_unref) struct config *c = config_copy(own);
	uint64_t now = now_ns();
	int r = 0;

	for (int pass = 0; pass < 2 && !r; pass++) {
		for (size_t i = 0; i < n && !r; i++) {
			AUTO(config_unref) struct config *effective = NULL;

			if (is_first(&changes[i]) != (pass == 0))
				continue;
			effective = object_effective_of(o, c);
			r = changes[i].key ? set(o, who, c, effective, &changes[i], now, err)
					   : change_section(o, who, c, effective, &changes[i], now, err);
		}
	}
	if (!r && o->kind->complete)
		r = o->kind->complete(o, own, c, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->n; i++)
		if (c->sections[i].n > KEYS_MAX)
			return err_set(err, ENOSPC, "%s has %d keys already: no more can be",
				       section_word(c->sections[i].name), KEYS_MAX);
	*ret = TAKE(c);
	return 0;
}

/* ---- the whole */

static int check_device(struct object *o, const struct config *effective, const struct section *s,
			struct err *err)
{
	const char *device = section_device(s);
	const struct device_type *t = device_type_of(o, s, err);

	if (!t)
		return err->errnum ? err_prefix(err, "device %s: ", device) : 0;
	for (size_t i = 0; i < s->n; i++)
		if (!key_find(&t->keys, str_from(s->pairs[i].key)) &&
		    strncmp(s->pairs[i].key, "volatile.", 9))
			return err_set(err, EINVAL, "device %s: a device of type %s has no key %s", device,
				       t->type, s->pairs[i].key);
	if (t->check && device_is_complete(o, effective, device, NULL) &&
	    t->check(o, effective, device, err) < 0)
		return err_prefix(err, "device %s: ", device);
	return 0;
}

int change_check(struct object *o, const struct config *own, const struct config *new,
		 const struct config *effective, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < effective->n && !r; i++)
		if (section_device(&effective->sections[i]))
			r = check_device(o, effective, &effective->sections[i], err);
	if (!r && o->kind->check)
		r = o->kind->check(o, own, new, effective, err);
	return r;
}
