/* SPDX-License-Identifier: Apache-2.0 */
/* Owner, group and mode of objects and of places in them, as chown, chgrp and chmod left them. */
#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/model/internal.h"
#include "engine/model/store.h"

#define ACCESS_MAX 4096 /* places of one object with an owner of their own */

struct access_list *access_list_new(void)
{
	struct access_list *l = xcalloc(1, sizeof(*l));

	l->refs = 1;
	return l;
}

void access_list_unref(struct access_list *l)
{
	if (!l || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < l->n; i++)
		free(l->list[i].place);
	free(l->list);
	free(l);
}

struct access_list *object_access_list(struct object *o)
{
	struct access_list *l;

	pthread_mutex_lock(&o->lock);
	l = o->access;
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&o->lock);
	return l;
}

void object_publish_access(struct object *o, struct access_list *take)
{
	struct access_list *old;

	pthread_mutex_lock(&o->lock);
	old = o->access;
	o->access = take;
	pthread_mutex_unlock(&o->lock);
	access_list_unref(old);
}

static size_t place_of(const struct access_list *l, const char *place, bool *ret_found)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (strcmp(l->list[mid].place, place) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret_found = lo < l->n && !strcmp(l->list[lo].place, place);
	return lo;
}

void access_list_put(struct access_list *l, const char *place, uid_t uid, gid_t gid, mode_t mode)
{
	bool found;
	size_t i = place_of(l, place, &found);

	if (!found) {
		l->list = xrealloc(l->list, (l->n + 1) * sizeof(*l->list));
		memmove(l->list + i + 1, l->list + i, (l->n - i) * sizeof(*l->list));
		l->n++;
		l->list[i] = (struct access){.place = xstrdup(place)};
	}
	l->list[i].uid = uid;
	l->list[i].gid = gid;
	l->list[i].mode = mode == ACCESS_INHERITED ? mode : mode & 0777;
}

static void access_list_drop(struct access_list *l, const char *place)
{
	bool found;
	size_t i = place_of(l, place, &found);

	if (!found)
		return;
	free(l->list[i].place);
	l->n--;
	memmove(l->list + i, l->list + i + 1, (l->n - i) * sizeof(*l->list));
}

/* Owner and group of the object, as long as it wasn't given to anybody; what is made in an instance or in a
 * project belongs to whom that does. Project default can't be given away: it is the top of the tree. */
static void base_of(struct object *o, const struct access_list *l, uid_t *uid, gid_t *gid);

static void first_base_of(struct object *o, uid_t *uid, gid_t *gid)
{
	*uid = 0;
	*gid = o->host->gid;
	if (o->parent && (o->parent->kind->number == KIND_INSTANCE ||
			  (o->parent->kind->number == KIND_PROJECT && o->parent != o->host->project))) {
		AUTO(access_list_unref) struct access_list *up = object_access_list(o->parent);

		base_of(o->parent, up, uid, gid);
	}
}

static void base_of(struct object *o, const struct access_list *l, uid_t *uid, gid_t *gid)
{
	first_base_of(o, uid, gid);
	/* the object's own entry sorts first */
	if (!l->n || *l->list[0].place)
		return;
	*uid = l->list[0].uid == ACCESS_INHERITED ? *uid : l->list[0].uid;
	*gid = l->list[0].gid == ACCESS_INHERITED ? *gid : l->list[0].gid;
}

static enum key_class class_in(const struct object *o, enum key_class class)
{
	struct object *project = class == CLASS_PROJECT ? o->parent : NULL;

	if (!project)
		return class == CLASS_PROJECT ? CLASS_HOST : class;
	return project->kind->number == KIND_PROJECT && project != o->host->project &&
		       host_scope(project, KIND_PROFILE) == project
		   ? CLASS_PROJECT
		   : CLASS_HOST;
}

/* What a place has as long as nobody gave it anything of its own. */
static struct access inherited(struct object *o, const struct access_list *l, const char *place,
			       enum key_class class, mode_t mode)
{
	struct access a = {.uid = 0, .gid = o->host->gid, .mode = mode};
	uid_t uid;
	gid_t gid;

	if (!*place)
		first_base_of(o, &uid, &gid);
	else
		base_of(o, l, &uid, &gid);
	class = class_in(o, class);
	if (class == CLASS_PROJECT)
		first_base_of(o, &a.uid, &a.gid);
	if (class == CLASS_OWNER) {
		a.uid = uid;
		a.gid = gid;
	} else if (uid != a.uid || gid != a.gid) {
		/* whom the object was given to may know what binds it */
		a.mode |= mode >> 3 & 0004;
	}
	return a;
}

static struct access access_in(struct object *o, const struct access_list *l, const char *place,
			       enum key_class class, mode_t mode)
{
	struct access a = inherited(o, l, place, class, mode);
	bool found;
	size_t i = place_of(l, place, &found);

	if (!found)
		return a;
	a.uid = l->list[i].uid == ACCESS_INHERITED ? a.uid : l->list[i].uid;
	a.gid = l->list[i].gid == ACCESS_INHERITED ? a.gid : l->list[i].gid;
	a.mode = l->list[i].mode == ACCESS_INHERITED ? a.mode : l->list[i].mode;
	return a;
}

struct access object_access(struct object *o, const char *place, enum key_class class, mode_t mode)
{
	AUTO(access_list_unref) struct access_list *l = object_access_list(o);

	return access_in(o, l, place, class, mode);
}

static struct access_list *copy_of(const struct access_list *l)
{
	struct access_list *new = access_list_new();

	for (size_t i = 0; i < l->n; i++)
		access_list_put(new, l->list[i].place, l->list[i].uid, l->list[i].gid, l->list[i].mode);
	return new;
}

static enum key_class class_of(struct object *o, const char *place)
{
	AUTO(config_unref) struct config *c = object_effective(o);
	const char *slash = strrchr(place, '/');
	AUTO(free)
	char *section =
	    slash ? str_dup((struct str){place, (size_t)(slash - place)}) : xstrdup(SECTION_PROPS);
	const struct key *k = object_key(o, c, section, str_from(slash ? slash + 1 : place), NULL);

	return k ? k->class : CLASS_OWNER;
}

/* chgrp -R comes to the object after what is in it: what has the object's new owner inherits it from now on,
 * so that all of it goes back with the object. Not so for the host's own group: what was kept back for it
 * stays so when the object is given away again. */
static void inherit(struct object *o, struct access_list *l)
{
	uid_t uid;
	gid_t gid;

	base_of(o, l, &uid, &gid);
	for (size_t i = l->n; i-- > 0;) {
		struct access *a = &l->list[i];

		if (!*a->place || class_of(o, a->place) != CLASS_OWNER)
			continue;
		if (uid && a->uid == uid)
			a->uid = ACCESS_INHERITED;
		if (gid != o->host->gid && a->gid == gid)
			a->gid = ACCESS_INHERITED;
		if (a->uid == ACCESS_INHERITED && a->gid == ACCESS_INHERITED && a->mode == ACCESS_INHERITED)
			access_list_drop(l, a->place);
	}
}

struct access_list *access_list_without(const struct access_list *l, const char *section)
{
	struct access_list *new = copy_of(l);
	size_t n = strlen(section);

	for (size_t i = new->n; i-- > 0;) {
		const char *place = new->list[i].place;

		if (!strncmp(place, section, n) && (!place[n] || place[n] == '/'))
			access_list_drop(new, place);
	}
	return new;
}

static int set_held(struct object *o, const char *place, enum key_class class, mode_t def, uid_t uid,
		    gid_t gid, mode_t mode, struct err *err)
{
	AUTO(access_list_unref) struct access_list *old = object_access_list(o), *new = copy_of(old);
	AUTO(config_unref) struct config *own = object_own(o);
	AUTO(free) char *name = object_name(o);
	struct access a = {.uid = ACCESS_INHERITED, .gid = ACCESS_INHERITED, .mode = ACCESS_INHERITED}, plain;
	bool found;
	size_t i = place_of(old, place, &found);
	int r;

	if (class != CLASS_OWNER && gid != (gid_t)-1 && uid == (uid_t)-1 &&
	    gid != access_in(o, old, place, class, def).gid && gid != o->host->gid)
		return err_set(
		    err, EPERM,
		    "%s reaches the host, so a change of group alone, as chgrp -R makes it, doesn't "
		    "give it away: chown root:GROUP does",
		    place);
	if (found)
		a = old->list[i];
	if (uid != (uid_t)-1)
		a.uid = uid;
	if (gid != (gid_t)-1)
		a.gid = gid;
	if (mode != (mode_t)-1)
		a.mode = mode & 0777;
	plain = inherited(o, old, place, class, def);
	a.uid = a.uid == plain.uid ? ACCESS_INHERITED : a.uid;
	a.gid = a.gid == plain.gid ? ACCESS_INHERITED : a.gid;
	a.mode = a.mode == plain.mode ? ACCESS_INHERITED : a.mode;
	if (a.uid == ACCESS_INHERITED && a.gid == ACCESS_INHERITED && a.mode == ACCESS_INHERITED)
		access_list_drop(new, place);
	else
		access_list_put(new, place, a.uid, a.gid, a.mode);
	if (!*place)
		inherit(o, new);
	if (new->n > ACCESS_MAX)
		return err_set(err, ENOSPC, "%d places of one object have an owner of their own: no more can",
			       ACCESS_MAX);
	r = store_stage(o, name, own, new, err);
	if (r < 0)
		return r;
	r = store_commit(o, err);
	if (r < 0)
		store_put_back(o, name, own, old);
	else
		object_publish_access(o, TAKE(new));
	return r;
}

int object_set_access(struct object *o, const char *place, enum key_class class, mode_t def, uid_t uid,
		      gid_t gid, mode_t mode, const struct caller *who, struct err *err)
{
	int r = object_take(o, "being changed", who, err);

	if (r < 0)
		return r;
	r = set_held(o, place, class, def, uid, gid, mode, err);
	object_release(o);
	return r;
}

bool access_may(const struct access *a, const struct caller *who, int want)
{
	mode_t bits;

	if (who->is_core || who->uid == 0)
		return true;
	if (who->uid == a->uid)
		bits = a->mode >> 6;
	else if (caller_in_group(who, a->gid))
		bits = a->mode >> 3;
	else
		bits = a->mode;
	return ((int)bits & want) == want;
}
