/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of storage pools: config/ below storage/NAME. */
#include "engine/kind/pool.h"
#include "engine/base/auto.h"
#include "engine/keys/keys.h"

#define NO_COPIES "can't be set yet: this release copies no volumes to other hosts"
#define NO_VOLUMES "can't be set yet: pools of this release hold the roots of instances, no other volumes"
#define NO_RECOVER "can't be set yet: what lies in a directory isn't taken over as volumes"

#define USER_ROW                                                                                             \
	{                                                                                                    \
		.name = "user.*", .type = &type_text,                                                        \
		.text = "Free for notes and for tools of your own. lxdfs keeps it and does nothing with it." \
	}
#define SOURCE_ROW                                                                                           \
	{                                                                                                    \
		.name = "source", .type = &type_host_path,                                                   \
		.def_text = "a directory below the state directory", .class = CLASS_HOST,                    \
		.apply = pool_apply,                                                                         \
		.text = "The directory of the host that the pool is in, which root alone can write to. It "  \
			"can be changed while no instance and no profile uses the pool."                     \
	}

static const struct key dir_rows[] = {
    {.name = "rsync.bwlimit",
     .type = &type_string,
     .def = "0",
     .refuse = NO_COPIES,
     .text = "Bytes a second that copies between hosts may take; 0 is no limit."},
    {.name = "rsync.compression",
     .type = &type_bool,
     .def = "true",
     .refuse = NO_COPIES,
     .text = "Whether copies between hosts are compressed on their way."},
    SOURCE_ROW,
    {.name = "source.recover",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .live = LIVE_NEVER,
     .refuse = NO_RECOVER,
     .text = "Whether a directory that isn't empty is taken over as a pool."},
    USER_ROW,
    {.name = "volume.security.shared",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .refuse = NO_VOLUMES,
     .text = "Whether a new block volume may be attached to several instances at once."},
    {.name = "volume.security.shifted",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .refuse = NO_VOLUMES,
     .text = "Whether the ids of a new volume are mapped for each instance that has it."},
    {.name = "volume.security.unmapped",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .refuse = NO_VOLUMES,
     .text = "Whether the ids of a new volume are not mapped at all."},
    {.name = "volume.size",
     .type = &type_size,
     .refuse = NO_VOLUMES,
     .text = "How much a new volume may hold."},
    {.name = "volume.snapshots.expiry",
     .type = &type_expiry,
     .refuse = NO_VOLUMES,
     .text = "How long snapshots of a new volume are kept."},
    {.name = "volume.snapshots.pattern",
     .type = &type_string,
     .def = "snap%d",
     .refuse = NO_VOLUMES,
     .text = "How snapshots of a new volume are named that are taken without a name."},
};

const struct key_table keys_pool_dir = {
    .name = "storage-dir",
    .text = "Keys in config/ of a pool whose driver is dir.",
    .keys = dir_rows,
    .n = ARRAY_SIZE(dir_rows),
};

static const struct key overlay_rows[] = {SOURCE_ROW, USER_ROW};

const struct key_table keys_pool_overlay = {
    .name = "storage-overlay",
    .text = "Keys in config/ of a pool whose driver is overlay.",
    .keys = overlay_rows,
    .n = ARRAY_SIZE(overlay_rows),
};
