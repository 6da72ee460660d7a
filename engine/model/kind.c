/* SPDX-License-Identifier: Apache-2.0 */
/* The list of kinds, and which row a device is of. */
#include "engine/model/kind.h"

#include <assert.h>
#include <errno.h>

#include "engine/base/auto.h"

static const struct kind *kinds[KINDS];
static const struct kind_tables *tables[KINDS];
static const struct kind_tables no_tables;

void kind_register(const struct kind *kind, const struct kind_tables *of)
{
	assert(kind->number < KINDS);
	kinds[kind->number] = kind;
	tables[kind->number] = of;
}

const struct kind *kind_get(enum kind_number number)
{
	return number < KINDS ? kinds[number] : NULL;
}

const struct kind_tables *kind_tables(const struct kind *kind)
{
	return tables[kind->number] ? tables[kind->number] : &no_tables;
}

const struct key_table *kind_section(const struct kind *kind, const char *section)
{
	for (unsigned n = 0; n < KINDS; n++) {
		const struct key_section *s = tables[n] ? tables[n]->sections : NULL;

		for (; s && s->name && (!kind || kind->number == n); s++)
			if (!strcmp(s->name, section))
				return s->table;
	}
	return NULL;
}

const struct device_type *device_type_of(struct object *o, const struct section *device, struct err *err)
{
	const struct device_type *const *types = kind_tables(o->kind)->devices;
	const struct pair *type = section_pair(device, STR("type"));
	bool known = false;

	if (!type || !types)
		return NULL;
	for (; *types; types++) {
		if (strcmp((*types)->type, type->value))
			continue;
		known = true;
		if (!(*types)->matches || (*types)->matches(o, device))
			return *types;
	}
	if (known)
		return NULL;
	err_set(err, EINVAL, "type is \"%s\": there is no such type of device; see /lxd/schema", type->value);
	return NULL;
}

bool device_is_complete(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	const struct section *s = config_device(effective, device);
	const struct device_type *t = s ? device_type_of(o, s, err) : NULL;

	if (!t) {
		if (err && !err->errnum)
			err_set(err, EINVAL, "device %s isn't complete: it lacks %s", device,
				s && section_pair(s, STR("type"))
				    ? "the key that tells which kind it is, such as network"
				    : "type");
		return false;
	}
	for (size_t i = 0; i < t->keys.n; i++) {
		const struct key *k = &t->keys.keys[i];

		if (k->is_required && !section_pair(s, str_from(k->name))) {
			err_set(err, EINVAL, "device %s isn't complete: a %s needs %s", device, t->type,
				k->name);
			return false;
		}
	}
	return true;
}
