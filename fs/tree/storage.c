/* SPDX-License-Identifier: Apache-2.0 */
/* storage/POOL/ */
#include "engine/base/auto.h"
#include "engine/kind/pool.h"
#include "fs/tree/common.h"
#include "fs/tree/keydir.h"
#include "fs/tree/setfile.h"
#include "fs/tree/tables.h"

static int space_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	pool_space_text(n->o, b);
	return 0;
}

static const struct node_class class_space = {.read = space_read};

enum { SELF, ERROR, DESCRIPTION, DRIVER, SPACE, USED_BY, SET, VERSION, CONFIG, CONFIG_KEY, CONFIG_SET };

/* clang-format off */
static const struct node_row rows[] = {
	{SELF, SELF, NODE_DIR, "/", .mode = 0770},
	{ERROR, SELF, NODE_FILE, "error", .ops = &class_error, .is_live = true, .is_own_only = true},
	{DESCRIPTION, SELF, NODE_FILE, "description", .ops = &class_prop, .arg = "description"},
	{DRIVER, SELF, NODE_FILE, "driver", .ops = &class_prop, .arg = "driver"},
	{SPACE, SELF, NODE_FILE, "space", .ops = &class_space, .is_live = true},
	{USED_BY, SELF, NODE_FILE, "used_by", .ops = &class_used_by, .is_live = true, .is_own_only = true},
	{SET, SELF, NODE_FILE, "set", .ops = &class_set, .is_live = true, .is_own_only = true},
	{VERSION, SELF, NODE_FILE, "version", .ops = &class_version, .is_live = true},
	{CONFIG, SELF, NODE_DIR, "config", .ops = &class_config_dir, .arg = &view_set},
	{CONFIG_KEY, CONFIG, NODE_FILE, NULL, .ops = &class_key, .arg = &view_set},
	{CONFIG_SET, CONFIG, NODE_FILE, "set", .ops = &class_set, .is_live = true, .is_own_only = true},
};
/* clang-format on */

const struct node_table table_pool = {KIND_POOL, rows, ARRAY_SIZE(rows)};
