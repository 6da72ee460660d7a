/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of 9P: any number of threads ask over one stream, a thread of its own hears the answers.
 */
#pragma once

#include "engine/base/err.h"
#include "fs/9p/wire.h"

#include <stdbool.h>

struct p9_client;

/**
 * p9_client_new() - begin a session
 * @stream: taken over
 * @msize:  greatest message that is wanted
 *
 * Return: 0; -EPROTO nobody answers as a server of 9P2000.L does
 */
int p9_client_new(int stream, uint32_t msize, struct p9_client **ret, struct err *err);
/** p9_client_free() - whoever still waits hears -EIO */
void p9_client_free(struct p9_client *c);
/** p9_client_is_dead() - the server has gone: every call fails with -EIO */
bool p9_client_is_dead(const struct p9_client *c);
/** p9_client_msize() - what was agreed */
uint32_t p9_client_msize(const struct p9_client *c);

/** p9_fid_new() - a number that no fid has */
uint32_t p9_fid_new(struct p9_client *c);
/** p9_clunk() - give a fid up: its number is free, whatever the server says */
int p9_clunk(struct p9_client *c, uint32_t fid);

/* A call that may be given up by another thread. Zero-initialise. */
struct p9_call {
	uint16_t tag;
	bool is_sent, is_cancelled;
};

/**
 * p9_ask() - one request and its answer
 * @m:    type and fields of the request; the answer's fields afterwards
 * @buf:  room for the answer, into which its texts and data point; @cap bytes, at least 4096
 * @call: by which p9_cancel() finds it; NULL: it can't be given up
 *
 * Return: 0; -errno of the server; -EIO it has gone; -EINTR given up, and the server has confirmed that
 */
int p9_ask(struct p9_client *c, struct p9_msg *m, void *buf, size_t cap, struct p9_call *call);
/** p9_cancel() - a flush. It may come too early or too late: then the call ends as it would */
void p9_cancel(struct p9_client *c, struct p9_call *call);
