/* SPDX-License-Identifier: Apache-2.0 */
/* One client's connection: messages in, answers out, many at a time.
 *
 * Threads take turns at reading: who has read a message answers it, and another reads on meanwhile. So a
 * request costs no hand-over, and one that waits in the kernel holds up nobody. A flush lets go of a request
 * at once; its thread is told by a signal until its system call has ended.
 *
 * Locks: reading, then requests, then writing; the table of fids alone. */
#pragma once

#include "fs/9p/fid.h"
#include "fs/9p/wire.h"

#define P9_REQUESTS_MAX 128
#define P9_MEMORY_MAX (16 * 1024 * 1024) /* of all messages that are being answered */

struct session {
	int fd;		    /* the client; a stream */
	struct place *root; /* of the view */
	struct fids fids;
	atomic_uint msize; /* 0: no Tversion yet */

	pthread_mutex_t reading;
	char *in; /* what was read past the message's end */
	unsigned in_used;

	pthread_mutex_t requests;
	struct request *first;
	unsigned threads, idle;
	bool prodding; /* a thread is at work that interrupts what was flushed */
	bool over;
	pthread_cond_t changed; /* threads or over */
	atomic_size_t memory;

	pthread_mutex_t writing;
};

struct request {
	struct request *next;
	pthread_t thread;
	atomic_bool abandoned; /* nobody waits for an answer: end soon */
	struct p9_msg t;       /* texts and data stand in the thread's buffer */
	struct p9_msg r;
	char *out; /* room for the answer */
	size_t out_cap;
};

/** p9_serve() - answer a client until it is gone
 * @fd:   stream socket
 * @root: O_PATH descriptor of the directory that it sees as its root
 *
 * Takes over neither. Returns when no request runs any more, or a second after the end: what still waits for
 * the kernel then ends with the process. Return: 0; -errno it couldn't begin
 */
int p9_serve(int fd, int root);

/** p9_answer() - do what q->t asks for and fill q->r. Return: 0 or -errno, which is the answer then */
int p9_answer(struct session *s, struct request *q);

/** request_may_go_on() - after -EINTR: a signal that wasn't meant for this request */
static inline bool request_may_go_on(const struct request *q)
{
	return !atomic_load(&q->abandoned);
}
