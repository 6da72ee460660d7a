/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of ipvlan NICs. Which addresses of the host's own network an instance has is class `host`. */
#include "engine/device/nic-ipvlan.h"
#include "engine/base/auto.h"
#include "engine/device/nic-live.h"
#include "engine/keys/nic-rows.h"

static const char *const auto_none[] = {"auto", "none", NULL};
static const char *const modes[] = {"l3s", "l2", NULL};

#define ADDRESS_ROW(family, list)                                                                            \
	{                                                                                                    \
		.name = family ".address", .type = list, .class = CLASS_HOST, .live = LIVE_REPLUG,           \
		.text = "Addresses of the instance, set inside: alone in mode l3s, where the host answers "  \
			"for them on the parent, in a /24 or /64 in mode l2."                                \
	}
#define GATEWAY_ROW(family, one)                                                                             \
	{                                                                                                    \
		.name = family ".gateway", .type = one, .choices = auto_none, .def = "auto",                 \
		.live = LIVE_REPLUG,                                                                         \
		.text = "Default route inside. `auto`: in mode l3s to the host, in mode l2 none. `none`: "   \
			"there is none. An address: by that one, in mode l2."                                \
	}
#define HOST_TABLE_ROW(family)                                                                               \
	{                                                                                                    \
		.name = family ".host_table", .type = &type_integer, .min = 1, .max = UINT32_MAX,            \
		.class = CLASS_HOST, .live = LIVE_REPLUG,                                                    \
		.text = "Routing table of the host that has the routes to the addresses as well, besides "   \
			"`main`, in mode l3s."                                                               \
	}

static const struct key rows[] = {
    {.name = "hwaddr",
     .type = &type_mac,
     .class = CLASS_HOST,
     .refuse = "can't be set: an ipvlan has the MAC of its parent; nictype=macvlan has one of its own",
     .text = "MAC address of the NIC inside the instance."},
    ADDRESS_ROW("ipv4", &type_ip4s),
    GATEWAY_ROW("ipv4", &type_ip4),
    HOST_TABLE_ROW("ipv4"),
    ADDRESS_ROW("ipv6", &type_ip6s),
    GATEWAY_ROW("ipv6", &type_ip6),
    HOST_TABLE_ROW("ipv6"),
    {.name = "mode",
     .type = &type_choice,
     .choices = modes,
     .def = "l3s",
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "`l3s`: the host's stack passes the packets on, and its firewall sees them. `l2`: they go straight "
	 "to the parent's network."},
    NIC_MTU_ROW(.def_text = "that of the parent",
		.text = "Largest packet. It can't be more than the parent's."),
    NIC_NAME_ROW,
    NIC_NICTYPE_ROW,
    {.name = "parent",
     .type = &type_ifname,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "Link of the host on whose network the instance is, with that link's MAC address. In mode l3s its "
	 "forwarding, and proxy_ndp for IPv6, must be 1 already."},
    DEVICE_TYPE_ROW,
    NIC_PARENT_VLAN_ROW(""),
};

const struct device_type device_nic_ipvlan = {
    .name = "nic-ipvlan",
    .type = "nic",
    .matches = nic_ipvlan_matches,
    .keys = {.name = "nic-ipvlan",
	     .text =
		 "Keys of a NIC that is more addresses on a link of the host: type=nic with nictype=ipvlan "
		 "and parent=LINK.",
	     .keys = rows,
	     .n = ARRAY_SIZE(rows)},
    .check = nic_ipvlan_check,
    .attach = nic_ipvlan_attach,
    .detach = nic_unplug,
    .adopt = nic_ipvlan_adopt,
    .clear = nic_ipvlan_clear,
};
