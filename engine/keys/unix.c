/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of device nodes of the host in an instance. What says which device it is, is class `host`. */
#include "engine/device/unix.h"
#include "engine/base/auto.h"
#include "engine/keys/devices.h"

#define NODE_ROWS                                                                                            \
	{.name = "gid",                                                                                      \
	 .type = &type_integer,                                                                              \
	 .def = "0",                                                                                         \
	 .max = 4294967294,                                                                                  \
	 .live = LIVE_REPLUG,                                                                                \
	 .text = "Number of the group, inside, that the node belongs to."},                                  \
	    {.name = "major",                                                                                \
	     .type = &type_integer,                                                                          \
	     .def_text = "that of the source",                                                               \
	     .max = 4095,                                                                                    \
	     .class = CLASS_HOST,                                                                            \
	     .live = LIVE_REPLUG,                                                                            \
	     .text = "Major number of the device."},                                                         \
	    {.name = "minor",                                                                                \
	     .type = &type_integer,                                                                          \
	     .def_text = "that of the source",                                                               \
	     .max = 1048575,                                                                                 \
	     .class = CLASS_HOST,                                                                            \
	     .live = LIVE_REPLUG,                                                                            \
	     .text = "Minor number of the device."},                                                         \
	    {.name = "mode",                                                                                 \
	     .type = &type_mode,                                                                             \
	     .def = "0660",                                                                                  \
	     .live = LIVE_REPLUG,                                                                            \
	     .text = "Permissions of the node."},                                                            \
	    {.name = "path",                                                                                 \
	     .type = &type_path,                                                                             \
	     .class = CLASS_HOST,                                                                            \
	     .live = LIVE_REPLUG,                                                                            \
	     .text = "Where the node is inside; without `source` also where it is on the host."},            \
	    {.name = "required",                                                                             \
	     .type = &type_bool,                                                                             \
	     .def = "true",                                                                                  \
	     .live = LIVE_REPLUG,                                                                            \
	     .text = "Whether it is a failure that the host has no such device, at the instance's start or " \
		     "when this is added. Otherwise the device comes and goes with that of the host, also "  \
		     "while "                                                                                \
		     "the instance runs."},                                                                  \
	    {.name = "source",                                                                               \
	     .type = &type_host_path,                                                                        \
	     .class = CLASS_HOST,                                                                            \
	     .live = LIVE_REPLUG,                                                                            \
	     .text = "Where the device's node is on the host. Links are followed below /dev only, and not "  \
		     "out of it."},                                                                          \
	    DEVICE_TYPE_ROW,                                                                                 \
	{                                                                                                    \
		.name = "uid", .type = &type_integer, .def = "0", .max = 4294967294, .live = LIVE_REPLUG,    \
		.text = "Number of the user, inside, that the node belongs to."                              \
	}

static const struct key char_rows[] = {NODE_ROWS};
static const struct key block_rows[] = {NODE_ROWS};

const struct device_type device_unix_char = {
    .name = "unix-char",
    .type = "unix-char",
    .keys = {.name = "unix-char",
	     .text = "Keys of a character device of the host in an instance.",
	     .keys = char_rows,
	     .n = ARRAY_SIZE(char_rows)},
    .check = unix_check,
    .attach = mount_plug,
    .detach = mount_unplug,
};

const struct device_type device_unix_block = {
    .name = "unix-block",
    .type = "unix-block",
    .keys = {.name = "unix-block",
	     .text = "Keys of a block device of the host in an instance.",
	     .keys = block_rows,
	     .n = ARRAY_SIZE(block_rows)},
    .check = unix_check,
    .attach = mount_plug,
    .detach = mount_unplug,
};
