/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the NIC filters share: names in the table, and the text of one port's rules. */
#pragma once

#include "net/filter.h"

/* In table `bridge NAME`:
 *
 *	chain prerouting        before a frame is learned or forwarded: iifname vmap @ports
 *	chain input             frames to 01:80:c2:00:00:0X, which the bridge hands up without prerouting
 *	chain forward           what a port may send to the host only
 *	map ports               port -> its chain
 *	set only_host4, ...6    ports whose DHCP requests, router solicitations stay with the host
 *	chain port-NAME         a port's rules
 */
#define FILTER_PREFIX "port-"

enum { FILTER_ANY = FILTER_MAC | FILTER_V4 | FILTER_V6 };

/**
 * filter_rules() - append the commands that fill a port's chain, which is empty
 * @flags: of the port, FILTER_MAC among them
 *
 * The first rule's comment tells filter_list() the flags, the MAC and the number of rules.
 */
void filter_rules(struct buf *b, const struct filter_port *port, unsigned flags);

/** filter_state_comment() - that comment, and back. Return of the latter: 0; -EINVAL */
void filter_state_comment(struct buf *b, unsigned flags, struct mac mac, unsigned n_rules);
int filter_state_parse(struct str comment, struct filter_state *ret, unsigned *ret_n_rules);

/**
 * filter_read() - what a listing of the table says
 * @text: output of `nft list table`
 * @ret:  as of filter_list()
 *
 * Return: whether all of it is as filter_set() made it
 */
bool filter_read(struct str text, struct filter_list *ret);

/* A port, and what of it stands in the kernel. */
struct filter_step {
	struct filter_port port;
	/* The flags that filter_apply() last gave it, 0 none; FILTER_UNKNOWN: anything may be there. */
	unsigned was;
};
#define FILTER_UNKNOWN (1u << 31)

/**
 * filter_apply() - filter_set() as the kernel has it; nothing is remembered
 *
 * What is known to stand isn't said again: the kernel looks through all rules of the table after each change
 * that adds one or leads to one. Where something else stands, all is.
 */
int filter_apply(const struct filter_step *steps, size_t n, struct err *err);
/** filter_remove() - filter_clear() in the same way. @was: as in struct filter_step */
int filter_remove(const char *name, unsigned was, struct err *err);
/** filter_drop_table() - filter_teardown() in the same way */
int filter_drop_table(struct err *err);

/** filter_distrust() - the next filter_set() makes the table's common part anew: it may be damaged */
void filter_distrust(void);
