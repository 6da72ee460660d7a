/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of projects: what they have of their own, how much, and what is allowed in them. */
#include "engine/keys/keys.h"

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/base/parse.h"

#define NO_NETWORKS                                                                                          \
	"can't be set yet: networks of this release are bridges, whose links are the host's, so all "        \
	"projects use "                                                                                      \
	"those of project default"
#define NO_ZONES "can't be set yet: this release has no zones"
#define NO_VOLUMES "can't be set yet: pools of this release hold the roots of instances, no other volumes"
#define NO_QUOTA "can't be set yet: this release keeps no quotas of disks"
#define NO_SUCH_DEVICES "can't be set yet: instances of this release have no such devices"
#define NO_UPLINKS "can't be set yet: networks of this release have no uplinks"
#define NO_IMAGES "can't be set yet: this release makes no images and fetches none"

static const char *const allow_block[] = {"allow", "block", NULL};
static const char *const privileges[] = {"unprivileged", "isolated", "allow", NULL};
static const char *const managed[] = {"block", "managed", "allow", NULL};
static const char *const compressions[] = {"none", "gzip", "xz", "zstd", NULL};

#define FEATURE(what, not_yet, sentence)                                                                     \
	{                                                                                                    \
		.name = "features." what, .type = &type_bool, .def = "false", .class = CLASS_HOST,           \
		.refuse = not_yet, .text = sentence                                                          \
	}
#define COUNT(what, not_yet, sentence)                                                                       \
	{                                                                                                    \
		.name = "limits." what, .type = &type_integer, .min = 0, .max = INT64_MAX,                   \
		.class = CLASS_HOST, .refuse = not_yet, .text = sentence                                     \
	}
#define SIZE(what, not_yet, sentence)                                                                        \
	{                                                                                                    \
		.name = "limits." what, .type = &type_size, .class = CLASS_HOST, .refuse = not_yet,          \
		.text = sentence                                                                             \
	}
#define RESTRICT(what, words, otherwise, not_yet, sentence)                                                  \
	{                                                                                                    \
		.name = "restricted." what, .type = &type_choice, .choices = words, .def = otherwise,        \
		.class = CLASS_HOST, .refuse = not_yet, .text = sentence                                     \
	}
#define RESTRICT_LIST(what, list_type, its_check, not_yet, sentence)                                         \
	{                                                                                                    \
		.name = "restricted." what, .type = &list_type, .check = its_check, .class = CLASS_HOST,     \
		.refuse = not_yet, .text = sentence                                                          \
	}

static int check_paths(const struct key *key, struct str value, struct err *err)
{
	struct str line;

	(void)key;
	while (value.len && str_next(&value, '\n', &line))
		if (line.len && line.ptr[0] != '/')
			return err_set(err, EINVAL, "has \"%.*s\": absolute paths are wanted, one a line",
				       (int)MIN(line.len, 64u), line.ptr);
	return 0;
}

static int check_ids(const struct key *key, struct str value, struct err *err)
{
	uint64_t first, last;
	struct str line;

	(void)key;
	while (value.len && str_next(&value, '\n', &line))
		if (str_trim(line).len && parse_range(str_trim(line), 0, UINT32_MAX - 1, &first, &last) < 0)
			return err_set(
			    err, EINVAL,
			    "has \"%.*s\": ids of the host are wanted, one a line, or ranges such as "
			    "1000-1999",
			    (int)MIN(line.len, 64u), line.ptr);
	return 0;
}

static const struct key rows[] = {
    FEATURE(
	"images", NULL,
	"Whether the project has images of its own; a new project has. Otherwise it uses those of project "
	"default. It can be changed as long as the project has neither images nor instances."),
    FEATURE("networks", NO_NETWORKS,
	    "Whether the project has networks of its own. Otherwise it uses those of project default."),
    FEATURE("networks.zones", NO_ZONES, "Whether the project has DNS zones of its own."),
    FEATURE(
	"profiles", NULL,
	"Whether the project has profiles of its own; a new project has. Otherwise it uses those of project "
	"default. It can be changed as long as the project has no instances and no profile but default."),
    FEATURE("storage.volumes", NO_VOLUMES, "Whether the project has storage volumes of its own."),
    {.name = "images.compression_algorithm",
     .type = &type_choice,
     .choices = compressions,
     .def_text = "what the server says",
     .refuse = NO_IMAGES,
     .text = "How images are compressed that are made in the project."},
    {.name = "images.default_architecture",
     .type = &type_name,
     .def_text = "what the server says",
     .refuse = NO_IMAGES,
     .text = "Which architecture is taken of an image that is offered for several."},
    COUNT("containers", NULL, "How many containers the project may have."),
    COUNT("cpu", NULL,
	  "The most that limits.cpu of the project's instances may add up to; each must have one then."),
    SIZE("disk", NO_QUOTA, "The most that disks of the project may add up to."),
    SIZE("disk.pool.*", NO_QUOTA, "The most that the project's disks in one pool may add up to."),
    COUNT("instances", NULL, "How many instances the project may have."),
    SIZE("memory", NULL,
	 "The most that limits.memory of the project's instances may add up to; each must have one then, and "
	 "no "
	 "percentage."),
    COUNT("networks", NO_NETWORKS, "How many networks the project may have."),
    COUNT("networks.uplink_ips.ipv4.*", NO_UPLINKS,
	  "How many IPv4 addresses of an uplink the project may use."),
    COUNT("networks.uplink_ips.ipv6.*", NO_UPLINKS,
	  "How many IPv6 addresses of an uplink the project may use."),
    COUNT(
	"processes", NULL,
	"The most that limits.processes of the project's instances may add up to; each must have one then."),
    {.name = "restricted",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .text =
	 "Whether the restricted.* keys bind everybody who acts in the project, root included. It is refused "
	 "as long as something in the project isn't so."},
    RESTRICT("containers.interception", allow_block, "block", NULL,
	     "Whether system calls may be handed to the host: security.syscalls.intercept.*."),
    RESTRICT(
	"containers.lowlevel", allow_block, "block", NULL,
	"Whether raw.*, ranges of ids, rules for system calls and boot.host_shutdown_timeout may be set."),
    RESTRICT("containers.nesting", allow_block, "block", NULL, "Whether security.nesting may be set."),
    RESTRICT(
	"containers.privilege", privileges, "unprivileged", NULL,
	"Whether containers may be privileged (`allow`), or must even have ids of their own (`isolated`)."),
    RESTRICT(
	"devices.disk", managed, "managed", NULL,
	"Which disks instances may have: none but the root (`block`), those of pools (`managed`), or all."),
    RESTRICT_LIST("devices.disk.paths", type_lines, check_paths, NULL,
		  "Directories of the host that disks may come from where restricted.devices.disk is allow; "
		  "without it all may."),
    RESTRICT("devices.gpu", allow_block, "block", NO_SUCH_DEVICES, "Whether instances may have GPUs."),
    RESTRICT("devices.infiniband", allow_block, "block", NO_SUCH_DEVICES,
	     "Whether instances may have Infiniband devices."),
    RESTRICT("devices.nic", managed, "managed", NULL,
	     "Which NICs instances may have: none (`block`), those on networks/ (`managed`), or all."),
    RESTRICT("devices.pci", allow_block, "block", NO_SUCH_DEVICES, "Whether instances may have PCI devices."),
    RESTRICT("devices.proxy", allow_block, "block", NULL,
	     "Whether instances may have proxies, which lead from the host to them and back."),
    RESTRICT("devices.unix-block", allow_block, "block", NULL, "Whether instances may have block devices."),
    RESTRICT("devices.unix-char", allow_block, "block", NULL,
	     "Whether instances may have character devices."),
    RESTRICT_LIST(
	"idmap.gid", type_lines, check_ids, NULL,
	"Groups of the host that raw.idmap may name, numbers or ranges such as 1000-1999, also where "
	"restricted.containers.lowlevel is block."),
    RESTRICT_LIST(
	"idmap.uid", type_lines, check_ids, NULL,
	"Users of the host that raw.idmap may name, numbers or ranges such as 1000-1999, also where "
	"restricted.containers.lowlevel is block."),
    RESTRICT_LIST(
	"networks.access", type_names, NULL, NULL,
	"Networks (and other links, where restricted.devices.nic is allow) that NICs may be on; without "
	"it all."),
    RESTRICT_LIST("networks.subnets", type_lines, NULL, NO_UPLINKS,
		  "Subnets of uplinks that the project may use."),
    RESTRICT_LIST("networks.uplinks", type_names, NULL, NO_UPLINKS,
		  "Uplinks that the project's networks may have."),
    RESTRICT_LIST("networks.zones", type_dns_names, NULL, NO_ZONES, "DNS zones that the project may use."),
    RESTRICT("snapshots", allow_block, "block", "can't be set yet: this release takes no snapshots",
	     "Whether snapshots may be taken."),
    {.name = "user.*",
     .type = &type_text,
     .text = "Free for notes and for tools of your own. lxdfs keeps it and does nothing with it."},
};

const struct key_table keys_project = {
    .name = "project",
    .text = "Keys of a project: what its instances together may be and have.",
    .keys = rows,
    .n = ARRAY_SIZE(rows),
};
