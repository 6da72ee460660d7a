/* SPDX-License-Identifier: Apache-2.0 */
/* schema/: a directory for each table of keys, a file for each key. */
#pragma once

#include "fs/tree/node.h"

extern const struct node_class class_schema, class_schema_table, class_schema_key;

struct key;
/** schema_text() - what is said of a key: a line each for type, default, when it applies, and its text */
void schema_text(struct buf *b, const struct key *k);
