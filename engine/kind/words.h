/* SPDX-License-Identifier: Apache-2.0 */
/* Texts made of NAME=VALUE words: rules of access control lists, ports of forwards. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"

/* What a text may hold. */
struct word_names {
	const char
	    *what; /* "a rule is action=, protocol=, ...": the beginning of a sentence that names all */
	const char *const *names;
	int n;
	int last; /* this one takes the rest of its line */
};

/**
 * words_next() - cut the next word off, parted from others by blanks or newlines
 * @ret:   its place in the names
 * @value: trimmed
 *
 * Return: 1; 0 none is left; -EINVAL with a sentence that wants the text's name before it
 */
int words_next(struct str *rest, const struct word_names *names, int *ret, struct str *value,
	       struct err *err);
/** words_refuse() - `has NAME=VALUE: WANTED`. Return: -EINVAL */
int words_refuse(const char *name, struct str value, const char *wanted, struct err *err);
/** words_description() - free text for people. Return: 0; -EINVAL control characters; -E2BIG */
int words_description(struct str value, struct buf *text, struct err *err);
