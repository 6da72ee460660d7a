/* SPDX-License-Identifier: Apache-2.0 */
/* How objects come and go. The state file is the point of no return: before it nothing is,
 * after its removal what is left is taken down, at the next start if need be. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "engine/base/auto.h"
#include "engine/model/internal.h"
#include "engine/model/registry.h"
#include "engine/model/store.h"

/* Nothing depends on a warning, and one may be made by who holds the lock. */
static void shape_lock(const struct kind *kind, struct host *h, bool write)
{
	if (kind->number == KIND_WARNING)
		return;
	if (write)
		pthread_rwlock_wrlock(&h->shape);
	else
		pthread_rwlock_rdlock(&h->shape);
}

static void shape_unlock(const struct kind *kind, struct host *h)
{
	if (kind->number != KIND_WARNING)
		pthread_rwlock_unlock(&h->shape);
}

void life_tell(struct object *o, const char *what)
{
	AUTO(free) char *action = xasprintf("%s-%s", o->kind->name, what);

	if (o->kind->number != KIND_WARNING)
		host_event(o->host, o, action);
}

/* A random one, RFC 9562 version 4. */
static int make_uuid(char ret[37], struct err *err)
{
	unsigned char b[16];

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		return err_set(err, EIO, "the kernel gives no random bytes");
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(ret, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return 0;
}

int life_check_name(const struct kind *kind, struct str name, struct err *err)
{
	if (name.len > 255)
		return err_set(err, ENAMETOOLONG, "a name has at most 255 characters");
	return kind->check_name ? kind->check_name(name, err) : 0;
}

/* From its first config to its state file. host.shape is read. */
static int fill_in(struct object *o, const struct caller *who, const struct change *set, size_t n,
		   struct err *err)
{
	AUTO(config_unref) struct config *own = config_new(), *next = NULL, *effective = NULL;
	int r = 0;

	if (o->kind->init)
		r = o->kind->init(o, err);
	if (!r && o->kind->create)
		r = o->kind->create(o, own, who, err);
	if (!r)
		r = change_prepare(o, who, own, set, n, &next, err);
	if (r < 0)
		return r;
	effective = object_effective_of(o, next);
	r = change_check(o, NULL, next, effective, err);
	if (!r)
		r = store_stage(o, o->name, next, o->access, err);
	if (!r)
		object_publish(o, TAKE(next));
	return r;
}

/* Of one that was activated, and that nobody saw. A commit that the disk didn't confirm may have left a file.
 */
static void take_back(struct object *o)
{
	store_remove(o, NULL);
	if (o->kind->remove)
		o->kind->remove(o);
	store_forget(o);
}

/* Activated before it is committed: a core that dies between the two leaves a staged file, which the next one
 * removes, and what load() of its kind finds without an object is taken down. */
static int bring_up(struct object *o, struct err *err)
{
	int r = o->kind->activate ? o->kind->activate(o, err) : 0;

	if (r < 0) {
		store_abort(o);
		return r;
	}
	r = store_commit(o, err);
	if (r < 0)
		take_back(o);
	return r;
}

static int orphaned(const struct object *parent, struct err *err)
{
	return err_set(err, ENOENT, "the %s in which it should be made is gone", parent->kind->name);
}

int object_create(struct object *parent, const struct kind *kind, struct str name, const struct caller *who,
		  const struct change *set, size_t n, struct object **ret, struct err *err)
{
	struct host *h = parent->host;
	AUTO(object_unref) struct object *o = NULL;
	AUTO(err_done) struct err own_err = ERR_NULL;
	AUTO(free) char *text = NULL;
	uint32_t id;
	int r;

	err = err ? err : &own_err;
	err_done(err);
	r = life_check_name(kind, name, err);
	if (r < 0)
		return r;
	id = store_next_id(h, err);
	if (!id)
		return -err->errnum;
	text = str_dup(name);
	o = object_new(h, kind, parent, id, text);
	o->is_hidden = true;
	o->created_ns = now_ns();
	o->created_by = who->unique;
	r = make_uuid(o->uuid, err);
	if (r < 0)
		return r;
	r = registry_add(o);
	if (r == -ENOENT)
		return orphaned(parent, err);
	if (r < 0)
		return err_set(err, EEXIST, "there is a %s named %s already", kind->name, text);
	shape_lock(kind, h, false);
	r = fill_in(o, who, set, n, err);
	shape_unlock(kind, h);
	if (!r)
		r = bring_up(o, err);
	if (!r && registry_show(o) < 0) {
		take_back(o);
		r = orphaned(parent, err);
	}
	if (r < 0) {
		registry_remove(o);
		return r;
	}
	if (h->on.renamed)
		h->on.renamed(h, o, NULL, o->name);
	life_tell(o, "created");
	if (kind->made) {
		r = kind->made(o, err);
		if (r < 0) {
			object_remove(o, &caller_core, NULL);
			return r;
		}
	}
	if (ret)
		*ret = TAKE(o);
	return 0;
}

static int remove_state(struct object *o, struct err *err)
{
	AUTO(access_list_unref) struct access_list *access = object_access_list(o);
	AUTO(config_unref) struct config *own = object_own(o);
	AUTO(free) char *name = object_name(o);
	int r = store_remove(o, err);

	if (r < 0)
		store_put_back(o, name, own, access);
	return r;
}

static int remove_held(struct object *o, struct err *err)
{
	struct host *h = o->host;
	int r;

	shape_lock(o->kind, h, true);
	r = o->kind->may_remove ? o->kind->may_remove(o, err) : 0;
	if (!r)
		r = remove_state(o, err);
	if (!r)
		registry_remove(o);
	shape_unlock(o->kind, h);
	return r;
}

int object_remove(struct object *o, const struct caller *who, struct err *err)
{
	AUTO(free) char *name = NULL;
	int r = object_take(o, "being removed", who, err);

	if (r < 0)
		return r;
	if (o->kind->vacate)
		r = o->kind->vacate(o, false, err);
	if (!r)
		r = remove_held(o, err);
	if (r < 0 && o->kind->vacate)
		o->kind->vacate(o, true, NULL);
	if (!r) {
		if (o->kind->remove)
			o->kind->remove(o);
		store_forget(o);
		name = object_name(o);
		if (o->host->on.renamed)
			o->host->on.renamed(o->host, o, name, NULL);
		life_tell(o, "deleted");
	}
	object_release(o);
	return r;
}
