/* SPDX-License-Identifier: Apache-2.0 */
/* Routed and p2p NICs of instances: a veth without a bridge, see net/direct.h. */
#pragma once

#include "engine/model/kind.h"

bool nic_routed_matches(struct object *o, const struct section *device);
bool nic_p2p_matches(struct object *o, const struct section *device);
int nic_direct_check(struct object *o, const struct config *effective, const char *device, struct err *err);
int nic_direct_attach(struct object *o, const struct config *effective, const char *device, struct err *err);
int nic_direct_adopt(struct object *o, const struct config *effective, const char *device, struct err *err);
void nic_direct_clear(struct object *o, const struct config *effective, const char *device);
