/* SPDX-License-Identifier: Apache-2.0 */
/* One thread and epoll(7), edge-triggered: after each event bytes are moved until neither side takes or gives
 * more. What it allocates is bounded by the number of connections, which is bounded. */
#include "engine/device/proxy-relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/device/proxy-socket.h"

#define STREAMS_MAX 1000
#define SESSIONS_MAX 1000
#define IDLE_S 120 /* of UDP, whose ends don't say goodbye */
#define TICK_MS 10000
#define ROOM 16384
#define TURNS 16 /* of one stream before others have theirs */
#define CORES 4

enum what { LISTENER, STREAM, SESSION, CONTROL, CORE, INIT };

struct watch {
	enum what what;
	int fd;
	unsigned index; /* of a listener: its port; of a stream: its side; of a core: its place */
	void *owner;
};

struct half {
	char bytes[ROOM];
	size_t from, to; /* what stands in bytes */
	bool ended, shut;
};

struct stream {
	struct stream *next, *prev;
	struct watch side[2]; /* 0: who came, 1: where it goes */
	struct half half[2];  /* from side i */
	bool is_connecting, is_dead, wants_turn;
};

struct session {
	struct session *next;
	struct watch watch; /* the connected end; index: of the listener */
	struct sockaddr_storage peer;
	socklen_t peer_len;
	time_t last;
};

static struct {
	struct relay_spec *spec;
	int epoll;
	struct watch listeners[PROXY_PORTS_MAX], control, init, cores[CORES];
	struct stream *streams;
	struct session *sessions;
	unsigned n_streams, n_sessions;
	bool is_full, is_done;
} relay;

static int watch_add(struct watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	return epoll_ctl(relay.epoll, EPOLL_CTL_ADD, w->fd, &e) < 0 ? -errno : 0;
}

static void watch_set(struct watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	epoll_ctl(relay.epoll, EPOLL_CTL_MOD, w->fd, &e);
}

/* ---- streams */

/* Above the bound nobody is let in; who waits waits in the kernel's queue. */
static void set_full(bool is_full)
{
	if (relay.is_full == is_full || relay.spec->listen.kind == PROXY_UDP)
		return;
	relay.is_full = is_full;
	for (size_t i = 0; i < relay.spec->listen.n; i++)
		watch_set(&relay.listeners[i], is_full ? 0 : EPOLLIN);
}

/* Freed when no event of the same round can name it any more. */
static void stream_kill(struct stream *s)
{
	if (s->is_dead)
		return;
	s->is_dead = true;
	for (int i = 0; i < 2; i++)
		if (s->side[i].fd >= 0)
			close(TAKE_FD(s->side[i].fd));
}

static void streams_bury(void)
{
	for (struct stream *s = relay.streams, *next; s; s = next) {
		next = s->next;
		if (!s->is_dead)
			continue;
		if (s->prev)
			s->prev->next = s->next;
		else
			relay.streams = s->next;
		if (s->next)
			s->next->prev = s->prev;
		free(s);
		relay.n_streams--;
	}
	set_full(relay.n_streams >= STREAMS_MAX);
}

/* Return: whether something moved */
static bool move_half(struct stream *s, int i)
{
	struct half *h = &s->half[i];
	bool moved = false;
	ssize_t n;

	if (!h->ended && h->from == h->to) {
		n = recv(s->side[i].fd, h->bytes, ROOM, MSG_DONTWAIT);
		h->from = 0;
		h->to = n > 0 ? (size_t)n : 0;
		h->ended = n == 0;
		moved = n >= 0;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			stream_kill(s);
	}
	if (!s->is_dead && h->from < h->to && !(s->is_connecting && i == 0)) {
		n = send(s->side[!i].fd, h->bytes + h->from, h->to - h->from, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			h->from += (size_t)n;
			moved = true;
		} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			stream_kill(s);
		}
	}
	if (!s->is_dead && h->ended && h->from == h->to && !h->shut && !(s->is_connecting && i == 0)) {
		shutdown(s->side[!i].fd, SHUT_WR);
		h->shut = true;
	}
	return moved && !s->is_dead;
}

static void pump(struct stream *s)
{
	s->wants_turn = false;
	for (int turn = 0; !s->is_dead; turn++) {
		bool moved = move_half(s, 0);

		if (!s->is_dead && !s->is_connecting)
			moved |= move_half(s, 1);
		if (!s->is_dead && s->half[0].shut && s->half[1].shut)
			stream_kill(s);
		if (!moved)
			return;
		if (turn == TURNS) {
			s->wants_turn = true;
			return;
		}
	}
}

static void put_address(struct buf *b, const struct sockaddr_storage *a, unsigned *ret_port)
{
	struct ip ip = {.family = a->ss_family};

	if (a->ss_family == AF_INET) {
		ip.v4 = ((const struct sockaddr_in *)a)->sin_addr;
		*ret_port = ntohs(((const struct sockaddr_in *)a)->sin_port);
	} else {
		ip.v6 = ((const struct sockaddr_in6 *)a)->sin6_addr;
		*ret_port = ntohs(((const struct sockaddr_in6 *)a)->sin6_port);
	}
	buf_ip(b, &ip);
}

/* Version 1 of the PROXY protocol: a line before all else. */
static void say_who(struct stream *s)
{
	struct sockaddr_storage from, to;
	socklen_t from_len = sizeof(from), to_len = sizeof(to);
	AUTO(buf_done) struct buf b = BUF_NULL;
	unsigned from_port, to_port;

	if (getpeername(s->side[0].fd, (struct sockaddr *)&from, &from_len) < 0 ||
	    getsockname(s->side[0].fd, (struct sockaddr *)&to, &to_len) < 0 ||
	    (from.ss_family != AF_INET && from.ss_family != AF_INET6)) {
		buf_adds(&b, "PROXY UNKNOWN\r\n");
	} else {
		buf_printf(&b, "PROXY TCP%d ", from.ss_family == AF_INET ? 4 : 6);
		put_address(&b, &from, &from_port);
		buf_addc(&b, ' ');
		put_address(&b, &to, &to_port);
		buf_printf(&b, " %u %u\r\n", from_port, to_port);
	}
	memcpy(s->half[0].bytes, b.ptr, b.len);
	s->half[0].to = b.len;
}

static void stream_open(int take_fd, unsigned port)
{
	const uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
	struct stream *s = xcalloc(1, sizeof(*s));

	s->side[0] = (struct watch){STREAM, take_fd, 0, s};
	s->side[1] =
	    (struct watch){STREAM, proxy_connect(&relay.spec->connect, port, relay.spec->connect_root), 1, s};
	s->is_connecting = true;
	s->next = relay.streams;
	if (s->next)
		s->next->prev = s;
	relay.streams = s;
	relay.n_streams++;
	if (relay.spec->order->says_protocol)
		say_who(s);
	/* who can't be served is hung up on */
	if (s->side[1].fd < 0 || watch_add(&s->side[0], events) < 0 || watch_add(&s->side[1], events) < 0)
		stream_kill(s);
}

static void on_stream(struct watch *w, uint32_t events)
{
	struct stream *s = w->owner;

	if (s->is_dead)
		return;
	if (s->is_connecting && w->index == 1 && events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
		socklen_t len = sizeof(int);
		int error = 0;

		if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error) {
			stream_kill(s);
			return;
		}
		s->is_connecting = false;
	}
	pump(s);
}

/* ---- datagrams */

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void session_close(struct session **place)
{
	struct session *s = *place;

	*place = s->next;
	close(s->watch.fd);
	free(s);
	relay.n_sessions--;
}

static void sessions_expire(void)
{
	time_t limit = now() - IDLE_S;

	for (struct session **p = &relay.sessions; *p;)
		if ((*p)->last < limit)
			session_close(p);
		else
			p = &(*p)->next;
}

/* The most recent stand first. */
static struct session *session_of(unsigned port, const struct sockaddr_storage *peer, socklen_t len)
{
	struct session **p = &relay.sessions, *s;

	for (; (s = *p); p = &s->next)
		if (s->watch.index == port && s->peer_len == len && !memcmp(&s->peer, peer, len)) {
			*p = s->next;
			break;
		}
	if (!s) {
		int fd = proxy_connect(&relay.spec->connect, port, relay.spec->connect_root);

		if (fd < 0)
			return NULL;
		s = xcalloc(1, sizeof(*s));
		s->watch = (struct watch){SESSION, fd, port, s};
		memcpy(&s->peer, peer, len);
		s->peer_len = len;
		relay.n_sessions++;
		if (watch_add(&s->watch, EPOLLIN) < 0) {
			s->next = NULL;
			session_close(&s);
			return NULL;
		}
	}
	s->next = relay.sessions;
	relay.sessions = s;
	s->last = now();
	return s;
}

static char datagram[65536];

static void from_client(struct watch *w)
{
	for (int i = 0; i < TURNS; i++) {
		struct sockaddr_storage peer = {0};
		socklen_t len = sizeof(peer);
		ssize_t n =
		    recvfrom(w->fd, datagram, sizeof(datagram), MSG_DONTWAIT, (struct sockaddr *)&peer, &len);
		struct session *s;

		if (n < 0)
			return;
		s = session_of(w->index, &peer, len);
		if (s)
			(void)!send(s->watch.fd, datagram, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

static void to_client(struct watch *w)
{
	struct session *s = w->owner;

	for (int i = 0; i < TURNS; i++) {
		ssize_t n = recv(w->fd, datagram, sizeof(datagram), MSG_DONTWAIT);

		if (n < 0)
			return;
		s->last = now();
		(void)!sendto(relay.spec->listeners[w->index], datagram, (size_t)n,
			      MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&s->peer, s->peer_len);
	}
}

/* After a round, in which its event may have been one. */
static void sessions_bound(void)
{
	while (relay.n_sessions > SESSIONS_MAX) {
		struct session **p = &relay.sessions;

		while ((*p)->next)
			p = &(*p)->next;
		session_close(p);
	}
}

/* ---- the core */

static void on_core(struct watch *w)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	AUTO(buf_done) struct buf body = BUF_NULL;
	int r = msg_recv(w->fd, &proxy_table, &msg, NULL);

	if (r == -EAGAIN)
		return;
	if (r > 0 && msg.type->number == PROXY_STOP)
		relay.is_done = true;
	if (r > 0 && msg.type->number == PROXY_ASK) {
		proxy_order_pack(&body, relay.spec->order);
		msg_send(w->fd, &proxy_table, PROXY_ORDER, msg.id, buf_str(&body), NULL, 0);
		return;
	}
	close(TAKE_FD(w->fd));
}

static void on_control(struct watch *w)
{
	AUTO(fd) int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (unsigned i = 0; fd >= 0 && i < CORES && msg_peer_is_root(fd); i++) {
		if (relay.cores[i].fd >= 0)
			continue;
		relay.cores[i] = (struct watch){CORE, TAKE_FD(fd), i, NULL};
		if (watch_add(&relay.cores[i], EPOLLIN) < 0)
			close(TAKE_FD(relay.cores[i].fd));
	}
}

/* ---- together */

static void on_listener(struct watch *w)
{
	int fd;

	if (relay.spec->listen.kind == PROXY_UDP) {
		from_client(w);
		return;
	}
	while (relay.n_streams < STREAMS_MAX &&
	       (fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		stream_open(fd, w->index);
}

static void on_event(struct watch *w, uint32_t events)
{
	switch (w->what) {
	case LISTENER:
		on_listener(w);
		break;
	case STREAM:
		on_stream(w, events);
		break;
	case SESSION:
		to_client(w);
		break;
	case CONTROL:
		on_control(w);
		break;
	case CORE:
		on_core(w);
		break;
	case INIT:
		relay.is_done = true;
		break;
	}
}

int relay_prepare(struct relay_spec *spec)
{
	int r = 0;

	relay.spec = spec;
	relay.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (relay.epoll < 0)
		return -errno;
	for (size_t i = 0; i < CORES; i++)
		relay.cores[i] = (struct watch){CORE, -EBADF, (unsigned)i, NULL};
	for (size_t i = 0; i < spec->listen.n && !r; i++) {
		relay.listeners[i] = (struct watch){LISTENER, spec->listeners[i], (unsigned)i, NULL};
		r = watch_add(&relay.listeners[i], EPOLLIN);
	}
	relay.control = (struct watch){CONTROL, spec->control, 0, NULL};
	relay.init = (struct watch){INIT, spec->init, 0, NULL};
	relay.cores[0].fd = spec->core;
	if (!r)
		r = watch_add(&relay.control, EPOLLIN);
	if (!r)
		r = watch_add(&relay.init, EPOLLIN);
	return r < 0 ? r : watch_add(&relay.cores[0], EPOLLIN);
}

void relay_run(void)
{
	while (!relay.is_done) {
		struct epoll_event events[64];
		bool has_turns = false;
		int n;

		for (struct stream *s = relay.streams; s && !has_turns; s = s->next)
			has_turns = s->wants_turn;
		n = epoll_wait(relay.epoll, events, ARRAY_SIZE(events), has_turns ? 0 : TICK_MS);
		for (int i = 0; i < n && !relay.is_done; i++)
			on_event(events[i].data.ptr, events[i].events);
		for (struct stream *s = relay.streams; s && has_turns; s = s->next)
			if (s->wants_turn)
				pump(s);
		streams_bury();
		sessions_bound();
		if (relay.sessions)
			sessions_expire();
	}
}
