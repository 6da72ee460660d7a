/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of net/acl* share: names in the tables, and the texts of their parts.
 *
 * In table `bridge NAME`, each base chain behind those of the NIC filters, whose drops are final:
 *
 *	chain acl-input, acl-forward-out   what a port sends, to the host and to other ports
 *	chain acl-output, acl-forward-in   what is sent to a port, by the host and by other ports
 *	map acl_host, acl_out, acl_in      port -> the chain of its policy
 *	set acl_users                      ports that are in them: what misses its entry while a transaction
 *	                                   replaces it is dropped
 *	chain aclp-N-host, -out, -in       a policy: what all ports have that use the same lists alike
 *	chain acl-replies-D, acl-keep-D    what belongs to a flow that was allowed; and remembering one
 *	set acl_tcp4_D, ...                flows by port and addresses, D: the direction of their first packet
 *	set aclg-LIST                      ports that have a list
 *
 * In table `inet NAME` the same base chains and maps, with chains aclb-in-BRIDGE and aclb-out-BRIDGE; there
 * the kernel's connection tracking knows what belongs together.
 */
#pragma once

#include "engine/base/buf.h"
#include "net/acl.h"

#include <pthread.h>

enum acl_chain { ACL_HOST, ACL_OUT, ACL_IN, ACL_CHAINS };

/* A list as it is known. */
struct acl_list {
	char *name;
	struct acl_rule *rules;
	size_t n;
};

/* Where a text of rules goes. */
struct acl_place {
	bool is_bridge_table;
	enum acl_chain which;
	const char *chain; /* its name */
	const struct acl_use *use;
	bool can_reject;
};

/** acl_base_text() - the common part of table bridge, or of table inet; said again it changes nothing */
void acl_base_text(struct buf *b, bool is_bridge_table);
/** acl_unbase_text() - takes it away, when no port or bridge has lists any more */
void acl_unbase_text(struct buf *b, bool is_bridge_table);
/** acl_policy_text() - the content of one chain, which is flushed first */
void acl_policy_text(struct buf *b, const struct acl_place *place, const struct acl_list *const *lists,
		     size_t n);
/** acl_rule_text() - one rule of a list, as any number of nftables' */
void acl_rule_text(struct buf *b, const struct acl_place *place, const char *list,
		   const struct acl_rule *rule);
/** acl_verdict_text() - what an action is in this place */
const char *acl_verdict_text(const struct acl_place *place, enum acl_action action);
/** acl_log_text() - the rule that logs what @match matches; a flood of it logs little */
void acl_log_text(struct buf *b, const struct acl_place *place, const char *match, const char *list,
		  const char *rule, enum acl_action action);

/* What ports that use the same lists alike share. */
struct acl_policy {
	unsigned id;
	unsigned n_users;
	char *key; /* says all that its text depends on but the lists' content */
};

/* A port or a bridge; what the pointers lead to is its own. */
struct acl_user {
	struct acl_use use;
	bool is_bridge;
	unsigned policy; /* of a port */
};

/* All that this process has said; in acl.c, which has the lock. */
struct acl_known {
	pthread_mutex_t lock;
	struct acl_list *lists;
	size_t n_lists;
	struct acl_user *users;
	size_t n_users;
	struct acl_policy *policies;
	size_t n_policies;
	unsigned last_id, n_batches;
	int can_reject; /* -1: nobody has asked the kernel yet */
};
extern struct acl_known acl_known;

/** acl_find_list(), acl_find_user(), acl_policy_find() - NULL for none */
struct acl_list *acl_find_list(const char *name);
struct acl_user *acl_find_user(const char *link, bool is_bridge);
struct acl_policy *acl_policy_find(unsigned id);
/** acl_count_users() - how many ports or bridges have lists */
size_t acl_count_users(bool is_bridge);
/** acl_policy_key() - what tells one policy from another */
void acl_policy_key(struct buf *b, const struct acl_use *use);
/** acl_family_of() - "inet" of a bridge, "bridge" of a port */
const char *acl_family_of(const struct acl_user *u);

/** acl_group_text() - the set of what has a list */
void acl_group_text(struct buf *b, const char *family, const char *list);
/** acl_chains_text(), acl_unchains_text() - the chains that a port's or a bridge's policy is made of, and
 * their end */
void acl_chains_text(struct buf *b, const struct acl_user *u);
void acl_unchains_text(struct buf *b, const struct acl_user *u);
/** acl_members_text() - a port's or bridge's places in maps and groups, or its way out of them. @before: as
 * it was there; NULL: it wasn't */
void acl_members_text(struct buf *b, const struct acl_user *u, const struct acl_user *before, bool is_member);
/** acl_strangers_text() - in a batch: what an earlier process has put into the maps for a port of this name
 */
void acl_strangers_text(struct buf *b, const struct acl_user *u);
/** acl_table_text() - all that is known of one table, whatever of it is there */
void acl_table_text(struct buf *b, bool is_bridge);

/** acl_say_table(), acl_say_all() - tell the kernel all of it, of table bridge or inet, or of both; what
 * nobody has said goes */
int acl_say_table(bool is_bridge, struct err *err);
int acl_say_all(struct err *err);
/** acl_say() - one change of what is known already; where the table isn't as it was left, all of it.
 * @may_wait: until the end of a batch */
int acl_say(const struct buf *text, bool is_bridge, bool may_wait, struct err *err);
