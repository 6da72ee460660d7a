/* SPDX-License-Identifier: Apache-2.0 */
/* The link that keys parent and vlan of a NIC mean: VLANs are made when the first NIC needs them, and go with
 * the last. */
#pragma once

#include "engine/base/err.h"
#include "engine/model/config.h"

#include <linux/if.h>
#include <stdbool.h>

/** nic_parent_name() - its name, PARENT or PARENT.VLAN. Return: 1; 0 there is none; -EINVAL the keys don't go
 * together. Pure */
int nic_parent_name(const struct config *c, const char *device, char ret[IFNAMSIZ], struct err *err);
/** nic_parent_hold() - it is there from now on, up if it was made. Return: 0; -ENODEV; -EOPNOTSUPP */
int nic_parent_hold(const struct config *c, const char *device, struct err *err);
/** nic_parent_note() - as nic_parent_hold() of a VLAN that was made before and is elsewhere now */
void nic_parent_note(const char *name);
/** nic_parent_release() - one NIC less needs it */
void nic_parent_release(const char *name);
/** nic_parents_sweep() - VLANs that an earlier core made and that nobody needs go; all instances are loaded
 */
void nic_parents_sweep(void);
