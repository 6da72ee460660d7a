/* SPDX-License-Identifier: Apache-2.0 */
/* States of an instance and the ways between them. One who changes the state holds the token; what others see
 * is behind the leaf lock of struct instance; who waits for a state sleeps on an eventfd of its own. */
#include "engine/instance/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "engine/base/auto.h"
#include "engine/base/job.h"
#include "engine/base/log.h"
#include "engine/base/loop.h"
#include "engine/base/sys.h"
#include "engine/device/nic.h"
#include "engine/instance/instance.h"

#define FREEZE_MS 10000
#define SERVE_MS 1000

struct instance_waiter {
	struct instance_waiter *next;
	int event;
};

/* ---- the struct */

struct instance *instance_new(void)
{
	struct instance *in = xcalloc(1, sizeof(*in));

	in->starting_netns = in->seccomp_fd = in->notify_fd = in->watched_fd = -EBADF;
	pthread_mutex_init(&in->lock, NULL);
	return in;
}

void instance_free(struct instance *in)
{
	if (!in)
		return;
	container_free(in->container);
	if (in->seccomp_fd >= 0)
		close(in->seccomp_fd);
	if (in->notify_fd >= 0)
		close(in->notify_fd);
	free(in->rlimits);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

struct container *instance_running_held(struct object *o)
{
	return instance_of(o)->container;
}

void instance_set_container(struct object *o, struct container *c, bool is_ending)
{
	struct instance *in = instance_of(o);

	pthread_mutex_lock(&in->lock);
	in->container = c;
	in->since = sys_deadline(0);
	in->is_ending = is_ending;
	in->is_halting = false;
	pthread_mutex_unlock(&in->lock);
	o->is_live = c != NULL;
}

/* ---- what it is in */

/* The lock is held. */
static enum instance_state state_locked(struct instance *in)
{
	if (in->is_ending)
		return INSTANCE_RUNNING;
	if (!in->container)
		return INSTANCE_STOPPED;
	return cgroup_is_frozen(container_cgroup(in->container)) > 0 ? INSTANCE_FROZEN : INSTANCE_RUNNING;
}

enum instance_state instance_state(struct object *o)
{
	struct instance *in = instance_of(o);
	enum instance_state s;

	pthread_mutex_lock(&in->lock);
	s = state_locked(in);
	pthread_mutex_unlock(&in->lock);
	return s;
}

const char *instance_state_text(enum instance_state s)
{
	static const char *const names[] = {"stopped", "running", "frozen"};

	return names[s];
}

void instance_told(struct object *o, const char *action)
{
	static const char *const places[] = {"state", "pid", "processes", "addresses", "network"};
	struct instance *in = instance_of(o);
	struct host *h = o->host;

	pthread_mutex_lock(&in->lock);
	for (struct instance_waiter *w = in->waiters; w; w = w->next)
		eventfd_write(w->event, 1);
	pthread_mutex_unlock(&in->lock);
	for (size_t i = 0; h->on.touched && i < ARRAY_SIZE(places); i++)
		h->on.touched(h, o, places[i]);
	if (action)
		host_event(h, o, action);
}

/* The lock is held before and after. */
static int sleep_for_state(struct instance *in, uint64_t deadline, const struct caller *who, struct err *err)
{
	struct instance_waiter w = {.next = in->waiters, .event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	struct instance_waiter **p;
	int r;

	if (w.event < 0)
		return err_set(err, errno, "no descriptor to wait with: %s", strerror(errno));
	/* cppcheck-suppress autoVariables */
	in->waiters = &w;
	pthread_mutex_unlock(&in->lock);
	r = sys_poll_in(w.event, who->cancel_fd, deadline);
	pthread_mutex_lock(&in->lock);
	for (p = &in->waiters; *p != &w; p = &(*p)->next)
		;
	*p = w.next;
	close(w.event);
	if (r < 0)
		return err_set(err, -r, "waiting failed: %s", strerror(-r));
	if (r == 0)
		return err_set(err, ETIMEDOUT, "the time is over, it is still %s",
			       instance_state_text(state_locked(in)));
	return r & 2 ? err_set(err, EINTR, "interrupted while it waited") : 0;
}

int instance_wait(struct object *o, enum instance_state want, int timeout_ms, const struct caller *who,
		  struct err *err)
{
	struct instance *in = instance_of(o);
	uint64_t deadline = sys_deadline(timeout_ms);
	int r = 0;

	pthread_mutex_lock(&in->lock);
	while (!r && state_locked(in) != want)
		r = o->is_gone ? err_set(err, ENOENT, "the instance was deleted")
			       : sleep_for_state(in, deadline, who, err);
	pthread_mutex_unlock(&in->lock);
	return r;
}

/* ---- noticing the end */

static void on_end(void *arg);

/* The helper that did its system calls was killed: the next one does them. Held. */
static void serve_again(struct object *o)
{
	AUTO(config_unref) struct config *effective = object_effective(o);
	AUTO(err_done) struct err err = ERR_NULL;
	struct instance *in = instance_of(o);

	/* one that dies at once again and again isn't started all the time */
	if (sys_deadline(0) < in->served + SERVE_MS)
		sys_poll_in(-1, -1, in->served + SERVE_MS);
	in->served = sys_deadline(0);
	if (instance_serve_held(o, effective, &err) < 0)
		host_warn(
		    o->host, o, "intercept",
		    "system calls that are to be done for it wait: %s. Restart lxdfsd when that is mended",
		    err_text(&err));
	else
		host_warn_resolve(o->host, o, "intercept");
}

/* Takes over a reference. */
static void end_job(void *arg)
{
	AUTO(object_unref) struct object *o = arg;
	AUTO(err_done) struct err err = ERR_NULL;
	struct instance *in = instance_of(o);
	struct container_exit end = {0};
	bool reboots;
	int r;

	if (object_take(o, "being cleaned up", &caller_core, &err) < 0)
		return;
	/* somebody stopped it meanwhile, perhaps started it again */
	if (!in->container || in->watched_fd >= 0) {
		object_release(o);
		return;
	}
	r = container_dispatch(in->container, &end, &err);
	if (r == 0 && end.end == CONTAINER_RUNS) {
		if (container_is_unserved(in->container))
			serve_again(o);
		if (instance_watch(o, &err) < 0)
			host_warn(o->host, o, "monitor", "its end won't be noticed by itself: %s",
				  err_text(&err));
		object_release(o);
		return;
	}
	if (r < 0)
		host_warn(o->host, o, "monitor", "its monitor talks nonsense, so it was killed: %s",
			  err_text(&err));
	else if (end.end == CONTAINER_LOST)
		host_warn(o->host, o, "monitor", "its monitor was killed, which ended the container");
	err_done(&err);
	reboots = r == 0 && (end.end == CONTAINER_REBOOTS || in->reboots) && !o->host->is_stopping;
	if (reboots)
		instance_note_power(o, POWER_RESTARTS, NULL);
	r = instance_finish_held(o, reboots, &err);
	if (r == 0 && reboots) {
		r = instance_start_held(o, &caller_core, &err);
		if (r < 0)
			instance_note_power(o, "STOPPED", NULL);
	}
	if (r < 0) {
		AUTO(free) char *name = object_name(o);

		host_warn(o->host, o, "end", "%s: %s", name, err_text(&err));
		object_set_error(o, &err, 0);
	}
	object_release(o);
	if (!reboots)
		instance_after_stop(o);
}

static void end_again(void *arg)
{
	if (job_start(end_job, arg, NULL) < 0)
		loop_after(200, end_again, arg, NULL);
}

/* In the loop: nothing waits here. */
static void on_end(void *arg)
{
	struct object *o = arg;
	struct instance *in = instance_of(o);
	bool is_mine;

	pthread_mutex_lock(&in->lock);
	is_mine = in->watched_fd >= 0;
	/* by the loop's own thread, so this doesn't wait; with the lock, so that the number isn't another's
	 * yet */
	if (is_mine)
		loop_del(TAKE_FD(in->watched_fd));
	pthread_mutex_unlock(&in->lock);
	/* with the reference that the loop had */
	if (is_mine)
		end_again(o);
}

int instance_watch(struct object *o, struct err *err)
{
	struct instance *in = instance_of(o);
	int fd = container_fd(in->container), r;

	object_ref(o);
	pthread_mutex_lock(&in->lock);
	in->watched_fd = fd;
	pthread_mutex_unlock(&in->lock);
	r = loop_add(fd, on_end, o, err);
	if (r < 0) {
		pthread_mutex_lock(&in->lock);
		in->watched_fd = -EBADF;
		pthread_mutex_unlock(&in->lock);
		object_unref(o);
	}
	return r;
}

void instance_unwatch(struct object *o)
{
	struct instance *in = instance_of(o);
	int fd;

	pthread_mutex_lock(&in->lock);
	fd = TAKE_FD(in->watched_fd);
	pthread_mutex_unlock(&in->lock);
	if (fd < 0)
		return;
	loop_del(fd);
	object_unref(o);
}

/* ---- acting */

int instance_freeze_held(struct object *o, bool frozen, const struct caller *who, struct err *err)
{
	struct instance *in = instance_of(o);
	int r;

	if (!in->container)
		return err_set(err, EBUSY, "it isn't running, so it can't be frozen");
	r = cgroup_freeze(container_cgroup(in->container), frozen, FREEZE_MS, who->cancel_fd, err);
	if (r == -ECANCELED)
		return err_set(err, EINTR, "interrupted while it was being %s", frozen ? "frozen" : "thawed");
	if (!r)
		instance_told(o, frozen ? "instance-paused" : "instance-resumed");
	return r;
}

void instance_after_stop(struct object *o)
{
	AUTO(config_unref) struct config *c = object_effective(o);
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(free) char *name = NULL;

	if (!value_bool(config_get(c, SECTION_PROPS, "ephemeral")) || instance_state(o) != INSTANCE_STOPPED)
		return;
	if (object_remove(o, &caller_core, &err) < 0 && err.errnum != ENOENT) {
		name = object_name(o);
		host_warn(o->host, o, "ephemeral", "%s is ephemeral, but can't be removed: %s", name,
			  err_text(&err));
	}
}

/* Whatever has the token may be waiting for the container: who forces the end doesn't wait for that. A
 * restart only breaks off a clean stop, as it must find the container running. */
static void kill_now(struct object *o, bool only_halting)
{
	struct instance *in = instance_of(o);

	pthread_mutex_lock(&in->lock);
	if (in->container && (in->is_halting || !only_halting))
		container_kill(in->container, NULL);
	pthread_mutex_unlock(&in->lock);
}

static const char *action_participle(enum instance_action a)
{
	static const char *const words[] = {"being started", "being stopped", "being restarted",
					    "being frozen"};

	return words[a];
}

static int act_held(struct object *o, enum instance_action action, bool force, int timeout_ms,
		    const struct caller *who, struct err *err)
{
	enum instance_state s = instance_state(o);
	int r;

	switch (action) {
	case INSTANCE_START:
		if (s == INSTANCE_STOPPED)
			return instance_start_held(o, who, err);
		return s == INSTANCE_FROZEN ? instance_freeze_held(o, false, who, err) : 0;
	case INSTANCE_STOP:
		return instance_stop_held(o, force, timeout_ms, false, who, err);
	case INSTANCE_RESTART:
		if (s == INSTANCE_STOPPED && !instance_of(o)->reboots)
			return err_set(err, EBUSY, "it is stopped, so it can't be restarted: write running");
		r = instance_note_power(o, POWER_RESTARTS, err);
		if (!r)
			r = instance_stop_held(o, force, timeout_ms, true, who, err);
		if (r < 0) {
			instance_note_power(o, instance_of(o)->container ? "RUNNING" : "STOPPED", NULL);
			return r;
		}
		r = instance_start_held(o, who, err);
		if (r < 0)
			instance_note_power(o, "STOPPED", NULL);
		return r;
	case INSTANCE_FREEZE:
		return s == INSTANCE_FROZEN ? 0 : instance_freeze_held(o, true, who, err);
	}
	return err_set(err, EINVAL, "there is no such action");
}

int instance_act(struct object *o, enum instance_action action, bool force, int timeout_ms,
		 const struct caller *who, struct err *err)
{
	AUTO(err_done) struct err own = ERR_NULL;
	int r;

	err = err ? err : &own;
	if (force && (action == INSTANCE_STOP || action == INSTANCE_RESTART))
		kill_now(o, action == INSTANCE_RESTART);
	r = object_take(o, action_participle(action), who, err);
	if (r < 0)
		return r;
	/* dead, but nobody has cleaned up yet */
	r = instance_settle_held(o, err);
	if (!r)
		r = act_held(o, action, force, timeout_ms, who, err);
	object_release(o);
	if (r == 0 && action == INSTANCE_STOP)
		instance_after_stop(o);
	return r;
}
