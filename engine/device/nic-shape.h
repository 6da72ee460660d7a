/* SPDX-License-Identifier: Apache-2.0 */
/* What limits.ingress, limits.egress, limits.max and limits.priority of a NIC mean. */
#pragma once

#include "engine/model/kind.h"
#include "net/tc.h"

struct nic_live;

/** nic_key_limits() - key_apply_fn of them all: in force when it returns */
int nic_key_limits(struct object *o, const struct config *old, const struct config *new, const char *device,
		   struct err *err);
/** nic_shape_set() - as the config says, its link is there */
int nic_shape_set(const struct config *effective, const char *device, const char *host_name, enum shape_at at,
		  struct err *err);
