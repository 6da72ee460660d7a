/* SPDX-License-Identifier: Apache-2.0 */
/* The root of the tree: the server's own files and the directories of all kinds. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/instance/guard.h"
#include "engine/storage/driver.h"
#include "fs/ops.h"
#include "fs/tree/common.h"
#include "fs/tree/keydir.h"
#include "fs/tree/readme.h"
#include "fs/tree/schema.h"
#include "fs/tree/setfile.h"
#include "fs/tree/tables.h"
#include "net/acl.h"

#define LXDFS_VERSION "0.1"

static void readme(struct host *h, struct buf *b)
{
	readme_text(b, h->mount);
	buf_printf(
	    b,
	    "  mkdir %s/projects/web                         a place with instances of its own: see README "
	    "there\n"
	    "  cat %s/events                                  what happens, a line each, until ^C\n\n"
	    "Modes and groups are the access control: `chgrp webteam %s/instances/foo` gives one instance "
	    "away,\n"
	    "but not the keys by which it could reach the host.\n",
	    h->mount, h->mount, h->mount);
}

/* ---- environment/ */

static void env_version(struct host *h, struct buf *b)
{
	(void)h;
	buf_adds(b, LXDFS_VERSION "\n");
}

static void env_kernel(struct host *h, struct buf *b)
{
	struct utsname u;

	(void)h;
	if (uname(&u) == 0)
		buf_printf(b, "%s\n", u.release);
}

static void env_architecture(struct host *h, struct buf *b)
{
	struct utsname u;

	(void)h;
	if (uname(&u) == 0)
		buf_printf(b, "%s\n", u.machine);
}

static void env_firewall(struct host *h, struct buf *b)
{
	(void)h;
	buf_adds(b, "nftables\n");
}

static void env_storage(struct host *h, struct buf *b)
{
	(void)h;
	for (const char *const *name = storage_driver_names(); *name; name++)
		buf_printf(b, "%s\n", *name);
}

static void yes_no(struct buf *b, const char *name, bool is)
{
	buf_printf(b, "%s %s\n", name, is ? "true" : "false");
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void env_features(struct host *h, struct buf *b)
{
	AUTO(free) char *enabled = NULL;

	path_read(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 16, &enabled);
	yes_no(b, "apparmor", enabled && enabled[0] == 'Y');
	yes_no(b, "apparmor_profiles", guard_has_apparmor(h));
	yes_no(b, "selinux", exists("/sys/fs/selinux/enforce"));
	yes_no(b, "cgroup2", exists("/sys/fs/cgroup/cgroup.controllers"));
	yes_no(b, "cgroup1", !exists("/sys/fs/cgroup/cgroup.controllers"));
	yes_no(b, "user_namespaces", exists("/proc/self/ns/user"));
	yes_no(b, "cgroup_namespaces", exists("/proc/self/ns/cgroup"));
	yes_no(b, "seccomp", exists("/proc/sys/kernel/seccomp/actions_avail"));
	yes_no(b, "ipv6", exists("/proc/net/if_inet6"));
	yes_no(b, "bridge_reject", acl_can_reject());
}

static void env_directories(struct host *h, struct buf *b)
{
	buf_printf(b, "state %s\nrun %s\nlibexec %s\n", h->state, h->run, h->libexec);
}

#define SOURCE(f)                                                                                            \
	&(const struct text_source)                                                                          \
	{                                                                                                    \
		f                                                                                            \
	}

enum {
	ROOT,
	README,
	LAST_ERROR,
	CONFIG,
	CONFIG_KEY,
	CONFIG_SET,
	ENVIRONMENT,
	ENV_VERSION,
	ENV_KERNEL,
	ENV_ARCH,
	ENV_FIREWALL,
	ENV_STORAGE,
	ENV_FEATURES,
	ENV_DIRECTORIES,
	INSTANCES,
	PROFILES,
	IMAGES,
	ALIASES,
	ALIAS,
	NETWORKS,
	STORAGE,
	WARNINGS,
	SCHEMA,
	SCHEMA_TABLE,
	SCHEMA_KEY,
	EVENTS,
	EFFECTIVE,
	EFFECTIVE_CONFIG,
	EFFECTIVE_KEY,
	PROJECTS,
	ACLS,
	CERTIFICATES = 100,
	CERTIFICATE_NEW,
	SERVER_CRT,
	SERVER_CA,
	CA_CRL,
	TOKENS,
	TOKEN,
	JOIN,
	PUBLIC,
	PUBLIC_ALIAS,
};

/* clang-format off */
static const struct node_row rows[] = {
	{ROOT, ROOT, NODE_DIR, "/", 0755, .is_fixed = true},
	{README, ROOT, NODE_FILE, "README", 0444, .ops = &class_text_fn, .arg = SOURCE(readme), .is_fixed = true},
	{LAST_ERROR, ROOT, NODE_FILE, "error", 0444, .ops = &class_last_error, .is_live = true, .is_fixed = true},
	{EVENTS, ROOT, NODE_STREAM, "events", .is_live = true, .is_hidden = true},
	{CONFIG, ROOT, NODE_DIR, "config", .ops = &class_config_dir, .arg = &view_set},
	{CONFIG_KEY, CONFIG, NODE_FILE, NULL, .ops = &class_key, .arg = &view_set},
	{CONFIG_SET, CONFIG, NODE_FILE, "set", .ops = &class_set, .is_live = true},
	{EFFECTIVE, ROOT, NODE_DIR, "effective", .mode = 0550},
	{EFFECTIVE_CONFIG, EFFECTIVE, NODE_DIR, "config", 0550, .ops = &class_fixed_dir, .arg = &view_effective},
	{EFFECTIVE_KEY, EFFECTIVE_CONFIG, NODE_FILE, NULL, .mode = 0440, .ops = &class_key_fixed, .arg = &view_effective},
	{ENVIRONMENT, ROOT, NODE_DIR, "environment", .mode = 0550},
	{ENV_VERSION, ENVIRONMENT, NODE_FILE, "version", .ops = &class_text_fn, .arg = SOURCE(env_version)},
	{ENV_KERNEL, ENVIRONMENT, NODE_FILE, "kernel_version", .ops = &class_text_fn, .arg = SOURCE(env_kernel)},
	{ENV_ARCH, ENVIRONMENT, NODE_FILE, "kernel_architecture", .ops = &class_text_fn, .arg = SOURCE(env_architecture)},
	{ENV_FIREWALL, ENVIRONMENT, NODE_FILE, "firewall", .ops = &class_text_fn, .arg = SOURCE(env_firewall)},
	{ENV_STORAGE, ENVIRONMENT, NODE_FILE, "storage_supported_drivers", .ops = &class_text_fn, .arg = SOURCE(env_storage)},
	{ENV_FEATURES, ENVIRONMENT, NODE_FILE, "kernel_features", .ops = &class_text_fn, .arg = SOURCE(env_features), .is_live = true},
	{ENV_DIRECTORIES, ENVIRONMENT, NODE_FILE, "directories", .ops = &class_text_fn, .arg = SOURCE(env_directories)},
	{INSTANCES, ROOT, NODE_DIR, "instances", 0771, .has_objects = true, .kind = KIND_INSTANCE},
	{PROFILES, ROOT, NODE_DIR, "profiles", .has_objects = true, .kind = KIND_PROFILE},
	{IMAGES, ROOT, NODE_DIR, "images", .has_objects = true, .kind = KIND_IMAGE, .takes_images = true,
		.arg = "an image is imported by copying its file here: cp image.tar.xz images/"},
	{ALIASES, IMAGES, NODE_DIR, "aliases", .ops = &class_aliases},
	{ALIAS, ALIASES, NODE_LINK, NULL, .ops = &class_alias},
	{NETWORKS, ROOT, NODE_DIR, "networks", .has_objects = true, .kind = KIND_NETWORK},
	{ACLS, ROOT, NODE_DIR, "acls", .has_objects = true, .kind = KIND_ACL},
	{STORAGE, ROOT, NODE_DIR, "storage", .has_objects = true, .kind = KIND_POOL},
	{PROJECTS, ROOT, NODE_DIR, "projects", 0771, .has_objects = true, .kind = KIND_PROJECT},
	{WARNINGS, ROOT, NODE_DIR, "warnings", .has_objects = true, .kind = KIND_WARNING,
		.arg = "warnings are lxdfs's own: rmdir says that one was seen to"},
	{CERTIFICATES, ROOT, NODE_DIR, "certificates", .has_objects = true, .kind = KIND_CERTIFICATE, .ops = &class_certificates,
		.arg = "a certificate is added by copying its file, as in cp client.crt certificates/"},
	{CERTIFICATE_NEW, CERTIFICATES, NODE_FILE, NULL, .class = CLASS_HOST, .ops = &class_certificate_new},
	{SERVER_CRT, CERTIFICATES, NODE_FILE, "server.crt", .class = CLASS_HOST, .ops = &class_server_crt, .is_live = true},
	{SERVER_CA, CERTIFICATES, NODE_FILE, "server.ca", .class = CLASS_HOST, .ops = &class_authority, .arg = "server.ca",
		.is_live = true, .when = certificates_has_ca},
	{CA_CRL, CERTIFICATES, NODE_FILE, "ca.crl", .class = CLASS_HOST, .ops = &class_authority, .arg = "ca.crl",
		.is_live = true, .when = certificates_has_crl},
	{TOKENS, CERTIFICATES, NODE_DIR, "tokens", .ops = &class_tokens},
	{TOKEN, TOKENS, NODE_FILE, NULL, .class = CLASS_HOST, .ops = &class_token, .is_live = true},
	{JOIN, ROOT, NODE_FILE, "join", 0222, .ops = &class_join, .is_fixed = true, .is_hidden = true},
	{PUBLIC, ROOT, NODE_DIR, "public", 0755, .ops = &class_public, .is_fixed = true, .is_public = true},
	{PUBLIC_ALIAS, PUBLIC, NODE_LINK, NULL, .ops = &class_public_alias, .is_fixed = true, .is_public = true},
	{SCHEMA, ROOT, NODE_DIR, "schema", 0755, .ops = &class_schema, .is_fixed = true},
	{SCHEMA_TABLE, SCHEMA, NODE_DIR, NULL, 0755, .ops = &class_schema_table, .is_fixed = true},
	{SCHEMA_KEY, SCHEMA_TABLE, NODE_FILE, NULL, 0444, .ops = &class_schema_key, .is_fixed = true},
};
/* clang-format on */

const struct node_row *certificates_row(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].parent == CERTIFICATES && rows[i].name && !strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

const struct node_table table_server = {KIND_SERVER, rows, ARRAY_SIZE(rows)};

const struct node_table *const node_tables[] = {
    &table_server,  &table_project, &table_instance, &table_profile, &table_image,
    &table_network, &table_pool,    &table_exec,     &table_warning, &table_certificate,
    &table_token,   &table_acl,	    &table_forward,  NULL,
};
