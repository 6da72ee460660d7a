/* SPDX-License-Identifier: Apache-2.0 */
/* rm -r, cp -r and tar treat an object's files as if they were files: rm unlinks each before the directory,
 * cp and tar make each anew. An intent is what one process is at with one object. */
#include "engine/base/auto.h"
#include "engine/base/sys.h"
#include "fs/state.h"

#define INTENT_MS 10000
#define INTENTS 256
#define PLACES_MAX 4096

enum what { REMOVES, MADE };

struct intent {
	struct intent *next;
	uint32_t object;
	pid_t pid;
	uid_t uid; /* pids come round */
	uint64_t until;
	enum what what;
	struct err refusal; /* of the removal; errnum 0: it may go */
	uint64_t *ids;	    /* gone, or made */
	size_t n;
};

struct intents {
	pthread_mutex_t lock;
	struct intent *list; /* the newest first */
};

struct intents *intents_new(void)
{
	struct intents *t = xcalloc(1, sizeof(*t));

	pthread_mutex_init(&t->lock, NULL);
	return t;
}

static void intent_free(struct intent *x)
{
	err_done(&x->refusal);
	free(x->ids);
	free(x);
}

void intents_free(struct intents *t)
{
	while (t && t->list) {
		struct intent *x = t->list;

		t->list = x->next;
		intent_free(x);
	}
	free(t);
}

/* The lock is held. What is over, or more than can be kept, goes. */
static struct intent *find(struct intents *t, const struct object *o, pid_t pid, uid_t uid, enum what what)
{
	uint64_t now = sys_deadline(0);
	struct intent **p = &t->list, *found = NULL;
	size_t n = 0;

	while (*p) {
		struct intent *x = *p;

		if (x->until <= now || n >= INTENTS) {
			*p = x->next;
			intent_free(x);
			continue;
		}
		if (x->object == o->id && x->pid == pid && x->uid == uid && x->what == what)
			found = x;
		n++;
		p = &x->next;
	}
	return found;
}

static struct intent *add(struct intents *t, const struct object *o, pid_t pid, uid_t uid, enum what what)
{
	struct intent *x = xcalloc(1, sizeof(*x));

	*x = (struct intent){.next = t->list, .object = o->id, .pid = pid, .uid = uid, .what = what};
	x->until = sys_deadline(INTENT_MS);
	t->list = x;
	return x;
}

static int answer(const struct intent *x, struct err *err)
{
	return x->refusal.errnum ? err_set(err, x->refusal.errnum, "%s", err_text(&x->refusal)) : 1;
}

static bool has(const struct intent *x, uint64_t id)
{
	for (size_t i = 0; x && i < x->n; i++)
		if (x->ids[i] == id)
			return true;
	return false;
}

static void note(struct intent *x, uint64_t id)
{
	if (has(x, id) || x->n >= PLACES_MAX)
		return;
	x->ids = xrealloc(x->ids, (x->n + 1) * sizeof(*x->ids));
	x->ids[x->n++] = id;
}

int intent_remove(struct intents *t, struct object *o, pid_t pid, uid_t uid, struct err *err)
{
	AUTO(err_done) struct err refusal = ERR_NULL;
	struct intent *x;
	int r;

	pthread_mutex_lock(&t->lock);
	x = find(t, o, pid, uid, REMOVES);
	r = x ? answer(x, err) : 0;
	pthread_mutex_unlock(&t->lock);
	if (r)
		return r < 0 ? r : 0;
	if (o->kind->may_remove)
		o->kind->may_remove(o, &refusal);
	pthread_mutex_lock(&t->lock);
	x = add(t, o, pid, uid, REMOVES);
	err_move(&x->refusal, &refusal);
	r = answer(x, err);
	pthread_mutex_unlock(&t->lock);
	return r < 0 ? r : 0;
}

int intent_goes_on(struct intents *t, struct object *o, pid_t pid, uid_t uid, struct err *err)
{
	const struct intent *x;
	int r;

	pthread_mutex_lock(&t->lock);
	x = find(t, o, pid, uid, REMOVES);
	r = x ? answer(x, err) : 0;
	pthread_mutex_unlock(&t->lock);
	return r;
}

void intent_gone(struct intents *t, struct object *o, pid_t pid, uid_t uid, uint64_t id)
{
	struct intent *x;

	pthread_mutex_lock(&t->lock);
	x = find(t, o, pid, uid, REMOVES);
	if (x)
		note(x, id);
	pthread_mutex_unlock(&t->lock);
}

bool intent_is_gone(struct intents *t, struct object *o, pid_t pid, uid_t uid, uint64_t id)
{
	bool r;

	pthread_mutex_lock(&t->lock);
	r = t->list && has(find(t, o, pid, uid, REMOVES), id);
	pthread_mutex_unlock(&t->lock);
	return r;
}

static bool take_back(struct intent *x, uint64_t id)
{
	for (size_t i = 0; x && i < x->n; i++)
		if (x->ids[i] == id) {
			x->ids[i] = x->ids[--x->n];
			return true;
		}
	return false;
}

bool intent_back(struct intents *t, struct object *o, pid_t pid, uid_t uid, uint64_t id)
{
	struct intent *x;
	bool was;

	pthread_mutex_lock(&t->lock);
	was = take_back(find(t, o, pid, uid, REMOVES), id);
	x = find(t, o, pid, uid, MADE);
	if (x && !has(x, id)) {
		note(x, id);
		was = true;
	}
	pthread_mutex_unlock(&t->lock);
	return was;
}

void intent_fresh(struct intents *t, struct object *o, pid_t pid, uid_t uid)
{
	pthread_mutex_lock(&t->lock);
	if (!find(t, o, pid, uid, MADE))
		add(t, o, pid, uid, MADE);
	pthread_mutex_unlock(&t->lock);
}

bool intent_is_fresh(struct intents *t, struct object *o, pid_t pid, uid_t uid, uint64_t id)
{
	const struct intent *x;
	bool r;

	pthread_mutex_lock(&t->lock);
	x = t->list ? find(t, o, pid, uid, MADE) : NULL;
	r = x && !has(x, id);
	pthread_mutex_unlock(&t->lock);
	return r;
}
