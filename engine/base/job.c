/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of threads that grows while jobs wait, as jobs mostly wait themselves, and shrinks when idle.
 * The lock protects the queue and the counts; it is a leaf, held for moments. */
#include "engine/base/job.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "engine/base/auto.h"
#include "engine/base/str.h"
#include "engine/base/thread.h"

#define QUEUE_MAX 8192
#define IDLE_SECONDS 10
#define STACK_BYTES (256 * 1024)

struct job {
	struct job *next;
	job_fn *fn;
	void *arg;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more, none;
	struct job *head, **tail;
	unsigned queued, threads, idle;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
	  .more = PTHREAD_COND_INITIALIZER,
	  .none = PTHREAD_COND_INITIALIZER,
	  .tail = &pool.head};

/* The next job, waiting for one for a while; the lock is held. NULL: the thread isn't needed any more. */
static struct job *next_job(void)
{
	struct timespec until;
	struct job *j;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += IDLE_SECONDS;
	pool.idle++;
	/* here, since one that was just made may have been left nothing to do */
	if (!pool.queued && pool.idle == pool.threads)
		pthread_cond_broadcast(&pool.none);
	while (!pool.head && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&pool.more, &pool.lock, &until);
	pool.idle--;
	j = pool.head;
	if (!j)
		return NULL;
	pool.head = j->next;
	if (!pool.head)
		pool.tail = &pool.head;
	pool.queued--;
	return j;
}

static void *work(void *unused)
{
	struct job *j;

	(void)unused;
	pthread_mutex_lock(&pool.lock);
	while ((j = next_job())) {
		pthread_mutex_unlock(&pool.lock);
		j->fn(j->arg);
		free(j);
		pthread_mutex_lock(&pool.lock);
	}
	pool.threads--;
	pthread_mutex_unlock(&pool.lock);
	return NULL;
}

int job_start(job_fn *fn, void *arg, struct err *err)
{
	struct job *j = xcalloc(1, sizeof(*j));
	int r = 0;

	*j = (struct job){.fn = fn, .arg = arg};
	pthread_mutex_lock(&pool.lock);
	if (pool.queued >= QUEUE_MAX) {
		r = EAGAIN;
	} else if (pool.queued >= pool.idle && pool.threads < JOBS_MAX) {
		r = thread_start(work, NULL, STACK_BYTES);
		pool.threads += !r;
		/* one that is there gets to it, if later */
		if (pool.threads)
			r = 0;
	}
	if (!r) {
		*pool.tail = j;
		pool.tail = &j->next;
		pool.queued++;
		pthread_cond_signal(&pool.more);
	}
	pthread_mutex_unlock(&pool.lock);
	if (!r)
		return 0;
	free(j);
	return err_set(err, EAGAIN, "the daemon has too much to do: %d things wait already", QUEUE_MAX);
}

void job_wait_all(void)
{
	pthread_mutex_lock(&pool.lock);
	while (pool.queued || pool.idle != pool.threads)
		pthread_cond_wait(&pool.none, &pool.lock);
	pthread_mutex_unlock(&pool.lock);
}
