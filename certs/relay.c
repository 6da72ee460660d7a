/* SPDX-License-Identifier: Apache-2.0 */
/* One thread, two buffers, no waiting but in poll(2). */
#include "certs/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 16384     /* of one TLS record */
#define STALL_MS 60000 /* a peer that takes nothing of what waits for it */

struct half {
	char bytes[ROOM];
	int from, to; /* what stands in bytes */
	bool ended;   /* nothing comes any more */
};

static int no_wait(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -errno : fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* Return: whether something moved */
static bool from_tls(SSL *ssl, struct half *h)
{
	int n;

	if (h->ended || h->from < h->to)
		return false;
	ERR_clear_error();
	n = SSL_read(ssl, h->bytes, ROOM);
	h->from = 0;
	h->to = n > 0 ? n : 0;
	if (n > 0)
		return true;
	n = SSL_get_error(ssl, n);
	h->ended = n != SSL_ERROR_WANT_READ && n != SSL_ERROR_WANT_WRITE;
	return h->ended;
}

static bool to_tls(SSL *ssl, struct half *h, bool *dead)
{
	int n;

	if (h->from == h->to)
		return false;
	ERR_clear_error();
	n = SSL_write(ssl, h->bytes + h->from, h->to - h->from);
	if (n > 0) {
		h->from += n;
		return true;
	}
	n = SSL_get_error(ssl, n);
	*dead = n != SSL_ERROR_WANT_READ && n != SSL_ERROR_WANT_WRITE;
	return false;
}

static bool from_plain(int fd, struct half *h)
{
	ssize_t n;

	if (h->ended || h->from < h->to)
		return false;
	n = recv(fd, h->bytes, ROOM, MSG_DONTWAIT);
	h->from = 0;
	h->to = n > 0 ? (int)n : 0;
	if (n > 0)
		return true;
	h->ended = n == 0 || (errno != EAGAIN && errno != EINTR);
	return h->ended;
}

static bool to_plain(int fd, struct half *h, bool *dead)
{
	ssize_t n;

	if (h->from == h->to)
		return false;
	n = send(fd, h->bytes + h->from, (size_t)(h->to - h->from), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0) {
		h->from += (int)n;
		return true;
	}
	*dead = n < 0 && errno != EAGAIN && errno != EINTR;
	return false;
}

int relay(SSL *ssl, int tls, int plain, int quit)
{
	static struct half in, out; /* from the network, to the network; one relay a process */
	bool dead = false;

	if (no_wait(tls) < 0)
		return 0;
	while (!dead) {
		struct pollfd p[] = {{.fd = tls}, {.fd = plain}, {.fd = quit, .events = POLLIN}};
		bool moved = from_tls(ssl, &in);
		int n;

		moved |= to_plain(plain, &in, &dead);
		moved |= from_plain(plain, &out);
		moved |= to_tls(ssl, &out, &dead);
		if ((in.ended && in.from == in.to) || (out.ended && out.from == out.to))
			break;
		if (moved || dead)
			continue;
		p[0].events = (short)((in.from == in.to ? POLLIN : 0) | (out.from < out.to ? POLLOUT : 0));
		p[1].events = (short)((out.from == out.to ? POLLIN : 0) | (in.from < in.to ? POLLOUT : 0));
		n = poll(p, 3, in.from < in.to || out.from < out.to ? STALL_MS : -1);
		if (n > 0 && p[2].revents)
			return 1;
		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		/* hung up with nothing to be read: a poll that returns at once, for ever */
		if (n > 0 && ((p[0].revents & (POLLERR | POLLNVAL)) || (p[1].revents & (POLLERR | POLLNVAL))))
			dead = true;
	}
	SSL_shutdown(ssl);
	shutdown(plain, SHUT_RDWR);
	in = out = (struct half){0};
	return 0;
}
