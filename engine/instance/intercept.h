/* SPDX-License-Identifier: Apache-2.0 */
/* The helper of a container that does system calls for it: started by a core, serving its monitor. The
 * monitor holds what the calls come from, so that a helper that is killed, or told new rules, is followed by
 * another. */
#pragma once

#include "engine/base/msg.h"
#include "engine/instance/container.h"

enum intercept_msg {
	INTERCEPT_START = 1,	/* fds: order, the monitor's socket, init's pidfd, [the container's filter] */
	INTERCEPT_SERVES = 101, /* from now on calls are done */
	INTERCEPT_FAILED = 102, /* err */
};
extern const struct msg_table intercept_table;

/* What a container has done for it. */
struct intercept_spec {
	unsigned what;				  /* enum intercept_what, or-ed; 0: nothing, no helper */
	const char *const *allowed, *const *fuse; /* NULL-terminated */
	bool shift;
	int rtprio;
	int filter; /* the container's own, for programs of fuse; -1: none */
	uint64_t caps_drop;
	const char *profile, *context; /* AppArmor's, SELinux', likewise; NULL: none */
};

struct intercept_order {
	unsigned what;
	char **allowed, **fuse, **groups;
	bool shift, has_filter;
	int rtprio;
	uint64_t caps_drop;
	char *profile, *context;
	char *cgroup_root, *uuid;
};

/** intercept_start() - have a new helper do the calls of a container; one that did before hands over. Return:
 * 0, it serves; or a failure: who did before goes on */
int intercept_start(const struct container_env *env, struct container *c, const struct intercept_spec *spec,
		    struct err *err);

void intercept_order_pack(struct buf *b, const struct intercept_order *o);
/** intercept_order_unpack() - Return: 0; -EBADMSG */
int intercept_order_unpack(struct str bytes, struct intercept_order *ret, struct err *err);
void intercept_order_done(struct intercept_order *o);
