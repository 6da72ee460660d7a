/* SPDX-License-Identifier: Apache-2.0 */
/* Device types, a file each: their keys and the functions of engine/device/ that know them. */
#pragma once

#include "engine/keys/keys.h"

extern const struct device_type device_nic_bridged, device_nic_routed, device_nic_p2p, device_nic_macvlan,
    device_nic_ipvlan, device_nic_physical, device_disk, device_proxy, device_unix_char, device_unix_block,
    device_none;
extern const char *const device_type_words[];

/* The key that every device has. It replaces the device of a profile whole, with filters that are set there:
 * class `host`. All its words are taken, since a device may still lack what its type needs.
 */
#define DEVICE_TYPE_ROW                                                                                      \
	{                                                                                                    \
		.name = "type", .type = &type_choice, .choices = device_type_words, .class = CLASS_HOST,     \
		.live = LIVE_REPLUG, .is_required = true,                                                    \
		.text = "What the device is. Setting it on an instance replaces a device of that name that " \
			"a profile "                                                                         \
			"gives, with all its keys; `none` masks it."                                         \
	}
