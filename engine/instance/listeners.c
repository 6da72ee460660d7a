/* SPDX-License-Identifier: Apache-2.0 */
/* Filters' descriptors handed to one helper at a time. Single-threaded, never waits for a helper.
 * Source: seccomp_unotify(2). */
#include "engine/instance/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/sys.h"
#include "engine/instance/wire.h"

#define SLOTS_SIZE (LISTENER_SLOTS * sizeof(struct seccomp_notif))

void listeners_init(struct listeners *l)
{
	memset(l, 0, sizeof(*l));
	l->serving = l->next = -1;
	for (size_t i = 0; i < MAX_SERVERS; i++)
		l->server[i].sock = -EBADF;
}

/* What it had in hand nobody does any more: the caller hears that it was interrupted. */
static void answer_for(const struct listeners *l, const struct listener_server *s)
{
	for (size_t i = 0; s->slots && i < LISTENER_SLOTS; i++) {
		struct seccomp_notif_resp answer = {.id = s->slots[i].id, .error = -EINTR};

		/* ids are random: no other filter has it */
		for (size_t n = 0; answer.id && n < l->n; n++)
			ioctl(l->fd[n], SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

static void drop(struct listeners *l, int i)
{
	struct listener_server *s = &l->server[i];

	answer_for(l, s);
	if (s->slots)
		munmap(s->slots, SLOTS_SIZE);
	s->slots = NULL;
	close(TAKE_FD(s->sock));
	if (l->next == i)
		l->next = -1;
	if (l->serving == i)
		l->serving = -1;
}

/* Return: false where it doesn't take it */
static bool hand_over(const struct listener_server *s, uint32_t number, const int *fd)
{
	return msg_send(s->sock, &monitor_table, number, 0, STR_NULL, fd, fd ? 1 : 0) == 0;
}

/* Until one serves, or none is left. */
static void next_serves(struct listeners *l)
{
	while (l->serving < 0 && l->next >= 0) {
		int i = l->next;
		bool ok = true;

		l->next = -1;
		for (size_t n = 0; ok && n < l->n; n++)
			ok = hand_over(&l->server[i], MON_CALLS, &l->fd[n]);
		if (ok && hand_over(&l->server[i], MON_SERVE, NULL))
			l->serving = i;
		else
			drop(l, i);
	}
}

void listeners_add(struct listeners *l, int take_fd)
{
	l->is_wanted = true;
	if (l->n == MAX_LISTENERS) {
		/* the calls of this one fail with ENOSYS */
		close(take_fd);
		return;
	}
	l->fd[l->n++] = take_fd;
	if (l->serving >= 0 && !hand_over(&l->server[l->serving], MON_CALLS, &take_fd))
		drop(l, l->serving);
}

void listeners_serve(struct listeners *l, int take_sock, int take_slots)
{
	AUTO(fd) int sock = take_sock, slots = take_slots;
	int i = 0, seals = F_SEAL_SHRINK | F_SEAL_GROW;
	void *map;

	while (i < MAX_SERVERS && l->server[i].sock >= 0)
		i++;
	if (i == MAX_SERVERS || (fcntl(slots, F_GET_SEALS) & seals) != seals ||
	    lseek(slots, 0, SEEK_END) != (off_t)SLOTS_SIZE)
		return;
	map = mmap(NULL, SLOTS_SIZE, PROT_READ, MAP_SHARED, slots, 0);
	if (map == MAP_FAILED)
		return;
	if (l->next >= 0)
		drop(l, l->next);
	l->server[i] = (struct listener_server){TAKE_FD(sock), map};
	l->next = i;
	/* who served takes no new calls, and says so */
	if (l->serving >= 0)
		shutdown(l->server[l->serving].sock, SHUT_WR);
	next_serves(l);
}

size_t listeners_poll(const struct listeners *l, struct pollfd *p)
{
	size_t n = 0;

	for (size_t i = 0; i < MAX_SERVERS; i++)
		p[n++] = (struct pollfd){.fd = l->server[i].sock, .events = POLLIN};
	/* hung up: no process has that filter any more */
	for (size_t i = 0; i < l->n; i++)
		p[n++] = (struct pollfd){.fd = l->fd[i]};
	return n;
}

bool listeners_heard(struct listeners *l, const struct pollfd *p)
{
	bool had = l->serving >= 0;
	size_t kept = 0, n = l->n;

	for (int i = 0; i < MAX_SERVERS; i++) {
		AUTO(msg_done) struct msg msg = MSG_NULL;

		if (!p[i].revents || l->server[i].sock < 0)
			continue;
		if (msg_recv(l->server[i].sock, &monitor_table, &msg, NULL) <= 0)
			drop(l, i);
		else if (msg.type->number == MON_SERVED && l->serving == i)
			l->serving = -1;
	}
	for (size_t i = 0; i < n; i++) {
		if (p[MAX_SERVERS + i].revents & (POLLHUP | POLLERR | POLLNVAL))
			close(l->fd[i]);
		else
			l->fd[kept++] = l->fd[i];
	}
	l->n = kept;
	next_serves(l);
	return had && l->serving < 0;
}

void listeners_end(struct listeners *l, int timeout_ms)
{
	uint64_t deadline = sys_deadline(timeout_ms);

	for (int i = 0; i < MAX_SERVERS; i++) {
		struct listener_server *s = &l->server[i];

		if (s->sock < 0)
			continue;
		shutdown(s->sock, SHUT_WR);
		while (sys_poll_in(s->sock, -1, deadline) == 1) {
			AUTO(msg_done) struct msg m = MSG_NULL;

			if (msg_recv(s->sock, &monitor_table, &m, NULL) == 0)
				break;
		}
		drop(l, i);
	}
}
