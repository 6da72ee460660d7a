/* SPDX-License-Identifier: Apache-2.0 */
/* What a bridged NIC may send: table `bridge lxdfs`, one hash look-up a frame, a chain for each port. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/ip.h"

#include <linux/if.h>
#include <stdbool.h>
#include <stddef.h>

enum filter_flags {
	FILTER_MAC = 1 << 0,
	FILTER_V4 = 1 << 1, /* FILTER_V4 and FILTER_V6 switch FILTER_MAC on as well */
	FILTER_V6 = 1 << 2,
	/* The bridge serves DHCP and router advertisements itself: answers from a port are dropped. */
	FILTER_OWN_DHCP = 1 << 3,
};

/* One port; borrowed by filter_set(). */
struct filter_port {
	const char *name; /* host interface */
	struct mac mac;
	unsigned flags; /* no FILTER_MAC, V4, V6: the port's filter is removed */
	/* What it may use as source, of either family. None of a family that is filtered: all of that
	 * protocol is dropped. The link-local address made from the MAC is added where there is any for IPv6.
	 */
	const struct ip_net *allowed;
	size_t n_allowed;
};

/**
 * filter_set() - make, replace or remove the filters of any number of ports in one transaction of the kernel
 *
 * There is no moment without a filter. Works before the link exists. The table is made when first needed, and
 * made anew where somebody removed it (then other ports need their filter_set() again: see filter_list()).
 *
 * Return: 0; -EINVAL a name or an address that can't be used; nothing was changed on failure
 */
int filter_set(const struct filter_port *ports, size_t n, struct err *err);

/** filter_clear() - remove one port's filter; none there is no failure */
int filter_clear(const char *name, struct err *err);

/**
 * filter_set_later() - as filter_set() of one port, but within a batch the kernel is told at its end
 *
 * For a port whose link is there with the filter of an earlier process. A filter_set() or filter_clear() of
 * it in between counts instead. Return: as filter_set(), but for what the kernel says
 */
int filter_set_later(const struct filter_port *port, struct err *err);
/** filter_batch_begin(), filter_batch_end() - around any number of those; of several at once each end tells
 * all that wait. Return: 0; the first failure, when each was tried by itself */
void filter_batch_begin(void);
int filter_batch_end(struct err *err);

/** filter_restore() - all ports as this process has set them, in one transaction: after somebody removed the
 * table. Return: as filter_batch_end() */
int filter_restore(struct err *err);

struct filter_state {
	char name[IFNAMSIZ];
	struct mac mac;
	unsigned flags;	   /* as given to filter_set(), FILTER_MAC added */
	unsigned n_rules;  /* in the port's chain, as the kernel has them */
	bool is_reachable; /* the maps and base chains lead to it */
};
/* zero-initialise; filter_list_done() frees */
struct filter_list {
	struct filter_state *ports;
	size_t n;
};
/** filter_list() - read back from the kernel; an absent table is an empty list */
int filter_list(struct filter_list *ret, struct err *err);
void filter_list_done(struct filter_list *list);
static inline void filter_list_done_auto(struct filter_list *list)
{
	filter_list_done(list);
}

/** filter_text() - the commands that filter_set() would run, for tests and logs */
int filter_text(struct buf *b, const struct filter_port *ports, size_t n, struct err *err);

/** filter_teardown() - remove the table with everything in it */
int filter_teardown(struct err *err);
