/* SPDX-License-Identifier: Apache-2.0 */
/* The server's keys: /lxd/config. */
#include "engine/base/auto.h"
#include "engine/instance/apply.h"
#include "engine/keys/keys.h"
#include "engine/kind/trust.h"

static const char *const compressions[] = {"none", "gzip", "xz", "zstd", NULL};
static const char *const host_names[] = {"random", "mac", NULL};

#define NO_PUBLISH "can't be set yet: this release imports images but makes none"

static const struct key rows[] = {
    {.name = "core.https_address",
     .type = &type_listen,
     .class = CLASS_HOST,
     .apply = server_apply_listen,
     .text = "Address and port on which other machines reach this host: nobody does while it isn't set. A "
	     "wildcard address opens it to every network that the host is on: name one address, and let a "
	     "firewall say who reaches it."},
    {.name = "core.https_allowed_subnets",
     .type = &type_nets,
     .def_text = "every address",
     .class = CLASS_HOST,
     .text =
	 "Networks from which clients may connect, one a line. Others aren't spoken to: their connection is "
	 "closed before the first byte."},
    {.name = "core.remote_token_expiry",
     .type = &type_expiry,
     .def = "15d",
     .class = CLASS_HOST,
     .text = "How long a token for adding a client's certificate can be used. A shorter time leaves less to "
	     "whoever finds one."},
    {.name = "core.shutdown_timeout",
     .type = &type_integer,
     .def = "5",
     .min = 0,
     .max = 1440,
     .text = "Minutes that the daemon waits at its own end for jobs which are under way. When they are over, "
	     "what is left is interrupted and undone."},
    {.name = "core.trust_ca_certificates",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .text = "Whether a certificate that the server's own authority has signed is trusted without being in "
	     "certificates/."},
    {.name = "images.compression_algorithm",
     .type = &type_choice,
     .def = "gzip",
     .choices = compressions,
     .refuse = NO_PUBLISH,
     .text = "How images are compressed that are made of instances. `zstd` is fastest, `xz` is smallest."},
    {.name = "images.default_architecture",
     .type = &type_name,
     .def_text = "the host's architecture",
     .refuse = "can't be set yet: images run on the architecture that they were made for, and this release "
	       "fetches none that offers several",
     .text = "Which architecture is taken of an image that is offered for several."},
    {.name = "instances.nic.host_name",
     .type = &type_choice,
     .def = "random",
     .choices = host_names,
     .class = CLASS_HOST,
     .refuse = "can't be set yet: names of the host's side of a NIC are random, or what its host_name says",
     .text = "How the host's side of a NIC is called: a random name, or one made of the MAC address that "
	     "stays the same over restarts."},
    {.name = "lxdfs.hide_names",
     .type = &type_bool,
     .def = "true",
     .class = CLASS_HOST,
     .apply = server_apply_hide_names,
     .text =
	 "Whether files of the kernel from which every user of the host could learn which instances run "
	 "are closed before the first one starts. It changes modes of files outside of the tree: "
	 "/proc/sched_debug or its successor in debugfs, and /sys/kernel/slab. They stay closed until the "
	 "next boot."},
    {.name = "lxdfs.selinux_type",
     .type = &type_name,
     .def = "container_t",
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .text =
	 "On a host with SELinux the type that the processes of instances get at their next start, each with "
	 "categories of its own. `none`: they keep what lxdfsd has."},
    {.name = "lxdfs.source",
     .type = &type_source,
     .def = "busybox",
     .text = "The image from which an instance is made that names none in its own file `source`."},
    {.name = "user.*",
     .type = &type_text,
     .text = "Free for notes and for tools of your own. lxdfs keeps it and does nothing with it."},
};

const struct key_table keys_server = {
    .name = "server",
    .text = "Keys of the server: what holds for the whole host.",
    .keys = rows,
    .n = ARRAY_SIZE(rows),
};
