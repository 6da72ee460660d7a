/* SPDX-License-Identifier: Apache-2.0 */
/* The one shape of message between the core and its helpers: SOCK_SEQPACKET, a fixed header, a packed body,
 * descriptors by SCM_RIGHTS. Types are rows of a table; a number's meaning is for ever, a new meaning is a
 * new number. What doesn't fit its row is refused before a handler sees it. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSG_MAX_BODY 16384
#define MSG_MAX_FDS 64

struct msg_type {
	uint32_t number;
	const char *name;  /* for sentences and logs */
	uint32_t min, max; /* bytes of body */
	unsigned min_fds, max_fds;
};

struct msg_table {
	const char *name;	      /* of the link, for sentences */
	const struct msg_type *types; /* sorted by number */
	size_t count;
};

/* A message as received; zero-initialise with MSG_NULL, msg_done() closes what fds still holds. */
struct msg {
	const struct msg_type *type;
	uint32_t id; /* a reply carries its request's */
	unsigned char *body;
	uint32_t len;
	int fds[MSG_MAX_FDS]; /* TAKE_FD() what is kept */
	unsigned n_fds;
};

#define MSG_NULL ((struct msg){0})

/** msg_type_find() - the row of a number, NULL for none */
const struct msg_type *msg_type_find(const struct msg_table *table, uint32_t number);

/**
 * msg_send() - send one message
 * @fd:     SOCK_SEQPACKET socket
 * @table:  the link's table; what breaks its own row is a bug and refused with -EINVAL
 * @number: row
 * @id:     reply id, 0 for none
 * @body:   packed bytes, see struct pack
 * @fds:    descriptors, borrowed
 *
 * Return: 0; -EAGAIN where the socket doesn't block and is full; -EPIPE or -ECONNRESET: nobody is there
 */
int msg_send(int fd, const struct msg_table *table, uint32_t number, uint32_t id, struct str body,
	     const int *fds, unsigned n_fds);

/**
 * msg_recv() - receive one message and check it against its row
 * @ret: filled on success; msg_done() it
 *
 * Return: 1 a message; 0 the peer is gone; -EAGAIN none waits on a socket that doesn't block; -EBADMSG the
 * bytes fit no row (@err tells which way)
 */
int msg_recv(int fd, const struct msg_table *table, struct msg *ret, struct err *err);

void msg_done(struct msg *m);

static inline void msg_done_auto(struct msg *m)
{
	msg_done(m);
}

/** msg_peer_is_root() - SO_PEERCRED: the other end was opened by uid 0 of our user namespace */
bool msg_peer_is_root(int fd);

/* ---- packing: little helpers over struct buf, mirrored by struct unpack */

void pack_u32(struct buf *b, uint32_t v);
void pack_u64(struct buf *b, uint64_t v);
/** pack_text() - a text, NULL is kept apart from "" */
void pack_text(struct buf *b, const char *text);
/** pack_texts() - a NULL-terminated list; NULL is an empty list */
void pack_texts(struct buf *b, const char *const *list);
/** pack_err() - a failure, its sentence cut to what a message holds */
void pack_err(struct buf *b, const struct err *err);

/* A read cursor that remembers an overrun: read everything, then ask unpack_ok() once. After an overrun every
 * value is 0 or NULL. */
struct unpack {
	const unsigned char *ptr;
	size_t left;
	bool bad;
};

uint32_t unpack_u32(struct unpack *u);
uint64_t unpack_u64(struct unpack *u);
/** unpack_text() - a copy, freed by the caller; NULL for NULL. A NUL inside is bad */
char *unpack_text(struct unpack *u);
/** unpack_texts() - a NULL-terminated list, freed with texts_free(); at most @max texts */
char **unpack_texts(struct unpack *u, size_t max);
/** unpack_err() - Return: -errnum, as err_set() */
int unpack_err(struct unpack *u, struct err *err);
/** unpack_ok() - all was read and nothing was missing */
bool unpack_ok(const struct unpack *u);

void texts_free(char **list);
static inline void texts_free_auto(char ***list)
{
	texts_free(*list);
}
