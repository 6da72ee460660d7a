/* SPDX-License-Identifier: Apache-2.0 */
/* The listener, and the connections that came through it.
 *
 * The loop's thread hears all links; what waits is a job. One lock, a leaf, protects the list, the listener
 * and what a connection has; a connection is counted. Connections end with the core: an orphan could not be
 * told that its certificate was removed. */
#include "fs/remote.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certs/orders.h"
#include "engine/base/fd.h"
#include "engine/base/ip.h"
#include "engine/base/job.h"
#include "engine/base/log.h"
#include "engine/base/loop.h"
#include "engine/base/parse.h"
#include "engine/base/path.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"
#include "engine/kind/trust.h"
#include "fs/9p/orders.h"

#define CONNECTIONS_MAX 1024
#define HANDSHAKES_MAX 128 /* of them, not yet served */
#define GUESTS_MAX 64	   /* of them, served as guests */
#define FROM_ONE_MAX 32	   /* handshakes and guests from one address */
#define HELPER_MS 10000
#define BACKLOG 128
#define AGAIN_MS 1000 /* after a listener that died */
#define JOIN_TRIES 5
#define JOIN_PAUSE_MS 1000

struct connection {
	atomic_uint refs;
	struct remote *r;
	struct connection *next;
	char *address; /* of the peer, without its port */
	int tls;       /* link to the process that speaks TLS with it */
	int server;    /* link to its lxdfs-9p; -EBADF: none yet */
	pid_t pid;     /* of that */
	bool is_gone, is_asked, is_served;
	unsigned joins; /* tokens that it showed in vain */
	struct claim claim;
	struct verdict verdict;
};

struct remote {
	struct host *host;
	pthread_mutex_t lock;
	struct connection *first;
	unsigned n;
	char *address; /* that is listened on, "" for none */
	int listener;  /* link to lxdfs-tls */
	int sockets[2];
	unsigned n_sockets;
	struct identity *id;
	bool is_stopping;
	atomic_uint served_as[2]; /* uids of those who serve: trusted, guests; 0: none yet */
	unsigned failed;	  /* to listen, since it was begun with */
	atomic_bool review_due;
};

/* ---- connections */

static struct connection *connection_ref(struct connection *c)
{
	atomic_fetch_add(&c->refs, 1);
	return c;
}

static void connection_unref(struct connection *c)
{
	if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	buf_done(&c->claim.der);
	buf_done(&c->claim.verify);
	verdict_done(&c->verdict);
	free(c->address);
	free(c);
}
DEFINE_AUTO(struct connection *, connection_unref);

/* Both who serve it end, and the loop hears of it. The lock is held. */
static void connection_close(struct connection *c)
{
	if (c->tls >= 0)
		shutdown(c->tls, SHUT_RDWR);
	if (c->server >= 0)
		shutdown(c->server, SHUT_RDWR);
}

/* By the loop's thread alone. */
static void connection_drop(struct connection *c)
{
	struct remote *r = c->r;
	int fds[] = {-EBADF, -EBADF};

	pthread_mutex_lock(&r->lock);
	if (c->is_gone) {
		pthread_mutex_unlock(&r->lock);
		return;
	}
	c->is_gone = true;
	for (struct connection **p = &r->first; *p; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			r->n--;
			break;
		}
	fds[0] = TAKE_FD(c->tls);
	fds[1] = TAKE_FD(c->server);
	pthread_mutex_unlock(&r->lock);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0) {
			loop_del(fds[i]);
			close(fds[i]);
		}
	connection_unref(c);
}

/* ---- serving one */

static int start_server(struct remote *r, struct connection *c, int *ret_link, int *ret_stream,
			struct err *err)
{
	AUTO(buf_done) struct buf body = BUF_NULL;
	AUTO(msg_done) struct msg msg = MSG_NULL;
	AUTO(fd) int link = -EBADF, ours = -EBADF, theirs = -EBADF;
	const struct verdict *v = &c->verdict;
	struct unpack u;
	int pair[2], n;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, errno, "there is no socket for a connection: %s", strerror(errno));
	ours = pair[0];
	theirs = pair[1];
	n = spawn_helper(r->host->libexec, "lxdfs-9p", NULL, &link, err);
	if (n < 0)
		return n;
	pack_u32(&body, v->view);
	pack_u32(&body, v->uid);
	pack_u32(&body, v->gid);
	pack_u32(&body, v->n_groups);
	for (unsigned i = 0; i < v->n_groups; i++)
		pack_u32(&body, v->groups[i]);
	pack_text(&body, r->host->mount);
	pack_texts(&body, (const char *const *)v->projects);
	n = msg_send(link, &ninep_table, NINEP_SERVE, 0, buf_str(&body), &theirs, 1);
	if (!n && sys_poll_in(link, -1, sys_deadline(HELPER_MS)) != 1)
		n = -ETIMEDOUT;
	if (!n && msg_recv(link, &ninep_table, &msg, NULL) <= 0)
		n = -ECONNRESET;
	if (n < 0)
		return err_set(err, -n, "lxdfs-9p doesn't begin to serve: %s", strerror(-n));
	u = (struct unpack){.ptr = msg.body, .left = msg.len};
	if (msg.type->number != NINEP_SERVING)
		return unpack_err(&u, err);
	c->pid = (pid_t)unpack_u32(&u);
	atomic_store(&r->served_as[v->trust == TRUST_GUEST], v->uid);
	*ret_link = TAKE_FD(link);
	*ret_stream = TAKE_FD(ours);
	return 0;
}

/* How many there are of a sort; the lock is held. */
static unsigned count(const struct remote *r, bool (*is)(const struct connection *c), const char *address)
{
	unsigned n = 0;

	for (const struct connection *c = r->first; c; c = c->next)
		n += is(c) && (!address || !strcmp(c->address, address));
	return n;
}

static bool is_handshake(const struct connection *c)
{
	return !c->is_served;
}

static bool is_guest(const struct connection *c)
{
	return c->is_served && c->verdict.trust == TRUST_GUEST;
}

static bool is_stranger(const struct connection *c)
{
	return is_handshake(c) || is_guest(c);
}

static void hear_server(void *arg);

/* The stream goes to the one, and both links are listened to from now on. */
static int hand_over(struct connection *c, int link, int stream, struct err *err)
{
	struct remote *r = c->r;
	int n = -ECONNRESET;

	pthread_mutex_lock(&r->lock);
	if (!c->is_gone) {
		c->is_served = true;
		c->server = link;
		n = loop_add(link, hear_server, c, err);
		if (!n)
			n = msg_send(c->tls, &handshake_table, HANDSHAKE_SERVED, 0, STR_NULL, &stream, 1);
	}
	pthread_mutex_unlock(&r->lock);
	if (n < 0 && c->server != link)
		close(link);
	return n;
}

static void tell_log(const struct connection *c)
{
	AUTO(free) char *fingerprint = c->verdict.certificate ? object_name(c->verdict.certificate) : NULL;
	static const char *const as[] = {"nobody", "guest", "restricted", "trusted"};

	log_info("connection from %s, certificate %s, as %s", c->address,
		 fingerprint ? fingerprint : "unknown", as[c->verdict.trust]);
}

/* A job: who is it, and what serves it? Takes a reference. */
static void serve(void *arg)
{
	AUTO(connection_unref) struct connection *c = arg;
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(fd) int stream = -EBADF;
	struct remote *r = c->r;
	int link = -EBADF, n = remote_judge(r->host, &c->claim, &c->verdict, &err);
	bool too_many = false;

	if (!n && c->verdict.trust == TRUST_REFUSED)
		n = err_set(&err, EACCES, "its certificate isn't let in");
	pthread_mutex_lock(&r->lock);
	too_many = c->verdict.trust == TRUST_GUEST && count(r, is_guest, NULL) >= GUESTS_MAX;
	pthread_mutex_unlock(&r->lock);
	if (!n && too_many)
		n = err_set(&err, EBUSY, "there are %d guests already", GUESTS_MAX);
	if (!n)
		n = start_server(r, c, &link, &stream, &err);
	if (!n)
		n = hand_over(c, link, stream, &err);
	if (!n) {
		tell_log(c);
		if (c->verdict.certificate)
			certificate_seen(c->verdict.certificate, c->address);
		/* what changed while it was let in */
		remote_review(r, NULL);
		return;
	}
	if (err.errnum)
		log_info("connection from %s is refused: %s", c->address, err_text(&err));
	pthread_mutex_lock(&r->lock);
	connection_close(c);
	pthread_mutex_unlock(&r->lock);
}

static void serve_soon(struct connection *c)
{
	if (job_start(serve, connection_ref(c), NULL) < 0) {
		connection_unref(c);
		pthread_mutex_lock(&c->r->lock);
		connection_close(c);
		pthread_mutex_unlock(&c->r->lock);
	}
}

/* ---- what links say; in the loop's thread */

/* lxdfs-9p says nothing more: it has ended. */
static void hear_server(void *arg)
{
	connection_drop(arg);
}

static int hear_sign(struct connection *c, const struct msg *msg)
{
	unsigned char signature[PROOF_SIGNATURE_MAX];
	AUTO(identity_unref) struct identity *id = NULL;
	int n;

	pthread_mutex_lock(&c->r->lock);
	id = identity_ref(c->r->id);
	pthread_mutex_unlock(&c->r->lock);
	n = id ? proof_sign(&c->claim.proof, id, (struct str){(char *)msg->body, msg->len}, signature) : -EIO;
	if (n < 0)
		return n;
	return msg_send(c->tls, &handshake_table, HANDSHAKE_SIGNED, 0,
			(struct str){(char *)signature, (size_t)n}, NULL, 0);
}

static int hear_claim(struct connection *c, const struct msg *msg)
{
	struct unpack u = {.ptr = msg->body, .left = msg->len};
	AUTO(identity_unref) struct identity *id = NULL;
	struct proof_marks at;
	struct str transcript, der;
	int n;

	at.server = unpack_u32(&u);
	at.signed_ = unpack_u32(&u);
	at.client = unpack_u32(&u);
	at.end = unpack_u32(&u);
	pthread_mutex_lock(&c->r->lock);
	id = identity_ref(c->r->id);
	pthread_mutex_unlock(&c->r->lock);
	n = id ? fd_map_sealed(msg->fds[0], PROOF_TRANSCRIPT_MAX, &transcript) : -EIO;
	if (n < 0)
		return n;
	n = proof_client(&c->claim.proof, id, transcript, &at, &der);
	if (!n && der.len > CERT_MAX)
		n = -EFBIG;
	if (!n) {
		c->claim.shown = true;
		buf_add(&c->claim.der, der.ptr, der.len);
		buf_add(&c->claim.verify, u.ptr, u.left);
	}
	munmap((void *)transcript.ptr, transcript.len);
	return n;
}

static void hear_tls(void *arg)
{
	struct connection *c = arg;
	AUTO(msg_done) struct msg msg = MSG_NULL;
	int n = msg_recv(c->tls, &handshake_table, &msg, NULL);
	bool asked;

	if (n == -EAGAIN)
		return;
	pthread_mutex_lock(&c->r->lock);
	asked = c->is_asked;
	c->is_asked = n > 0 && msg.type->number != HANDSHAKE_SIGN;
	pthread_mutex_unlock(&c->r->lock);
	n = n <= 0 || asked ? -ECONNRESET : 0;
	if (!n && msg.type->number == HANDSHAKE_SIGN)
		n = hear_sign(c, &msg);
	else if (!n && msg.type->number == HANDSHAKE_CLAIM)
		n = hear_claim(c, &msg);
	else if (!n && msg.type->number != HANDSHAKE_GUEST)
		n = -EBADMSG;
	if (n < 0)
		connection_drop(c);
	else if (msg.type->number != HANDSHAKE_SIGN)
		serve_soon(c);
}

/* ---- coming in */

static bool may_come(struct remote *r, const char *address)
{
	AUTO(config_unref) struct config *own = object_own(r->host->server);
	const char *list = config_get(own, SECTION_CONFIG, "core.https_allowed_subnets");
	AUTO(texts_free) char **nets = texts_split(list ? list : "");
	struct ip ip;
	bool may;

	if (!*nets)
		return true;
	if (ip_parse(str_from(address), &ip) < 0)
		return false;
	may = false;
	for (char **p = nets; *p && !may; p++) {
		struct ip_net net;

		may = ip_net_parse(str_from(*p), &net) == 0 && net.ip.family == ip.family &&
		      ip_net_has(&net, &ip);
	}
	return may;
}

static void come_in(struct remote *r, struct msg *msg)
{
	struct unpack u = {.ptr = msg->body, .left = msg->len};
	AUTO(free) char *address = unpack_text(&u);
	AUTO(fd) int link = TAKE_FD(msg->fds[0]);
	struct connection *c;
	bool room;

	if (!address || !may_come(r, address))
		return;
	pthread_mutex_lock(&r->lock);
	room = !r->is_stopping && r->n < CONNECTIONS_MAX && count(r, is_handshake, NULL) < HANDSHAKES_MAX &&
	       count(r, is_stranger, address) < FROM_ONE_MAX;
	pthread_mutex_unlock(&r->lock);
	if (!room)
		return;
	c = xcalloc(1, sizeof(*c));
	atomic_init(&c->refs, 1);
	c->r = r;
	c->address = TAKE(address);
	c->tls = TAKE_FD(link);
	c->server = -EBADF;
	pthread_mutex_lock(&r->lock);
	c->next = r->first;
	r->first = c;
	r->n++;
	pthread_mutex_unlock(&r->lock);
	if (loop_add(c->tls, hear_tls, c, NULL) < 0 ||
	    msg_send(c->tls, &handshake_table, HANDSHAKE_GO, 0, STR_NULL, NULL, 0) < 0)
		connection_drop(c);
}

/* ---- the listener */

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
static int unlisten(struct remote *r)
{
	int link = TAKE_FD(r->listener);

	for (unsigned i = 0; i < r->n_sockets; i++) {
		/* also for the process that holds it as well, so that the port is free now */
		shutdown(r->sockets[i], SHUT_RDWR);
		close(r->sockets[i]);
	}
	r->n_sockets = 0;
	free(r->address);
	r->address = xstrdup("");
	return link;
}

static void close_link(int link)
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
	old = unlisten(r);
	free(r->address);
	r->address = xstrdup(address);
	r->sockets[0] = TAKE_FD(socket);
	r->n_sockets = 1;
	r->listener = link;
	identity_unref(r->id);
	r->id = TAKE(id);
	pthread_mutex_unlock(&r->lock);
	close_link(old);
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
	link = unlisten(r);
	pthread_mutex_unlock(&r->lock);
	close_link(link);
	n = listen_at(r, address, err);
	if (n < 0)
		(void)listen_at(r, old, NULL);
	return n;
}

static int on_listen(struct host *h, const char *address, struct err *err)
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
		link = unlisten(r);
		pthread_mutex_unlock(&r->lock);
		close_link(link);
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
		come_in(r, &msg);
		return;
	}
	if (n == -EAGAIN)
		return;
	pthread_mutex_lock(&r->lock);
	n = r->listener == link && !r->is_stopping;
	link = n ? unlisten(r) : -EBADF;
	pthread_mutex_unlock(&r->lock);
	close_link(link);
	if (!n)
		return;
	host_warn(r->host, r->host->server, "listener", "lxdfs-tls has ended by itself; it is started again");
	(void)loop_after(AGAIN_MS, listen_later, r, NULL);
}

/* ---- joining */

static pid_t process_of(pid_t thread)
{
	AUTO(free) char *path = xasprintf("/proc/%d/status", thread), *text = NULL;
	const char *at;

	if (thread <= 0 || path_read(-1, path, 8192, &text) < 0)
		return 0;
	at = strstr(text, "\nTgid:");
	return at ? (pid_t)strtol(at + 6, NULL, 10) : 0;
}

pid_t remote_process(struct remote *r, uid_t uid, pid_t thread)
{
	pid_t pid;

	if (!r || !uid || (uid != atomic_load(&r->served_as[0]) && uid != atomic_load(&r->served_as[1])))
		return thread;
	pid = process_of(thread);
	return pid ? pid : thread;
}

static struct connection *connection_of(struct remote *r, const struct caller *who)
{
	pid_t pid = process_of(who->pid);
	struct connection *found = NULL;

	pthread_mutex_lock(&r->lock);
	for (struct connection *c = r->first; c && pid && !found; c = c->next)
		if (c->is_served && c->pid == pid)
			found = connection_ref(c);
	pthread_mutex_unlock(&r->lock);
	return found;
}

static int prove(void *arg, const struct cert *cert)
{
	const struct claim *claim = arg;

	return proof_check(&claim->proof, cert, buf_str(&claim->verify));
}

static int on_join(struct host *h, const struct caller *who, struct str token, struct err *err)
{
	struct remote *r = h->remote;
	AUTO(connection_unref) struct connection *c = connection_of(r, who);
	int n;

	if (!c)
		return err_set(err, EPERM,
			       "join is for clients on other machines: here, cp CERT %s/certificates/",
			       h->mount);
	if (c->verdict.trust != TRUST_GUEST)
		return err_set(err, EEXIST, "this certificate is trusted already");
	if (!c->claim.shown)
		return err_set(err, EACCES, "this connection has shown no certificate that could be trusted");
	pthread_mutex_lock(&r->lock);
	n = ++c->joins > JOIN_TRIES ? -EACCES : 0;
	if (n < 0)
		connection_close(c);
	pthread_mutex_unlock(&r->lock);
	if (!n)
		n = token_redeem(h, token, buf_str(&c->claim.der), prove, &c->claim, err);
	if (n == -EACCES)
		(void)sys_poll_in(who->cancel_fd, -1, sys_deadline(JOIN_PAUSE_MS));
	return n < 0 && !err->errnum ? err_set(err, -n, "too many tokens were wrong") : n;
}

/* ---- when somebody isn't who he was */

/* A guest who could be more now stays one until it connects again: who has just joined hears the answer. */
static bool still_holds(const struct connection *c, const struct verdict *now)
{
	if (!now->key)
		return false;
	return !strcmp(now->key, c->verdict.key) ||
	       (c->verdict.trust == TRUST_GUEST && now->trust > TRUST_GUEST);
}

static void review(void *arg)
{
	struct remote *r = arg;
	struct connection **all;
	unsigned n = 0;

	atomic_store(&r->review_due, false);
	pthread_mutex_lock(&r->lock);
	all = xcalloc(r->n + 1, sizeof(struct connection *));
	for (struct connection *c = r->first; c; c = c->next)
		if (c->is_served)
			all[n++] = connection_ref(c);
	pthread_mutex_unlock(&r->lock);
	for (unsigned i = 0; i < n; i++) {
		AUTO(connection_unref) struct connection *c = all[i];
		AUTO(verdict_done) struct verdict v = VERDICT_NULL;

		if (remote_judge(r->host, &c->claim, &v, NULL) == 0 && still_holds(c, &v))
			continue;
		pthread_mutex_lock(&r->lock);
		connection_close(c);
		pthread_mutex_unlock(&r->lock);
	}
	free(all);
}

void remote_review(struct remote *r, const struct object *changed)
{
	static const bool counts[KINDS] = {
	    [KIND_SERVER] = true, [KIND_CERTIFICATE] = true, [KIND_PROJECT] = true};

	if (!r || (changed && !counts[changed->kind->number]) || atomic_exchange(&r->review_due, true))
		return;
	if (job_start(review, r, NULL) < 0)
		atomic_store(&r->review_due, false);
}

/* ---- beginning and end */

struct remote *remote_new(struct host *h)
{
	struct remote *r = xcalloc(1, sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	r->host = h;
	r->address = xstrdup("");
	r->listener = -EBADF;
	h->remote = r;
	h->on.listen = on_listen;
	h->on.join = on_join;
	return r;
}

void remote_start(struct remote *r)
{
	AUTO(config_unref) struct config *own = object_own(r->host->server);
	const char *address = config_get(own, SECTION_CONFIG, "core.https_address");
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(identity_unref) struct identity *id = NULL;

	/* made now where it never was: who looks at certificates/ shouldn't wait for it */
	id = server_identity(r->host, NULL);
	if (!address || on_listen(r->host, address, &err) == 0) {
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

void remote_stop(struct remote *r)
{
	int link;

	pthread_mutex_lock(&r->lock);
	r->is_stopping = true;
	link = unlisten(r);
	for (struct connection *c = r->first; c; c = c->next)
		connection_close(c);
	pthread_mutex_unlock(&r->lock);
	close_link(link);
}

void remote_free(struct remote *r)
{
	if (!r)
		return;
	while (r->first)
		connection_drop(r->first);
	identity_unref(r->id);
	free(r->address);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
