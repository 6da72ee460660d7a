/* SPDX-License-Identifier: Apache-2.0 */
/* RUNDIR/nics/UUID.DEVICE says what a link was before it went, and is there from before it goes until it is
 * back. RUNDIR/nics/UUID is the instance's network namespace, mounted: so it lives, with what is in it, when
 * the instance and every process of ours are killed. The kernel gives back hardware by itself, but to the
 * first namespace of the host, under whatever name; other links it deletes.
 *
 * The lock makes looking, recording and moving one step. Under it: the registry's, an instance's leaf, and
 * those of net/. */
#include "engine/device/nic-loan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "engine/base/auto.h"
#include "engine/base/job.h"
#include "engine/base/loop.h"
#include "engine/base/path.h"
#include "engine/device/owner.h"

#define RECORD_MAX 65536
#define RETRY_MAX_S 60

/* Loans of this core: what else has a record is overdue. */
struct claim {
	struct claim *next;
	char *key;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct claim *claims;
static unsigned retry_s; /* 0: no look is planned */

static struct claim **find_claim(const char *key)
{
	struct claim **p = &claims;

	while (*p && strcmp((*p)->key, key) != 0)
		p = &(*p)->next;
	return p;
}

static void claim(const char *key)
{
	struct claim *c = xcalloc(1, sizeof(*c));

	c->key = xstrdup(key);
	c->next = claims;
	claims = c;
}

static void unclaim(const char *key)
{
	struct claim **p = find_claim(key), *c = *p;

	if (!c)
		return;
	*p = c->next;
	free(c->key);
	free(c);
}

static bool has_claims(const char *uuid)
{
	size_t n = strlen(uuid);

	for (struct claim *c = claims; c; c = c->next)
		if (!strncmp(c->key, uuid, n) && c->key[n] == '.')
			return true;
	return false;
}

/* ---- records, with the lock held */

static int open_dir(struct host *h, struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/nics", h->run);
	int r = path_make_dir(path, 0700), fd = -EBADF;

	if (!r) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = fd < 0 ? -errno : 0;
	}
	return r < 0 ? err_set(err, -r, "directory %s can't be made: %s", path, strerror(-r)) : fd;
}

static int record_read(int dir, const char *key, struct physical *ret)
{
	AUTO(free) char *text = NULL;
	ssize_t n = path_read(dir, key, RECORD_MAX, &text);

	return n < 0 ? (int)n : physical_parse((struct str){text, (size_t)n}, ret);
}

static int record_write(int dir, const char *key, const struct physical *p, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	int r;

	physical_text(&text, p);
	r = path_replace(dir, key, buf_str(&text), 0600, false);
	return r < 0
		   ? err_set(err, -r, "the record of link %s can't be written: %s", p->was.name, strerror(-r))
		   : 0;
}

/* ---- namespaces that are held */

static int hold(struct host *h, int dir, const char *uuid, int netns_fd, struct err *err)
{
	AUTO(free)
	char *path = xasprintf("%s/nics/%s", h->run, uuid), *from = xasprintf("/proc/self/fd/%d", netns_fd);
	AUTO(fd) int fd = openat(dir, uuid, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, errno, "%s can't be made: %s", path, strerror(errno));
	/* that of an earlier run of the instance is of no use any more */
	if (!has_claims(uuid))
		while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
			;
	else if (ioctl(fd, NS_GET_NSTYPE) >= 0)
		return 0;
	if (mount(from, path, NULL, MS_BIND, NULL) < 0)
		return err_set(err, errno, "the instance's network namespace can't be held at %s: %s", path,
			       strerror(errno));
	return 0;
}

/* By the uuid with which a record's name begins. NULL for none */
static struct object *find_owner(struct host *h, const char *key)
{
	AUTO(objects_free) struct object **all = host_every(h, KIND_INSTANCE);

	for (size_t i = 0; all && all[i]; i++) {
		size_t n = strlen(all[i]->uuid);

		if (!strncmp(all[i]->uuid, key, n) && (key[n] == '.' || !key[n]))
			return object_ref(all[i]);
	}
	return NULL;
}

static bool is_running(struct host *h, const char *uuid)
{
	AUTO(object_unref) struct object *o = find_owner(h, uuid);
	AUTO(fd) int netns = o ? device_owner()->netns(o) : -ESRCH;

	return netns >= 0;
}

static void let_go(struct host *h, const char *uuid)
{
	AUTO(free) char *path = xasprintf("%s/nics/%s", h->run, uuid);

	if (has_claims(uuid))
		return;
	while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	unlink(path);
}

/* NETNS_OWN: none is held */
static int open_held(int dir, const char *uuid)
{
	AUTO(fd) int fd = openat(dir, uuid, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && ioctl(fd, NS_GET_NSTYPE) >= 0 ? TAKE_FD(fd) : NETNS_OWN;
}

/* ---- the end of one, with the lock held */

static int settle(int dir, const char *key, struct err *err)
{
	AUTO(physical_done) struct physical p = PHYSICAL_NULL;
	AUTO(free) char *uuid = str_dup((struct str){key, strcspn(key, ".")});
	AUTO(fd) int netns = open_held(dir, uuid);
	int r = record_read(dir, key, &p);

	if (r == -ENOENT)
		return 0;
	/* not one of ours, or the disk's fault: there is nothing to go by */
	if (r < 0) {
		unlinkat(dir, key, 0);
		return err_set(err, -r, "the record %s of a link doesn't read", key);
	}
	r = physical_take_back(&p, netns < 0 ? NETNS_OWN : netns, err);
	if (r < 0 && netns >= 0 && r == -ENODEV) {
		err_done(err);
		r = physical_take_back(&p, NETNS_OWN, err);
	}
	if (r == 0)
		unlinkat(dir, key, 0);
	return r;
}

static void sweep_job(void *arg);

static void sweep_timer(void *arg)
{
	if (job_start(sweep_job, arg, NULL) < 0)
		loop_after(1000, sweep_timer, arg, NULL);
}

/* With the lock held. */
static void look_again(struct host *h)
{
	if (retry_s)
		return;
	retry_s = 1;
	if (loop_after(1000, sweep_timer, h, NULL) < 0)
		retry_s = 0;
}

/* Return: a listing of the directory, NULL */
static DIR *list_dir(int dir)
{
	AUTO(fd) int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again < 0 ? NULL : fdopendir(again);

	if (d)
		TAKE_FD(again);
	return d;
}

/* With the lock held. Return: whether one is still away */
static bool sweep(struct host *h, int dir)
{
	AUTO(closedir) DIR *d = list_dir(dir);
	bool is_away = false, is_stuck = false;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		AUTO(err_done) struct err err = ERR_NULL;
		int r;

		if (e->d_name[0] == '.' || !strchr(e->d_name, '.') || *find_claim(e->d_name))
			continue;
		r = settle(dir, e->d_name, &err);
		if (r < 0 && !is_away)
			host_warn(h, NULL, "link-away", "a link that an instance had isn't back yet: %s",
				  err_text(&err));
		is_away |= r < 0;
		is_stuck |= r < 0 && r != -ENODEV && r != -EEXIST;
	}
	if (!is_away)
		host_warn_resolve(h, NULL, "link-away");
	/* not before all of a namespace are out */
	if (d)
		rewinddir(d);
	while (d && !is_stuck && (e = readdir(d)))
		if (!strchr(e->d_name, '.') && !(is_away && is_running(h, e->d_name)))
			let_go(h, e->d_name);
	return is_away;
}

static void sweep_job(void *arg)
{
	struct host *h = arg;
	AUTO(fd) int dir = -EBADF;

	pthread_mutex_lock(&lock);
	dir = h->is_stopping ? -EBADF : open_dir(h, NULL);
	if (dir < 0 || !sweep(h, dir)) {
		retry_s = 0;
	} else {
		retry_s = MIN(MAX(retry_s, 1U) * 2, RETRY_MAX_S);
		if (loop_after(retry_s * 1000ULL, sweep_timer, h, NULL) < 0)
			retry_s = 0;
	}
	pthread_mutex_unlock(&lock);
}

void loans_sweep(struct host *h)
{
	AUTO(fd) int dir = -EBADF;

	pthread_mutex_lock(&lock);
	dir = open_dir(h, NULL);
	if (dir >= 0 && sweep(h, dir))
		look_again(h);
	pthread_mutex_unlock(&lock);
}

/* ---- giving */

/* Loans that have ended come back first. */
static int check_free(struct object *self, int dir, const char *link, struct err *err)
{
	struct host *h = self->host;
	AUTO(closedir) DIR *d = NULL;
	struct dirent *e;

	if (sweep(h, dir))
		look_again(h);
	d = list_dir(dir);
	while (d && (e = readdir(d))) {
		AUTO(physical_done) struct physical p = PHYSICAL_NULL;
		AUTO(object_unref) struct object *o = NULL;
		AUTO(free) char *name = NULL;

		if (e->d_name[0] == '.' || !*find_claim(e->d_name) || record_read(dir, e->d_name, &p) < 0 ||
		    strcmp(p.was.name, link) != 0)
			continue;
		o = find_owner(h, e->d_name);
		name = o ? object_name_beside(self, o) : NULL;
		return err_set(err, EBUSY, "link %s is in instance %s now", link, name ? name : "another");
	}
	return 0;
}

int loan_check(struct object *o, const char *link, struct err *err)
{
	AUTO(fd) int dir = -EBADF;
	int r;

	pthread_mutex_lock(&lock);
	r = dir = open_dir(o->host, err);
	if (r >= 0)
		r = check_free(o, dir, link, err);
	pthread_mutex_unlock(&lock);
	return r;
}

static int give(struct object *self, int dir, const struct loan_order *o, struct err *err)
{
	AUTO(physical_done) struct physical p = PHYSICAL_NULL;
	int r = check_free(self, dir, o->link, err);

	if (!r)
		r = physical_look(o->link, &p, err);
	if (!r)
		r = hold(self->host, dir, self->uuid, o->netns_fd, err);
	if (r < 0)
		return r;
	r = record_write(dir, o->key, &p, err);
	if (!r)
		r = physical_give(&p, o->netns_fd, o->name, o->mtu, o->mac, err);
	if (r < 0)
		unlinkat(dir, o->key, 0);
	return r;
}

int loan_give(struct object *o, const struct loan_order *order, struct err *err)
{
	AUTO(fd) int dir = -EBADF;
	int r;

	pthread_mutex_lock(&lock);
	r = dir = open_dir(o->host, err);
	if (r >= 0)
		r = give(o, dir, order, err);
	if (r == 0)
		claim(order->key);
	else
		let_go(o->host, o->uuid);
	pthread_mutex_unlock(&lock);
	return r;
}

int loan_end(struct host *h, const char *uuid, const char *key, bool is_running, struct err *err)
{
	AUTO(fd) int dir = -EBADF;
	int r;

	pthread_mutex_lock(&lock);
	r = dir = open_dir(h, err);
	if (r >= 0)
		r = settle(dir, key, err);
	unclaim(key);
	if (r == 0 || (r == -ENODEV && !is_running))
		let_go(h, uuid);
	if (r < 0)
		look_again(h);
	pthread_mutex_unlock(&lock);
	return r;
}

int loan_adopt(struct host *h, const char *key, char ret_link[IFNAMSIZ])
{
	AUTO(physical_done) struct physical p = PHYSICAL_NULL;
	AUTO(fd) int dir = -EBADF;
	bool is_there;

	pthread_mutex_lock(&lock);
	dir = open_dir(h, NULL);
	is_there = dir >= 0 && record_read(dir, key, &p) == 0;
	if (is_there) {
		memcpy(ret_link, p.was.name, IFNAMSIZ);
		claim(key);
	}
	pthread_mutex_unlock(&lock);
	return is_there;
}
