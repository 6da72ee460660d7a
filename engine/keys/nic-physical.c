/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of physical NICs. The instance's root has the link itself, and with it the network that it is on: all
 * but the name inside is class `host`. */
#include "engine/device/nic-physical.h"
#include "engine/base/auto.h"
#include "engine/device/nic-live.h"
#include "engine/keys/nic-rows.h"

static const struct key rows[] = {
    {.name = "hwaddr",
     .type = &type_mac,
     .def_text = "that of the link",
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "MAC address that the link has while the instance has it."},
    NIC_MTU_ROW(.def_text = "that of the link", .text = "Largest packet, while the instance has the link."),
    NIC_NAME_ROW,
    NIC_NICTYPE_ROW,
    {.name = "parent",
     .type = &type_ifname,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "Link of the host that moves into the instance, which has it alone. It comes back as it was, down "
	 "and "
	 "without addresses, when the instance ends or loses the device. Several instances can name it, but "
	 "only one can run with it."},
    DEVICE_TYPE_ROW,
    NIC_PARENT_VLAN_ROW(""),
};

const struct device_type device_nic_physical = {
    .name = "nic-physical",
    .type = "nic",
    .matches = nic_physical_matches,
    .keys = {.name = "nic-physical",
	     .text = "Keys of a NIC that is a link of the host, moved into the instance: type=nic with "
		     "nictype=physical and parent=LINK.",
	     .keys = rows,
	     .n = ARRAY_SIZE(rows)},
    .check = nic_physical_check,
    .attach = nic_physical_attach,
    .detach = nic_unplug,
    .adopt = nic_physical_adopt,
};
