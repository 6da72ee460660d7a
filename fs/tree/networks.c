/* SPDX-License-Identifier: Apache-2.0 */
/* networks/NAME/ */
#include "engine/kind/network.h"

#include "engine/base/auto.h"
#include "fs/tree/common.h"
#include "fs/tree/keydir.h"
#include "fs/tree/setfile.h"
#include "fs/tree/tables.h"

static int state_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	network_state_text(n->o, b);
	return 0;
}

static int leases_read_file(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	network_leases_text(n->o, b);
	return 0;
}

static const struct node_class class_state = {.read = state_read};
static const struct node_class class_leases = {.read = leases_read_file};

enum {
	SELF,
	ERROR,
	DESCRIPTION,
	TYPE,
	STATE,
	LEASES,
	USED_BY,
	SET,
	VERSION,
	CONFIG,
	CONFIG_KEY,
	CONFIG_SET,
	EFFECTIVE,
	EFFECTIVE_CONFIG,
	EFFECTIVE_KEY,
	FORWARDS,
};

/* clang-format off */
static const struct node_row rows[] = {
	{SELF, SELF, NODE_DIR, "/", .mode = 0770},
	{ERROR, SELF, NODE_FILE, "error", .ops = &class_error, .is_live = true, .is_own_only = true},
	{DESCRIPTION, SELF, NODE_FILE, "description", .ops = &class_prop, .arg = "description"},
	{TYPE, SELF, NODE_FILE, "type", 0440, .ops = &class_prop, .arg = "type"},
	{STATE, SELF, NODE_FILE, "state", .ops = &class_state, .is_live = true},
	{LEASES, SELF, NODE_FILE, "leases", .ops = &class_leases, .is_live = true, .is_own_only = true},
	{USED_BY, SELF, NODE_FILE, "used_by", .ops = &class_used_by, .is_live = true, .is_own_only = true},
	{SET, SELF, NODE_FILE, "set", .ops = &class_set, .is_live = true, .is_own_only = true},
	{VERSION, SELF, NODE_FILE, "version", .ops = &class_version, .is_live = true},
	{CONFIG, SELF, NODE_DIR, "config", .ops = &class_config_dir, .arg = &view_set},
	{CONFIG_KEY, CONFIG, NODE_FILE, NULL, .ops = &class_key, .arg = &view_set},
	{CONFIG_SET, CONFIG, NODE_FILE, "set", .ops = &class_set, .is_live = true, .is_own_only = true},
	{FORWARDS, SELF, NODE_DIR, "forwards", .class = CLASS_HOST, .has_objects = true, .kind = KIND_FORWARD, .is_own_only = true},
	{EFFECTIVE, SELF, NODE_DIR, "effective", .mode = 0770},
	{EFFECTIVE_CONFIG, EFFECTIVE, NODE_DIR, "config", .ops = &class_fixed_dir, .arg = &view_effective},
	{EFFECTIVE_KEY, EFFECTIVE_CONFIG, NODE_FILE, NULL, .ops = &class_key_fixed, .arg = &view_effective},
};
/* clang-format on */

const struct node_table table_network = {KIND_NETWORK, rows, ARRAY_SIZE(rows)};
