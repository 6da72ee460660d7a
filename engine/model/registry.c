/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of all objects. Its lock protects them, the names, is_gone and is_hidden; nothing that waits is done
 * under it. */
#include "engine/model/registry.h"

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"

#define BUCKETS_FIRST 256

/* Objects of one kind in one parent, ascending by id. */
struct family {
	struct family *next;
	uint32_t parent;
	enum kind_number kind;
	struct object **list;
	size_t n, cap, hidden;
};

struct registry {
	pthread_rwlock_t lock;
	struct object **by_id, **by_name;
	struct family **families;
	size_t buckets, n; /* a power of two; n objects */
};

static uint32_t parent_id(const struct object *o)
{
	return o->parent ? o->parent->id : 0;
}

static size_t mix(uint64_t v)
{
	v ^= v >> 33;
	v *= 0xff51afd7ed558ccdULL;
	return (size_t)(v ^ v >> 33);
}

static size_t hash_name(uint32_t parent, enum kind_number kind, struct str name)
{
	uint64_t h = 0xcbf29ce484222325ULL ^ ((uint64_t)parent << 8 | kind);

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ (unsigned char)name.ptr[i]) * 0x100000001b3ULL;
	return mix(h);
}

struct registry *registry_new(void)
{
	struct registry *r = xcalloc(1, sizeof(*r));

	pthread_rwlock_init(&r->lock, NULL);
	r->buckets = BUCKETS_FIRST;
	r->by_id = xcalloc(r->buckets, sizeof(struct object *));
	r->by_name = xcalloc(r->buckets, sizeof(struct object *));
	r->families = xcalloc(r->buckets, sizeof(struct family *));
	return r;
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	for (size_t b = 0; b < r->buckets; b++) {
		struct family *f = r->families[b], *next;

		for (; f; f = next) {
			next = f->next;
			for (size_t i = 0; i < f->n; i++)
				object_unref(f->list[i]);
			free(f->list);
			free(f);
		}
	}
	free(r->by_id);
	free(r->by_name);
	free(r->families);
	pthread_rwlock_destroy(&r->lock);
	free(r);
}

/* ---- tables; the lock is held */

static struct family **family_slot(struct registry *r, uint32_t parent, enum kind_number kind)
{
	struct family **p = &r->families[mix((uint64_t)parent << 8 | kind) & (r->buckets - 1)];

	while (*p && ((*p)->parent != parent || (*p)->kind != kind))
		p = &(*p)->next;
	return p;
}

/* The first place whose id is above @after. */
static size_t family_place(const struct family *f, uint32_t after)
{
	size_t lo = 0, hi = f->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (f->list[mid]->id <= after)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct object **name_slot(struct registry *r, const struct object *o)
{
	return &r->by_name[hash_name(parent_id(o), o->kind->number, str_from(o->name)) & (r->buckets - 1)];
}

static struct object *find_name(struct registry *r, uint32_t parent, enum kind_number kind, struct str name)
{
	struct object *o = r->by_name[hash_name(parent, kind, name) & (r->buckets - 1)];

	while (o && (parent_id(o) != parent || o->kind->number != kind || !str_is(name, o->name)))
		o = o->next_name;
	return o;
}

static void grow(struct registry *r)
{
	size_t old = r->buckets;
	struct object **ids = r->by_id;
	struct family **families = r->families;

	r->buckets = old * 4;
	r->by_id = xcalloc(r->buckets, sizeof(struct object *));
	free(r->by_name);
	r->by_name = xcalloc(r->buckets, sizeof(struct object *));
	r->families = xcalloc(r->buckets, sizeof(struct family *));
	for (size_t b = 0; b < old; b++) {
		struct object *o = ids[b], *next;

		for (; o; o = next) {
			struct object **i = &r->by_id[mix(o->id) & (r->buckets - 1)], **n = name_slot(r, o);

			next = o->next_id;
			o->next_id = *i;
			*i = o;
			o->next_name = *n;
			*n = o;
		}
		for (struct family *f = families[b], *after; f; f = after) {
			after = f->next;
			f->next = NULL;
			*family_slot(r, f->parent, f->kind) = f;
		}
	}
	free(ids);
	free(families);
}

static void name_unlink(struct registry *r, struct object *o)
{
	struct object **p = name_slot(r, o);

	while (*p && *p != o)
		p = &(*p)->next_name;
	if (*p)
		*p = o->next_name;
	o->next_name = NULL;
}

static void name_link(struct registry *r, struct object *o)
{
	struct object **p = name_slot(r, o);

	o->next_name = *p;
	*p = o;
}

/* The list takes the caller's reference. */
static void family_join(struct registry *r, struct object *take_o)
{
	struct family **slot = family_slot(r, parent_id(take_o), take_o->kind->number), *f = *slot;
	size_t place;

	if (!f) {
		f = *slot = xcalloc(1, sizeof(**slot));
		f->parent = parent_id(take_o);
		f->kind = take_o->kind->number;
	}
	if (f->n == f->cap) {
		f->cap = MAX(4, f->cap * 2);
		f->list = xrealloc(f->list, f->cap * sizeof(struct object *));
	}
	place = family_place(f, take_o->id);
	memmove(f->list + place + 1, f->list + place, (f->n - place) * sizeof(struct object *));
	f->list[place] = take_o;
	f->n++;
	f->hidden += take_o->is_hidden;
}

/* And gives it back. */
static void family_leave(struct registry *r, struct object *o)
{
	struct family **slot = family_slot(r, parent_id(o), o->kind->number), *f = *slot;
	size_t place = family_place(f, o->id) - 1;

	f->n--;
	f->hidden -= o->is_hidden;
	memmove(f->list + place, f->list + place + 1, (f->n - place) * sizeof(struct object *));
	if (f->n)
		return;
	*slot = f->next;
	free(f->list);
	free(f);
}

static bool is_orphan(const struct object *o)
{
	return o->parent && o->parent->is_gone;
}

/* ---- for the rest of the model */

int registry_add(struct object *o)
{
	struct registry *r = o->host->registry;
	struct object **i;

	pthread_rwlock_wrlock(&r->lock);
	if (is_orphan(o) || find_name(r, parent_id(o), o->kind->number, str_from(o->name))) {
		int result = is_orphan(o) ? -ENOENT : -EEXIST;

		pthread_rwlock_unlock(&r->lock);
		return result;
	}
	if (++r->n > r->buckets * 2)
		grow(r);
	family_join(r, object_ref(o));
	i = &r->by_id[mix(o->id) & (r->buckets - 1)];
	o->next_id = *i;
	*i = o;
	name_link(r, o);
	atomic_fetch_add(&o->host->changes, 1);
	pthread_rwlock_unlock(&r->lock);
	return 0;
}

int registry_show(struct object *o)
{
	struct registry *r = o->host->registry;
	int result;

	pthread_rwlock_wrlock(&r->lock);
	result = is_orphan(o) ? -ENOENT : 0;
	if (!result && o->is_hidden) {
		o->is_hidden = false;
		atomic_fetch_add(&o->host->changes, 1);
		(*family_slot(r, parent_id(o), o->kind->number))->hidden--;
	}
	pthread_rwlock_unlock(&r->lock);
	return result;
}

void registry_remove(struct object *o)
{
	struct registry *r = o->host->registry;
	struct object **i;

	pthread_rwlock_wrlock(&r->lock);
	if (o->is_gone) {
		pthread_rwlock_unlock(&r->lock);
		return;
	}
	o->is_gone = true;
	for (i = &r->by_id[mix(o->id) & (r->buckets - 1)]; *i != o; i = &(*i)->next_id)
		;
	*i = o->next_id;
	name_unlink(r, o);
	family_leave(r, o);
	r->n--;
	atomic_fetch_add(&o->host->changes, 1);
	pthread_rwlock_unlock(&r->lock);
	object_unref(o);
}

struct former {
	struct former *next;
	struct object *parent;
};

void registry_formers_free(struct object *o)
{
	while (o->formers) {
		struct former *f = o->formers;

		o->formers = f->next;
		object_unref(f->parent);
		free(f);
	}
}

int registry_move(struct object *o, struct object *parent, const char *name)
{
	struct registry *r = o->host->registry;
	struct former *f = parent == o->parent ? NULL : xcalloc(1, sizeof(*f));
	int result = 0;

	pthread_rwlock_wrlock(&r->lock);
	if (find_name(r, parent->id, o->kind->number, str_from(name)))
		result = -EEXIST;
	else if (parent->is_gone)
		result = -ENOENT;
	if (!result) {
		name_unlink(r, o);
		free(o->name);
		o->name = xstrdup(name);
		if (f) {
			family_leave(r, o);
			*f = (struct former){o->formers, o->parent};
			o->formers = f;
			o->parent = object_ref(parent);
			family_join(r, o);
		}
		name_link(r, o);
		atomic_fetch_add(&o->host->changes, 1);
	}
	pthread_rwlock_unlock(&r->lock);
	if (result)
		free(f);
	return result;
}

char *registry_name(const struct object *o)
{
	struct registry *r = o->host->registry;
	char *name;

	pthread_rwlock_rdlock(&r->lock);
	name = xstrdup(o->name);
	pthread_rwlock_unlock(&r->lock);
	return name;
}

/* ---- for everybody: host.h */

struct object *host_find(struct object *parent, enum kind_number kind, struct str name)
{
	struct registry *r = parent->host->registry;
	struct object *o;

	pthread_rwlock_rdlock(&r->lock);
	o = find_name(r, parent->id, kind, name);
	o = o && !o->is_hidden ? object_ref(o) : NULL;
	pthread_rwlock_unlock(&r->lock);
	return o;
}

struct object *host_get(struct host *h, uint32_t id)
{
	struct registry *r = h->registry;
	struct object *o;

	pthread_rwlock_rdlock(&r->lock);
	for (o = r->by_id[mix(id) & (r->buckets - 1)]; o && o->id != id; o = o->next_id)
		;
	o = o && !o->is_hidden ? object_ref(o) : NULL;
	pthread_rwlock_unlock(&r->lock);
	return o;
}

size_t host_list(struct object *parent, enum kind_number kind, uint32_t after, struct object **ret,
		 size_t max)
{
	struct registry *r = parent->host->registry;
	const struct family *f;
	size_t n = 0;

	pthread_rwlock_rdlock(&r->lock);
	f = *family_slot(r, parent->id, kind);
	for (size_t i = f ? family_place(f, after) : 0; f && i < f->n && n < max; i++)
		if (!f->list[i]->is_hidden)
			ret[n++] = object_ref(f->list[i]);
	pthread_rwlock_unlock(&r->lock);
	return n;
}

size_t host_count(struct object *parent, enum kind_number kind)
{
	struct registry *r = parent->host->registry;
	const struct family *f;
	size_t n;

	pthread_rwlock_rdlock(&r->lock);
	f = *family_slot(r, parent->id, kind);
	n = f ? f->n - f->hidden : 0;
	pthread_rwlock_unlock(&r->lock);
	return n;
}

struct object **host_all(struct object *parent, enum kind_number kind)
{
	size_t cap = host_count(parent, kind) + 1, n;
	struct object **list = xcalloc(cap + 1, sizeof(*list));

	/* more may have come since they were counted */
	while ((n = host_list(parent, kind, 0, list, cap)) == cap) {
		for (size_t i = 0; i < n; i++)
			object_unref(list[i]);
		cap *= 2;
		list = xrealloc(list, (cap + 1) * sizeof(*list));
	}
	list[n] = NULL;
	return list;
}

struct object **host_all_new(struct object *parent, enum kind_number kind)
{
	struct registry *r = parent->host->registry;
	const struct family *f;
	struct object **list;

	pthread_rwlock_rdlock(&r->lock);
	f = *family_slot(r, parent->id, kind);
	list = xcalloc(f ? f->n + 1 : 1, sizeof(struct object *));
	for (size_t i = 0; f && i < f->n; i++)
		list[i] = object_ref(f->list[i]);
	pthread_rwlock_unlock(&r->lock);
	return list;
}

/* ---- across projects */

static int by_id(const void *a, const void *b)
{
	const struct object *const *x = a, *const *y = b;

	return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

struct object *host_scope(struct object *project, enum kind_number kind)
{
	const struct kind *k = kind_get(kind);
	AUTO(config_unref) struct config *own = NULL;
	struct host *h = project->host;

	/* at the very start project default isn't known yet */
	if (!k || !h->project || project == h->project)
		return project;
	if (k->is_global)
		return h->project;
	if (!k->feature)
		return project;
	own = object_own(project);
	return value_bool(config_get(own, SECTION_CONFIG, k->feature)) ? project : h->project;
}

/* @used: KINDS for those of all projects. */
static struct object **gather(struct host *h, const struct object *project, enum kind_number used,
			      enum kind_number kind)
{
	AUTO(objects_free) struct object **projects = host_all(h->server, KIND_PROJECT);
	struct object **list = xcalloc(1, sizeof(struct object *));
	size_t n = 0;

	for (size_t p = 0; projects[p]; p++) {
		struct object **some;
		size_t count = 0;

		if (used != KINDS && host_scope(projects[p], used) != project)
			continue;
		some = host_all(projects[p], kind);
		while (some[count])
			count++;
		list = xrealloc(list, (n + count + 1) * sizeof(*list));
		memcpy(list + n, some, (count + 1) * sizeof(*list));
		n += count;
		free(some);
	}
	if (n > 1)
		qsort(list, n, sizeof(*list), by_id);
	return list;
}

struct object **host_every(struct host *h, enum kind_number kind)
{
	return gather(h, NULL, KINDS, kind);
}

struct object **host_users(struct object *project, enum kind_number used, enum kind_number kind)
{
	return gather(project->host, project, used, kind);
}

void objects_free(struct object **list)
{
	for (size_t i = 0; list && list[i]; i++)
		object_unref(list[i]);
	free(list);
}
