/* SPDX-License-Identifier: Apache-2.0 */
/* Tags, and who waits for which. One lock for the table, one for what is written. */
#include "fs/9p/client.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/sys.h"

#define CALLS_MAX 120		/* less than what the server answers at a time */
#define FLUSHES (CALLS_MAX + 1) /* tags of flushes lie above those of calls */
#define HELLO_MS 20000

struct waiter {
	bool is_used, is_done;
	bool is_flushed, is_flush_answered;
	bool is_left; /* nobody waits, but the tag isn't free before the flush is answered */
	int result;
	uint8_t wanted;
	char *buf; /* the answer is put here */
	size_t cap;
	struct p9_msg *msg;
	pthread_cond_t done;
};

struct p9_client {
	int stream;
	uint32_t msize;
	atomic_bool dead;
	atomic_uint next_fid;
	pthread_t reader;
	bool has_reader;
	pthread_mutex_t lock; /* of calls */
	pthread_cond_t free;
	struct waiter calls[CALLS_MAX];
	pthread_mutex_t writing;
	char *out; /* under writing */
	char *in;  /* of the reader */
};

/* ---- what comes */

static bool receive(int fd, char *to, size_t len)
{
	while (len) {
		ssize_t n = sys_read(fd, to, len);

		if (n <= 0)
			return false;
		to += n;
		len -= (size_t)n;
	}
	return true;
}

/* The lock is held. */
static void finish(struct waiter *w, int result)
{
	w->result = result;
	w->is_done = true;
	pthread_cond_signal(&w->done);
}

static void hear(struct p9_client *c, size_t size)
{
	struct p9_msg m;
	uint16_t tag = (uint16_t)((unsigned char)c->in[5] | (unsigned char)c->in[6] << 8);
	struct waiter *w = tag < CALLS_MAX ? &c->calls[tag] : NULL;

	pthread_mutex_lock(&c->lock);
	if (tag >= FLUSHES && tag < FLUSHES + CALLS_MAX) {
		/* what a flush is of is never answered after this */
		w = &c->calls[tag - FLUSHES];
		w->is_flush_answered = true;
		if (w->is_used && !w->is_done) {
			finish(w, -EINTR);
		} else if (w->is_left) {
			w->is_used = w->is_left = false;
			pthread_cond_signal(&c->free);
		}
	} else if (w && w->is_used && !w->is_done) {
		if (size > w->cap) {
			finish(w, -EIO);
		} else {
			memcpy(w->buf, c->in, size);
			if (p9_decode((struct str){w->buf, size}, &m) < 0 ||
			    (m.type != w->wanted && m.type != P9_RLERROR))
				finish(w, -EIO);
			else if (m.type == P9_RLERROR)
				finish(w, m.ecode && m.ecode < 4096 ? -(int)m.ecode : -EIO);
			else {
				*w->msg = m;
				finish(w, 0);
			}
		}
	}
	pthread_mutex_unlock(&c->lock);
}

static void *listen_always(void *arg)
{
	struct p9_client *c = arg;

	for (;;) {
		uint32_t size;

		if (!receive(c->stream, c->in, 4))
			break;
		size = p9_size(c->in);
		if (size < P9_HEADER || size > c->msize || !receive(c->stream, c->in + 4, size - 4))
			break;
		hear(c, size);
	}
	atomic_store(&c->dead, true);
	shutdown(c->stream, SHUT_RDWR);
	pthread_mutex_lock(&c->lock);
	for (unsigned i = 0; i < CALLS_MAX; i++)
		if (c->calls[i].is_used && !c->calls[i].is_done)
			finish(&c->calls[i], -EIO);
	pthread_cond_broadcast(&c->free);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* ---- what goes */

static int transmit(struct p9_client *c, const struct p9_msg *m)
{
	int n, r = -EIO;

	pthread_mutex_lock(&c->writing);
	n = p9_encode(m, c->out, c->msize);
	if (n < 0)
		r = n;
	else if (!atomic_load(&c->dead))
		r = sys_write_all(c->stream, c->out, (size_t)n) < 0 ? -EIO : 0;
	pthread_mutex_unlock(&c->writing);
	return r;
}

static struct waiter *take_call(struct p9_client *c, uint16_t *ret_tag)
{
	for (;;) {
		for (uint16_t i = 0; i < CALLS_MAX; i++)
			if (!c->calls[i].is_used) {
				*ret_tag = i;
				return &c->calls[i];
			}
		if (atomic_load(&c->dead))
			return NULL;
		pthread_cond_wait(&c->free, &c->lock);
	}
}

static int flush_call(struct p9_client *c, uint16_t tag)
{
	const struct p9_msg m = {.type = P9_TFLUSH, .tag = (uint16_t)(FLUSHES + tag), .oldtag = tag};

	return transmit(c, &m);
}

int p9_ask(struct p9_client *c, struct p9_msg *m, void *buf, size_t cap, struct p9_call *call)
{
	struct waiter *w;
	bool cancelled = false;
	uint16_t tag;
	int r;

	pthread_mutex_lock(&c->lock);
	w = take_call(c, &tag);
	if (!w) {
		pthread_mutex_unlock(&c->lock);
		return -EIO;
	}
	w->is_used = true;
	w->is_done = w->is_flushed = w->is_flush_answered = false;
	w->wanted = m->type + 1;
	w->buf = buf;
	w->cap = cap;
	w->msg = m;
	m->tag = tag;
	pthread_mutex_unlock(&c->lock);

	r = transmit(c, m);
	pthread_mutex_lock(&c->lock);
	if (r < 0 && !w->is_done)
		finish(w, r);
	if (call && !w->is_done) {
		call->tag = tag;
		call->is_sent = true;
		cancelled = call->is_cancelled && !w->is_flushed;
		w->is_flushed |= cancelled;
	}
	if (cancelled) {
		pthread_mutex_unlock(&c->lock);
		flush_call(c, tag);
		pthread_mutex_lock(&c->lock);
	}
	while (!w->is_done)
		pthread_cond_wait(&w->done, &c->lock);
	r = w->result;
	w->is_left = w->is_flushed && !w->is_flush_answered;
	w->is_used = w->is_left;
	if (call)
		call->is_sent = false;
	pthread_cond_signal(&c->free);
	pthread_mutex_unlock(&c->lock);
	return r;
}

void p9_cancel(struct p9_client *c, struct p9_call *call)
{
	bool now;
	uint16_t tag;

	pthread_mutex_lock(&c->lock);
	call->is_cancelled = true;
	tag = call->tag;
	now = call->is_sent && !c->calls[tag].is_flushed;
	if (now)
		c->calls[tag].is_flushed = true;
	pthread_mutex_unlock(&c->lock);
	if (now)
		flush_call(c, tag);
}

uint32_t p9_fid_new(struct p9_client *c)
{
	/* after four thousand million of them a number might be in use: a server refuses it then */
	uint32_t n = atomic_fetch_add(&c->next_fid, 1);

	return n == P9_NOFID ? atomic_fetch_add(&c->next_fid, 1) : n;
}

int p9_clunk(struct p9_client *c, uint32_t fid)
{
	struct p9_msg m = {.type = P9_TCLUNK, .fid = fid};
	char buf[4096];

	return p9_ask(c, &m, buf, sizeof(buf), NULL);
}

bool p9_client_is_dead(const struct p9_client *c)
{
	return atomic_load(&c->dead);
}

uint32_t p9_client_msize(const struct p9_client *c)
{
	return c->msize;
}

/* ---- beginning and end */

static int agree(struct p9_client *c, uint32_t msize)
{
	struct p9_msg m = {.type = P9_TVERSION, .tag = P9_NOTAG, .msize = msize, .name = STR(P9_VERSION)};
	uint32_t size;
	int n = p9_encode(&m, c->out, msize);

	if (n < 0 || sys_write_all(c->stream, c->out, (size_t)n) < 0 ||
	    sys_poll_in(c->stream, -1, sys_deadline(HELLO_MS)) != 1 || !receive(c->stream, c->in, 4))
		return -EPROTO;
	size = p9_size(c->in);
	if (size < P9_HEADER || size > msize || !receive(c->stream, c->in + 4, size - 4) ||
	    p9_decode((struct str){c->in, size}, &m) < 0 || m.type != P9_TVERSION + 1 ||
	    !str_is(m.name, P9_VERSION) || m.msize < P9_MSIZE_MIN || m.msize > msize)
		return -EPROTO;
	c->msize = m.msize;
	return 0;
}

int p9_client_new(int stream, uint32_t msize, struct p9_client **ret, struct err *err)
{
	struct p9_client *c = xcalloc(1, sizeof(*c));
	int r;

	c->stream = stream;
	c->out = xcalloc(1, msize);
	c->in = xcalloc(1, msize);
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->writing, NULL);
	pthread_cond_init(&c->free, NULL);
	for (unsigned i = 0; i < CALLS_MAX; i++)
		pthread_cond_init(&c->calls[i].done, NULL);
	r = agree(c, msize);
	if (!r) {
		r = -pthread_create(&c->reader, NULL, listen_always, c);
		c->has_reader = !r;
	}
	if (r < 0) {
		p9_client_free(c);
		return err_set(err, -r, "the server doesn't speak " P9_VERSION);
	}
	*ret = c;
	return 0;
}

void p9_client_free(struct p9_client *c)
{
	if (!c)
		return;
	atomic_store(&c->dead, true);
	shutdown(c->stream, SHUT_RDWR);
	if (c->has_reader)
		pthread_join(c->reader, NULL);
	close(c->stream);
	for (unsigned i = 0; i < CALLS_MAX; i++)
		pthread_cond_destroy(&c->calls[i].done);
	free(c->in);
	free(c->out);
	free(c);
}
