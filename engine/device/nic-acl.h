/* SPDX-License-Identifier: Apache-2.0 */
/* Access control lists of bridged NICs. */
#pragma once

#include "engine/device/nic-plan.h"

/** nic_acl_check() - that its lists are there, and go with its other keys. Pure. Return: 0; -EINVAL */
int nic_acl_check(struct object *o, const struct config *effective, const char *device,
		  const struct nic_plan *p, struct err *err);
/**
 * nic_acl_set() - bring the NIC's rules to its keys, also where it has none; before its link is there too
 * @later: within a batch the kernel is told at its end, for one that an earlier core attached
 */
int nic_acl_set(struct object *o, const struct config *effective, const char *device,
		const struct nic_plan *p, bool later, struct err *err);
/** nic_key_acl() - the key_apply_fn of its keys */
int nic_key_acl(struct object *o, const struct config *old, const struct config *new, const char *device,
		struct err *err);
/** acl_action_of() - of a default's text; NULL is ACL_REJECT */
enum acl_action acl_action_of(const char *text);
