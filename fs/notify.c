/* SPDX-License-Identifier: Apache-2.0 */
/* Telling the kernel what changed. Attributes alone it drops at once, without a lock, so that whoever looks
 * after a write's end sees what is. To drop a name it takes the directory's lock, and an echo takes the
 * file's: either may be held by the request at hand, or by another that takes long. Threads do that, and
 * where all are kept waiting another one is started. Source: libfuse's doc/README.notifications. */
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "engine/base/auto.h"
#include "fs/state.h"

#define QUEUE_MAX (1024 * 1024) /* beyond that the kernel's own timeouts do */
#define ECHOES_MAX 1024
#define THREADS_MAX 16
#define LEAVE_SECONDS 2
#define STACK_BYTES (128 * 1024)

struct note {
	struct note *next;
	enum { ENTRY, ECHO } what;
	uint64_t id;
	char *name;
};

struct queue {
	struct note *head, **tail;
	size_t n;
};

struct notifier {
	pthread_mutex_t lock;
	pthread_cond_t more, left;
	struct fuse_session *se;
	char *mount;
	struct queue notes, echoes;
	unsigned threads, idle;
	bool is_over;
	atomic_bool is_started;
};

struct notifier *notifier_new(const char *mount)
{
	struct notifier *n = xcalloc(1, sizeof(*n));

	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->more, NULL);
	pthread_cond_init(&n->left, NULL);
	n->mount = xstrdup(mount);
	n->notes.tail = &n->notes.head;
	n->echoes.tail = &n->echoes.head;
	return n;
}

static struct note *take(struct queue *q)
{
	struct note *x = q->head;

	if (!x)
		return NULL;
	q->head = x->next;
	if (!q->head)
		q->tail = &q->head;
	q->n--;
	return x;
}

static void note_free(struct note *x)
{
	if (x)
		free(x->name);
	free(x);
}

static void tell(struct notifier *n, const struct note *x)
{
	AUTO(free) char *path = NULL;

	switch (x->what) {
	case ENTRY:
		fuse_lowlevel_notify_inval_entry(n->se, x->id, x->name, strlen(x->name));
		break;
	case ECHO:
		path = xasprintf("%s%s", n->mount, x->name);
		utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
		break;
	}
}

static void *run(void *arg);

/* The lock is held. */
static int add_thread(struct notifier *n)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, run, n);
	pthread_attr_destroy(&attr);
	if (!r)
		n->threads++;
	return r;
}

static void *run(void *arg)
{
	struct notifier *n = arg;

	pthread_mutex_lock(&n->lock);
	while (!n->is_over) {
		struct note *x = take(&n->notes);

		/* what others see must be right before they are told to look */
		x = x ? x : take(&n->echoes);
		if (!x) {
			n->idle++;
			pthread_cond_wait(&n->more, &n->lock);
			n->idle--;
			continue;
		}
		if (!n->idle && n->threads < THREADS_MAX)
			add_thread(n);
		pthread_mutex_unlock(&n->lock);
		tell(n, x);
		note_free(x);
		pthread_mutex_lock(&n->lock);
	}
	n->threads--;
	pthread_cond_signal(&n->left);
	pthread_mutex_unlock(&n->lock);
	return NULL;
}

int notifier_start(struct notifier *n, struct fuse_session *se, struct err *err)
{
	int r;

	pthread_mutex_lock(&n->lock);
	n->se = se;
	r = add_thread(n);
	n->is_started = !r;
	pthread_mutex_unlock(&n->lock);
	return r ? err_set(err, r, "no thread for notifications: %s", strerror(r)) : 0;
}

/* One that waits for a request that nobody answers any more ends with the process. */
void notifier_stop(struct notifier *n)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LEAVE_SECONDS;
	pthread_mutex_lock(&n->lock);
	n->is_over = true;
	n->is_started = false;
	pthread_cond_broadcast(&n->more);
	while (n->threads && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&n->left, &n->lock, &until);
	pthread_mutex_unlock(&n->lock);
}

void notifier_free(struct notifier *n)
{
	struct note *x;

	if (!n || n->threads)
		return;
	while ((x = take(&n->notes)) || (x = take(&n->echoes)))
		note_free(x);
	free(n->mount);
	free(n);
}

static bool has(const struct queue *q, const struct note *x)
{
	for (const struct note *y = q->head; y; y = y->next)
		if (!strcmp(y->name, x->name))
			return true;
	return false;
}

static void add(struct notifier *n, int what, uint64_t id, const char *name)
{
	struct note *x = xcalloc(1, sizeof(*x));
	struct queue *q = what == ECHO ? &n->echoes : &n->notes;

	*x = (struct note){.what = what, .id = id, .name = xstrdup(name)};
	pthread_mutex_lock(&n->lock);
	if (n->is_started && q->n < (what == ECHO ? ECHOES_MAX : QUEUE_MAX) && !(what == ECHO && has(q, x))) {
		*q->tail = x;
		q->tail = &x->next;
		q->n++;
		x = NULL;
		pthread_cond_signal(&n->more);
	}
	pthread_mutex_unlock(&n->lock);
	note_free(x);
}

void notify_inode(struct notifier *n, uint64_t id)
{
	/* a negative offset: no pages, which are never kept (direct_io) */
	if (n->is_started)
		fuse_lowlevel_notify_inval_inode(n->se, (fuse_ino_t)id, -1, 0);
}

void notify_entry(struct notifier *n, uint64_t dir, const char *name)
{
	add(n, ENTRY, dir, name);
}

void notify_echo(struct notifier *n, const char *path)
{
	add(n, ECHO, 0, path);
}
