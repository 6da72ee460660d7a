/* SPDX-License-Identifier: Apache-2.0 */
/* NICs that are a link of the host itself: it moves into the instance, and comes back. */
#pragma once

#include "engine/model/host.h"

bool nic_physical_matches(struct object *o, const struct section *device);
int nic_physical_check(struct object *o, const struct config *effective, const char *device, struct err *err);
int nic_physical_attach(struct object *o, const struct config *effective, const char *device,
			struct err *err);
int nic_physical_adopt(struct object *o, const struct config *effective, const char *device, struct err *err);
/** nic_physicals_sweep() - links whose instance ended while nobody looked come back, now or as soon as they
 * can; all instances are loaded */
void nic_physicals_sweep(struct host *h);
