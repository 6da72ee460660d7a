/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that tells the kernel what changed: never from inside a request, where it could wait for itself.
 * Source: libfuse's doc/README.notifications. */
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/auto.h"
#include "fs/state.h"

#define QUEUE_MAX 65536 /* beyond that the kernel's own timeouts do */

struct note {
	struct note *next;
	enum { INODE, ENTRY, ECHO } what;
	uint64_t id;
	char *name;
};

struct notifier {
	pthread_mutex_t lock;
	pthread_cond_t more;
	pthread_t thread;
	struct fuse_session *se;
	char *mount;
	struct note *head, **tail;
	size_t n;
	bool is_over, is_started;
};

struct notifier *notifier_new(const char *mount)
{
	struct notifier *n = xcalloc(1, sizeof(*n));

	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->more, NULL);
	n->mount = xstrdup(mount);
	n->tail = &n->head;
	return n;
}

static void tell(struct notifier *n, const struct note *x)
{
	AUTO(free) char *path = NULL;

	switch (x->what) {
	case INODE:
		fuse_lowlevel_notify_inval_inode(n->se, x->id, 0, 0);
		break;
	case ENTRY:
		fuse_lowlevel_notify_inval_entry(n->se, x->id, x->name, strlen(x->name));
		break;
	case ECHO:
		path = xasprintf("%s%s", n->mount, x->name);
		utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
		break;
	}
}

static void *run(void *arg)
{
	struct notifier *n = arg;

	pthread_mutex_lock(&n->lock);
	while (!n->is_over) {
		struct note *x = n->head;

		if (!x) {
			pthread_cond_wait(&n->more, &n->lock);
			continue;
		}
		n->head = x->next;
		if (!n->head)
			n->tail = &n->head;
		n->n--;
		pthread_mutex_unlock(&n->lock);
		tell(n, x);
		free(x->name);
		free(x);
		pthread_mutex_lock(&n->lock);
	}
	pthread_mutex_unlock(&n->lock);
	return NULL;
}

int notifier_start(struct notifier *n, struct fuse_session *se, struct err *err)
{
	int r;

	n->se = se;
	r = pthread_create(&n->thread, NULL, run, n);
	if (r)
		return err_set(err, r, "no thread for notifications: %s", strerror(r));
	pthread_mutex_lock(&n->lock);
	n->is_started = true;
	pthread_mutex_unlock(&n->lock);
	return 0;
}

void notifier_stop(struct notifier *n)
{
	pthread_mutex_lock(&n->lock);
	n->is_over = true;
	pthread_cond_signal(&n->more);
	pthread_mutex_unlock(&n->lock);
	if (n->is_started)
		pthread_join(n->thread, NULL);
	n->is_started = false;
}

void notifier_free(struct notifier *n)
{
	if (!n)
		return;
	while (n->head) {
		struct note *x = n->head;

		n->head = x->next;
		free(x->name);
		free(x);
	}
	free(n->mount);
	free(n);
}

static void add(struct notifier *n, int what, uint64_t id, const char *name)
{
	struct note *x = xcalloc(1, sizeof(*x));

	*x = (struct note){.what = what, .id = id, .name = xstrdup(name)};
	pthread_mutex_lock(&n->lock);
	if (n->is_started && n->n < QUEUE_MAX) {
		*n->tail = x;
		n->tail = &x->next;
		n->n++;
		x = NULL;
		pthread_cond_signal(&n->more);
	}
	pthread_mutex_unlock(&n->lock);
	if (x)
		free(x->name);
	free(x);
}

void notify_inode(struct notifier *n, uint64_t id)
{
	add(n, INODE, id, NULL);
}

void notify_entry(struct notifier *n, uint64_t dir, const char *name)
{
	add(n, ENTRY, dir, name);
}

void notify_echo(struct notifier *n, const char *path)
{
	add(n, ECHO, 0, path);
}
