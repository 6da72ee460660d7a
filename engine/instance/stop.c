/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an instance, asked for or not: what it had is taken down, then everybody hears of it. */
#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/device/mount.h"
#include "engine/device/nic-live.h"
#include "engine/device/proxy.h"
#include "engine/instance/guard.h"
#include "engine/instance/ids.h"
#include "engine/instance/instance.h"

#define SHUTDOWN_SECONDS 30

int instance_note_power(struct object *o, const char *power, struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(o);
	const char *now = config_get(own, SECTION_CONFIG, "volatile.last_state.power");
	struct change change = {SECTION_CONFIG, "volatile.last_state.power", power};

	return now && !strcmp(now, power) ? 0 : object_change_held(o, &caller_core, &change, 1, err);
}

int instance_finish_held(struct object *o, bool keep_power, struct err *err)
{
	struct instance *in = instance_of(o);
	struct container *c = in->container;
	int r, noted = 0;

	instance_unwatch(o);
	instance_set_container(o, NULL, true);
	r = c ? container_finish(c, err) : 0;
	proxies_detach_all(o);
	nics_detach_all(o);
	/* under processes that didn't go it would be taken away from them */
	if (r == 0)
		guard_drop(o, false);
	device_mounts_forget(o);
	instance_unconfine(o);
	if (!keep_power)
		noted = instance_note_power(o, "STOPPED", r < 0 ? NULL : err);
	instance_set_container(o, NULL, false);
	ids_release(o);
	instance_told(o, "instance-stopped");
	return r < 0 ? r : noted;
}

int instance_settle_held(struct object *o, struct err *err)
{
	struct instance *in = instance_of(o);
	struct container_exit end = {0};

	if (!in->container)
		return 0;
	if (container_dispatch(in->container, &end, NULL) == 0 && end.end == CONTAINER_RUNS)
		return 0;
	return instance_finish_held(o, false, err);
}

static int clean_timeout(struct object *o)
{
	AUTO(config_unref) struct config *c = object_effective(o);

	return (int)MIN(
		   value_int(config_get(c, SECTION_CONFIG, "boot.host_shutdown_timeout"), SHUTDOWN_SECONDS),
		   INT32_MAX / 1000) *
	       1000;
}

static void set_halting(struct object *o, bool is_halting)
{
	struct instance *in = instance_of(o);

	pthread_mutex_lock(&in->lock);
	in->is_halting = is_halting;
	pthread_mutex_unlock(&in->lock);
}

/* Return: 0 it ended, or is to be killed; -EINTR */
static int halt(struct object *o, int timeout_ms, const struct caller *who, struct err *err)
{
	struct container *c = instance_of(o)->container;
	struct container_exit end;
	int r = 0;

	if (cgroup_is_frozen(container_cgroup(c)) > 0)
		r = instance_freeze_held(o, false, who, err);
	if (r == -EINTR)
		return r;
	set_halting(o, true);
	r = container_halt(c, err);
	if (!r)
		r = container_wait(c, timeout_ms, who->cancel_fd, &end, err);
	set_halting(o, false);
	if (r == -ECANCELED)
		return err_set(err, EINTR,
			       "interrupted: init was asked to shut down already, so it may stop by itself");
	/* whatever else kept it from ending: it is killed */
	err_done(err);
	return 0;
}

int instance_stop_held(struct object *o, bool force, int timeout_ms, bool keep_power,
		       const struct caller *who, struct err *err)
{
	struct instance *in = instance_of(o);
	struct container_exit end;
	int r = 0;

	if (!in->container)
		return 0;
	/* from here on the end is noticed by this job, which reads the same socket */
	instance_unwatch(o);
	if (!force)
		r = halt(o, timeout_ms < 0 ? clean_timeout(o) : timeout_ms, who, err);
	if (r < 0) {
		if (instance_watch(o, NULL) < 0)
			return instance_finish_held(o, keep_power, err);
		return r;
	}
	if (container_dispatch(in->container, &end, NULL) == 0 && end.end == CONTAINER_RUNS)
		container_end(in->container, &end);
	return instance_finish_held(o, keep_power, err);
}
