/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of other machines.
 *
 * The loop's thread hears all links; what waits is a job. One lock, a leaf, protects the list, the listener
 * (fs/remote-listen.c) and what a connection has; a connection is counted. Connections end with the core: an
 * orphan could not be told that its certificate was removed. */
#include "fs/remote-internal.h"

#include <errno.h>
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
#include "engine/base/path.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"
#include "engine/kind/trust.h"
#include "fs/9p/orders.h"

#define CONNECTIONS_MAX 1024
#define HANDSHAKES_MAX 128 /* of them, not yet served */
#define GUESTS_MAX 64	   /* of them, served as guests */
#define FROM_ONE_MAX 32	   /* handshakes and guests from one address */
#define JOIN_TRIES 5
#define JOIN_PAUSE_MS 1000

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

void remote_come_in(struct remote *r, struct msg *msg)
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
	r->listener = r->socket = -EBADF;
	h->remote = r;
	h->on.listen = remote_listen;
	h->on.join = on_join;
	return r;
}

void remote_stop(struct remote *r)
{
	int link;

	pthread_mutex_lock(&r->lock);
	r->is_stopping = true;
	link = remote_unlisten(r);
	for (struct connection *c = r->first; c; c = c->next)
		connection_close(c);
	pthread_mutex_unlock(&r->lock);
	remote_close_link(link);
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
