/* SPDX-License-Identifier: Apache-2.0 */
/* networks/NAME/forwards/ADDRESS/: ports are files of ports/. */
#include "engine/base/auto.h"
#include "fs/tree/common.h"
#include "fs/tree/keydir.h"
#include "fs/tree/setfile.h"
#include "fs/tree/tables.h"

enum {
	SELF,
	ERROR,
	DESCRIPTION,
	TARGET,
	SET,
	VERSION,
	CONFIG,
	CONFIG_KEY,
	CONFIG_SET,
	PORTS,
	PORT,
	PORTS_SET
};

/* clang-format off */
static const struct node_row rows[] = {
	{SELF, SELF, NODE_DIR, "/", .mode = 0770},
	{ERROR, SELF, NODE_FILE, "error", .ops = &class_error, .is_live = true},
	{DESCRIPTION, SELF, NODE_FILE, "description", .ops = &class_prop, .arg = "description"},
	{TARGET, SELF, NODE_FILE, "target_address", .ops = &class_prop, .arg = "target_address"},
	{SET, SELF, NODE_FILE, "set", .ops = &class_set, .is_live = true},
	{VERSION, SELF, NODE_FILE, "version", .ops = &class_version, .is_live = true},
	{CONFIG, SELF, NODE_DIR, "config", .ops = &class_config_dir, .arg = &view_set},
	{CONFIG_KEY, CONFIG, NODE_FILE, NULL, .ops = &class_key, .arg = &view_set},
	{CONFIG_SET, CONFIG, NODE_FILE, "set", .ops = &class_set, .is_live = true},
	{PORTS, SELF, NODE_DIR, "ports", .ops = &class_config_dir, .arg = &view_set, .section = "ports"},
	{PORT, PORTS, NODE_FILE, NULL, .ops = &class_key, .arg = &view_set, .section = "ports"},
	{PORTS_SET, PORTS, NODE_FILE, "set", .ops = &class_set, .is_live = true},
};
/* clang-format on */

const struct node_table table_forward = {KIND_FORWARD, rows, ARRAY_SIZE(rows)};
