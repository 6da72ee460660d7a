/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of NICs without a bridge: routed and p2p. What says as whom an instance is known, and what the host
 * routes to it, is class `host`. */
#include "engine/device/nic-direct.h"
#include "engine/base/auto.h"
#include "engine/device/nic-live.h"
#include "engine/keys/nic-rows.h"

static const char *const gateways[] = {"auto", "none", NULL};

static const struct key routed_rows[] = {
    NIC_HOST_NAME_ROW,
    NIC_HWADDR_ROW,
    {.name = "ipv4.address",
     .type = &type_ip4s,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Addresses of the instance. They are set inside, the host routes them to it, and it can't send "
	     "from any other. No other routed NIC can have them."},
    {.name = "ipv4.gateway",
     .type = &type_choice,
     .choices = gateways,
     .def = "auto",
     .live = LIVE_REPLUG,
     .text =
	 "Whether a default route by ipv4.host_address is set inside: `auto`, or `none`, for a second NIC."},
    {.name = "ipv4.host_address",
     .type = &type_ip4,
     .def = "169.254.0.1",
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Address of the host's end, the instance's gateway. Several NICs can have the same."},
    {.name = "ipv4.host_table",
     .type = &type_integer,
     .min = 1,
     .max = UINT32_MAX,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Routing table of the host that has the routes to the addresses as well, besides `main`."},
    {.name = "ipv4.neighbor_probe",
     .type = &type_bool,
     .def = "true",
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "Whether it is asked on the parent's link first if somebody has the addresses already, which takes "
	 "half a second and, if so, refuses the start."},
    {.name = "ipv4.routes",
     .type = &type_ip4_nets,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "Networks behind the instance that the host reaches through it, by its first address. It can send "
	 "from those as well."},
    {.name = "ipv6.address",
     .type = &type_ip6s,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Addresses of the instance. They are set inside, the host routes them to it, and it can't send "
	     "from any other but link-local ones. No other routed NIC can have them."},
    {.name = "ipv6.gateway",
     .type = &type_choice,
     .choices = gateways,
     .def = "auto",
     .live = LIVE_REPLUG,
     .text =
	 "Whether a default route by ipv6.host_address is set inside: `auto`, or `none`, for a second NIC."},
    {.name = "ipv6.host_address",
     .type = &type_ip6,
     .def = "fe80::1",
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "Address of the host's end, the instance's gateway. Several NICs can have the same link-local one."},
    {.name = "ipv6.host_table",
     .type = &type_integer,
     .min = 1,
     .max = UINT32_MAX,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Routing table of the host that has the routes to the addresses as well, besides `main`."},
    {.name = "ipv6.neighbor_probe",
     .type = &type_bool,
     .def = "true",
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "Whether it is asked on the parent's link first if somebody has the addresses already, which takes "
	 "half a second and, if so, refuses the start."},
    {.name = "ipv6.routes",
     .type = &type_ip6_nets,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "Networks behind the instance that the host reaches through it, by its first address. It can send "
	 "from those as well."},
    NIC_LIMITS_ROWS,
    {.name = "mtu",
     .type = &type_integer,
     .def_text = "that of the parent, or 1500",
     .min = 68,
     .max = 65535,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Largest packet. IPv6 needs 1280."},
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
    {.name = "vlan",
     .type = &type_integer,
     .min = 1,
     .max = 4094,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "VLAN of `parent` that takes its place. Its link, PARENT.VLAN, is made with its settings where it "
	 "is missing, and goes with the last NIC that needs it."},
};

static const struct key p2p_rows[] = {
    NIC_HOST_NAME_ROW,
    NIC_HWADDR_ROW,
    {.name = "ipv4.routes",
     .type = &type_ip4_nets,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "Networks that the host reaches through the instance. Nothing keeps it from sending from others."},
    {.name = "ipv6.routes",
     .type = &type_ip6_nets,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "Networks that the host reaches through the instance. Nothing keeps it from sending from others."},
    NIC_LIMITS_ROWS,
    {.name = "mtu",
     .type = &type_integer,
     .def = "1500",
     .min = 68,
     .max = 65535,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Largest packet. IPv6 needs 1280."},
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
