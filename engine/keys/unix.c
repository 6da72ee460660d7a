/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of device nodes of the host in an instance: known, and refused while there is nothing that makes them.
 */
#include <errno.h>

#include "engine/base/auto.h"
#include "engine/keys/devices.h"

#define NO_NODES                                                                                             \
	"can't be set yet: this release puts no device nodes of the host into an instance; null, zero, "     \
	"random, tty, fuse and tun are there"

#define NODE_ROWS                                                                                            \
	{.name = "gid",                                                                                      \
	 .type = &type_integer,                                                                              \
	 .def = "0",                                                                                         \
	 .max = 4294967294,                                                                                  \
	 .refuse = NO_NODES,                                                                                 \
	 .live = LIVE_REPLUG,                                                                                \
	 .text = "Number of the group, inside, that the node belongs to."},                                  \
	    {.name = "major",                                                                                \
	     .type = &type_integer,                                                                          \
	     .def_text = "that of the source",                                                               \
	     .max = 4095,                                                                                    \
	     .class = CLASS_HOST,                                                                            \
	     .refuse = NO_NODES,                                                                             \
	     .live = LIVE_REPLUG,                                                                            \
	     .text = "Major number of the device."},                                                         \
	    {.name = "minor",                                                                                \
	     .type = &type_integer,                                                                          \
	     .def_text = "that of the source",                                                               \
	     .max = 1048575,                                                                                 \
	     .class = CLASS_HOST,                                                                            \
	     .refuse = NO_NODES,                                                                             \
	     .live = LIVE_REPLUG,                                                                            \
	     .text = "Minor number of the device."},                                                         \
	    {.name = "mode",                                                                                 \
	     .type = &type_mode,                                                                             \
	     .def = "0660",                                                                                  \
	     .refuse = NO_NODES,                                                                             \
	     .live = LIVE_REPLUG,                                                                            \
	     .text = "Permissions of the node."},                                                            \
	    {.name = "path",                                                                                 \
	     .type = &type_path,                                                                             \
	     .class = CLASS_HOST,                                                                            \
	     .refuse = NO_NODES,                                                                             \
	     .live = LIVE_REPLUG,                                                                            \
	     .text = "Where the node is inside; without `source` also where it is on the host."},            \
	    {.name = "required",                                                                             \
	     .type = &type_bool,                                                                             \
	     .def = "true",                                                                                  \
	     .refuse = NO_NODES,                                                                             \
	     .live = LIVE_REPLUG,                                                                            \
	     .text = "Whether the instance's start fails when the host has no such device."},                \
	    {.name = "source",                                                                               \
	     .type = &type_host_path,                                                                        \
	     .class = CLASS_HOST,                                                                            \
	     .refuse = NO_NODES,                                                                             \
	     .live = LIVE_REPLUG,                                                                            \
	     .text = "Where the device's node is on the host."},                                             \
	    DEVICE_TYPE_ROW,                                                                                 \
	{                                                                                                    \
		.name = "uid", .type = &type_integer, .def = "0", .max = 4294967294, .refuse = NO_NODES,     \
		.live = LIVE_REPLUG, .text = "Number of the user, inside, that the node belongs to."         \
	}

static const struct key char_rows[] = {NODE_ROWS};
static const struct key block_rows[] = {NODE_ROWS};

static int check_unix(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	(void)o;
	return err_set(
	    err, EOPNOTSUPP,
	    "type of %s can't be \"%s\" yet: this release puts no device nodes of the host into an "
	    "instance",
	    device, config_device_get(effective, device, "type"));
}

const struct device_type device_unix_char = {
    .name = "unix-char",
    .type = "unix-char",
    .keys = {.name = "unix-char",
	     .text = "Keys of a character device of the host in an instance.",
	     .keys = char_rows,
	     .n = ARRAY_SIZE(char_rows)},
    .check = check_unix,
};

const struct device_type device_unix_block = {
    .name = "unix-block",
    .type = "unix-block",
    .keys = {.name = "unix-block",
	     .text = "Keys of a block device of the host in an instance.",
	     .keys = block_rows,
	     .n = ARRAY_SIZE(block_rows)},
    .check = check_unix,
};
