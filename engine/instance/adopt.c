/* SPDX-License-Identifier: Apache-2.0 */
/* A new core finds what an older one started: the container by its monitor, NICs by their names; limits and
 * filters are brought to what the config says. What ended meanwhile is cleaned up. */
#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/device/mount.h"
#include "engine/instance/apply.h"
#include "engine/instance/ids.h"
#include "engine/instance/instance.h"

/* Each device of the config; the first failure counts, all are tried. */
static int adopt_devices(struct object *o, const struct config *c, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct section *s = &c->sections[i];
		const char *device = section_device(s);
		const struct device_type *type = device ? device_type_of(o, s, NULL) : NULL;
		AUTO(err_done) struct err own = ERR_NULL;
		int n;

		if (!type || !type->adopt || !device_is_complete(o, c, device, NULL))
			continue;
		n = type->adopt(o, c, device, &own);
		if (n < 0 && r == 0) {
			err_prefix(&own, "device %s: ", device);
			r = err_move(err, &own);
		}
	}
	return r;
}

static void clear_devices(struct object *o, const struct config *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct section *s = &c->sections[i];
		const char *device = section_device(s);
		const struct device_type *type = device ? device_type_of(o, s, NULL) : NULL;

		if (type && type->clear)
			type->clear(o, c, device);
	}
}

static int adopt_limits(struct object *o, const struct config *c, struct err *err)
{
	int r = instance_apply_memory(o, c, c, NULL, err);

	if (!r)
		r = instance_apply_cpu(o, c, c, NULL, err);
	return r < 0 ? r : instance_apply_processes(o, c, c, NULL, err);
}

static int adopt_running(struct object *o, struct container *c, const struct config *effective,
			 struct err *err)
{
	int devices, mounts, limits, r;
	AUTO(err_done) struct err more = ERR_NULL;

	ids_adopt(o, effective, container_pid(c));
	instance_set_container(o, c, false);
	r = instance_confine(o, effective, err);
	devices = adopt_devices(o, effective, r < 0 ? &more : err);
	mounts = device_mounts_adopt(o, effective, r < 0 || devices < 0 ? &more : err);
	devices = devices < 0 ? devices : mounts;
	limits = adopt_limits(o, effective, r < 0 || devices < 0 ? &more : err);
	/* last, as its end may be waiting there */
	if (instance_watch(o, &more) < 0)
		return err_move(err, &more);
	/* a restart that wasn't finished is, by instances_autostart() */
	if (!instance_of(o)->reboots)
		instance_note_power(o, "RUNNING", NULL);
	return r < 0 ? r : devices < 0 ? devices : limits;
}

int instance_adopt(struct object *o, struct err *err)
{
	AUTO(config_unref) struct config *effective = object_effective(o);
	struct container_exit end;
	struct container *c = NULL;
	const char *power = config_get(effective, SECTION_CONFIG, "volatile.last_state.power");
	int r = container_adopt(&instances_of(o)->env, o->uuid, &c, err);

	instance_of(o)->reboots = power && !strcmp(power, POWER_RESTARTS);
	if (r == 0)
		return adopt_running(o, c, effective, err);
	/* never ended by a core that doesn't understand it: it stands in its way until an admin looks */
	if (r != -ENOENT)
		return err_prefix(err, "it may still run, but can't be taken over: ");
	err_done(err);
	/* most never ran since the host was booted: nothing to look for */
	if (!power || !strcmp(power, "STOPPED"))
		return 0;
	if (container_exit_read(&instances_of(o)->env, o->uuid, &end) == 0 && end.end == CONTAINER_REBOOTS)
		instance_of(o)->reboots = true;
	clear_devices(o, effective);
	device_mounts_forget(o);
	return container_clear(&instances_of(o)->env, o->uuid, err);
}
