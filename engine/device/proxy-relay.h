/* SPDX-License-Identifier: Apache-2.0 */
/* What a proxy's helper does all day: bytes from one end to the other, and back. */
#pragma once

#include "engine/device/proxy-order.h"

struct relay_spec {
	const struct proxy_order *order;
	struct proxy_end listen, connect;
	int listeners[PROXY_PORTS_MAX]; /* listen.n of them */
	int connect_root;
	int control; /* listens, at which the next core finds the helper */
	int core;    /* who started it; -EBADF: gone */
	int init;    /* the instance's: the end of all */
};

/** relay_prepare() - make what relay_run() needs and its sandbox doesn't let it make. Return: 0 or -errno */
int relay_prepare(struct relay_spec *spec);
/** relay_confine() - no system calls but those of relay_run(). Return: 0 or -errno */
int relay_confine(void);
/** relay_run() - until the instance ends or a core says so */
void relay_run(void);
