/* SPDX-License-Identifier: Apache-2.0 */
/* NICs that are one more MAC address on a link of the host. */
#pragma once

#include "engine/model/kind.h"

bool nic_macvlan_matches(struct object *o, const struct section *device);
int nic_macvlan_check(struct object *o, const struct config *effective, const char *device, struct err *err);
int nic_macvlan_attach(struct object *o, const struct config *effective, const char *device, struct err *err);
int nic_macvlan_adopt(struct object *o, const struct config *effective, const char *device, struct err *err);
