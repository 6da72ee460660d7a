/* SPDX-License-Identifier: Apache-2.0 */
/* projects/NAME/: the same tree again. Project default is the top level: its directory has its keys, and
 * links to what is there. */
#include "engine/base/auto.h"
#include "engine/kind/project.h"
#include "fs/ops.h"
#include "fs/tree/common.h"
#include "fs/tree/keydir.h"
#include "fs/tree/readme.h"
#include "fs/tree/schema.h"
#include "fs/tree/setfile.h"
#include "fs/tree/tables.h"

static bool is_default(const struct object *o)
{
	return o == o->host->project;
}

static bool is_other(const struct object *o)
{
	return !is_default(o);
}

static char *top_link(const struct node *n)
{
	return xasprintf("../../%s", n->row->name);
}

static int readme_read(const struct node *n, struct buf *b, struct err *err)
{
	AUTO(free) char *path = object_path(n->o), *root = xasprintf("%s/%s", n->o->host->mount, path);

	(void)err;
	readme_text(b, root);
	buf_printf(
	    b,
	    "\nThis is a project: its instances are its own. Where it has no profiles, images or networks of "
	    "its own,\n"
	    "those of project default are shown, and can be used and read but not changed:\n\n"
	    "  cat %s/config/features.profiles               true: its own\n"
	    "  chgrp webteam %s                              gives all of it away\n",
	    root, root);
	return 0;
}

static int usage_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	buf_printf(b, "%llu\n",
		   (unsigned long long)project_usage(n->o, *(const enum project_figure *)n->row->arg));
	return 0;
}

static const enum project_figure instances = PROJECT_INSTANCES, cpu = PROJECT_CPU, memory = PROJECT_MEMORY,
				 processes = PROJECT_PROCESSES;
static const struct node_class class_usage = {.read = usage_read};
static const struct node_class class_top = {.link = top_link};
static const struct node_class class_readme = {.read = readme_read};

enum {
	SELF,
	README,
	LAST_ERROR,
	DESCRIPTION,
	USED_BY,
	SET,
	VERSION,
	CONFIG,
	CONFIG_KEY,
	CONFIG_SET,
	EFFECTIVE,
	EFFECTIVE_CONFIG,
	EFFECTIVE_KEY,
	INSTANCES,
	PROFILES,
	IMAGES,
	ALIASES,
	ALIAS,
	NETWORKS,
	STORAGE,
	SCHEMA,
	SCHEMA_TABLE,
	SCHEMA_KEY,
	TOP_INSTANCES,
	TOP_PROFILES,
	TOP_IMAGES,
	TOP_NETWORKS,
	TOP_STORAGE,
	ACLS,
	TOP_ACLS,
	USAGE,
	USAGE_INSTANCES,
	USAGE_CPU,
	USAGE_MEMORY,
	USAGE_PROCESSES,
	EVENTS,
};

/* clang-format off */
static const struct node_row rows[] = {
	{SELF, SELF, NODE_DIR, "/", .mode = 0770},
	{README, SELF, NODE_FILE, "README", 0444, .ops = &class_readme, .is_fixed = true, .when = is_other},
	{LAST_ERROR, SELF, NODE_FILE, "error", 0444, .ops = &class_last_error, .is_live = true, .is_fixed = true},
	{EVENTS, SELF, NODE_STREAM, "events", .is_live = true, .is_hidden = true},
	{DESCRIPTION, SELF, NODE_FILE, "description", .ops = &class_prop, .arg = "description"},
	{USED_BY, SELF, NODE_FILE, "used_by", .ops = &class_used_by, .is_live = true},
	{SET, SELF, NODE_FILE, "set", .ops = &class_set, .is_live = true},
	{VERSION, SELF, NODE_FILE, "version", .ops = &class_version, .is_live = true},
	{CONFIG, SELF, NODE_DIR, "config", .ops = &class_config_dir, .arg = &view_set},
	{CONFIG_KEY, CONFIG, NODE_FILE, NULL, .ops = &class_key, .arg = &view_set},
	{CONFIG_SET, CONFIG, NODE_FILE, "set", .ops = &class_set, .is_live = true},
	{EFFECTIVE, SELF, NODE_DIR, "effective", .mode = 0770},
	{EFFECTIVE_CONFIG, EFFECTIVE, NODE_DIR, "config", .ops = &class_fixed_dir, .arg = &view_effective},
	{EFFECTIVE_KEY, EFFECTIVE_CONFIG, NODE_FILE, NULL, .ops = &class_key_fixed, .arg = &view_effective},
	{USAGE, SELF, NODE_DIR, "usage", .mode = 0550},
	{USAGE_INSTANCES, USAGE, NODE_FILE, "instances", .ops = &class_usage, .arg = &instances, .is_live = true},
	{USAGE_CPU, USAGE, NODE_FILE, "cpu", .ops = &class_usage, .arg = &cpu, .is_live = true},
	{USAGE_MEMORY, USAGE, NODE_FILE, "memory.bytes", .ops = &class_usage, .arg = &memory, .is_live = true},
	{USAGE_PROCESSES, USAGE, NODE_FILE, "processes", .ops = &class_usage, .arg = &processes, .is_live = true},
	{INSTANCES, SELF, NODE_DIR, "instances", 0771, .has_objects = true, .kind = KIND_INSTANCE, .when = is_other},
	{PROFILES, SELF, NODE_DIR, "profiles", .has_objects = true, .kind = KIND_PROFILE, .when = is_other},
	{IMAGES, SELF, NODE_DIR, "images", .has_objects = true, .kind = KIND_IMAGE, .takes_images = true,
		.arg = "an image is imported by copying its file here: cp image.tar.xz images/", .when = is_other},
	{ALIASES, IMAGES, NODE_DIR, "aliases", .ops = &class_aliases},
	{ALIAS, ALIASES, NODE_LINK, NULL, .ops = &class_alias},
	{NETWORKS, SELF, NODE_DIR, "networks", .has_objects = true, .kind = KIND_NETWORK, .when = is_other},
	{ACLS, SELF, NODE_DIR, "acls", .has_objects = true, .kind = KIND_ACL, .when = is_other},
	{STORAGE, SELF, NODE_DIR, "storage", .has_objects = true, .kind = KIND_POOL, .when = is_other},
	{SCHEMA, SELF, NODE_DIR, "schema", 0755, .ops = &class_schema, .is_fixed = true, .when = is_other},
	{SCHEMA_TABLE, SCHEMA, NODE_DIR, NULL, 0755, .ops = &class_schema_table, .is_fixed = true},
	{SCHEMA_KEY, SCHEMA_TABLE, NODE_FILE, NULL, 0444, .ops = &class_schema_key, .is_fixed = true},
	{TOP_INSTANCES, SELF, NODE_LINK, "instances", .ops = &class_top, .when = is_default},
	{TOP_PROFILES, SELF, NODE_LINK, "profiles", .ops = &class_top, .when = is_default},
	{TOP_IMAGES, SELF, NODE_LINK, "images", .ops = &class_top, .when = is_default},
	{TOP_NETWORKS, SELF, NODE_LINK, "networks", .ops = &class_top, .when = is_default},
	{TOP_ACLS, SELF, NODE_LINK, "acls", .ops = &class_top, .when = is_default},
	{TOP_STORAGE, SELF, NODE_LINK, "storage", .ops = &class_top, .when = is_default},
};
/* clang-format on */

const struct node_table table_project = {KIND_PROJECT, rows, ARRAY_SIZE(rows)};
