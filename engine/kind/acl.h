/* SPDX-License-Identifier: Apache-2.0 */
/* Access control lists: acls/NAME. */
#pragma once

#include "engine/model/host.h"

extern const struct kind kind_acl;

/** acl_apply() - the key_apply_fn of every rule: all NICs and networks that have the list are brought to it
 * in one transaction */
int acl_apply(struct object *o, const struct config *old, const struct config *new, const char *device,
	      struct err *err);
