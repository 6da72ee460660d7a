/* SPDX-License-Identifier: Apache-2.0 */
/* All instances of a host, when its daemon starts and when it ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/job.h"
#include "engine/base/log.h"
#include "engine/base/path.h"
#include "engine/base/sys.h"
#include "engine/device/nic-parent.h"
#include "engine/device/nic-physical.h"
#include "engine/device/proxy.h"
#include "engine/instance/guard.h"
#include "engine/instance/order.h"
#include "engine/kind/instance-root.h"
#include "engine/kind/instance.h"

#define SUBUID "/etc/subuid"
#define SUBGID "/etc/subgid"
/* In the run directory, which a reboot empties: what is to be started with the host was started. */
#define STARTED_FILE "autostarted"
#define PARALLEL 16

int instances_open(struct host *h, struct err *err)
{
	struct instances *all = xcalloc(1, sizeof(*all));
	int r;

	all->host = h;
	all->kernel_files = getenv("LXDFS_TEST_KERNEL_FILES") ? getenv("LXDFS_TEST_KERNEL_FILES") : "";
	all->subuid = SUBUID;
	all->subgid = SUBGID;
	pthread_mutex_init(&all->ids_lock, NULL);
	all->env.libexec = h->libexec;
	all->env.rundir = h->run;
	all->root = instance_root_make;
	all->root_undo = instance_root_undo;
	all->stopped_path = instance_root_stopped;
	all->stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	h->instances = all;
	device_owner_set(&instance_device_owner);
	guard_detect(all);
	if (all->stop_event < 0)
		return err_set(err, errno, "no descriptor for an event: %s", strerror(errno));
	r = cgroup_layout_new(NULL, h->name, &all->env.cgroups, err);
	if (!r)
		r = idmap_range_read(SUBUID, SUBGID, &all->range, err);
	/* in a container: what of it there is; privileged ones start all the same */
	if (!r)
		idmap_range_within(&all->range, "/proc/self/uid_map", "/proc/self/gid_map", &all->range_why);
	return r;
}

void instances_close(struct host *h)
{
	struct instances *all = h->instances;
	AUTO(objects_free) struct object **list = NULL;

	if (!all)
		return;
	/* the loop held references */
	list = h->registry && h->server ? host_every(h, KIND_INSTANCE) : NULL;
	for (size_t i = 0; list && list[i]; i++)
		instance_unwatch(list[i]);
	if (all->env.cgroups)
		cgroup_layout_free(all->env.cgroups);
	pthread_mutex_destroy(&all->ids_lock);
	if (all->stop_event >= 0)
		close(all->stop_event);
	err_done(&all->range_why);
	h->instances = NULL;
	free(all);
}

/* ---- a crowd: jobs that are awaited */

struct crowd {
	pthread_mutex_t lock;
	pthread_cond_t left;
	unsigned running;
	struct err err; /* the first failure */
	int (*fn)(struct object *o, struct err *err);
};

struct member {
	struct crowd *crowd;
	struct object *o;
};

static void member_run(struct crowd *c, struct object *o)
{
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(free) char *name = object_name(o);
	int r = c->fn(o, &err);

	if (r < 0) {
		object_set_error(o, &err, 0);
		err_prefix(&err, "%s: ", name);
	}
	pthread_mutex_lock(&c->lock);
	if (r < 0 && !c->err.errnum)
		err_move(&c->err, &err);
	c->running--;
	pthread_cond_broadcast(&c->left);
	pthread_mutex_unlock(&c->lock);
}

static void member_job(void *arg)
{
	struct member *m = arg;

	member_run(m->crowd, m->o);
	object_unref(m->o);
	free(m);
}

static void crowd_await(struct crowd *c, unsigned below)
{
	pthread_mutex_lock(&c->lock);
	while (c->running >= below)
		pthread_cond_wait(&c->left, &c->lock);
	pthread_mutex_unlock(&c->lock);
}

static void crowd_add(struct crowd *c, struct object *o)
{
	struct member *m = xcalloc(1, sizeof(*m));

	crowd_await(c, PARALLEL);
	pthread_mutex_lock(&c->lock);
	c->running++;
	pthread_mutex_unlock(&c->lock);
	*m = (struct member){c, object_ref(o)};
	if (job_start(member_job, m, NULL) < 0)
		member_job(m);
}

/* Entries of one priority at a time, each awaited where it has a delay. Return: 0 or the first failure */
static int crowd_run(struct instances *all, const struct ordered *list, size_t n,
		     int (*fn)(struct object *o, struct err *err), struct err *err)
{
	struct crowd c = {
	    .lock = PTHREAD_MUTEX_INITIALIZER, .left = PTHREAD_COND_INITIALIZER, .err = ERR_NULL, .fn = fn};

	for (size_t i = 0; i < n; i++) {
		if (i && list[i].priority != list[i - 1].priority)
			crowd_await(&c, 1);
		crowd_add(&c, list[i].o);
		if (!list[i].delay_ms)
			continue;
		crowd_await(&c, 1);
		if (sys_poll_in(all->stop_event, -1, sys_deadline((int)list[i].delay_ms)) != 0)
			break;
	}
	crowd_await(&c, 1);
	return c.err.errnum ? err_move(err, &c.err) : 0;
}

/* ---- start */

/* Ended while no core looked, and isn't to be started: as if it had been seen. */
static void settle(struct object *o)
{
	AUTO(err_done) struct err err = ERR_NULL;

	if (object_take(o, "being looked at", &caller_core, &err) < 0)
		return;
	if (!instance_running_held(o))
		instance_note_power(o, "STOPPED", NULL);
	object_release(o);
	instance_after_stop(o);
}

static int start_one(struct object *o, struct err *err)
{
	struct caller who = caller_core;
	int r;

	/* the daemon's end interrupts it */
	who.cancel_fd = instances_of(o)->stop_event;
	if (o->host->is_stopping)
		return 0;
	r = instance_act(o, instance_of(o)->reboots ? INSTANCE_RESTART : INSTANCE_START, false, -1, &who,
			 err);
	if (r < 0 && r != -ENOENT && r != -EINTR)
		host_warn(o->host, o, "autostart", "it wasn't started with the host: %s", err_text(err));
	return r;
}

void instances_autostart(struct host *h)
{
	AUTO(objects_free) struct object **list = host_every(h, KIND_INSTANCE);
	AUTO(err_done) struct err err = ERR_NULL; /* each failure has its warning */
	struct ordered *order = NULL;
	bool first = faccessat(h->run_fd, STARTED_FILE, F_OK, 0) < 0;
	size_t n = 0;

	proxies_sweep(h);
	nic_physicals_sweep(h);
	nic_parents_sweep();
	for (size_t i = 0; list[i]; i++) {
		AUTO(config_unref) struct config *c = NULL;
		const char *power;

		if (instance_state(list[i]) != INSTANCE_STOPPED && !instance_of(list[i])->reboots)
			continue;
		c = object_effective(list[i]);
		power = config_get(c, SECTION_CONFIG, "volatile.last_state.power");
		if (instance_of(list[i])->reboots || order_wants_start(c, first)) {
			order = xrealloc(order, (n + 1) * sizeof(*order));
			order[n++] = order_of_start(list[i], c);
		} else if (power && strcmp(power, "STOPPED") != 0) {
			settle(list[i]);
		}
	}
	order_start(order, n);
	crowd_run(h->instances, order, n, start_one, &err);
	free(order);
	host_bury(h);
	if (!h->is_stopping)
		path_replace(h->run_fd, STARTED_FILE, STR(""), 0600, false);
}

/* ---- stop */

void instances_break(struct host *h)
{
	struct instances *all = h->instances;

	h->is_stopping = true;
	eventfd_write(all->stop_event, 1);
}

static int stop_one(struct object *o, struct err *err)
{
	int r = object_take(o, "being stopped with the host", &caller_core, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = instance_stop_held(o, false, -1, true, &caller_core, err);
	object_release(o);
	instance_after_stop(o);
	return r;
}

int instances_stop_all(struct host *h, struct err *err)
{
	struct instances *all = h->instances;
	AUTO(objects_free) struct object **list = host_every(h, KIND_INSTANCE);
	struct ordered *order = NULL;
	size_t n = 0;
	int r;

	instances_break(h);
	for (size_t i = 0; list[i]; i++) {
		AUTO(config_unref) struct config *c = object_effective(list[i]);

		order = xrealloc(order, (n + 1) * sizeof(*order));
		order[n++] = order_of_stop(list[i], c);
	}
	order_start(order, n);
	r = crowd_run(all, order, n, stop_one, err);
	free(order);
	unlinkat(h->run_fd, STARTED_FILE, 0);
	cgroup_layout_clear(all->env.cgroups);
	return r;
}
