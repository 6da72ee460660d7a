/* SPDX-License-Identifier: Apache-2.0 */
/* How objects get another name, and go to another project. Nobody else begins to depend on anything
 * meanwhile: host.shape is written. */
#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/model/internal.h"
#include "engine/model/registry.h"
#include "engine/model/store.h"

/* From where to where. */
struct move {
	struct object *o, *from, *to; /* the parents may be the same */
	const char *old, *new;	      /* names */
	struct config *own;
	struct access_list *access;
	struct object *there; /* what it will be: not in the registry */
};

static bool stays(const struct move *m)
{
	return m->from == m->to;
}

/* Checked as one that has always been there: what it may have, and whether all that it names exists. */
static int check_there(struct move *m, struct err *err)
{
	struct object *o = m->o, *x;
	AUTO(config_unref) struct config *effective = NULL;
	int r;

	x = m->there = object_new(o->host, o->kind, m->to, o->id, m->new);
	memcpy(x->uuid, o->uuid, sizeof(x->uuid));
	x->created_ns = o->created_ns;
	x->created_by = o->created_by;
	object_publish(x, config_ref(m->own));
	r = o->kind->init ? o->kind->init(x, err) : 0;
	if (r < 0)
		return r;
	effective = object_effective(x);
	r = o->kind->may_move(o, x, effective, err);
	if (!r)
		r = change_check(x, m->own, m->own, effective, err);
	/* mv takes EINVAL for a directory that is moved into itself */
	if (r == -EINVAL)
		err->errnum = EPERM;
	return r < 0 ? -err->errnum : 0;
}

static int check_move(struct move *m, struct err *err)
{
	AUTO(object_unref) struct object *other = host_find(m->to, m->o->kind->number, str_from(m->new));

	if (other)
		return err_set(err, EEXIST, "there is a %s named %s already", m->o->kind->name, m->new);
	if (stays(m))
		return 0;
	if (m->to->is_gone)
		return err_set(err, ENOENT, "the %s to which it should go is gone", m->to->kind->name);
	return m->o->kind->may_move
		   ? check_there(m, err)
		   : err_set(err, EPERM, "%s %s can't go to another project", m->o->kind->name, m->old);
}

/* The name first: one that is just being made may have taken it, and two files mustn't say the same. */
static int put_there(struct move *m, struct err *err)
{
	int r = registry_move(m->o, m->to, m->new);

	if (r < 0) {
		store_abort(m->o);
		return err_set(err, EEXIST, "there is a %s named %s since a moment ago", m->o->kind->name,
			       m->new);
	}
	r = store_commit(m->o, err);
	if (r < 0) {
		registry_move(m->o, m->from, m->old);
		store_put_back(m->o, m->old, m->own, m->access);
	}
	return r;
}

static int move_held(struct move *m, struct err *err)
{
	struct object *o = m->o;
	AUTO(err_done) struct err why = ERR_NULL;
	int r = check_move(m, err);

	if (!r)
		r = store_stage(m->there ? m->there : o, m->new, m->own, m->access, err);
	if (r < 0)
		return r;
	r = o->kind->rename ? o->kind->rename(o, m->new, err) : 0;
	if (r < 0) {
		store_abort(o);
		return r;
	}
	r = put_there(m, err);
	if (r < 0 && o->kind->rename && o->kind->rename(o, m->old, &why) < 0)
		host_warn(o->host, o, "undo", "%s couldn't get its name back: %s", m->old, err_text(&why));
	return r;
}

static void move_tell(const struct move *m)
{
	struct host *h = m->o->host;

	if (!stays(m) && h->on.left)
		h->on.left(h, m->o, m->from, m->old);
	if (h->on.renamed)
		h->on.renamed(h, m->o, stays(m) ? m->old : NULL, m->new);
	/* what its profiles give may be something else there */
	if (!stays(m) && h->on.changed)
		h->on.changed(h, m->o, NULL, NULL);
	life_tell(m->o, "renamed");
}

int object_move(struct object *o, struct object *parent, struct str name, const struct caller *who,
		struct err *err)
{
	AUTO(object_unref) struct object *from = NULL;
	AUTO(free) char *old = NULL, *new = str_dup(name);
	AUTO(err_done) struct err own_err = ERR_NULL;
	struct move m = {.o = o, .to = parent, .new = new};
	int r;

	err = err ? err : &own_err;
	r = life_check_name(o->kind, name, err);
	if (!r)
		r = object_take(o, "being renamed", who, err);
	if (r < 0)
		return r;
	from = object_ref(o->parent);
	old = object_name(o);
	m.from = from;
	m.old = old;
	if (from != parent || strcmp(old, new)) {
		m.own = object_own(o);
		m.access = object_access_list(o);
		pthread_rwlock_wrlock(&o->host->shape);
		r = move_held(&m, err);
		pthread_rwlock_unlock(&o->host->shape);
		if (!r)
			move_tell(&m);
		object_unref(m.there);
		config_unref(m.own);
		access_list_unref(m.access);
	}
	object_release(o);
	return r;
}

int object_rename(struct object *o, struct str name, const struct caller *who, struct err *err)
{
	return object_move(o, o->parent, name, who, err);
}
