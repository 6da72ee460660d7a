/* SPDX-License-Identifier: Apache-2.0 */
/* NICs of instances: from an effective config to net/nic.h, and back on hot-plug. */
#pragma once

#include "engine/device/nic-live.h"

/** nic_key_filter() - key_apply_fn of the filter keys, addresses and routes of a bridged NIC: the rules are
 * in the kernel when it returns */
int nic_key_filter(struct object *o, const struct config *old, const struct config *new, const char *device,
		   struct err *err);
/** nic_key_port() - of security.port_isolation */
int nic_key_port(struct object *o, const struct config *old, const struct config *new, const char *device,
		 struct err *err);
/** nic_bridged_matches() - network= of a managed bridge, or nictype=bridged and parent= */
bool nic_bridged_matches(struct object *o, const struct section *device);
int nic_bridged_check(struct object *o, const struct config *effective, const char *device, struct err *err);
int nic_bridged_attach(struct object *o, const struct config *effective, const char *device, struct err *err);

/** nic_bridged_adopt() - one of an instance that an earlier core started: hosts entry, filter and routes as
 * the config says; a NIC that isn't there is attached */
int nic_bridged_adopt(struct object *o, const struct config *effective, const char *device, struct err *err);
/** nic_bridged_clear() - what is left of one whose instance ended while nobody looked */
void nic_bridged_clear(struct object *o, const struct config *effective, const char *device);
