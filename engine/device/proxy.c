/* SPDX-License-Identifier: Apache-2.0 */
/* Which proxies serve now; their helpers started, watched, found again, stopped. What concerns one is done
 * under the instance's token; the lock protects the list, and is a leaf. */
#include "engine/device/proxy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "engine/base/auto.h"
#include "engine/base/job.h"
#include "engine/base/loop.h"
#include "engine/base/path.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"
#include "engine/device/owner.h"
#include "engine/device/proxy-plan.h"
#include "engine/device/proxy-socket.h"

#define HELPER "lxdfs-proxy"
#define START_MS 10000
#define STOP_MS 5000
/* A helper that lived for less died soon after its start. */
#define SOON_NS (10ULL * 1000000000)
#define RETRY_MAX_S 60

struct proxy_live {
	struct proxy_live *next;
	struct object *o; /* referenced */
	char *device;
	char key[20];
	bool is_nat, is_inside;
	struct proxy_end listen;
	int fd; /* to the helper, watched; -EBADF: there is none */
	unsigned deaths;
	uint64_t started_ns;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct proxy_live *all;

/* The lock is held. */
static struct proxy_live **place(const struct object *o, const char *device)
{
	struct proxy_live **p = &all;

	while (*p && ((*p)->o != o || (device && strcmp((*p)->device, device) != 0)))
		p = &(*p)->next;
	return p;
}

static struct proxy_live *find(const struct object *o, const char *device)
{
	struct proxy_live *l;

	pthread_mutex_lock(&lock);
	l = *place(o, device);
	pthread_mutex_unlock(&lock);
	return l;
}

/* ---- the helper's socket */

static char *dir_path(const struct host *h)
{
	return xasprintf("%s/proxies", h->run);
}

static int open_dir(const struct host *h, struct err *err)
{
	AUTO(free) char *path = dir_path(h);
	int r = path_make_dir(path, 0700);
	int fd = r < 0 ? r : open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (r == 0 && fd < 0)
		r = -errno;
	return r < 0 ? err_set(err, -r, "directory %s can't be made: %s", path, strerror(-r)) : fd;
}

/* Return: a socket; -ENOENT there is no helper; or a failure */
static int dial(const struct host *h, const char *key)
{
	AUTO(fd) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), dir = open_dir(h, NULL);
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (fd < 0 || dir < 0)
		return -EIO;
	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d/%s", dir, key);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return errno == ENOENT || errno == ECONNREFUSED ? -ENOENT : -errno;
	return TAKE_FD(fd);
}

/* End it and wait until it has. */
static void end_helper(const struct host *h, const char *key)
{
	AUTO(fd) int fd = dial(h, key), dir = open_dir(h, NULL), pidfd = -EBADF;
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (fd >= 0) {
		/* who listens: it was root when it began to */
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
			pidfd = pidfd_open(peer.pid, 0);
		msg_send(fd, &proxy_table, PROXY_STOP, 0, STR_NULL, NULL, 0);
		if (pidfd >= 0 && sys_poll_in(pidfd, -1, sys_deadline(STOP_MS)) == 0) {
			sys_pidfd_signal(pidfd, SIGKILL, NULL);
			sys_poll_in(pidfd, -1, sys_deadline(STOP_MS));
		}
	}
	if (dir >= 0)
		unlinkat(dir, key, 0);
}

/* ---- starting one */

/* A host id of one inside. Return: 0; -EINVAL it isn't mapped */
static int map_id(pid_t pid, const char *file, uint32_t inside, uint32_t *ret, struct err *err)
{
	AUTO(free) char *path = xasprintf("/proc/%d/%s", pid, file), *text = NULL;
	ssize_t n = path_read(AT_FDCWD, path, 65536, &text);
	struct str rest = {text, n < 0 ? 0 : (size_t)n}, line;
	unsigned first, outside, count;

	while (str_next(&rest, '\n', &line)) {
		AUTO(free) char *one = str_dup(line);

		/* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers */
		if (sscanf(one, "%u %u %u", &first, &outside, &count) == 3 && inside >= first &&
		    inside - first < count) {
			*ret = outside + (inside - first);
			return 0;
		}
	}
	return err_set(err, EINVAL, "id %u isn't one of the instance's (%s)", inside, file);
}

static int map_pair(pid_t pid, bool is_inside, uint32_t uid, uint32_t gid, uint32_t *ret_uid,
		    uint32_t *ret_gid, struct err *err)
{
	int r;

	if (!is_inside) {
		*ret_uid = uid;
		*ret_gid = gid;
		return 0;
	}
	r = map_id(pid, "uid_map", uid, ret_uid, err);
	return r < 0 ? r : map_id(pid, "gid_map", gid, ret_gid, err);
}

static int fill_order(const struct proxy_plan *p, const struct config *c, const char *device, pid_t pid,
		      struct proxy_order *o, struct err *err)
{
	/* a stream to an address needs no rights at all; a unix socket asks who comes */
	const uint32_t nobody = 65534, otherwise = p->connect.kind == PROXY_UNIX ? 0 : nobody;
	uint32_t run_uid = p->has_run_uid ? p->run_uid : otherwise;
	uint32_t run_gid = p->has_run_gid ? p->run_gid : otherwise;
	int r;

	*o = (struct proxy_order){.key = xstrdup(p->key),
				  .listen = xstrdup(config_device_get(c, device, "listen")),
				  .connect = xstrdup(config_device_get(c, device, "connect")),
				  .says_protocol = p->says_protocol,
				  .mode = p->mode};
	r = map_pair(pid, p->is_inside, 0, 0, &o->root_uid, &o->root_gid, err);
	if (!r)
		r = map_pair(pid, p->is_inside, p->uid, p->gid, &o->uid, &o->gid, err);
	if (!r && (p->has_run_uid || p->has_run_gid || p->connect.kind == PROXY_UNIX))
		r = map_pair(pid, !p->is_inside, run_uid, run_gid, &o->run_uid, &o->run_gid, err);
	else if (!r)
		o->run_uid = o->run_gid = nobody;
	return r;
}

static int open_fds(struct object *o, const struct proxy_plan *p, pid_t pid, int fds[PROXY_FDS],
		    struct err *err)
{
	AUTO(free) char *root = xasprintf("/proc/%d/root", pid);
	int inside = p->is_inside ? PROXY_FD_LISTEN_NET : PROXY_FD_CONNECT_NET;
	int host = p->is_inside ? PROXY_FD_CONNECT_NET : PROXY_FD_LISTEN_NET;

	fds[PROXY_FD_INIT] = pidfd_open(pid, 0);
	fds[inside] = device_owner()->netns(o);
	fds[host] = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	fds[p->is_inside ? PROXY_FD_LISTEN_ROOT : PROXY_FD_CONNECT_ROOT] =
	    open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fds[p->is_inside ? PROXY_FD_CONNECT_ROOT : PROXY_FD_LISTEN_ROOT] =
	    open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fds[PROXY_FD_DIR] = open_dir(o->host, err);
	for (int i = 0; i < PROXY_FDS; i++)
		if (fds[i] < 0)
			return err_set(err, ESRCH, "the instance's namespaces can't be opened: it has ended");
	return 0;
}

static int await_ready(int fd, struct err *err)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	struct unpack u;
	int r = sys_poll_in(fd, -1, sys_deadline(START_MS));

	if (r == 0)
		return err_set(err, ETIMEDOUT, "the proxy's helper doesn't answer");
	r = r < 0 ? r : msg_recv(fd, &proxy_table, &msg, err);
	if (r == 0)
		return err_set(err, EIO, "the proxy's helper ended at its start");
	if (r < 0)
		return r;
	if (msg.type->number == PROXY_READY)
		return 0;
	u = (struct unpack){msg.body, msg.len, false};
	return unpack_err(&u, err);
}

static int start_helper(struct object *o, const struct proxy_plan *p, const struct proxy_order *order,
			pid_t pid, int *ret, struct err *err)
{
	int fds[PROXY_FDS] = {-EBADF, -EBADF, -EBADF, -EBADF, -EBADF, -EBADF};
	AUTO(buf_done) struct buf body = BUF_NULL;
	AUTO(fd) int fd = -EBADF;
	int r = open_fds(o, p, pid, fds, err);

	proxy_order_pack(&body, order);
	if (!r)
		r = spawn_helper(o->host->libexec, HELPER, NULL, &fd, err);
	if (!r) {
		r = msg_send(fd, &proxy_table, PROXY_START, 0, buf_str(&body), fds, PROXY_FDS);
		if (r < 0)
			err_set(err, -r, "the proxy's helper can't be told what to do: %s", strerror(-r));
	}
	if (!r)
		r = await_ready(fd, err);
	for (int i = 0; i < PROXY_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (r == 0)
		*ret = TAKE_FD(fd);
	return r;
}

/* Whether the helper that is there has this order. */
static bool is_current(int fd, const struct proxy_order *order)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	AUTO(buf_done) struct buf body = BUF_NULL;

	proxy_order_pack(&body, order);
	return msg_send(fd, &proxy_table, PROXY_ASK, 1, STR_NULL, NULL, 0) == 0 &&
	       sys_poll_in(fd, -1, sys_deadline(START_MS)) > 0 &&
	       msg_recv(fd, &proxy_table, &msg, NULL) > 0 && msg.type->number == PROXY_ORDER &&
	       str_eq((struct str){(const char *)msg.body, msg.len}, buf_str(&body));
}

/* ---- watching */

static void revive(void *arg);

static void later(void *arg)
{
	if (job_start(revive, arg, NULL) < 0)
		loop_after(1000, later, arg, NULL);
}

/* What a timer carries: the device may be gone by then. */
struct lost {
	struct object *o;
	char *device;
};

static void revive_after(struct object *o, const char *device, unsigned wait_s)
{
	struct lost *x = xcalloc(1, sizeof(*x));

	*x = (struct lost){object_ref(o), xstrdup(device)};
	if (!wait_s || loop_after(wait_s * 1000ULL, later, x, NULL) < 0)
		later(x);
}

/* Called by the loop: it must not wait. Who frees @arg has taken its descriptor, and waits for this in
 * loop_del(). */
static void on_end(void *arg)
{
	struct proxy_live *l = arg;
	AUTO(object_unref) struct object *o = NULL;
	AUTO(free) char *device = NULL;
	unsigned wait = 0;
	int fd;

	pthread_mutex_lock(&lock);
	fd = TAKE_FD(l->fd);
	if (fd >= 0) {
		l->deaths = now_ns() - l->started_ns < SOON_NS ? MIN(l->deaths + 1, 10U) : 0;
		wait = l->deaths ? MIN(1U << (l->deaths - 1), RETRY_MAX_S) : 0;
		o = object_ref(l->o);
		device = xstrdup(l->device);
	}
	pthread_mutex_unlock(&lock);
	if (fd < 0)
		return;
	loop_del(fd);
	close(fd);
	revive_after(o, device, wait);
}

static int watch(struct proxy_live *l, int take_fd, struct err *err)
{
	pthread_mutex_lock(&lock);
	l->fd = take_fd;
	l->started_ns = now_ns();
	pthread_mutex_unlock(&lock);
	return loop_add(take_fd, on_end, l, err);
}

static bool is_watched(struct proxy_live *l)
{
	bool is;

	pthread_mutex_lock(&lock);
	is = l->fd >= 0;
	pthread_mutex_unlock(&lock);
	return is;
}

static void unwatch(struct proxy_live *l)
{
	int fd;

	pthread_mutex_lock(&lock);
	fd = TAKE_FD(l->fd);
	pthread_mutex_unlock(&lock);
	if (fd < 0)
		return;
	/* no call of on_end() is under way after this */
	loop_del(fd);
	close(fd);
}

static int serve(struct object *o, struct proxy_live *l, const struct config *c, bool may_adopt,
		 struct err *err)
{
	struct proxy_order order = {0};
	pid_t pid = device_owner()->pid(o);
	struct proxy_plan p;
	int fd = -EBADF, r = proxy_plan_make(o, c, l->device, &p, err);

	if (!r && pid <= 0)
		r = err_set(err, ESRCH, "the instance doesn't run");
	if (!r)
		r = fill_order(&p, c, l->device, pid, &order, err);
	if (!r && may_adopt) {
		fd = dial(o->host, p.key);
		if (fd >= 0 && !is_current(fd, &order))
			close(TAKE_FD(fd));
	}
	if (!r && fd < 0) {
		end_helper(o->host, p.key);
		r = start_helper(o, &p, &order, pid, &fd, err);
	}
	proxy_order_done(&order);
	return r < 0 ? r : watch(l, fd, err);
}

static void revive(void *arg)
{
	struct lost *x = arg;
	struct object *o = x->o;
	AUTO(config_unref) struct config *c = NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	struct proxy_live *l;
	unsigned wait;

	if (!o->host->is_stopping &&
	    object_take(o, "being looked after: a proxy ended", &caller_core, NULL) == 0) {
		l = find(o, x->device);
		c = object_effective(o);
		/* with the instance they all end, and that may not have been noticed yet */
		if (l && !is_watched(l) && !l->is_nat && device_owner()->pid(o) > 0) {
			if (serve(o, l, c, false, &err) == 0) {
				host_warn(o->host, o, "proxy-ended",
					  "proxy %s ended by itself and was started again", x->device);
			} else {
				host_warn(o->host, o, "proxy-ended",
					  "proxy %s ended and can't be started: %s", x->device,
					  err_text(&err));
				pthread_mutex_lock(&lock);
				wait = MIN(1U << ++l->deaths, RETRY_MAX_S);
				l->deaths = MIN(l->deaths, 10U);
				pthread_mutex_unlock(&lock);
				revive_after(o, x->device, wait);
			}
		}
		object_release(o);
	}
	object_unref(o);
	free(x->device);
	free(x);
}

/* ---- devices */

static struct proxy_live *live_add(struct object *o, const char *device, const struct proxy_plan *p)
{
	struct proxy_live *l = xcalloc(1, sizeof(*l));

	*l = (struct proxy_live){.o = object_ref(o),
				 .device = xstrdup(device),
				 .is_nat = p->is_nat,
				 .is_inside = p->is_inside,
				 .listen = p->listen,
				 .fd = -EBADF};
	memcpy(l->key, p->key, sizeof(l->key));
	pthread_mutex_lock(&lock);
	l->next = all;
	all = l;
	pthread_mutex_unlock(&lock);
	return l;
}

static void live_drop(struct proxy_live *l)
{
	pthread_mutex_lock(&lock);
	*place(l->o, l->device) = l->next;
	pthread_mutex_unlock(&lock);
	object_unref(l->o);
	free(l->device);
	free(l);
}

/* The file of a socket stays when its helper ends. */
static void remove_file(struct object *o, const struct proxy_end *listen, bool is_inside)
{
	pid_t pid = device_owner()->pid(o);
	AUTO(free) char *path = is_inside ? xasprintf("/proc/%d/root", pid) : xstrdup("/");
	AUTO(fd) int root = is_inside && pid <= 0 ? -EBADF : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root >= 0)
		proxy_unlink(listen, root);
}

static int begin(struct object *o, const struct config *effective, const char *device, bool may_adopt,
		 struct err *err)
{
	struct proxy_live *l;
	struct proxy_plan p;
	int r;

	if (device_owner()->pid(o) <= 0 || find(o, device))
		return 0;
	r = proxy_plan_make(o, effective, device, &p, err);
	if (r < 0)
		return r;
	if (!p.is_nat && may_adopt)
		dnat_clear(p.key, NULL);
	l = live_add(o, device, &p);
	r = p.is_nat ? dnat_set(proxy_plan_dnat(&p), err) : serve(o, l, effective, may_adopt, err);
	if (r < 0)
		live_drop(l);
	return r;
}

int proxy_attach(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	return begin(o, effective, device, false, err);
}

int proxy_adopt(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	return begin(o, effective, device, true, err);
}

int proxy_detach(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	struct proxy_live *l = find(o, device);
	int r = 0;

	(void)effective;
	if (!l)
		return 0;
	if (l->is_nat) {
		r = dnat_clear(l->key, err);
	} else {
		unwatch(l);
		end_helper(o->host, l->key);
		remove_file(o, &l->listen, l->is_inside);
	}
	live_drop(l);
	return r;
}

void proxy_clear(struct object *o, const struct config *effective, const char *device)
{
	struct proxy_plan p;

	if (proxy_plan_make(o, effective, device, &p, NULL) < 0)
		return;
	end_helper(o->host, p.key);
	dnat_clear(p.key, NULL);
	if (!p.is_inside)
		remove_file(o, &p.listen, false);
}

int proxies_attach(struct object *o, const struct config *effective, struct err *err)
{
	for (size_t i = 0; i < effective->n; i++) {
		const char *device = section_device(&effective->sections[i]);
		const char *type = device ? config_device_get(effective, device, "type") : NULL;
		int r;

		if (!type || strcmp(type, "proxy") != 0 || !device_is_complete(o, effective, device, NULL))
			continue;
		r = proxy_attach(o, effective, device, err);
		if (r < 0)
			return err_prefix(err, "device %s: ", device);
	}
	return 0;
}

void proxies_detach_all(struct object *o)
{
	struct proxy_live *l;

	while ((l = find(o, NULL))) {
		AUTO(free) char *device = xstrdup(l->device);

		proxy_detach(o, NULL, device, NULL);
	}
}

static bool is_known(const char *key)
{
	bool known = false;

	pthread_mutex_lock(&lock);
	for (struct proxy_live *l = all; l; l = l->next)
		known |= !strcmp(l->key, key);
	pthread_mutex_unlock(&lock);
	return known;
}

void proxies_sweep(struct host *h)
{
	AUTO(free) char *path = dir_path(h);
	AUTO(closedir) DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && !is_known(e->d_name))
			end_helper(h, e->d_name);
}

void proxies_unwatch(void)
{
	pthread_mutex_lock(&lock);
	for (struct proxy_live *l = all; l; l = l->next) {
		int fd = TAKE_FD(l->fd);

		pthread_mutex_unlock(&lock);
		if (fd >= 0) {
			loop_del(fd);
			close(fd);
		}
		pthread_mutex_lock(&lock);
	}
	pthread_mutex_unlock(&lock);
}
