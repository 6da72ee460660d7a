/* SPDX-License-Identifier: Apache-2.0 */
/* What comes for an address of the host and goes on to an instance: maps in table `inet lxdfs`, one look-up
 * each however many forwards there are. Connections are translated when they begin. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ports that go on one by one: first to target_first, and so forth; or all of them to one. */
struct forward_ports {
	bool is_udp; /* else TCP */
	uint16_t first, last;
	struct ip target;
	uint16_t target_first;
	bool is_one; /* all go to target_first */
};

/* Borrowed by forward_set(). */
struct forward {
	struct ip listen;
	const char *bridge; /* behind which the targets are */
	struct ip target;   /* of all that no port says otherwise; family 0: none */
	const struct forward_ports *ports;
	size_t n_ports;
};

/* Of ports that get another number each is an entry of its own. */
#define FORWARD_CHANGED_MAX 4096

/**
 * forward_set() - make or replace what is done with one address, in one transaction
 *
 * Return: 0; -EINVAL an address of the wrong family, ports that overlap; -E2BIG; what nftables says: it is as
 * it was
 */
int forward_set(const struct forward *forward, struct err *err);
/** forward_clear() - none there is no failure */
int forward_clear(const struct ip *listen, struct err *err);
/** forward_check() - what forward_set() refuses */
int forward_check(const struct forward *forward, struct err *err);

/** forward_batch_begin(), forward_batch_end() - between the two nothing reaches the kernel, which is then
 * told all at once; what a process before has left goes. For the daemon's start */
void forward_batch_begin(void);
int forward_batch_end(struct err *err);
/** forward_restore() - all of it again, after somebody changed the table */
int forward_restore(struct err *err);
/** forward_teardown() - forget everything; the table goes with inet_teardown() */
void forward_teardown(void);
/** forward_text() - the commands that would make one, for tests */
int forward_text(struct buf *b, const struct forward *forward, struct err *err);
