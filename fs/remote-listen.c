/* SPDX-License-Identifier: Apache-2.0 */
/* The listener: a socket of the core's, and lxdfs-tls, which accepts from it. */
#include "fs/remote-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certs/orders.h"
#include "engine/base/ip.h"
#include "engine/base/job.h"
#include "engine/base/loop.h"
#include "engine/base/parse.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"
#include "engine/kind/trust.h"

#define BACKLOG 128
#define AGAIN_MS 1000 /* after a listener that died */

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
	bool is_wildcard;
};

/* Canonical text of type_listen. */
static int address_of(const char *text, struct address *ret)
{
	const char *colon = strrchr(text, ':');
	struct sockaddr_in *v4 = (void *)&ret->sa;
	struct sockaddr_in6 *v6 = (void *)&ret->sa;
	struct str host = {text, colon ? (size_t)(colon - text) : 0};
	struct ip ip = {.family = AF_INET6};
	uint64_t port;

	if (!colon || parse_u64(str_from(colon + 1), 1, 65535, &port) < 0)
		return -EINVAL;
	if (host.len && host.ptr[0] == '[')
		host = (struct str){host.ptr + 1, host.len - 2};
	if (host.len && ip_parse(host, &ip) < 0)
		return -EINVAL;
	*ret = (struct address){.len = ip.family == AF_INET ? sizeof(*v4) : sizeof(*v6)};
	if (ip.family == AF_INET) {
		*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = ip.v4};
		ret->is_wildcard = ip.v4.s_addr == INADDR_ANY;
		v4->sin_port = htons((uint16_t)port);
	} else {
		*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = ip.v6};
		ret->is_wildcard = IN6_IS_ADDR_UNSPECIFIED(&ip.v6);
		v6->sin6_port = htons((uint16_t)port);
	}
	return 0;
}

static int open_socket(const char *text, struct err *err)
{
	struct address a;
	AUTO(fd) int fd = -EBADF;
	int on = 1, off = 0;

	if (address_of(text, &a) < 0)
		return err_set(err, EINVAL, "\"%s\" is no address to listen on", text);
	fd = socket(a.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		/* every address is those of both families, whatever the host's default is */
		if (a.sa.ss_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	}
	if (fd < 0 || bind(fd, (struct sockaddr *)&a.sa, a.len) < 0 || listen(fd, BACKLOG) < 0)
		return err_set(err, errno, "can't listen on %s: %s", text,
			       errno == EADDRNOTAVAIL
				   ? "the host has no such address: ip address shows which it has"
			       : errno == EADDRINUSE ? "another program does: ss -ltnp shows which"
						     : strerror(errno));
	return TAKE_FD(fd);
}

/* Of the listener that is; what it let in stays. The lock is held. */
int remote_unlisten(struct remote *r)
{
	int link = TAKE_FD(r->listener);

	if (r->socket >= 0) {
		/* also for the process that holds it as well, so that the port is free now */
		shutdown(r->socket, SHUT_RDWR);
		close(TAKE_FD(r->socket));
	}
	free(r->address);
	r->address = xstrdup("");
	return link;
}

void remote_close_link(int link)
{
	if (link < 0)
		return;
	loop_del(link);
	close(link);
}

static void hear_listener(void *arg);

static int start_tls(struct remote *r, int socket, int *ret_link, struct err *err)
{
	AUTO(buf_done) struct buf body = BUF_NULL, pem = BUF_NULL;
	AUTO(msg_done) struct msg msg = MSG_NULL;
	AUTO(fd) int link = -EBADF;
	struct unpack u;
	uint32_t uid, gid;
	int n = remote_user(USER_TLS, &uid, &gid, err);

	if (!n)
		n = server_identity_text(r->host, &pem, err);
	if (!n)
		n = spawn_helper(r->host->libexec, "lxdfs-tls", NULL, &link, err);
	if (n < 0)
		return n;
	pack_u32(&body, uid);
	pack_u32(&body, gid);
	pack_text(&body, buf_cstr(&pem));
	n = msg_send(link, &listen_table, LISTEN_BEGIN, 0, buf_str(&body), &socket, 1);
	if (!n && sys_poll_in(link, -1, sys_deadline(HELPER_MS)) != 1)
		n = -ETIMEDOUT;
	if (!n && msg_recv(link, &listen_table, &msg, NULL) <= 0)
		n = -ECONNRESET;
	if (n < 0)
		return err_set(err, -n, "lxdfs-tls doesn't begin to listen: %s", strerror(-n));
	u = (struct unpack){.ptr = msg.body, .left = msg.len};
	if (msg.type->number != LISTEN_READY)
		return unpack_err(&u, err);
	*ret_link = TAKE_FD(link);
	return 0;
}

static void warn_wildcard(struct host *h, const char *address)
{
	struct address a;

	if (*address && address_of(address, &a) == 0 && a.is_wildcard)
		host_warn(h, h->server, "listen-wildcard",
			  "core.https_address is %s: every network that this host is on reaches it. Name one "
			  "address, "
			  "and let a firewall or core.https_allowed_subnets say who may connect",
			  address);
	else
		host_warn_resolve(h, h->server, "listen-wildcard");
}

static int listen_at(struct remote *r, const char *address, struct err *err)
{
	AUTO(identity_unref) struct identity *id = server_identity(r->host, err);
	AUTO(fd) int socket = -EBADF;
	int link = -EBADF, old, n;

	if (!id)
		return err ? -err->errnum : -EIO;
	socket = open_socket(address, err);
	if (socket < 0)
		return socket;
	n = start_tls(r, socket, &link, err);
	if (n < 0)
		return n;
	pthread_mutex_lock(&r->lock);
	old = remote_unlisten(r);
	free(r->address);
	r->address = xstrdup(address);
	r->socket = TAKE_FD(socket);
	r->listener = link;
	identity_unref(r->id);
	r->id = TAKE(id);
	pthread_mutex_unlock(&r->lock);
	remote_close_link(old);
	return loop_add(link, hear_listener, r, err);
}

/* One that can't be there beside the one that is takes its place, or that is put back. */
static int listen_instead(struct remote *r, const char *old, const char *address, struct err *err)
{
	int n = listen_at(r, address, err), link;

	if (n != -EADDRINUSE || !*old)
		return n;
	err_done(err);
	pthread_mutex_lock(&r->lock);
	link = remote_unlisten(r);
	pthread_mutex_unlock(&r->lock);
	remote_close_link(link);
	n = listen_at(r, address, err);
	if (n < 0)
		(void)listen_at(r, old, NULL);
	return n;
}

int remote_listen(struct host *h, const char *address, struct err *err)
{
	struct remote *r = h->remote;
	AUTO(free) char *old = NULL;
	AUTO(err_done) struct err why = ERR_NULL;
	int n, link;

	pthread_mutex_lock(&r->lock);
	old = xstrdup(r->address);
	pthread_mutex_unlock(&r->lock);
	if (address && !strcmp(address, old))
		return 0;
	address = address ? address : old;
	if (*address) {
		n = listen_instead(r, old, address, &why);
		if (n < 0)
			return err_move(err, &why);
	} else {
		pthread_mutex_lock(&r->lock);
		link = remote_unlisten(r);
		pthread_mutex_unlock(&r->lock);
		remote_close_link(link);
	}
	warn_wildcard(h, address);
	return 0;
}

/* A job, after a listener that died. */
static void listen_again(void *arg)
{
	struct remote *r = arg;

	if (!r->is_stopping)
		remote_start(r);
}

static void listen_later(void *arg)
{
	(void)job_start(listen_again, arg, NULL);
}

static void hear_listener(void *arg)
{
	struct remote *r = arg;
	AUTO(msg_done) struct msg msg = MSG_NULL;
	int link = r->listener, n = msg_recv(link, &listen_table, &msg, NULL);

	if (n > 0 && msg.type->number == LISTEN_ACCEPTED) {
		remote_come_in(r, &msg);
		return;
	}
	if (n == -EAGAIN)
		return;
	pthread_mutex_lock(&r->lock);
	n = r->listener == link && !r->is_stopping;
	link = n ? remote_unlisten(r) : -EBADF;
	pthread_mutex_unlock(&r->lock);
	remote_close_link(link);
	if (!n)
		return;
	host_warn(r->host, r->host->server, "listener", "lxdfs-tls has ended by itself; it is started again");
	(void)loop_after(AGAIN_MS, listen_later, r, NULL);
}

void remote_start(struct remote *r)
{
	AUTO(config_unref) struct config *own = object_own(r->host->server);
	const char *address = config_get(own, SECTION_CONFIG, "core.https_address");
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(identity_unref) struct identity *id = NULL;

	/* made now where it never was: who looks at certificates/ shouldn't wait for it */
	id = server_identity(r->host, NULL);
	if (!address || remote_listen(r->host, address, &err) == 0) {
		r->failed = 0;
		host_warn_resolve(r->host, r->host->server, "listen");
		return;
	}
	/* what listened for the core before may be about to end, and an address may come with its interface
	 */
	if (!r->failed++)
		host_warn(r->host, r->host->server, "listen", "nobody can connect: %s", err_text(&err));
	(void)loop_after(AGAIN_MS, listen_later, r, NULL);
}
