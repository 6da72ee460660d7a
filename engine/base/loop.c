/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: one epoll, one thread. The lock protects the lists of watches and timers and what is being
 * called; it is a leaf, and not held while something is called. */
#include "engine/base/loop.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "engine/base/auto.h"
#include "engine/base/str.h"
#include "engine/base/sys.h"

struct watch {
	struct watch *next;
	int fd;
	loop_fn *fn;
	void *arg;
};

struct timer {
	struct timer *next; /* the earliest first */
	uint64_t at;	    /* sys_deadline() */
	loop_fn *fn;
	void *arg;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t called;
	pthread_t thread;
	int epoll, wake;
	struct watch *watches;
	struct timer *timers;
	int calling; /* descriptor whose function runs, -1: none */
	bool is_over, is_started;
} loop = {.lock = PTHREAD_MUTEX_INITIALIZER,
	  .called = PTHREAD_COND_INITIALIZER,
	  .epoll = -EBADF,
	  .wake = -EBADF,
	  .calling = -1};

static void wake(void)
{
	eventfd_write(loop.wake, 1);
}

/* Where the watch of a descriptor hangs; *result is NULL for none. The lock is held. */
static struct watch **find(int fd)
{
	struct watch **p = &loop.watches;

	while (*p && (*p)->fd != fd)
		p = &(*p)->next;
	return p;
}

static void call_watch(int fd)
{
	struct watch *w = *find(fd);
	loop_fn *fn;
	void *arg;

	/* taken off since epoll_wait(2) returned */
	if (!w)
		return;
	fn = w->fn;
	arg = w->arg;
	loop.calling = fd;
	pthread_mutex_unlock(&loop.lock);
	fn(arg);
	pthread_mutex_lock(&loop.lock);
	loop.calling = -1;
	pthread_cond_broadcast(&loop.called);
}

static void call_timers(void)
{
	uint64_t now = sys_deadline(0);

	while (loop.timers && loop.timers->at <= now) {
		struct timer *t = loop.timers;

		loop.timers = t->next;
		pthread_mutex_unlock(&loop.lock);
		t->fn(t->arg);
		free(t);
		pthread_mutex_lock(&loop.lock);
	}
}

static int wait_ms(void)
{
	uint64_t now = sys_deadline(0);

	if (!loop.timers)
		return -1;
	if (loop.timers->at <= now)
		return 0;
	return loop.timers->at - now > INT_MAX ? INT_MAX : (int)(loop.timers->at - now);
}

static void *run(void *unused)
{
	struct epoll_event events[64];

	(void)unused;
	pthread_mutex_lock(&loop.lock);
	while (!loop.is_over) {
		int ms = wait_ms(), n;

		pthread_mutex_unlock(&loop.lock);
		n = epoll_wait(loop.epoll, events, ARRAY_SIZE(events), ms);
		pthread_mutex_lock(&loop.lock);
		for (int i = 0; i < n && !loop.is_over; i++) {
			eventfd_t v;

			if (events[i].data.fd == loop.wake)
				eventfd_read(loop.wake, &v);
			else
				call_watch(events[i].data.fd);
		}
		call_timers();
	}
	pthread_mutex_unlock(&loop.lock);
	return NULL;
}

int loop_start(struct err *err)
{
	struct epoll_event e = {.events = EPOLLIN};
	int r;

	loop.epoll = epoll_create1(EPOLL_CLOEXEC);
	loop.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e.data.fd = loop.wake;
	if (loop.epoll < 0 || loop.wake < 0 || epoll_ctl(loop.epoll, EPOLL_CTL_ADD, loop.wake, &e) < 0)
		return err_set(err, errno, "no event loop can be made: %s", strerror(errno));
	r = pthread_create(&loop.thread, NULL, run, NULL);
	if (r)
		return err_set(err, r, "no thread for the event loop: %s", strerror(r));
	loop.is_started = true;
	return 0;
}

void loop_stop(void)
{
	if (!loop.is_started)
		return;
	pthread_mutex_lock(&loop.lock);
	loop.is_over = true;
	pthread_mutex_unlock(&loop.lock);
	wake();
	pthread_join(loop.thread, NULL);
	loop.is_started = false;
}

int loop_add(int fd, loop_fn *fn, void *arg, struct err *err)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};
	struct watch *w = xcalloc(1, sizeof(*w));
	int r = 0;

	*w = (struct watch){.fd = fd, .fn = fn, .arg = arg};
	pthread_mutex_lock(&loop.lock);
	if (*find(fd))
		r = EEXIST;
	else if (epoll_ctl(loop.epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		r = errno;
	if (!r) {
		w->next = loop.watches;
		loop.watches = TAKE(w);
	}
	pthread_mutex_unlock(&loop.lock);
	free(w);
	return r ? err_set(err, r, "descriptor %d can't be watched: %s", fd, strerror(r)) : 0;
}

void loop_del(int fd)
{
	struct watch **p, *w;

	pthread_mutex_lock(&loop.lock);
	p = find(fd);
	w = *p;
	if (w) {
		*p = w->next;
		epoll_ctl(loop.epoll, EPOLL_CTL_DEL, fd, NULL);
	}
	while (loop.calling == fd && !(loop.is_started && pthread_equal(pthread_self(), loop.thread)))
		pthread_cond_wait(&loop.called, &loop.lock);
	pthread_mutex_unlock(&loop.lock);
	free(w);
}

int loop_after(uint64_t ms, loop_fn *fn, void *arg, struct err *err)
{
	struct timer *t, **p;

	if (ms > INT_MAX)
		return err_set(err, EINVAL, "%llu ms are too long for a timer", (unsigned long long)ms);
	t = xcalloc(1, sizeof(*t));
	*t = (struct timer){.at = sys_deadline((int)ms), .fn = fn, .arg = arg};
	pthread_mutex_lock(&loop.lock);
	for (p = &loop.timers; *p && (*p)->at <= t->at; p = &(*p)->next)
		;
	t->next = *p;
	*p = t;
	pthread_mutex_unlock(&loop.lock);
	wake();
	return 0;
}
