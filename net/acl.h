/* SPDX-License-Identifier: Apache-2.0 */
/* Access control lists in nftables: what NICs of bridges (table `bridge lxdfs`) and whole bridges (table
 * `inet lxdfs`) may send and receive. What this process has said is known here, so that a list's change
 * reaches all that have it in one transaction, and all of it can be said again. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The order of precedence: of all rules of all lists that match, the first in it decides. */
enum acl_action { ACL_DROP, ACL_REJECT, ACL_ALLOW_STATELESS, ACL_ALLOW, ACL_ACTIONS };

enum acl_proto { ACL_ANY, ACL_TCP, ACL_UDP, ACL_ICMP4, ACL_ICMP6 };

enum acl_peer_kind {
	ACL_RANGE,    /* from one address to another of its family */
	ACL_INTERNAL, /* the addresses of the network that the list is used on */
	ACL_EXTERNAL, /* all others */
	ACL_GROUP,    /* who has the list of that name */
};

#define ACL_NAME_MAX 63
#define ACL_RULE_NAME_MAX 32

struct acl_peer {
	enum acl_peer_kind kind;
	struct ip first, last;
	char group[ACL_NAME_MAX + 1];
};

struct acl_ports {
	uint16_t first, last;
};

/* acl_rule_done() frees what the pointers lead to. */
struct acl_rule {
	char name[ACL_RULE_NAME_MAX + 1];
	bool is_ingress; /* towards the instance */
	bool is_disabled, is_logged;
	enum acl_action action;
	enum acl_proto proto;
	struct acl_peer *sources, *destinations;
	size_t n_sources, n_destinations; /* none: any */
	struct acl_ports *sports, *dports;
	size_t n_sports, n_dports;
	int icmp_type, icmp_code; /* -1: any */
};
void acl_rule_done(struct acl_rule *rule);

/** acl_name_ok() - of a list: 1 to 63 letters, digits, '-', '_', '.', a letter first */
bool acl_name_ok(struct str name);
/** acl_rule_name_ok() - of a rule: 1 to 32 letters, digits, '-', '_', '.', a letter or digit first */
bool acl_rule_name_ok(struct str name);

/* Who has lists, and what becomes of that which no rule matches; borrowed. */
struct acl_use {
	const char *link; /* port of a bridge, or a bridge */
	const char *const *lists;
	size_t n_lists;			 /* none: nothing is held back */
	enum acl_action ingress, egress; /* by default */
	bool ingress_logged, egress_logged;
	struct ip_net nets[2]; /* IPv4 and IPv6 addresses of the bridge with their networks; family 0: none */
	bool is_managed;       /* the host serves DHCP and advertises itself there; else ports may */
	bool has_dns;	       /* and names, at the addresses of nets */
};

/**
 * acl_define() - what a list says, for all that have it now or later
 * @rules: copied
 *
 * One transaction. Return: 0; what nftables says: the list is then what it was
 */
int acl_define(const char *name, const struct acl_rule *rules, size_t n, struct err *err);
/** acl_forget() - a list that nobody has */
void acl_forget(const char *name);

/** acl_port_set() - the lists of a port of a bridge, also before the link exists. One transaction, no moment
 * without. Return: 0; -ENOENT a list that wasn't defined; -EINVAL no name of a link; nothing was changed then
 */
int acl_port_set(const struct acl_use *use, struct err *err);
/** acl_port_set_later() - as acl_port_set(), but within a batch the kernel is told at its end: for a port
 * that an earlier process has set */
int acl_port_set_later(const struct acl_use *use, struct err *err);
/** acl_port_clear() - none there is no failure */
int acl_port_clear(const char *link, struct err *err);
/** acl_bridge_set(), acl_bridge_clear() - the lists of a bridge: of what goes between it and anything else */
int acl_bridge_set(const struct acl_use *use, struct err *err);
int acl_bridge_clear(const char *link, struct err *err);

/** acl_batch_begin(), acl_batch_end() - between the two lists, bridges and acl_port_set_later() wait, and the
 * kernel is told all at once; what a process before has left and nobody has said again goes. For the daemon's
 * start */
void acl_batch_begin(void);
int acl_batch_end(struct err *err);
/** acl_restore() - all of it again, after somebody changed the tables */
int acl_restore(struct err *err);
/** acl_teardown() - forget everything; the tables go with filter_teardown() and inet_teardown() */
void acl_teardown(void);

/** acl_can_reject() - whether this kernel can answer for a bridge (nft_reject_bridge). Else `reject` of what
 * a NIC sends is a drop; of what others send to it, it always is */
bool acl_can_reject(void);

/** acl_text() - the commands that say all that is known, for tests */
void acl_text(struct buf *b);
