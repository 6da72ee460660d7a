/* SPDX-License-Identifier: Apache-2.0 */
/* acls/NAME/: rules are files of ingress/ and egress/. */
#include "fs/tree/common.h"
#include "fs/tree/keydir.h"
#include "fs/tree/setfile.h"
#include "fs/tree/tables.h"

#include "engine/base/auto.h"

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
	INGRESS,
	INGRESS_RULE,
	INGRESS_SET,
	EGRESS,
	EGRESS_RULE,
	EGRESS_SET,
};

/* clang-format off */
static const struct node_row rows[] = {
	{SELF, SELF, NODE_DIR, "/", .mode = 0770},
	{ERROR, SELF, NODE_FILE, "error", .ops = &class_error, .is_live = true, .is_own_only = true},
	{DESCRIPTION, SELF, NODE_FILE, "description", .ops = &class_prop, .arg = "description"},
	{USED_BY, SELF, NODE_FILE, "used_by", .ops = &class_used_by, .is_live = true, .is_own_only = true},
	{SET, SELF, NODE_FILE, "set", .ops = &class_set, .is_live = true, .is_own_only = true},
	{VERSION, SELF, NODE_FILE, "version", .ops = &class_version, .is_live = true},
	{CONFIG, SELF, NODE_DIR, "config", .ops = &class_config_dir, .arg = &view_set},
	{CONFIG_KEY, CONFIG, NODE_FILE, NULL, .ops = &class_key, .arg = &view_set},
	{CONFIG_SET, CONFIG, NODE_FILE, "set", .ops = &class_set, .is_live = true, .is_own_only = true},
	{INGRESS, SELF, NODE_DIR, "ingress", .ops = &class_config_dir, .arg = &view_set, .section = "ingress"},
	{INGRESS_RULE, INGRESS, NODE_FILE, NULL, .ops = &class_key, .arg = &view_set, .section = "ingress"},
	{INGRESS_SET, INGRESS, NODE_FILE, "set", .ops = &class_set, .is_live = true, .is_own_only = true},
	{EGRESS, SELF, NODE_DIR, "egress", .ops = &class_config_dir, .arg = &view_set, .section = "egress"},
	{EGRESS_RULE, EGRESS, NODE_FILE, NULL, .ops = &class_key, .arg = &view_set, .section = "egress"},
	{EGRESS_SET, EGRESS, NODE_FILE, "set", .ops = &class_set, .is_live = true, .is_own_only = true},
};
/* clang-format on */

const struct node_table table_acl = {KIND_ACL, rows, ARRAY_SIZE(rows)};
