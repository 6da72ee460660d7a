/* SPDX-License-Identifier: Apache-2.0 */
/* NICs of instances: from an effective config to net/nic.h, and back on hot-plug. */
#pragma once

#include "engine/model/kind.h"

/** nic_key_filter() - key_apply_fn of the filter keys, addresses and routes of a bridged NIC: the rules are
 * in the kernel when it returns */
int nic_key_filter(struct object *o, const struct config *old, const struct config *new, const char *device,
		   struct err *err);
/** nic_key_port() - of security.port_isolation */
int nic_key_port(struct object *o, const struct config *old, const struct config *new, const char *device,
		 struct err *err);
/** nic_bridged_matches() - network= of a managed bridge, or nictype=bridged */
bool nic_bridged_matches(struct object *o, const struct section *device);
int nic_bridged_check(struct object *o, const struct config *effective, const char *device, struct err *err);
int nic_bridged_attach(struct object *o, const struct config *effective, const char *device, struct err *err);
int nic_bridged_detach(struct object *o, const struct config *effective, const char *device, struct err *err);
