/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for paths, by inotify: what is watched is the deepest directory on the way that there is, for the
 * next name on it. Links are watched where they are, not where they lead to. The lock is a leaf. */
#include "engine/device/appear.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/job.h"
#include "engine/base/loop.h"
#include "engine/base/sys.h"

#define EVENTS                                                                                               \
	(IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define RETRY_MS 500 /* where no job can be started */

struct wait {
	struct wait *next;
	struct host *host;
	uint32_t id; /* of the object */
	char *device, *path;
	appear_fn *fn;
	int wd;	     /* -1: none */
	size_t from; /* where the awaited name begins in path */
	bool is_due; /* a job is on the way */
};

static struct {
	pthread_mutex_t lock;
	struct wait *list;
	int fd; /* 0: not made yet */
} waits = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct job {
	struct host *host;
	uint32_t id;
	char *device;
};

static void job_free(struct job *j)
{
	free(j->device);
	free(j);
}

/* ---- under the lock */

static struct wait *find(const struct host *h, uint32_t id, const char *device)
{
	for (struct wait *w = waits.list; w; w = w->next)
		if (w->host == h && w->id == id && !strcmp(w->device, device))
			return w;
	return NULL;
}

/* The kernel has one watch for a directory, whoever wants it. */
static void unwatch(struct wait *w)
{
	int wd = w->wd;

	w->wd = -1;
	for (struct wait *o = waits.list; wd >= 0 && o; o = o->next)
		if (o->wd == wd)
			return;
	if (wd >= 0)
		inotify_rm_watch(waits.fd, wd);
}

/* Return: 0; -errno */
static int watch(struct wait *w)
{
	AUTO(free) char *dir = xstrdup(w->path);
	int old = w->wd, r = 0;
	struct wait before = *w;
	char *slash;

	w->wd = -1;
	while (w->wd < 0 && (slash = strrchr(dir, '/'))) {
		w->from = (size_t)(slash - dir) + 1;
		*slash = 0;
		w->wd = inotify_add_watch(waits.fd, *dir ? dir : "/", EVENTS);
		r = w->wd < 0 ? -errno : 0;
		if (r < 0 && r != -ENOENT && r != -ENOTDIR && r != -EACCES)
			break;
	}
	if (old >= 0 && old != w->wd)
		unwatch(&before);
	return r;
}

/* ---- jobs */

static void look(void *arg)
{
	struct job *j = arg;
	AUTO(object_unref) struct object *o = host_get(j->host, j->id);
	appear_fn *fn = NULL;
	struct wait *w;

	if (!o || object_take(o, "getting a device", &caller_core, NULL) < 0) {
		job_free(j);
		return;
	}
	pthread_mutex_lock(&waits.lock);
	w = find(j->host, j->id, j->device);
	if (w) {
		/* from here on the next change is another job's */
		w->is_due = false;
		watch(w);
		fn = w->fn;
	}
	pthread_mutex_unlock(&waits.lock);
	if (fn && o->is_live)
		fn(o, j->device);
	object_release(o);
	job_free(j);
}

static void start_look(void *arg)
{
	if (job_start(look, arg, NULL) < 0)
		loop_after(RETRY_MS, start_look, arg, NULL);
}

static bool concerns(const struct wait *w, const struct inotify_event *e)
{
	const char *name = w->path + w->from;
	size_t len = strcspn(name, "/");

	if (e->mask & IN_Q_OVERFLOW)
		return true;
	if (w->wd != e->wd)
		return false;
	return e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT) ||
	       (e->len && strlen(e->name) == len && !memcmp(e->name, name, len));
}

static void on_event(const struct inotify_event *e)
{
	for (struct wait *w = waits.list; w; w = w->next) {
		struct job *j;

		if (!concerns(w, e))
			continue;
		if (e->mask & IN_IGNORED)
			w->wd = -1;
		if (w->is_due)
			continue;
		w->is_due = true;
		j = xcalloc(1, sizeof(*j));
		*j = (struct job){w->host, w->id, xstrdup(w->device)};
		start_look(j);
	}
}

/* In the loop. */
static void on_events(void *arg)
{
	_Alignas(struct inotify_event) char bytes[8192];
	ssize_t n;

	(void)arg;
	pthread_mutex_lock(&waits.lock);
	while ((n = sys_read(waits.fd, bytes, sizeof(bytes))) > 0)
		for (char *p = bytes; p < bytes + n;) {
			const struct inotify_event *e = (const void *)p;

			on_event(e);
			p += sizeof(*e) + e->len;
		}
	pthread_mutex_unlock(&waits.lock);
}

/* ---- */

static int open_inotify(struct err *err)
{
	int fd, r;

	if (waits.fd > 0)
		return 0;
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0)
		return err_set(err, errno, "devices that come later can't be waited for: inotify: %s",
			       strerror(errno));
	waits.fd = fd;
	r = loop_add(fd, on_events, NULL, err);
	if (r < 0) {
		close(fd);
		waits.fd = 0;
	}
	return r;
}

int appear_watch(struct object *o, const char *device, const char *path, appear_fn *fn, struct err *err)
{
	struct wait *w;
	int r;

	appear_drop(o, device);
	pthread_mutex_lock(&waits.lock);
	r = open_inotify(err);
	if (r == 0) {
		w = xcalloc(1, sizeof(*w));
		*w = (struct wait){.next = waits.list,
				   .host = o->host,
				   .id = o->id,
				   .device = xstrdup(device),
				   .path = xstrdup(path),
				   .fn = fn,
				   .wd = -1};
		waits.list = w;
		r = watch(w);
		if (r < 0)
			err_set(err, -r, "%s can't be waited for: inotify: %s", path, strerror(-r));
	}
	pthread_mutex_unlock(&waits.lock);
	if (r < 0)
		appear_drop(o, device);
	return r;
}

void appear_drop(const struct object *o, const char *device)
{
	pthread_mutex_lock(&waits.lock);
	for (struct wait **p = &waits.list; *p;) {
		struct wait *w = *p;

		if (w->host != o->host || w->id != o->id || (device && strcmp(w->device, device) != 0)) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		unwatch(w);
		free(w->device);
		free(w->path);
		free(w);
	}
	pthread_mutex_unlock(&waits.lock);
}
