/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of disks. All that reaches into the host's files is class `host`. */
#include "engine/device/disk.h"
#include "engine/base/auto.h"
#include "engine/keys/devices.h"

static const char *const propagations[] = {"private", "rprivate", "slave", "rslave", NULL};

#define NO_BOUND "can't be set yet: this release doesn't bound the use of disks"
#define NO_SIZE "can't be set yet: the overlay driver keeps no quotas; give the pool a file system of its own"
#define NO_VOLUME "can't be set yet: pools of this release hold the roots of instances, no other volumes"

static const struct key rows[] = {
    {.name = "initial.*",
     .type = &type_string,
     .refuse = NO_VOLUME,
     .live = LIVE_NEVER,
     .text = "Keys of the volume that is made for a new instance's root."},
    {.name = "limits.max",
     .type = &type_string,
     .refuse = NO_BOUND,
     .text = "Both limits.read and limits.write in one."},
    {.name = "limits.read",
     .type = &type_string,
     .refuse = NO_BOUND,
     .text = "Bytes or operations a second that may be read, such as 30MB or 500iops."},
    {.name = "limits.write",
     .type = &type_string,
     .refuse = NO_BOUND,
     .text = "Bytes or operations a second that may be written, such as 30MB or 500iops."},
    {.name = "path",
     .type = &type_path,
     .live = LIVE_REPLUG,
     .is_required = true,
     .text =
	 "Where in the instance the disk is mounted; it is made where it is missing. `/` makes it the root "
	 "disk, of which an instance has exactly one."},
    {.name = "pool",
     .type = &type_name,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "The pool of storage/ that the root disk is kept in."},
    {.name = "propagation",
     .type = &type_choice,
     .def = "private",
     .choices = propagations,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "Whether what the host mounts or takes off below the source while the instance runs is seen in it: "
	 "`private` and `rprivate` are no, `slave` is yes, `rslave` is yes with `recursive`. What is mounted "
	 "later has the attributes that it has on the host, not those of this disk. The ways that let an "
	 "instance's mounts out to the host aren't there."},
    {.name = "raw.mount.options",
     .type = &type_string,
     .class = CLASS_HOST,
     .check = disk_options_check,
     .live = LIVE_REPLUG,
     .text = "Attributes of the mount, with commas between: ro, nosuid, nodev, noexec, noatime, nodiratime, "
	     "strictatime, nosymfollow. nodev is always on. The instance can't take them off."},
    {.name = "readonly",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Whether the instance can't write to it."},
    {.name = "recursive",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Whether what is mounted below the source comes with it."},
    {.name = "required",
     .type = &type_bool,
     .def = "true",
     .live = LIVE_REPLUG,
     .text =
	 "Whether it is a failure that the source is missing, at the instance's start or when the disk is "
	 "added. Otherwise it goes without."},
    /* The instance's root would write to the host's files as the host's root. */
    {.name = "shift",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "Whether ids are mapped, so that what the host's root owns is the instance's root's, and new "
	     "files are owned so on the host. Without, the host's files belong to nobody inside."},
    {.name = "size", .type = &type_size, .refuse = NO_SIZE, .text = "How much the root disk may hold."},
    {.name = "source",
     .type = &type_host_path,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "The directory, file or socket of the host that is mounted; no symbolic link may be on the way. The "
	 "instance can do with it what the ids "
	 "allow: never give it one whose owner runs what is in it."},
    {.name = "source.snapshot",
     .type = &type_name,
     .class = CLASS_HOST,
     .refuse = NO_VOLUME,
     .live = LIVE_REPLUG,
     .text = "A snapshot of the volume in `source`."},
    {.name = "source.type",
     .type = &type_name,
     .def = "custom",
     .class = CLASS_HOST,
     .refuse = NO_VOLUME,
     .live = LIVE_REPLUG,
     .text = "What kind of volume `source` names."},
    DEVICE_TYPE_ROW,
};

const struct device_type device_disk = {
    .name = "disk",
    .type = "disk",
    .keys = {.name = "disk",
	     .text = "Keys of a disk: the root (path=/ and a pool), or a directory or file of the host.",
	     .keys = rows,
	     .n = ARRAY_SIZE(rows)},
    .check = disk_check,
    .attach = mount_plug,
    .detach = mount_unplug,
};
