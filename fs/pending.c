/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that were created and not yet written, whose ids mean something while a handle is open; and files that
 * a write waits in. */
#include "engine/base/auto.h"
#include "fs/state.h"

struct pending {
	struct pending *next;
	uint64_t id;
	unsigned count;
	struct node node;
};

struct pendings {
	pthread_mutex_t lock;
	struct pending *list;
};

struct pendings *pendings_new(void)
{
	struct pendings *p = xcalloc(1, sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void pendings_free(struct pendings *p)
{
	while (p && p->list)
		pending_del(p, p->list->id);
	free(p);
}

static struct pending **find(struct pendings *p, uint64_t id)
{
	struct pending **x = &p->list;

	while (*x && (*x)->id != id)
		x = &(*x)->next;
	return x;
}

void pending_add(struct pendings *p, const struct node *n)
{
	uint64_t id = node_id(n);
	struct pending **x, *new;

	pthread_mutex_lock(&p->lock);
	x = find(p, id);
	if (!*x) {
		new = xcalloc(1, sizeof(*new));
		*new = (struct pending){.id = id, .node = node_copy(n)};
		*x = new;
	}
	(*x)->count++;
	pthread_mutex_unlock(&p->lock);
}

void pending_del(struct pendings *p, uint64_t id)
{
	struct pending **x, *old = NULL;

	pthread_mutex_lock(&p->lock);
	x = find(p, id);
	if (*x && --(*x)->count == 0) {
		old = *x;
		*x = old->next;
	}
	pthread_mutex_unlock(&p->lock);
	if (old)
		node_done(&old->node);
	free(old);
}

bool pending_has(struct pendings *p, uint64_t id)
{
	bool r;

	pthread_mutex_lock(&p->lock);
	r = *find(p, id) != NULL;
	pthread_mutex_unlock(&p->lock);
	return r;
}

bool pending_find(struct pendings *p, uint64_t id, struct node *ret)
{
	struct pending *x;

	pthread_mutex_lock(&p->lock);
	x = *find(p, id);
	if (x)
		*ret = node_copy(&x->node);
	pthread_mutex_unlock(&p->lock);
	return x != NULL;
}
