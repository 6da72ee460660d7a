/* SPDX-License-Identifier: Apache-2.0 */
/* References, snapshots, the token and the last error of an object. object.lock protects own, access,
 * version, busy, waiters and error; it is a leaf, held for moments. */
#include "engine/model/object.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/base/sys.h"
#include "engine/model/host.h"
#include "engine/model/internal.h"
#include "engine/model/registry.h"

const struct caller caller_core = {.cancel_fd = -1, .is_core = true, .may_wait = true};

bool caller_in_group(const struct caller *who, gid_t gid)
{
	gid_t groups[256];
	int n;

	if (who->gid == gid)
		return true;
	n = who->groups ? who->groups(who, groups, ARRAY_SIZE(groups)) : 0;
	for (int i = 0; i < n && i < (int)ARRAY_SIZE(groups); i++)
		if (groups[i] == gid)
			return true;
	return false;
}

struct object *object_new(struct host *h, const struct kind *kind, struct object *parent, uint32_t id,
			  const char *name)
{
	struct object *o = xcalloc(1, sizeof(*o));

	o->refs = 1;
	o->host = h;
	o->kind = kind;
	o->id = id;
	o->parent = parent ? object_ref(parent) : NULL;
	o->name = xstrdup(name);
	o->own = config_new();
	o->access = access_list_new();
	pthread_mutex_init(&o->lock, NULL);
	return o;
}

struct object *object_ref(struct object *o)
{
	atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
	return o;
}

void object_unref(struct object *o)
{
	if (!o || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (o->kind->done && o->data)
		o->kind->done(o);
	config_unref(o->own);
	access_list_unref(o->access);
	pthread_mutex_destroy(&o->lock);
	object_unref(o->parent);
	registry_formers_free(o);
	free(o->name);
	free(o->error);
	free(o);
}

char *object_name(const struct object *o)
{
	return registry_name(o);
}

struct object *object_project(const struct object *o)
{
	while (o && o->kind->number != KIND_PROJECT)
		o = o->parent;
	return (struct object *)o;
}

char *object_name_beside(const struct object *o, const struct object *other)
{
	return o->parent == other->parent ? object_name(other) : xstrdup("an instance of another project");
}

char *object_path(const struct object *o)
{
	AUTO(free) char *name = object_name(o), *above = NULL;

	/* what project default has is at the top, and the server's, too */
	if (!o->parent || o->parent == o->host->project || o->parent == o->host->server)
		return xasprintf("%s/%s", o->kind->plural, name);
	above = object_path(o->parent);
	return xasprintf("%s/%s/%s", above, o->kind->plural, name);
}

struct config *object_own(struct object *o)
{
	struct config *c;

	pthread_mutex_lock(&o->lock);
	c = config_ref(o->own);
	pthread_mutex_unlock(&o->lock);
	return c;
}

struct config *object_effective_with(struct object *o, const struct config *own, const struct object *changed,
				     const struct config *its)
{
	const char *list = config_get(own, SECTION_PROPS, "profiles");
	AUTO(texts_free) char **names = NULL;
	AUTO(free) char *memory = NULL;
	struct config **layers, *c;
	struct object *scope;
	size_t n = 0, found = 0;

	if (!o->kind->has_profiles)
		return config_ref(own);
	scope = host_scope(o->parent, KIND_PROFILE);
	names = texts_split(list ? list : "default");
	while (names[n])
		n++;
	memory = xcalloc(n + 1, 2 * sizeof(struct config *));
	layers = (struct config **)(void *)memory;
	for (size_t i = 0; i < n; i++) {
		AUTO(object_unref)
		struct object *p = host_find(scope, KIND_PROFILE, str_from(names[i]));

		/* one that is gone gives nothing: its removal was refused while it was used */
		if (!p)
			continue;
		layers[found] = p == changed ? config_ref(its) : object_own(p);
		((const char **)(void *)memory)[n + 1 + found] = names[i];
		found++;
	}
	c = config_merge(own, (const struct config *const *)layers,
			 (const char *const *)(void *)memory + n + 1, found);
	for (size_t i = 0; i < found; i++)
		config_unref(layers[i]);
	return c;
}

struct config *object_effective_of(struct object *o, const struct config *own)
{
	return object_effective_with(o, own, NULL, NULL);
}

struct config *object_effective(struct object *o)
{
	AUTO(config_unref) struct config *own = object_own(o);

	return object_effective_of(o, own);
}

void object_publish(struct object *o, struct config *take_own)
{
	struct config *old;

	pthread_mutex_lock(&o->lock);
	old = o->own;
	o->own = take_own;
	o->version++;
	pthread_mutex_unlock(&o->lock);
	atomic_fetch_add(&o->host->changes, 1);
	config_unref(old);
}

/* ---- the token */

struct token_waiter {
	struct token_waiter *next;
	int event;
};

/* Sleeps until the token was given back or @who gives up; the lock is held before and after. */
static int token_sleep(struct object *o, const struct caller *who, struct err *err)
{
	struct token_waiter w = {.next = o->waiters, .event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	struct token_waiter **p;
	int r;

	if (w.event < 0)
		return err_set(err, errno, "no descriptor to wait with: %s", strerror(errno));
	/* taken out below, before this function returns */
	/* cppcheck-suppress autoVariables */
	o->waiters = &w;
	pthread_mutex_unlock(&o->lock);
	r = sys_poll_in(w.event, who->cancel_fd, UINT64_MAX);
	pthread_mutex_lock(&o->lock);
	for (p = &o->waiters; *p && *p != &w; p = &(*p)->next)
		;
	if (*p)
		*p = w.next;
	close(w.event);
	if (r >= 0 && r & 2)
		return err_set(err, EINTR, "interrupted while it waited: the object is %s",
			       o->busy ? o->busy : "free");
	return r < 0 ? err_set(err, -r, "waiting failed: %s", strerror(-r)) : 0;
}

int object_take(struct object *o, const char *what, const struct caller *who, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&o->lock);
	while (o->busy && r == 0)
		r = who->may_wait ? token_sleep(o, who, err)
				  : err_set(err, EAGAIN, "the object is %s at the moment", o->busy);
	if (r == 0)
		o->busy = what;
	pthread_mutex_unlock(&o->lock);
	if (r == 0 && o->is_gone) {
		object_release(o);
		return err_set(err, ENOENT, "the %s was removed meanwhile", o->kind->name);
	}
	return r;
}

void object_release(struct object *o)
{
	pthread_mutex_lock(&o->lock);
	o->busy = NULL;
	for (struct token_waiter *w = o->waiters; w; w = w->next)
		eventfd_write(w->event, 1);
	pthread_mutex_unlock(&o->lock);
}

/* ---- the last error */

void object_set_error(struct object *o, const struct err *err, uid_t uid)
{
	char stamp[32] = "";
	time_t now = time(NULL);
	struct tm tm;
	char *text;

	if (localtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%F %T", &tm);
	text = xasprintf("%s (uid %u): %s\n", stamp, (unsigned)uid, err_text(err));
	pthread_mutex_lock(&o->lock);
	free(o->error);
	o->error = text;
	pthread_mutex_unlock(&o->lock);
}
