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
