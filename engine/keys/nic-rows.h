/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that several types of NIC have alike. */
#pragma once

#include "engine/device/nic-shape.h"
#include "engine/keys/devices.h"

extern const char *const nic_type_words[], *const acl_action_words[];

#define NIC_HOST_NAME_ROW                                                                                    \
	{                                                                                                    \
		.name = "host_name", .type = &type_ifname, .def_text = "a random one, vethXXXXXXXX",         \
		.class = CLASS_HOST, .live = LIVE_REPLUG,                                                    \
		.text = "Name of the NIC's link on the host. It must be free there."                         \
	}
#define NIC_HWADDR_ROW                                                                                       \
	{                                                                                                    \
		.name = "hwaddr", .type = &type_mac,                                                         \
		.def_text = "a random one that is kept, 00:16:3e and three more bytes", .class = CLASS_HOST, \
		.live = LIVE_REPLUG, .text = "MAC address of the NIC inside the instance."                   \
	}
#define NIC_LIMITS_ROWS                                                                                      \
	{.name = "limits.egress",                                                                            \
	 .type = &type_rate,                                                                                 \
	 .apply = nic_key_limits,                                                                            \
	 .text = "Bits a second that the instance may send. What is more is dropped, after a burst of a "    \
		 "twentieth of a second."},                                                                  \
	    {.name = "limits.ingress",                                                                       \
	     .type = &type_rate,                                                                             \
	     .apply = nic_key_limits,                                                                        \
	     .text =                                                                                         \
		 "Bits a second that the instance receives. What is more waits up to a fifth of a second, "  \
		 "then it is dropped."},                                                                     \
	    {.name = "limits.max",                                                                           \
	     .type = &type_rate,                                                                             \
	     .apply = nic_key_limits,                                                                        \
	     .text = "Both limits.ingress and limits.egress in one, whatever those say."},                   \
	{                                                                                                    \
		.name = "limits.priority", .type = &type_integer, .max = UINT32_MAX, .class = CLASS_HOST,    \
		.apply = nic_key_limits,                                                                     \
		.text =                                                                                      \
		    "Priority that the host's queues give to what the instance sends. Of a bridged NIC it "  \
		    "holds for what goes on through the bridge, not for what the host routes."               \
	}
#define NIC_NAME_ROW                                                                                         \
	{                                                                                                    \
		.name = "name", .type = &type_ifname, .def_text = "the first free one of eth0, eth1, ...",   \
		.live = LIVE_REPLUG, .text = "Name of the NIC inside the instance."                          \
	}
#define NIC_NICTYPE_ROW                                                                                      \
	{                                                                                                    \
		.name = "nictype", .type = &type_choice, .choices = nic_type_words,                          \
		.def_text = "what the network says", .class = CLASS_HOST, .live = LIVE_REPLUG,               \
		.text =                                                                                      \
		    "How a NIC without `network` is joined: `bridged` to the bridge that `parent` names, "   \
		    "`routed` by the host's routing tables, `p2p` to nothing but the host, `macvlan` and "   \
		    "`ipvlan` to the network of the link that `parent` names, `physical` by that link "      \
		    "itself."                                                                                \
	}
#define NIC_QUEUE_ROW                                                                                        \
	{                                                                                                    \
		.name = "queue.tx.length", .type = &type_integer, .def_text = "1000, the kernel's",          \
		.max = 1000000, .live = LIVE_REPLUG,                                                         \
		.text = "Packets that wait to be sent before more are dropped."                              \
	}
#define NIC_MTU_ROW(...)                                                                                     \
	{                                                                                                    \
		.name = "mtu", .type = &type_integer, .min = 68, .max = 65535, .class = CLASS_HOST,          \
		.live = LIVE_REPLUG, __VA_ARGS__                                                             \
	}
#define NIC_PARENT_VLAN_ROW(words)                                                                           \
	{                                                                                                    \
		.name = "vlan", .type = &type_integer, .min = 1, .max = 4094, .class = CLASS_HOST,           \
		.live = LIVE_REPLUG,                                                                         \
		.text = "VLAN of `parent` that takes its place. Its link, PARENT.VLAN, is made " words       \
			"where it is missing, and goes with the last NIC that needs it."                     \
	}
