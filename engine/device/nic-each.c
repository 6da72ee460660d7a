/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at configs alone: whether an instance runs makes no difference to what its NICs are promised. */
#include "engine/device/nic-each.h"

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/model/host.h"

static int each_of(const struct config *c, const char *but, const char *instance, nic_other_fn *fn, void *arg,
		   struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < c->n && !r; i++) {
		const char *device = section_device(&c->sections[i]);
		const char *type = device ? config_device_get(c, device, "type") : NULL;

		if (type && !strcmp(type, "nic") && !(but && !strcmp(device, but)))
			r = fn(c, device, instance, arg, err);
	}
	return r;
}

int nic_each_other(struct object *o, const struct config *effective, const char *device, nic_other_fn *fn,
		   void *arg, struct err *err)
{
	AUTO(objects_free) struct object **all = NULL;
	int r = each_of(effective, device, NULL, fn, arg, err);

	if (r || o->kind->number != KIND_INSTANCE || !o->parent)
		return r;
	all = host_every(o->host, KIND_INSTANCE);
	for (size_t i = 0; all && all[i] && !r; i++) {
		AUTO(config_unref) struct config *theirs = NULL;
		AUTO(free) char *name = NULL;

		if (all[i]->id == o->id)
			continue;
		theirs = object_effective(all[i]);
		name = object_name_beside(o, all[i]);
		r = each_of(theirs, NULL, name, fn, arg, err);
	}
	return r;
}

int nic_is_taken(const char *key, const char *device, const char *value, const char *other,
		 const char *instance, const char *where, struct err *err)
{
	return err_set(err, EINVAL, "%s of %s is \"%s\": %s%s%s has it already%s%s", key, device, value,
		       other, instance ? " of " : "", instance ? instance : "", where ? " on " : "",
		       where ? where : "");
}
