/* SPDX-License-Identifier: Apache-2.0 */
/* lxdfs-tls: listens, and speaks TLS with each client in a process of its own. It holds no key, knows no 9P,
 * and decides nothing: the core hears from each connection what its client proved, and gives it the stream
 * that the client may talk to. Everything ends with the core. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certs/cage.h"
#include "certs/handshake.h"
#include "certs/orders.h"
#include "certs/relay.h"
#include "engine/base/ip.h"
#include "engine/base/sandbox.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"

#define CORE 3
#define HANDSHAKE_MS 10000
#define PEER_IDLE_S 120 /* a peer's machine that is gone is noticed */

static struct {
	SSL_CTX *ctx;
	int sockets[MSG_MAX_FDS];
	unsigned n;
	int narrow; /* filter for connections */
} listener;

static int begin(struct err *err)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	AUTO(free) char *cert = NULL;
	struct unpack u;
	uint32_t uid, gid;
	int r;

	if (msg_recv(CORE, &listen_table, &msg, err) <= 0 || msg.type->number != LISTEN_BEGIN)
		return -EBADMSG;
	u = (struct unpack){.ptr = msg.body, .left = msg.len};
	uid = unpack_u32(&u);
	gid = unpack_u32(&u);
	cert = unpack_text(&u);
	if (!unpack_ok(&u) || !cert)
		return -EBADMSG;
	for (; listener.n < msg.n_fds; listener.n++)
		listener.sockets[listener.n] = TAKE_FD(msg.fds[listener.n]);
	/* what OpenSSL reads of the host it reads now */
	r = handshake_context(str_from(cert), &listener.ctx, err);
	return r ? r : tls_cage_enter(uid, gid, &listener.narrow, err);
}

/* ---- one connection */

static void serve(int tls, int core)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	SSL *ssl;
	int plain;

	for (unsigned i = 0; i < listener.n; i++)
		close(listener.sockets[i]);
	close(CORE);
	if (sandbox_filter(listener.narrow) < 0)
		return;
	/* who comes from where it may not, or is one too many, isn't spoken to */
	if (sys_poll_in(core, -1, sys_deadline(HANDSHAKE_MS)) != 1 ||
	    msg_recv(core, &handshake_table, &msg, NULL) <= 0 || msg.type->number != HANDSHAKE_GO)
		return;
	if (handshake_run(listener.ctx, tls, core, HANDSHAKE_MS, &ssl, &plain) == 0)
		relay(ssl, tls, plain, core);
}

static void tell(int link, const struct sockaddr_storage *from, pid_t pid)
{
	AUTO(buf_done) struct buf body = BUF_NULL, text = BUF_NULL;
	const struct sockaddr_in *v4 = (const void *)from;
	const struct sockaddr_in6 *v6 = (const void *)from;
	struct ip ip = {.family = from->ss_family};

	if (ip.family == AF_INET) {
		ip.v4 = v4->sin_addr;
	} else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		ip.family = AF_INET;
		memcpy(&ip.v4, v6->sin6_addr.s6_addr + 12, 4);
	} else {
		ip.v6 = v6->sin6_addr;
	}
	buf_ip(&text, &ip);
	pack_text(&body, buf_cstr(&text));
	pack_u32(&body, ntohs(v4->sin_port));
	pack_u32(&body, (uint32_t)pid);
	msg_send(CORE, &listen_table, LISTEN_ACCEPTED, 0, buf_str(&body), &link, 1);
}

static void accept_one(int socket)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	AUTO(fd) int tls = accept4(socket, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
	AUTO(fd) int ours = -EBADF, theirs = -EBADF;
	int on = 1, idle = PEER_IDLE_S, pair[2];
	pid_t pid;

	if (tls < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	ours = pair[0];
	theirs = pair[1];
	/* requests and answers are small, and each waits for the other */
	setsockopt(tls, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(tls, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(tls, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	pid = fork();
	if (pid == 0) {
		close(TAKE_FD(ours));
		serve(tls, theirs);
		_exit(0);
	}
	if (pid > 0)
		tell(ours, &from, pid);
}

int main(void)
{
	AUTO(buf_done) struct buf body = BUF_NULL;
	struct pollfd p[MSG_MAX_FDS + 1] = {{.fd = CORE, .events = POLLIN}};
	struct err err = ERR_NULL;
	int r;

	if (spawn_detach() < 0)
		return 1;
	/* children leave nothing to wait for; a peer that has gone is an error, not a signal */
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	r = begin(&err);
	if (r < 0) {
		if (!err.errnum)
			err_set(&err, -r, "the orders of lxdfs-tls can't be read");
		pack_err(&body, &err);
		msg_send(CORE, &listen_table, LISTEN_FAILED, 0, buf_str(&body), NULL, 0);
		return 1;
	}
	for (unsigned i = 0; i < listener.n; i++)
		p[i + 1] = (struct pollfd){.fd = listener.sockets[i], .events = POLLIN};
	if (msg_send(CORE, &listen_table, LISTEN_READY, 0, STR_NULL, NULL, 0) < 0)
		return 1;
	for (;;) {
		if (poll(p, listener.n + 1, -1) < 0 && errno != EINTR)
			return 1;
		if (p[0].revents)
			return 0;
		for (unsigned i = 0; i < listener.n; i++)
			if (p[i + 1].revents)
				accept_one(p[i + 1].fd);
	}
}
