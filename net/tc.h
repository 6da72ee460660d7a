/* SPDX-License-Identifier: Apache-2.0 */
/* How much goes through a NIC: what the instance receives waits in a queue of the host's end (a token
 * bucket), what it sends too much of is dropped before anything looks at it, and what it sends has a priority
 * in the host's queues. */
#pragma once

#include "engine/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Where packets of a NIC are met. */
enum shape_at {
	SHAPE_PORT, /* its host's end is a port of a bridge: table `bridge lxdfs` */
	SHAPE_HOST, /* they are for the host's own IP: table `inet lxdfs` */
};

/* Bits a second; 0: no bound. */
struct shape {
	uint64_t to_instance, from_instance;
	uint32_t priority; /* of what the instance sends; 0: the kernel's */
};

/** shape_set() - bring a link that is there to these bounds, live. Return: 0; -ENODEV; -EOPNOTSUPP the kernel
 * has no such queue; on failure the link may have some of them */
int shape_set(const char *link, enum shape_at at, const struct shape *s, struct err *err);
/** shape_clear() - forget a link that went: its queue went with it. None there is no failure */
int shape_clear(const char *link, enum shape_at at, struct err *err);
