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
#define DIR_MODE 0770
#define DEVICES_DIR "devices"

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

/* A key of any type of device, for one that has no type yet; rather a row that takes values. */
static const struct key *any_device_key(const struct object *o, struct str name, const struct key **ret_guess)
{
	const struct device_type *const *t = kind_tables(o->kind)->devices;
	const struct key *refused = NULL;

	for (; t && *t; t++) {
		const struct key *k = key_find(&(*t)->keys, name);

		if (k && !k->refuse)
			return k;
		if (k && !refused)
			refused = k;
		if (!*ret_guess)
			*ret_guess = key_guess(&(*t)->keys, name);
	}
	return refused;
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
	} else {
		table = kind_section(o->kind, section);
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
		       k->class != CLASS_OWNER ? ": it could reach the host" : "");
}

/* `set` writes keys without going through their directories: it may no more than who does. */
static int may_pass(struct object *o, const struct caller *who, const char *dir, int want, struct err *err)
{
	struct access a = object_access(o, dir, CLASS_OWNER, DIR_MODE);

	if (who->is_core || access_may(&a, who, want))
		return 0;
	return err_set(err, EACCES,
		       "%s/ belongs to user %u, group %u, mode %03o, and you (uid %u) may not %s it", dir,
		       (unsigned)a.uid, (unsigned)a.gid, (unsigned)a.mode, (unsigned)who->uid,
		       want & 2 ? "make or remove anything in" : "enter");
}

static bool is_device(const char *section)
{
	return !strncmp(section, SECTION_DEVICES, strlen(SECTION_DEVICES));
}

/* Who makes a device says what it is; who drops one unsets all of its keys. */
static int may_change_device(struct object *o, const struct caller *who, const struct config *own,
			     const struct config *effective, const struct change *change, struct err *err)
{
	const struct section *s = config_section(own, change->section);
	const struct key *k;
	int r = may_pass(o, who, DEVICES_DIR, 3, err);

	if (!r && change->value && !config_section(effective, change->section)) {
		k = object_key(o, effective, change->section, STR("type"), err);
		return k ? may_write(o, who, k, change->section, "type", err) : -err->errnum;
	}
	for (size_t i = 0; !r && !change->value && s && i < s->n; i++) {
		k = object_key(o, effective, s->name, str_from(s->pairs[i].key), NULL);
		r = k ? may_write(o, who, k, s->name, s->pairs[i].key, err) : 0;
	}
	return r;
}

static int may_change_key(struct object *o, const struct caller *who, const struct key *k,
			  const struct config *effective, const struct change *change, struct err *err)
{
	const struct section *s = config_section(effective, change->section);
	bool is_there = section_pair(s, str_from(change->key));
	int r = 0;

	if (is_device(change->section))
		r = may_pass(o, who, DEVICES_DIR, 1, err);
	if (!r && *change->section && (s || !is_device(change->section)))
		r = may_pass(o, who, change->section, change->value && is_there ? 1 : 3, err);
	return r < 0 ? r : may_write(o, who, k, change->section, change->key, err);
}

bool object_may_read(struct object *o, const struct caller *who, const struct config *effective,
		     const char *section, const char *key)
{
	const struct key *k = object_key(o, effective, section, str_from(key), NULL);
	AUTO(free) char *place = place_text(section, key);
	struct access a;

	if (!k || (is_device(section) && may_pass(o, who, DEVICES_DIR, 1, NULL) < 0) ||
	    (*section && may_pass(o, who, section, 1, NULL) < 0))
		return false;
	a = object_access(o, place, k->class, k->mode ? k->mode : KEY_MODE);
	return access_may(&a, who, 4);
}

int object_may_change(struct object *o, const struct caller *who, const struct change *change,
		      struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(o), *effective = object_effective_of(o, own);
	AUTO(err_done) struct err own_err = ERR_NULL;
	const struct key *k;
	int r = 0;

	err = err ? err : &own_err;
	if (!change->key)
		return may_change_device(o, who, own, effective, change, err);
	k = object_key(o, effective, change->section, str_from(change->key), err);
	if (!k)
		return -err->errnum;
	if (is_device(change->section) && change->value && !config_section(effective, change->section))
		r = may_change_device(o, who, own, effective, change, err);
	return r < 0 ? r : may_change_key(o, who, k, effective, change, err);
}

static int unset(const struct caller *who, struct config *c, const struct config *effective,
		 const struct change *change, uint64_t now, struct err *err)
{
	const struct pair *p = config_pair(c, change->section, change->key), *inherited;

	if (p) {
		config_set(c, change->section, change->key, NULL, now);
		return 0;
	}
	if (who->is_lenient)
		return 0;
	inherited = config_pair(effective, change->section, change->key);
	if (inherited && inherited->origin)
		return err_set(err, EPERM,
			       "%s comes from profile %s: it isn't set here, so it can't be unset here. Set "
			       "another value over it, or unset it there",
			       change->key, inherited->origin);
	return err_set(err, ENOENT, "%s isn't set", change->key);
}

static int add_device(struct object *o, const struct caller *who, struct config *c,
		      const struct config *effective, const struct change *change, uint64_t now,
		      struct err *err)
{
	const struct change add = {change->section, NULL, ""};
	size_t n = 0;
	int r = device_name_ok(change->section + strlen(SECTION_DEVICES), err);

	/* keys of a device that is there need no right to the list of devices */
	if (!r && (!change->key || !config_section(effective, change->section)))
		r = may_change_device(o, who, c, effective, &add, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->n; i++)
		n += section_device(&c->sections[i]) != NULL;
	if (n >= DEVICES_MAX)
		return err_set(err, ENOSPC, "there are %d devices already: no more can be", DEVICES_MAX);
	config_add_section(c, change->section, now);
	return 0;
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
	r = may_change_key(o, who, k, effective, change, err);
	if (r < 0)
		return r;
	if (!change->value)
		return unset(who, c, effective, change, now, err);
	if (is_device(change->section) && !config_section(c, change->section))
		r = add_device(o, who, c, effective, change, now, err);
	if (r < 0)
		return r;
	if (who->is_core && k->mode && !(k->mode & 0222)) {
		config_set(c, change->section, change->key, change->value, now);
		return 0;
	}
	r = key_parse(k, name, str_from(change->value), &canonical, err);
	if (!r)
		config_set(c, change->section, change->key, buf_cstr(&canonical), now);
	return r;
}

static int change_section(struct object *o, const struct caller *who, struct config *c,
			  const struct config *effective, const struct change *change, uint64_t now,
			  struct err *err)
{
	const char *device = change->section + strlen(SECTION_DEVICES);
	int r = device_name_ok(device, err);

	if (r < 0)
		return r;
	if (change->value && config_section(c, change->section))
		return who->is_lenient ? 0 : err_set(err, EEXIST, "device %s is there already", device);
	if (change->value)
		return add_device(o, who, c, effective, change, now, err);
	r = may_change_device(o, who, c, effective, change, err);
	if (r < 0)
		return r;
	if (config_drop_section(c, change->section) || who->is_lenient)
		return 0;
	if (config_section(effective, change->section))
		return err_set(err, EPERM,
			       "device %s comes from a profile: `echo none > devices/%s/type` masks it here",
			       device, device);
	return err_set(err, ENOENT, "there is no device %s", device);
}

/* The type first: it tells what the others mean. */
static bool is_first(const struct change *c)
{
	return !c->key ||
	       (is_device(c->section) && (!strcmp(c->key, "type") || !strcmp(c->key, "nictype") ||
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
