/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed text with a length: what untrusted bytes are until a parser has made something typed of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
	const char *ptr; /* not terminated; may hold any byte */
	size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_NULL ((struct str){0})
/* For printf: "%.*s" */
#define STR_FMT(s) ((int)(s).len), ((s).ptr)

static inline struct str str_from(const char *c)
{
	return (struct str){c, c ? strlen(c) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (!a.len || !memcmp(a.ptr, b.ptr, a.len));
}

static inline bool str_is(struct str a, const char *b)
{
	return str_eq(a, str_from(b));
}

static inline bool str_has_prefix(struct str s, struct str prefix)
{
	return s.len >= prefix.len && !memcmp(s.ptr, prefix.ptr, prefix.len);
}

/** str_trim() - without spaces, tabs and newlines at both ends */
struct str str_trim(struct str s);

/**
 * str_next() - cut the next piece off a text
 * @rest: what is left; advanced past the separator
 * @sep:  separator
 * @ret:  the piece, perhaps empty
 *
 * Return: false when nothing was left
 */
bool str_next(struct str *rest, char sep, struct str *ret);

/** str_is_utf8() - well-formed: nothing overlong, cut off, or beyond what Unicode has */
bool str_is_utf8(struct str s);
/** str_dup() - a terminated copy, to be freed; aborts without memory. Stops at nothing: NUL bytes stay */
char *str_dup(struct str s);

/** xstrdup(), xcalloc(), xrealloc() - abort without memory (a killed core is a tested path); NULL stays NULL
 */
char *xstrdup(const char *c);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
/** xasprintf() - formatted text, to be freed; aborts without memory */
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
