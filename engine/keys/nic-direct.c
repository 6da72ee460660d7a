/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of NICs without a bridge: routed and p2p. What says as whom an instance is known, and what the host
 * routes to it, is class `host`. */
#include "engine/device/nic-direct.h"
#include "engine/base/auto.h"
#include "engine/device/nic-live.h"
#include "engine/keys/nic-rows.h"

static const char *const gateways[] = {"auto", "none", NULL};

/* What both families have alike, by "ipv4" or "ipv6". */
#define GATEWAY_ROW(family)                                                                                  \
	{                                                                                                    \
		.name = family ".gateway", .type = &type_choice, .choices = gateways, .def = "auto",         \
		.live = LIVE_REPLUG,                                                                         \
		.text = "Whether a default route by " family                                                 \
			".host_address is set inside: `auto`, or `none`, for a second NIC."                  \
	}
#define HOST_TABLE_ROW(family)                                                                               \
	{                                                                                                    \
		.name = family ".host_table", .type = &type_integer, .min = 1, .max = UINT32_MAX,            \
		.class = CLASS_HOST, .live = LIVE_REPLUG,                                                    \
		.text = "Routing table of the host that has the routes to the addresses as well, besides "   \
			"`main`."                                                                            \
	}
#define NEIGHBOR_PROBE_ROW(family)                                                                           \
	{                                                                                                    \
		.name = family ".neighbor_probe", .type = &type_bool, .def = "true", .class = CLASS_HOST,    \
		.live = LIVE_REPLUG,                                                                         \
		.text = "Whether it is asked on the parent's link first if somebody has the addresses "      \
			"already, which takes half a second and, if so, refuses the start."                  \
	}
#define ROUTES_ROW(family, nets, words)                                                                      \
	{                                                                                                    \
		.name = family ".routes", .type = nets, .class = CLASS_HOST, .live = LIVE_REPLUG,            \
		.text = words                                                                                \
	}
#define ROUTED_ROUTES                                                                                        \
	"Networks behind the instance that the host reaches through it, by its first address. It can send "  \
	"from those as well."
#define P2P_ROUTES                                                                                           \
	"Networks that the host reaches through the instance. Nothing keeps it from sending from others."

static const struct key routed_rows[] = {
    NIC_HOST_NAME_ROW,
    NIC_HWADDR_ROW,
    {.name = "ipv4.address",
     .type = &type_ip4s,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Addresses of the instance. They are set inside, the host routes them to it, and it can't send "
	     "from any other. No other routed NIC can have them."},
    GATEWAY_ROW("ipv4"),
    {.name = "ipv4.host_address",
     .type = &type_ip4,
     .def = "169.254.0.1",
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Address of the host's end, the instance's gateway. Several NICs can have the same."},
    HOST_TABLE_ROW("ipv4"),
    NEIGHBOR_PROBE_ROW("ipv4"),
    ROUTES_ROW("ipv4", &type_ip4_nets, ROUTED_ROUTES),
    {.name = "ipv6.address",
     .type = &type_ip6s,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Addresses of the instance. They are set inside, the host routes them to it, and it can't send "
	     "from any other but link-local ones. No other routed NIC can have them."},
    GATEWAY_ROW("ipv6"),
    {.name = "ipv6.host_address",
     .type = &type_ip6,
     .def = "fe80::1",
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "Address of the host's end, the instance's gateway. Several NICs can have the same link-local one."},
    HOST_TABLE_ROW("ipv6"),
    NEIGHBOR_PROBE_ROW("ipv6"),
    ROUTES_ROW("ipv6", &type_ip6_nets, ROUTED_ROUTES),
    NIC_LIMITS_ROWS,
    NIC_MTU_ROW(.def_text = "that of the parent, or 1500", .text = "Largest packet. IPv6 needs 1280."),
    NIC_NAME_ROW,
    NIC_NICTYPE_ROW,
    {.name = "parent",
     .type = &type_ifname,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "Link on which the host answers for the addresses, so that its neighbours reach the instance as "
	 "one of them. Its forwarding, and proxy_ndp for IPv6, must be 1 already. Without it others need a "
	 "route to the host."},
    NIC_QUEUE_ROW,
    DEVICE_TYPE_ROW,
    NIC_PARENT_VLAN_ROW("with its settings "),
};

static const struct key p2p_rows[] = {
    NIC_HOST_NAME_ROW,
    NIC_HWADDR_ROW,
    ROUTES_ROW("ipv4", &type_ip4_nets, P2P_ROUTES),
    ROUTES_ROW("ipv6", &type_ip6_nets, P2P_ROUTES),
    NIC_LIMITS_ROWS,
    NIC_MTU_ROW(.def = "1500", .text = "Largest packet. IPv6 needs 1280."),
    NIC_NAME_ROW,
    NIC_NICTYPE_ROW,
    NIC_QUEUE_ROW,
    DEVICE_TYPE_ROW,
};

const struct device_type device_nic_routed = {
    .name = "nic-routed",
    .type = "nic",
    .matches = nic_routed_matches,
    .keys =
	{.name = "nic-routed",
	 .text =
	     "Keys of a NIC to which the host routes: type=nic with nictype=routed. There is no bridge, and "
	     "the instance can use its own addresses only.",
	 .keys = routed_rows,
	 .n = ARRAY_SIZE(routed_rows)},
    .check = nic_direct_check,
    .attach = nic_direct_attach,
    .detach = nic_unplug,
    .adopt = nic_direct_adopt,
    .clear = nic_direct_clear,
};

const struct device_type device_nic_p2p = {
    .name = "nic-p2p",
    .type = "nic",
    .matches = nic_p2p_matches,
    .keys =
	{.name = "nic-p2p",
	 .text =
	     "Keys of a NIC that ends at the host: type=nic with nictype=p2p. The host's end, host_name, is "
	     "left to the admin.",
	 .keys = p2p_rows,
	 .n = ARRAY_SIZE(p2p_rows)},
    .check = nic_direct_check,
    .attach = nic_direct_attach,
    .detach = nic_unplug,
    .adopt = nic_direct_adopt,
    .clear = nic_direct_clear,
};
