/* SPDX-License-Identifier: Apache-2.0 */
/* lxdfs-proxy: one for each proxy device that isn't nat. As root it makes its sockets, in the namespaces of
 * either end; then it is nobody in particular, with no more calls than passing bytes on takes. It outlives
 * the core, which finds it again at RUNDIR/proxies/KEY, and ends with the instance. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/sandbox.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"
#include "engine/device/proxy-relay.h"
#include "engine/device/proxy-socket.h"

#define CORE 3
#define FILES_MAX 4096
#define MEMORY_MAX (512ULL << 20)

static int listen_control(int dir, const char *key, int *ret, struct err *err)
{
	AUTO(fd) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d/%s", dir, key);
	if (fd < 0 || (unlinkat(dir, key, 0) < 0 && errno != ENOENT) ||
	    bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0 || listen(fd, 4) < 0)
		return err_set(err, errno, "the proxy's own socket can't be made: %s", strerror(errno));
	*ret = TAKE_FD(fd);
	return 0;
}

static int enter_net(int fd, struct err *err)
{
	return setns(fd, CLONE_NEWNET) < 0
		   ? err_set(err, errno, "the proxy can't enter a network namespace: %s", strerror(errno))
		   : 0;
}

static int open_sockets(struct relay_spec *s, const int *fds, struct err *err)
{
	const struct proxy_order *o = s->order;
	int r = listen_control(fds[PROXY_FD_DIR], o->key, &s->control, err);

	if (!r)
		r = enter_net(fds[PROXY_FD_LISTEN_NET], err);
	/* whoever is root where the socket's file is to be makes it */
	if (!r && o->root_uid) {
		r = sandbox_fs_ids(o->root_uid, o->root_gid);
		if (r < 0)
			err_set(err, -r, "the proxy can't take on the ids of the instance's root: %s",
				strerror(-r));
	}
	for (size_t i = 0; i < s->listen.n && !r; i++) {
		int fd = proxy_listen(&s->listen, i, fds[PROXY_FD_LISTEN_ROOT], o, err);

		r = MIN(fd, 0);
		s->listeners[i] = fd;
	}
	/* from here on what is connected is connected there */
	return r < 0 ? r : enter_net(fds[PROXY_FD_CONNECT_NET], err);
}

static int confine(struct relay_spec *s, struct err *err)
{
	const struct rlimit files = {FILES_MAX, FILES_MAX}, memory = {MEMORY_MAX, MEMORY_MAX}, none = {0, 0};
	int r = relay_prepare(s);

	if (!r && (setrlimit(RLIMIT_NOFILE, &files) < 0 || setrlimit(RLIMIT_AS, &memory) < 0 ||
		   setrlimit(RLIMIT_CORE, &none) < 0))
		r = -errno;
	if (!r)
		r = sandbox_become(s->order->run_uid, s->order->run_gid, 1ULL << CAP_SETPCAP);
	if (!r)
		r = sandbox_lock_down();
	if (!r)
		r = relay_confine();
	return r < 0 ? err_set(err, -r, "the proxy can't give up its rights: %s", strerror(-r)) : 0;
}

static int set_up(struct relay_spec *s, struct proxy_order *o, struct msg *msg, struct err *err)
{
	int r = msg_recv(CORE, &proxy_table, msg, err);

	if (r <= 0)
		return r < 0 ? r : err_set(err, ECANCELED, "the core went away");
	if (msg->type->number != PROXY_START || proxy_order_unpack(msg, o) < 0)
		return err_set(err, EBADMSG, "the order to start a proxy doesn't read");
	s->order = o;
	s->core = CORE;
	s->init = msg->fds[PROXY_FD_INIT];
	s->connect_root = msg->fds[PROXY_FD_CONNECT_ROOT];
	r = proxy_end_parse(str_from(o->listen), &s->listen, err);
	if (!r)
		r = proxy_end_parse(str_from(o->connect), &s->connect, err);
	if (!r)
		r = proxy_ends_check(&s->listen, &s->connect, err);
	if (!r)
		r = open_sockets(s, msg->fds, err);
	if (r < 0)
		return r;
	for (int i = 0; i < PROXY_FDS; i++)
		if (i != PROXY_FD_INIT && i != PROXY_FD_CONNECT_ROOT)
			close(TAKE_FD(msg->fds[i]));
	return confine(s, err);
}

int main(void)
{
	static struct relay_spec spec = {.control = -EBADF};
	struct proxy_order order = {0};
	struct msg msg = MSG_NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(buf_done) struct buf body = BUF_NULL;
	int r = spawn_detach();

	if (r < 0 || fcntl(CORE, F_SETFD, FD_CLOEXEC) < 0 || close_range(CORE + 1, ~0U, 0) < 0 ||
	    chdir("/") < 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	r = set_up(&spec, &order, &msg, &err);
	if (r < 0) {
		pack_err(&body, &err);
		msg_send(CORE, &proxy_table, PROXY_FAILED, 0, buf_str(&body), NULL, 0);
		/* until the core turns away: its message, left unread, would reset the connection before ours
		 */
		sys_poll_in(CORE, -1, sys_deadline(5000));
		return 1;
	}
	msg_send(CORE, &proxy_table, PROXY_READY, 0, STR_NULL, NULL, 0);
	relay_run();
	_exit(0);
}
