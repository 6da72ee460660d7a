/* SPDX-License-Identifier: Apache-2.0 */
/* The core's side of the FUSE session: a libfuse session on a descriptor that outlives this process.
 *
 * The kernel says INIT once in the life of a mount, to the keeper, which hands it to each core; libfuse is
 * fed with it, and only the first core's answer reaches the kernel. Which requests were read and not yet
 * answered stands in memory shared with the keeper, written by the kernel itself as it hands out a request,
 * so a core can be killed at any instruction: the next one has them sent again (FUSE_NOTIFY_RESEND,
 * Linux 6.9) or, on older kernels, answers them itself: EINTR for those that only looked, EIO for those that
 * may have changed something. */
#pragma once

#include "engine/base/err.h"

#include <fuse3/fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>

/* What the keeper gives a core; the descriptors stay the caller's until session_new() */
struct session_link {
	int keeper; /* SOCK_SEQPACKET */
	int fuse;   /* /dev/fuse, mounted */
	int shared; /* memory, see fs/inflight.h */
	bool
	    suspect; /* the core before ended soon after its start: what it was sent twice isn't sent again */
};

struct session;

/**
 * session_new() - a session that doesn't serve yet
 * @ops: with its init() and destroy(), which get @userdata as usual. Copied
 * @link: its descriptors belong to the session from now on, also on failure
 *
 * In the ops, session_userdata(req) is @userdata; fuse_req_userdata(req) is not. Return: 0 or -errno
 */
int session_new(const struct fuse_lowlevel_ops *ops, void *userdata, const struct session_link *link,
		struct session **ret, struct err *err);

/** session_fuse() - for notifications */
struct fuse_session *session_fuse(struct session *s);

/** session_userdata() - what session_new() was given */
void *session_userdata(fuse_req_t req);

/**
 * session_request() - which request this thread is handling, to tell one that is sent again from a new one
 * @ret_resent: the core before got it too and never answered: what it asks for may be done already. NULL: not
 * wanted
 *
 * In the thread that libfuse called the operation on, before or after the reply. Return: the kernel's number
 * of the request: the same for both, never used twice in the life of a mount
 */
uint64_t session_request(bool *ret_resent);

/** session_is_resent() - @ret_resent alone */
static inline bool session_is_resent(void)
{
	bool resent;

	session_request(&resent);
	return resent;
}

/**
 * session_on_stop() - what is to be done when the daemon is told to end. Before session_loop()
 * @stop: called on a thread of its own, while the session still serves. @all: everything is to be taken down;
 * else the daemon alone ends. A failure is the answer to `lxdfsd --stop`, and the session goes on
 *
 * Without one, the session just ends.
 */
void session_on_stop(struct session *s, int (*stop)(void *arg, bool all, struct err *err), void *arg);

/**
 * session_loop() - answer INIT, settle what the core before left, report ready, serve
 * @max_threads: at most that many requests at once in an operation
 *
 * Return: 0 when stopped or unmounted, with no operation running any more; -errno, e.g. -EPROTO: this core
 * would talk otherwise to the kernel than the mount's first one agreed on
 */
int session_loop(struct session *s, unsigned max_threads, struct err *err);

/** session_stop() - make session_loop() return, from another thread or from an operation */
void session_stop(struct session *s);

/** session_free() - after session_loop(). NULL is accepted */
void session_free(struct session *s);
