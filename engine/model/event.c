/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of events and its readers, behind one leaf lock. */
#include "engine/model/event.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include "engine/base/auto.h"

#define RING 4096

struct event_reader {
	struct event_reader *next;
	struct events *events;
	uint64_t seq; /* of the next line for it */
	int fd;
};

struct events {
	pthread_mutex_t lock;
	char *ring[RING];
	uint64_t seq; /* of the next line */
	struct event_reader *readers;
};

struct events *events_new(void)
{
	struct events *e = xcalloc(1, sizeof(*e));

	pthread_mutex_init(&e->lock, NULL);
	return e;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < RING; i++)
		free(e->ring[i]);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

void events_add(struct events *e, const char *line)
{
	char **slot;

	pthread_mutex_lock(&e->lock);
	/* nobody listens: nothing to keep */
	if (e->readers) {
		slot = &e->ring[e->seq++ % RING];
		free(*slot);
		*slot = xstrdup(line);
		for (struct event_reader *r = e->readers; r; r = r->next)
			eventfd_write(r->fd, 1);
	}
	pthread_mutex_unlock(&e->lock);
}

struct event_reader *event_reader_new(struct events *e)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct event_reader *r;

	if (fd < 0)
		return NULL;
	r = xcalloc(1, sizeof(*r));
	r->events = e;
	r->fd = fd;
	pthread_mutex_lock(&e->lock);
	r->seq = e->seq;
	r->next = e->readers;
	e->readers = r;
	pthread_mutex_unlock(&e->lock);
	return r;
}

void event_reader_free(struct event_reader *r)
{
	struct event_reader **p;

	if (!r)
		return;
	pthread_mutex_lock(&r->events->lock);
	for (p = &r->events->readers; *p != r; p = &(*p)->next)
		;
	*p = r->next;
	pthread_mutex_unlock(&r->events->lock);
	/* who waits on a duplicate of it learns that nothing more comes */
	eventfd_write(r->fd, 1);
	close(r->fd);
	free(r);
}

int event_reader_fd(const struct event_reader *r)
{
	return r->fd;
}

void event_reader_take(struct event_reader *r, struct buf *b, size_t max)
{
	struct events *e = r->events;
	size_t begin = b->len;
	eventfd_t count;

	pthread_mutex_lock(&e->lock);
	eventfd_read(r->fd, &count);
	if (e->seq - r->seq > RING) {
		buf_printf(b, "{\"type\":\"lost\",\"count\":%llu}\n",
			   (unsigned long long)(e->seq - RING - r->seq));
		r->seq = e->seq - RING;
	}
	while (r->seq < e->seq && (b->len == begin || b->len - begin + strlen(e->ring[r->seq % RING]) < max))
		buf_printf(b, "%s\n", e->ring[r->seq++ % RING]);
	if (r->seq < e->seq)
		eventfd_write(r->fd, 1);
	pthread_mutex_unlock(&e->lock);
}
