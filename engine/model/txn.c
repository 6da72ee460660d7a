/* SPDX-License-Identifier: Apache-2.0 */
/* A change of an object, with all that takes its config from it: check, stage, apply, commit. The order of
 * locks: the object's token, its dependents' tokens ascending by id, then host.shape: written by what others
 * depend on, read by all else, so that nobody begins to depend on what is about to change. */
#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/model/internal.h"
#include "engine/model/store.h"

/* One object that a change reaches. */
struct reached {
	struct object *o;	  /* the token is held */
	struct config *old, *new; /* effective */
	struct plan *plan;	  /* NULL: not live */
};

struct txn {
	struct object *o;
	struct config *own, *next; /* before and after */
	struct reached *list;	   /* the object itself first */
	size_t n;
	size_t ran; /* plans */
};

static void txn_done(struct txn *t)
{
	for (size_t i = 0; i < t->n; i++) {
		plan_free(t->list[i].plan);
		config_unref(t->list[i].old);
		config_unref(t->list[i].new);
		if (i) {
			object_release(t->list[i].o);
			object_unref(t->list[i].o);
		}
	}
	free(t->list);
	config_unref(t->own);
	config_unref(t->next);
}

static void reach(struct txn *t, struct object *o)
{
	t->list = xrealloc(t->list, (t->n + 1) * sizeof(*t->list));
	t->list[t->n++] = (struct reached){.o = o};
}

/* The tokens of all dependents. */
static int take_dependents(struct txn *t, const struct caller *who, struct err *err)
{
	struct object **list = t->o->kind->dependents ? t->o->kind->dependents(t->o) : NULL;
	int r = 0;

	for (size_t i = 0; list && list[i]; i++) {
		if (r >= 0)
			r = object_take(list[i], "being changed with its profile or project", who, err);
		/* one that went meanwhile depends on nothing */
		if (r == -ENOENT) {
			err_done(err);
			r = 0;
			object_unref(list[i]);
		} else if (r < 0) {
			object_unref(list[i]);
		} else {
			reach(t, list[i]);
		}
	}
	free(list);
	return r;
}

/* Whether the tokens held are still those of all dependents; host.shape is written. */
static bool has_all(struct txn *t)
{
	AUTO(objects_free) struct object **list = t->o->kind->dependents(t->o);

	for (size_t i = 0; list[i]; i++) {
		bool held = false;

		for (size_t k = 1; k < t->n && !held; k++)
			held = t->list[k].o == list[i];
		if (!held)
			return false;
	}
	return true;
}

static void drop_dependents(struct txn *t)
{
	for (size_t i = 1; i < t->n; i++) {
		object_release(t->list[i].o);
		object_unref(t->list[i].o);
	}
	t->n = 1;
}

/* Locks what the change can reach. host.shape is locked on success. */
static int txn_reach(struct txn *t, const struct caller *who, struct err *err)
{
	reach(t, t->o);
	if (!t->o->kind->dependents) {
		pthread_rwlock_rdlock(&t->o->host->shape);
		return 0;
	}
	for (;;) {
		int r = take_dependents(t, who, err);

		if (r < 0)
			return r;
		pthread_rwlock_wrlock(&t->o->host->shape);
		if (has_all(t))
			return 0;
		pthread_rwlock_unlock(&t->o->host->shape);
		drop_dependents(t);
	}
}

static int txn_check(struct txn *t, struct err *err)
{
	for (size_t i = 0; i < t->n; i++) {
		struct reached *x = &t->list[i];
		AUTO(config_unref) struct config *own = object_own(x->o);
		const struct config *next = i ? own : t->next;
		int r;

		x->old = object_effective_of(x->o, own);
		x->new =
		    i ? object_effective_with(x->o, own, t->o, t->next) : object_effective_of(x->o, t->next);
		/* its project changed, not itself */
		if (i && config_same(x->old, x->new))
			continue;
		r = change_check(x->o, own, next, x->new, err);
		if (r < 0 && i) {
			AUTO(free) char *name = object_name(x->o);

			return err_prefix(err, "%s, which uses it, wouldn't work: ", name);
		}
		if (r < 0)
			return r;
		if (x->o->is_live)
			x->plan = plan_new(x->o, x->old, x->new);
	}
	return 0;
}

static void txn_undo(struct txn *t)
{
	while (t->ran > 0)
		if (t->list[--t->ran].plan)
			plan_undo(t->list[t->ran].plan);
}

static int txn_apply(struct txn *t, struct err *err)
{
	for (t->ran = 0; t->ran < t->n; t->ran++) {
		struct plan *p = t->list[t->ran].plan;
		int r = p ? plan_run(p, err) : 0;

		if (r < 0) {
			txn_undo(t);
			return r;
		}
	}
	return 0;
}

/* What was given of a device goes with it: the next one of its name is another one. NULL: nothing goes */
static struct access_list *access_after(struct txn *t)
{
	AUTO(access_list_unref) struct access_list *now = object_access_list(t->o), *left = NULL;

	for (size_t i = 0; i < t->own->n; i++) {
		const struct section *s = &t->own->sections[i];
		struct access_list *less;

		if (!section_device(s) || config_section(t->next, s->name))
			continue;
		less = access_list_without(left ? left : now, s->name);
		access_list_unref(left);
		left = less;
	}
	return TAKE(left);
}

static int txn_commit(struct txn *t, struct err *err)
{
	AUTO(access_list_unref)
	struct access_list *access = object_access_list(t->o), *left = access_after(t);
	AUTO(free) char *name = object_name(t->o);
	int r = store_stage(t->o, name, t->next, left ? left : access, err);

	if (r < 0)
		return r;
	r = txn_apply(t, err);
	if (r < 0) {
		store_abort(t->o);
		return r;
	}
	r = store_commit(t->o, err);
	if (r < 0) {
		txn_undo(t);
		store_put_back(t->o, name, t->own, access);
		return r;
	}
	object_publish(t->o, config_ref(t->next));
	if (left)
		object_publish_access(t->o, TAKE(left));
	return 0;
}

static void txn_tell(struct txn *t)
{
	AUTO(free) char *action = NULL;

	/* own and effective: local/ shows the one, config/ the other */
	change_tell(t->o, t->own, t->next);
	for (size_t i = 0; i < t->n; i++)
		change_tell(t->list[i].o, t->list[i].old, t->list[i].new);
	action = xasprintf("%s-updated", t->o->kind->name);
	host_event(t->o->host, t->o, action);
}

static void txn_done_auto(struct txn *t)
{
	txn_done(t);
}

int object_change_held(struct object *o, const struct caller *who, const struct change *changes, size_t n,
		       struct err *err)
{
	AUTO(txn_done) struct txn t = {.o = o, .own = object_own(o)};
	AUTO(err_done) struct err own_err = ERR_NULL;
	int r;

	/* callees look at it to tell "none" from "wrong" */
	if (!err)
		err = &own_err;
	err_done(err);
	r = txn_reach(&t, who, err);
	if (r < 0)
		return r;
	r = change_prepare(o, who, t.own, changes, n, &t.next, err);
	if (!r)
		r = txn_check(&t, err);
	if (!r)
		r = txn_commit(&t, err);
	pthread_rwlock_unlock(&o->host->shape);
	if (!r)
		txn_tell(&t);
	return r;
}

int object_change(struct object *o, const struct caller *who, const struct change *changes, size_t n,
		  uint64_t if_version, struct err *err)
{
	uint64_t version;
	int r = object_take(o, "being changed", who, err);

	if (r < 0)
		return r;
	pthread_mutex_lock(&o->lock);
	version = o->version;
	pthread_mutex_unlock(&o->lock);
	if (if_version != UINT64_MAX && if_version != version)
		r = err_set(err, ESTALE, "its version is %llu, not %llu: read it again, then change it",
			    (unsigned long long)version, (unsigned long long)if_version);
	else
		r = object_change_held(o, who, changes, n, err);
	object_release(o);
	return r;
}
