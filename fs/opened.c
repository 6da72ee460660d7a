/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of open files and directories. The lock protects the table. */
#include <pthread.h>
#include <sys/random.h>

#include "engine/base/str.h"
#include "fs/state.h"

#define BUCKETS 1024

struct entry {
	struct entry *next;
	uint64_t number;
	void *what;
};

struct opened {
	pthread_mutex_t lock;
	uint64_t last;
	struct entry *buckets[BUCKETS];
};

struct opened *opened_new(void)
{
	struct opened *t = xcalloc(1, sizeof(*t));
	uint32_t epoch = 0;

	/* numbers of the core before must not be found in this one's table */
	while (!epoch)
		if (getrandom(&epoch, sizeof(epoch), 0) != sizeof(epoch))
			epoch = (uint32_t)now_ns();
	pthread_mutex_init(&t->lock, NULL);
	t->last = (uint64_t)epoch << 31;
	return t;
}

void opened_free(struct opened *t)
{
	for (size_t i = 0; t && i < BUCKETS; i++)
		for (struct entry *e = t->buckets[i], *next; e; e = next) {
			next = e->next;
			free(e);
		}
	if (t)
		pthread_mutex_destroy(&t->lock);
	free(t);
}

/* Where the entry of a number hangs; *result is NULL for none. The lock is held. */
static struct entry **find(struct opened *t, uint64_t number)
{
	struct entry **p = &t->buckets[(number >> 1) % BUCKETS];

	while (*p && (*p)->number != number)
		p = &(*p)->next;
	return p;
}

static void add(struct opened *t, uint64_t number, void *what)
{
	struct entry *e = xcalloc(1, sizeof(*e)), **p = &t->buckets[(number >> 1) % BUCKETS];

	*e = (struct entry){.next = *p, .number = number, .what = what};
	*p = e;
}

uint64_t opened_add(struct opened *t, void *what, bool by_root)
{
	uint64_t number;

	pthread_mutex_lock(&t->lock);
	number = ++t->last << 1 | (by_root ? OPENED_BY_ROOT : 0);
	add(t, number, what);
	pthread_mutex_unlock(&t->lock);
	return number;
}

void *opened_find(struct opened *t, uint64_t number)
{
	struct entry *e;
	void *what;

	pthread_mutex_lock(&t->lock);
	e = *find(t, number);
	what = e ? e->what : NULL;
	pthread_mutex_unlock(&t->lock);
	return what;
}

void *opened_again(struct opened *t, uint64_t number, void *what)
{
	struct entry *e;

	pthread_mutex_lock(&t->lock);
	e = *find(t, number);
	if (e)
		what = e->what;
	else
		add(t, number, what);
	pthread_mutex_unlock(&t->lock);
	return what;
}

void *opened_take(struct opened *t, uint64_t number)
{
	struct entry **p, *e;
	void *what = NULL;

	pthread_mutex_lock(&t->lock);
	p = find(t, number);
	e = *p;
	if (e) {
		*p = e->next;
		what = e->what;
	}
	pthread_mutex_unlock(&t->lock);
	free(e);
	return what;
}
