/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of macvlan NICs. The link is the host's own network: who is on it is class `host`. */
#include "engine/device/nic-macvlan.h"
#include "engine/base/auto.h"
#include "engine/device/nic-live.h"
#include "engine/keys/nic-rows.h"

static const struct key rows[] = {
    NIC_HWADDR_ROW,
    NIC_MTU_ROW(.def_text = "that of the parent",
		.text = "Largest packet. It can't be more than the parent's."),
    NIC_NAME_ROW,
    NIC_NICTYPE_ROW,
    {.name = "parent",
     .type = &type_ifname,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "Link of the host on whose network the instance is, with a MAC address of its own. It reaches that "
	 "network and others with the same parent, but not the host. Nothing there is filtered."},
    DEVICE_TYPE_ROW,
    NIC_PARENT_VLAN_ROW(""),
};

const struct device_type device_nic_macvlan = {
    .name = "nic-macvlan",
    .type = "nic",
    .matches = nic_macvlan_matches,
    .keys =
	{.name = "nic-macvlan",
	 .text =
	     "Keys of a NIC that is one more machine on a link of the host: type=nic with nictype=macvlan "
	     "and parent=LINK.",
	 .keys = rows,
	 .n = ARRAY_SIZE(rows)},
    .check = nic_macvlan_check,
    .attach = nic_macvlan_attach,
    .detach = nic_unplug,
    .adopt = nic_macvlan_adopt,
};
