/* SPDX-License-Identifier: Apache-2.0 */
/* Files that many kinds of objects have. */
#pragma once

#include "fs/tree/node.h"

extern const struct node_class class_error;   /* the last failure on this object */
extern const struct node_class class_version; /* counts changes; for if-version in `set` */
extern const struct node_class class_used_by; /* one object a line */
extern const struct node_class class_created_at;
extern const struct node_class class_uuid;

/* A text that needs no object: the row's arg is a `const char *` or a function. */
extern const struct node_class class_text;
typedef void text_fn(struct host *h, struct buf *b);
extern const struct node_class class_text_fn; /* arg: struct text_source */
struct text_source {
	text_fn *fn;
};

/** time_text() - RFC 3339 in UTC, or nothing for 0; ns since 1970 */
void time_text(struct buf *b, uint64_t ns);
