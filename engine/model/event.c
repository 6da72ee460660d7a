/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of events and its readers, behind one leaf lock. */
#include "engine/model/event.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>

#include "engine/base/auto.h"

#define RING 4096

struct event_reader {
	struct event_reader *next;
	struct events *events;
	uint64_t seq;	  /* of the next line for it */
	uint32_t project; /* it hears of that one alone; 0: of all */
	int fd;
};

struct line {
	char *text;
	uint32_t project;
};

struct events {
	pthread_mutex_t lock;
	struct line ring[RING];
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
		free(e->ring[i].text);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static bool hears(const struct event_reader *r, uint32_t project)
{
	return !r->project || r->project == project;
}

void events_add(struct events *e, uint32_t project, const char *line)
{
	struct line *slot;

	pthread_mutex_lock(&e->lock);
	/* nobody listens: nothing to keep */
	if (e->readers) {
		slot = &e->ring[e->seq++ % RING];
		free(slot->text);
		*slot = (struct line){xstrdup(line), project};
		for (struct event_reader *r = e->readers; r; r = r->next)
			if (hears(r, project))
				eventfd_write(r->fd, 1);
	}
	pthread_mutex_unlock(&e->lock);
}

struct event_reader *event_reader_new(struct events *e, uint32_t project)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct event_reader *r;

	if (fd < 0)
		return NULL;
	r = xcalloc(1, sizeof(*r));
	r->events = e;
	r->project = project;
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

/* The next line for it, NULL for none; others' are passed over. The lock is held. */
static const char *next_line(struct event_reader *r)
{
	const struct events *e = r->events;

	while (r->seq < e->seq && !hears(r, e->ring[r->seq % RING].project))
		r->seq++;
	return r->seq < e->seq ? e->ring[r->seq % RING].text : NULL;
}

void event_reader_take(struct event_reader *r, struct buf *b, size_t max)
{
	struct events *e = r->events;
	size_t begin = b->len;
	eventfd_t count;
	const char *line;

	pthread_mutex_lock(&e->lock);
	eventfd_read(r->fd, &count);
	if (e->seq - r->seq > RING) {
		/* how much goes on elsewhere isn't told */
		if (r->project)
			buf_adds(b, "{\"type\":\"lost\"}\n");
		else
			buf_printf(b, "{\"type\":\"lost\",\"count\":%llu}\n",
				   (unsigned long long)(e->seq - RING - r->seq));
		r->seq = e->seq - RING;
	}
	while ((line = next_line(r)) && (b->len == begin || b->len - begin + strlen(line) < max)) {
		buf_printf(b, "%s\n", line);
		r->seq++;
	}
	if (line)
		eventfd_write(r->fd, 1);
	pthread_mutex_unlock(&e->lock);
}
