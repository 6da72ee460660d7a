/* SPDX-License-Identifier: Apache-2.0 */
/* Which links of the host instances have: a record each in the run directory, and the namespaces that hold
 * them. Both outlive core and instance. */
#pragma once

#include "engine/model/host.h"
#include "net/physical.h"

/* A link that is to go. */
struct loan_order {
	const char *key; /* nic_entry_key() */
	const char *link;
	const char *name; /* inside */
	unsigned mtu;
	const struct mac *mac; /* NULL: its own */
	int netns_fd;
};

/** loan_check() - the link isn't in an instance; one that came to an end is given back. Return: 0; -EBUSY */
int loan_check(struct object *o, const char *link, struct err *err);
/** loan_give() - Return: 0; -EBUSY another instance has it; as physical_give() */
int loan_give(struct object *o, const struct loan_order *order, struct err *err);
/**
 * loan_end() - it comes back
 * @is_running: the instance still is: its namespace is held for others that it has
 *
 * Return: 0; what keeps it from coming, and it is looked for again, from time to time: the loan has ended in
 * any case
 */
int loan_end(struct host *h, const char *uuid, const char *key, bool is_running, struct err *err);
/** loan_adopt() - one of an earlier core that goes on. Return: 1, @ret_link is filled; 0 there is none */
int loan_adopt(struct host *h, const char *key, char ret_link[IFNAMSIZ]);
/** loans_sweep() - those that nobody adopted end; again and again until all have */
void loans_sweep(struct host *h);
