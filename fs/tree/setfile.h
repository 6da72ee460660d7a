/* SPDX-License-Identifier: Apache-2.0 */
/* The file `set`: KEY=VALUE lines that are one transaction, and that would bring back what is. */
#pragma once

#include "engine/model/object.h"
#include "fs/tree/node.h"

/* In the object's own directory: lines "description=...", "config/KEY=...", "devices/DEV/KEY=...". In a
 * directory of keys: "KEY=...". "KEY=" unsets. A value with newlines or other odd bytes is written as bash
 * writes it, $'a\nb'. Empty lines and those that begin with # are passed over. */
extern const struct node_class class_set;

struct setfile {
	struct change *changes;
	char **texts; /* what changes point to */
	size_t n;
	uint64_t if_version; /* of a first line "if-version=N", else UINT64_MAX */
};

/**
 * setfile_parse() - lines to changes
 * @section: of a directory of keys; NULL: the object's own
 * @is_part: the text may break off in the middle of its last line, which is left out then
 *
 * Return: 0; -EINVAL with the number of the line
 */
int setfile_parse(struct str text, const char *section, bool is_part, struct setfile *ret, struct err *err);
void setfile_done(struct setfile *s);
static inline void setfile_done_auto(struct setfile *s)
{
	setfile_done(s);
}

/** setfile_text() - what the file holds for a reader: keys that he may not read aren't in it */
void setfile_text(const struct node *n, const struct caller *who, struct buf *b);
/** setfile_value() - a value as a line holds it */
void setfile_value(struct buf *b, const char *value);
