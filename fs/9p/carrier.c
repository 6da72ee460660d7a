/* SPDX-License-Identifier: Apache-2.0 */
/* Relays a connection, and makes another when it is asked to. */
#include "fs/9p/carrier.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certs/relay.h"
#include "engine/base/msg.h"
#include "engine/base/sandbox.h"

#define NOBODY 65534

enum { CARRIER_DIAL = 1, CARRIER_DIALED = 2, CARRIER_FAILED = 3, CARRIER_ALONE = 4 };

static const struct msg_type types[] = {
    {CARRIER_DIAL, "dial", 0, 0, 0, 0},
    {CARRIER_DIALED, "dialed", 0, 0, 1, 1},
    {CARRIER_FAILED, "failed", 4, MSG_MAX_BODY, 0, 0},
    {CARRIER_ALONE, "alone", 0, 0, 0, 0},
};
static const struct msg_table table = {"carrier", types, ARRAY_SIZE(types)};

void background(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	(void)!chdir("/");
}

static int dial_again(const struct carrier_target *t, SSL **ssl, int *tls, int *ours, int *theirs,
		      struct err *err)
{
	char seen[CERT_FINGERPRINT_LEN + 1];
	int pair[2],
	    r = dial(t->dialer, t->host, t->port, t->fingerprint, t->timeout_ms, ssl, tls, seen, err);

	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, errno, "there is no socket for a connection: %s", strerror(errno));
	*ours = pair[0];
	*theirs = pair[1];
	return 0;
}

static void end(SSL **ssl, int *tls, int *stream)
{
	if (!*ssl)
		return;
	SSL_free(TAKE(*ssl));
	close(TAKE_FD(*tls));
	close(TAKE_FD(*stream));
}

/* One order. Return: whether there is a connection now; -1: nobody gives orders any more */
static int obey(const struct carrier_target *t, int control, SSL **ssl, int *tls, int *stream)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	AUTO(buf_done) struct buf body = BUF_NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(fd) int theirs = -EBADF;

	if (msg_recv(control, &table, &msg, NULL) <= 0)
		return -1;
	if (*ssl && msg.type->number == CARRIER_ALONE)
		return relay(*ssl, *tls, *stream, -1) - 1;
	end(ssl, tls, stream);
	if (dial_again(t, ssl, tls, stream, &theirs, &err) == 0) {
		msg_send(control, &table, CARRIER_DIALED, 0, STR_NULL, &theirs, 1);
		return 1;
	}
	pack_err(&body, &err);
	msg_send(control, &table, CARRIER_FAILED, 0, buf_str(&body), NULL, 0);
	return 0;
}

static void carry(const struct carrier_target *t, SSL *ssl, int tls, int stream, int control)
{
	int more = 1;

	background();
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (geteuid() == 0 &&
	    (sandbox_become(NOBODY, NOBODY, 1ULL << CAP_SETPCAP) < 0 || sandbox_lock_down() < 0))
		return;
	while (more >= 0) {
		/* while it lives, an order for another one means that this one is given up */
		if (more && relay(ssl, tls, stream, control) == 0)
			end(&ssl, &tls, &stream);
		more = obey(t, control, &ssl, &tls, &stream);
	}
}

int carrier_start(const struct carrier_target *t, SSL *ssl, int tls, int *ret_stream, int *ret_control,
		  struct err *err)
{
	AUTO(fd) int stream = -EBADF, control = -EBADF;
	int streams[2], controls[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, streams) < 0)
		return err_set(err, errno, "there is no socket for a connection: %s", strerror(errno));
	stream = streams[0];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, controls) < 0) {
		close(streams[1]);
		return err_set(err, errno, "there is no socket for a connection: %s", strerror(errno));
	}
	control = controls[0];
	pid = fork();
	if (pid == 0) {
		close(TAKE_FD(stream));
		close(TAKE_FD(control));
		carry(t, ssl, tls, streams[1], controls[1]);
		_exit(0);
	}
	close(streams[1]);
	close(controls[1]);
	if (pid < 0)
		return err_set(err, errno, "no process can be started: %s", strerror(errno));
	*ret_stream = TAKE_FD(stream);
	*ret_control = TAKE_FD(control);
	return 0;
}

int carrier_alone(int control)
{
	return msg_send(control, &table, CARRIER_ALONE, 0, STR_NULL, NULL, 0);
}

int carrier_again(int control, struct err *err)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	struct unpack u;

	if (msg_send(control, &table, CARRIER_DIAL, 0, STR_NULL, NULL, 0) < 0 ||
	    msg_recv(control, &table, &msg, err) <= 0)
		return err_set(err, EIO, "the process that speaks with the server has ended");
	u = (struct unpack){.ptr = msg.body, .left = msg.len};
	if (msg.type->number != CARRIER_DIALED)
		return unpack_err(&u, err);
	return TAKE_FD(msg.fds[0]);
}
