/* SPDX-License-Identifier: Apache-2.0 */
/* profiles/NAME/ and warnings: objects that are little more than their keys. */
#include "engine/base/auto.h"
#include "fs/tree/common.h"
#include "fs/tree/keydir.h"
#include "fs/tree/setfile.h"
#include "fs/tree/tables.h"

enum {
	SELF,
	ERROR,
	DESCRIPTION,
	USED_BY,
	SET,
	VERSION,
	CONFIG,
	CONFIG_KEY,
	CONFIG_SET,
	DEVICES,
	DEVICE,
	DEVICE_KEY,
	DEVICE_SET,
};

/* clang-format off */
static const struct node_row profile_rows[] = {
	{SELF, SELF, NODE_DIR, "/", .mode = 0770},
	{ERROR, SELF, NODE_FILE, "error", .ops = &class_error, .is_live = true, .is_own_only = true},
	{DESCRIPTION, SELF, NODE_FILE, "description", .ops = &class_prop, .arg = "description"},
	{USED_BY, SELF, NODE_FILE, "used_by", .ops = &class_used_by, .is_live = true, .is_own_only = true},
	{SET, SELF, NODE_FILE, "set", .ops = &class_set, .is_live = true, .is_own_only = true},
	{VERSION, SELF, NODE_FILE, "version", .ops = &class_version, .is_live = true},
	{CONFIG, SELF, NODE_DIR, "config", .ops = &class_config_dir, .arg = &view_set},
	{CONFIG_KEY, CONFIG, NODE_FILE, NULL, .ops = &class_key, .arg = &view_set},
	{CONFIG_SET, CONFIG, NODE_FILE, "set", .ops = &class_set, .is_live = true, .is_own_only = true},
	{DEVICES, SELF, NODE_DIR, "devices", .ops = &class_devices_dir, .arg = &view_set},
	{DEVICE, DEVICES, NODE_DIR, NULL, .ops = &class_device_dir, .arg = &view_set},
	{DEVICE_KEY, DEVICE, NODE_FILE, NULL, .ops = &class_key, .arg = &view_set},
	{DEVICE_SET, DEVICE, NODE_FILE, "set", .ops = &class_set, .is_live = true, .is_own_only = true},
};
const struct node_table table_profile = {KIND_PROFILE, profile_rows, ARRAY_SIZE(profile_rows)};

/* clang-format on */

static int last_seen_read(const struct node *n, struct buf *b, struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(n->o);
	const struct pair *p = config_pair(own, SECTION_PROPS, "count");

	(void)err;
	time_text(b, p ? p->mtime : n->o->created_ns);
	return 0;
}

static const struct node_class class_last_seen = {.read = last_seen_read};

/* clang-format off */
enum { W_SELF, W_MESSAGE, W_ENTITY, W_COUNT, W_FIRST_SEEN, W_LAST_SEEN };
static const struct node_row warning_rows[] = {
	{W_SELF, W_SELF, NODE_DIR, "/", .mode = 0770},
	{W_MESSAGE, W_SELF, NODE_FILE, "message", 0440, .ops = &class_prop_fixed, .arg = "message", .is_live = true},
	{W_ENTITY, W_SELF, NODE_FILE, "entity", 0440, .ops = &class_prop_fixed, .arg = "entity", .is_live = true},
	{W_COUNT, W_SELF, NODE_FILE, "count", 0440, .ops = &class_prop_fixed, .arg = "count", .is_live = true},
	{W_FIRST_SEEN, W_SELF, NODE_FILE, "first_seen", .ops = &class_created_at},
	{W_LAST_SEEN, W_SELF, NODE_FILE, "last_seen", .ops = &class_last_seen, .is_live = true},
};
/* clang-format on */
const struct node_table table_warning = {KIND_WARNING, warning_rows, ARRAY_SIZE(warning_rows)};
