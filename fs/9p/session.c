/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, threads, flushing, writing. What a message means is in answer.c. */
#include "fs/9p/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "engine/base/sys.h"
#include "engine/base/thread.h"

#define FIRST_MS 10000	 /* a client that says nothing at all */
#define MESSAGE_MS 10000 /* from a message's first byte to its last */
#define SEND_SECONDS 60	 /* a client that reads no answers */
#define GRACE_MS 1000
#define PROD_NS 10000000 /* between signals to what was flushed */
#define STACK_BYTES (64 * 1024)
#define AHEAD 4096	 /* read at once: a small message and what follows it */
#define IDLE_MAX 2	 /* threads that wait for a message; more of them end */
#define KEEP_BYTES 65536 /* of a buffer that stay in memory */
#define FIRST_MSIZE 8192 /* until Tversion */

struct worker {
	struct session *s;
	struct request q;
	bool counted; /* among the idle, since it was started */
	char *in;
	size_t in_cap;
};

/* ---- buffers: address space of a message's greatest size, memory only for what is used of it */

static int grow(char **p, size_t *cap, size_t need)
{
	void *to;

	if (*cap >= need)
		return 0;
	to = mmap(NULL, need, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (to == MAP_FAILED)
		return -ENOMEM;
	if (*p)
		munmap(*p, *cap);
	*p = to;
	*cap = need;
	return 0;
}

static void shrink(char *p, size_t cap, size_t used)
{
	if (used > KEEP_BYTES)
		madvise(p + KEEP_BYTES, cap - KEEP_BYTES, MADV_DONTNEED);
}

/* ---- reading; s->reading is held */

/* Return: bytes; 0 the client is gone or too slow; -errno */
static ssize_t receive(const struct session *s, void *to, size_t len, uint64_t deadline)
{
	int r = deadline ? sys_poll_in(s->fd, -1, deadline) : 1;

	return r > 0 ? sys_read(s->fd, to, len) : r;
}

static int fill(struct session *s, size_t need)
{
	uint64_t deadline = s->in_used ? sys_deadline(MESSAGE_MS) : 0;

	if (!deadline && !atomic_load(&s->msize))
		deadline = sys_deadline(FIRST_MS);
	while (s->in_used < need) {
		ssize_t n = receive(s, s->in + s->in_used, AHEAD - s->in_used, deadline);

		if (n <= 0)
			return -ECONNRESET;
		s->in_used += (unsigned)n;
		if (!deadline)
			deadline = sys_deadline(MESSAGE_MS);
	}
	return 0;
}

static void consume(struct session *s, unsigned n)
{
	s->in_used -= n;
	memmove(s->in, s->in + n, s->in_used);
}

/* One whole message into the worker's buffer. Return: its size, or -errno: this was the last one */
static int read_message(struct worker *w)
{
	struct session *s = w->s;
	uint32_t size, max = atomic_load(&s->msize);
	uint64_t deadline;
	unsigned ahead;
	int r;

	max = max ? max : FIRST_MSIZE;
	r = fill(s, P9_HEADER);
	if (r < 0)
		return r;
	size = p9_size(s->in);
	if (size < P9_HEADER || size > max)
		return -EBADMSG;
	r = grow(&w->in, &w->in_cap, max);
	if (r < 0)
		return r;
	ahead = MIN(size, s->in_used);
	memcpy(w->in, s->in, ahead);
	consume(s, ahead);
	deadline = sys_deadline(MESSAGE_MS);
	for (size_t used = ahead; used < size;) {
		ssize_t n = receive(s, w->in + used, size - used, deadline);

		if (n <= 0)
			return -ECONNRESET;
		used += (size_t)n;
	}
	return (int)size;
}

/* ---- requests */

static void *serve(void *arg);

static void add_worker(struct session *s)
{
	struct worker *w = xcalloc(1, sizeof(*w));

	w->s = s;
	w->counted = true;
	if (thread_start(serve, w, STACK_BYTES) < 0) {
		free(w);
	} else {
		s->threads++;
		s->idle++;
	}
}

static struct request *find(struct session *s, uint16_t tag)
{
	for (struct request *q = s->first; q; q = q->next)
		if (q->t.tag == tag && !atomic_load(&q->abandoned))
			return q;
	return NULL;
}

/* Interrupts again and again, as a signal that comes just before a system call doesn't end it. */
static void *prod(void *arg)
{
	struct session *s = arg;
	const struct timespec pause = {.tv_nsec = PROD_NS};
	bool more = true;

	while (more) {
		more = false;
		pthread_mutex_lock(&s->requests);
		for (struct request *q = s->first; q; q = q->next)
			if (atomic_load(&q->abandoned)) {
				pthread_kill(q->thread, SIGUSR1);
				more = true;
			}
		if (!more)
			s->prodding = false;
		pthread_mutex_unlock(&s->requests);
		if (more)
			nanosleep(&pause, NULL);
	}
	return NULL;
}

/* s->requests is held */
static void abandon(struct session *s, struct request *q)
{
	atomic_store(&q->abandoned, true);
	pthread_kill(q->thread, SIGUSR1);
	if (!s->prodding)
		s->prodding = thread_start(prod, s, STACK_BYTES) == 0;
}

static void abandon_all(struct session *s, const struct request *but)
{
	pthread_mutex_lock(&s->requests);
	for (struct request *q = s->first; q; q = q->next)
		if (q != but && !atomic_load(&q->abandoned))
			abandon(s, q);
	pthread_mutex_unlock(&s->requests);
}

/* Return: 0; -EPROTO the tag is in use */
static int enlist(struct session *s, struct request *q)
{
	int r = 0;

	q->thread = pthread_self();
	atomic_store(&q->abandoned, false);
	pthread_mutex_lock(&s->requests);
	if (find(s, q->t.tag)) {
		r = -EPROTO;
	} else {
		q->next = s->first;
		s->first = q;
	}
	pthread_mutex_unlock(&s->requests);
	return r;
}

/* s->requests is held */
static void delist(struct session *s, struct request *q)
{
	struct request **at = &s->first;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
}

static void finish(struct session *s)
{
	/* first, so that who writes to a client that doesn't read lets go of the locks */
	shutdown(s->fd, SHUT_RDWR);
	pthread_mutex_lock(&s->requests);
	s->over = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->requests);
}

/* Unless the request was let go of. With the answer the client may use the tag again, so it is off the list
 * before; an Rflush that looks for it on the list can't be written before it. Return: 0 or -errno */
static int reply(struct session *s, struct request *q, int result)
{
	int len, r = 0;

	if (result < 0) {
		q->r.type = P9_RLERROR;
		q->r.ecode = (uint32_t)-result;
	} else {
		q->r.type = q->t.type + 1;
	}
	q->r.tag = q->t.tag;
	len = p9_encode(&q->r, q->out, q->out_cap);
	if (len < 0) {
		q->r.type = P9_RLERROR;
		q->r.ecode = EMSGSIZE;
		len = p9_encode(&q->r, q->out, q->out_cap);
	}
	pthread_mutex_lock(&s->requests);
	delist(s, q);
	if (atomic_load(&q->abandoned)) {
		pthread_mutex_unlock(&s->requests);
		return 0;
	}
	pthread_mutex_lock(&s->writing);
	pthread_mutex_unlock(&s->requests);
	r = sys_write_all(s->fd, q->out, (size_t)len);
	pthread_mutex_unlock(&s->writing);
	shrink(q->out, q->out_cap, (size_t)len);
	return r;
}

static void flush(struct session *s, struct request *q)
{
	struct request *old;

	pthread_mutex_lock(&s->requests);
	old = find(s, q->t.oldtag);
	if (old && old != q)
		abandon(s, old);
	pthread_mutex_unlock(&s->requests);
}

/* A new session in the old connection: all fids go, nothing that runs is answered. */
static int version(struct session *s, struct request *q)
{
	uint32_t msize = MIN(q->t.msize, (uint32_t)P9_MSIZE_MAX);

	if (msize < P9_MSIZE_MIN)
		return -EINVAL;
	abandon_all(s, q);
	fids_clear(&s->fids);
	q->r.msize = msize;
	q->r.name = STR("unknown");
	if (str_has_prefix(q->t.name, STR(P9_VERSION)) &&
	    (q->t.name.len == strlen(P9_VERSION) || q->t.name.ptr[strlen(P9_VERSION)] == '.'))
		q->r.name = STR(P9_VERSION);
	else
		return 0;
	atomic_store(&s->msize, msize);
	return 0;
}

/* @crowded: nobody is left to read on; what could wait is refused. Return: 0; -errno ends the session */
static int handle(struct worker *w, int size, bool crowded)
{
	struct session *s = w->s;
	struct request *q = &w->q;
	int r = p9_decode((struct str){w->in, (size_t)size}, &q->t);
	size_t cost = (size_t)size + (q->t.type == P9_TREAD || q->t.type == P9_TREADDIR ? q->t.count : 0);
	bool greeted = atomic_load(&s->msize) != 0;

	memset(&q->r, 0, sizeof(q->r));
	if ((q->t.type == P9_TVERSION) != (q->t.tag == P9_NOTAG))
		return -EPROTO;
	if (grow(&q->out, &q->out_cap, MAX(atomic_load(&s->msize), (unsigned)FIRST_MSIZE)) < 0)
		return -ENOMEM;
	if (enlist(s, q) < 0)
		return -EPROTO;
	cost = MIN(cost, (size_t)2 * P9_MSIZE_MAX);
	if (atomic_fetch_add(&s->memory, cost) + cost > P9_MEMORY_MAX && !r)
		r = -ENOMEM;
	if (r == -EBADMSG)
		r = -EPROTO;
	else if (!r && !greeted && q->t.type != P9_TVERSION)
		r = -EPROTO;
	else if (!r && q->t.type == P9_TVERSION)
		r = version(s, q);
	else if (!r && q->t.type == P9_TFLUSH)
		flush(s, q);
	else if (!r && crowded && q->t.type != P9_TCLUNK)
		r = -EAGAIN;
	else if (!r)
		r = p9_answer(s, q);
	r = reply(s, q, r);
	atomic_fetch_sub(&s->memory, cost);
	shrink(w->in, w->in_cap, (size_t)size);
	return r;
}

/* Return: whether to go on */
static bool turn(struct worker *w)
{
	struct session *s = w->s;
	bool crowded;
	int size;

	pthread_mutex_lock(&s->requests);
	if (!w->counted && (s->over || s->idle >= IDLE_MAX)) {
		pthread_mutex_unlock(&s->requests);
		return false;
	}
	s->idle += !w->counted;
	w->counted = false;
	pthread_mutex_unlock(&s->requests);

	pthread_mutex_lock(&s->reading);
	size = s->over ? -ECONNRESET : read_message(w);
	pthread_mutex_lock(&s->requests);
	s->idle--;
	/* somebody must read on */
	if (size > 0 && !s->idle && s->threads < P9_REQUESTS_MAX)
		add_worker(s);
	crowded = !s->idle && s->threads >= P9_REQUESTS_MAX;
	pthread_mutex_unlock(&s->requests);
	pthread_mutex_unlock(&s->reading);
	if (size < 0 || handle(w, size, crowded) < 0) {
		finish(s);
		return false;
	}
	return true;
}

static void *serve(void *arg)
{
	struct worker *w = arg;
	struct session *s = w->s;

	while (turn(w))
		;
	if (w->in)
		munmap(w->in, w->in_cap);
	if (w->q.out)
		munmap(w->q.out, w->q.out_cap);
	free(w);
	pthread_mutex_lock(&s->requests);
	s->threads--;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->requests);
	return NULL;
}

/* ---- the whole */

static void nothing(int signal)
{
	(void)signal;
}

int p9_serve(int fd, int root)
{
	/* The one handler of the project: it does nothing, but a system call that waits ends with EINTR. */
	const struct sigaction interrupt = {.sa_handler = nothing};
	const struct timeval patience = {.tv_sec = SEND_SECONDS};
	AUTO(fd) int own = fcntl(root, F_DUPFD_CLOEXEC, 0);
	struct timespec until;
	struct session *s;

	if (own < 0 || sigaction(SIGUSR1, &interrupt, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	s = xcalloc(1, sizeof(*s));
	s->fd = fd;
	s->in = xcalloc(1, AHEAD);
	s->root = place_new(NULL, STR(""), TAKE_FD(own));
	fids_init(&s->fids);
	pthread_mutex_init(&s->reading, NULL);
	pthread_mutex_init(&s->requests, NULL);
	pthread_mutex_init(&s->writing, NULL);
	pthread_cond_init(&s->changed, NULL);

	pthread_mutex_lock(&s->requests);
	add_worker(s);
	while (s->threads && !s->over)
		pthread_cond_wait(&s->changed, &s->requests);
	pthread_mutex_unlock(&s->requests);
	abandon_all(s, NULL);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += GRACE_MS / 1000;
	pthread_mutex_lock(&s->requests);
	while (s->threads && pthread_cond_timedwait(&s->changed, &s->requests, &until) == 0)
		;
	pthread_mutex_unlock(&s->requests);
	/* What threads still use isn't freed. Files that were written and not closed are closed by the end of
	 * the process, as those of any that dies are. */
	return 0;
}
