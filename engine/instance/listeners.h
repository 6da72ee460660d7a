/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's part of interception: what calls of the container come from, and who does them. A call that a
 * helper had begun when it was killed is answered here. */
#pragma once

#include <linux/seccomp.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define LISTENER_SLOTS 64 /* calls that one helper does at a time */
#define MAX_LISTENERS 256 /* init, and commands that were run in the container */
#define MAX_SERVERS 8	  /* the one that serves, the next, and those that end what they have begun */

struct listener_server {
	int sock;		     /* -EBADF: none */
	struct seccomp_notif *slots; /* shared with it: the calls that it has in hand */
};

struct listeners {
	bool is_wanted; /* the container has calls done */
	int fd[MAX_LISTENERS];
	size_t n;
	struct listener_server server[MAX_SERVERS];
	int serving, next; /* indexes of server; -1: none */
};

void listeners_init(struct listeners *l);
/** listeners_add() - calls of one more filter. Takes the descriptor over */
void listeners_add(struct listeners *l, int take_fd);
/** listeners_serve() - a helper wants to do them. @slots: its shared memory. Takes both descriptors over */
void listeners_serve(struct listeners *l, int take_sock, int take_slots);

/** listeners_end() - nothing is to be done any more: wait until the helpers have gone */
void listeners_end(struct listeners *l, int timeout_ms);

#define LISTENER_POLLS (MAX_LISTENERS + MAX_SERVERS)
/** listeners_poll() - fill @p with what to wait for. Return: how many */
size_t listeners_poll(const struct listeners *l, struct pollfd *p);
/** listeners_heard() - after poll(2). Return: true where there was a helper and now there is none */
bool listeners_heard(struct listeners *l, const struct pollfd *p);
