/* SPDX-License-Identifier: Apache-2.0 */
/* NICs that are more addresses on a link of the host, with its MAC: see net/ipvlan.h. */
#pragma once

#include "engine/model/kind.h"

bool nic_ipvlan_matches(struct object *o, const struct section *device);
int nic_ipvlan_check(struct object *o, const struct config *effective, const char *device, struct err *err);
int nic_ipvlan_attach(struct object *o, const struct config *effective, const char *device, struct err *err);
int nic_ipvlan_adopt(struct object *o, const struct config *effective, const char *device, struct err *err);
void nic_ipvlan_clear(struct object *o, const struct config *effective, const char *device);
