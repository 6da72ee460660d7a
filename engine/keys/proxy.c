/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of proxy devices. They open the host to the instance or the instance to the world: all are class
 * `host`. */
#include "engine/device/proxy.h"
#include "engine/base/auto.h"
#include "engine/keys/devices.h"

static const char *const sides[] = {"host", "instance", NULL};

#define ID_ROW(key, default_text, words)                                                                     \
	{                                                                                                    \
		.name = key, .type = &type_integer, .def_text = default_text, .max = 4294967294,             \
		.class = CLASS_HOST, .live = LIVE_REPLUG, .text = words                                      \
	}

static const struct key rows[] = {
    {.name = "bind",
     .type = &type_choice,
     .def = "host",
     .choices = sides,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Where it listens: `host`, and it connects inside the instance, or `instance`, and it connects "
	     "on the "
	     "host."},
    {.name = "connect",
     .type = &type_string,
     .check = proxy_check_end,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .is_required = true,
     .text =
	 "Where what comes goes on to, on the other side: tcp:ADDRESS:PORT, udp:ADDRESS:PORT, unix:PATH or "
	 "unix:@NAME. It has one port, or as many as listen."},
    ID_ROW("gid", "0", "Group of the unix socket that it listens at, by the side's own numbers."),
    {.name = "listen",
     .type = &type_string,
     .check = proxy_check_end,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .is_required = true,
     .text = "Where it listens: tcp:ADDRESS:PORTS, udp:ADDRESS:PORTS, unix:PATH or unix:@NAME. An IPv6 "
	     "address stands "
	     "in brackets; ports are numbers and ranges with commas."},
    {.name = "mode",
     .type = &type_mode,
     .def = "0644",
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Permissions of the unix socket that it listens at."},
    {.name = "nat",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Whether the kernel translates addresses, without a process between: the instance sees the "
	     "sender's own. "
	     "connect must be ipv4.address or ipv6.address of a NIC, or 0.0.0.0 or [::] for the first one."},
    {.name = "proxy_protocol",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Whether each stream begins with a line that tells the sender's address: the PROXY protocol, "
	     "version 1."},
    ID_ROW("security.gid", "0 where it connects to a unix socket, else nobody's",
	   "Group as which the proxy's process connects, by that side's numbers."),
    ID_ROW("security.uid", "0 where it connects to a unix socket, else nobody's",
	   "User as whom the proxy's process connects, by that side's numbers. It has no capabilities in any "
	   "case."),
    DEVICE_TYPE_ROW,
    ID_ROW("uid", "0", "Owner of the unix socket that it listens at, by the side's own numbers."),
};

const struct device_type device_proxy = {
    .name = "proxy",
    .type = "proxy",
    .keys =
	{.name = "proxy",
	 .text =
	     "Keys of a proxy: what comes to an address on one side, host or instance, goes on to one on the "
	     "other.",
	 .keys = rows,
	 .n = ARRAY_SIZE(rows)},
    .check = proxy_check,
    .attach = proxy_attach,
    .detach = proxy_detach,
    .adopt = proxy_adopt,
    .clear = proxy_clear,
};
