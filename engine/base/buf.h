/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows. Quoting for each consumer of generated text lives here, once. */
#pragma once

#include "engine/base/str.h"

#include <stdarg.h>
#include <stddef.h>

/* Zero-initialise; buf_done() frees. ptr is always terminated once something was added. */
struct buf {
	char *ptr;
	size_t len; /* without the terminator */
	size_t cap;
};

#define BUF_NULL ((struct buf){0})

/** buf_add() - append bytes; aborts without memory. The caller bounds what users can make grow */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *text);
void buf_addc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/** buf_escape() - append untrusted bytes for logs and sentences: printable ASCII and UTF-8 stay, the rest is
 * \xNN */
void buf_escape(struct buf *b, struct str s);

/** buf_cstr() - the text, "" when empty; owned by @b */
static inline const char *buf_cstr(const struct buf *b)
{
	return b->ptr ? b->ptr : "";
}

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){buf_cstr(b), b->len};
}

/** buf_take() - the text as a string the caller frees; @b is empty then */
char *buf_take(struct buf *b);
/** buf_clear() - empty, memory kept */
void buf_clear(struct buf *b);
void buf_done(struct buf *b);

static inline void buf_done_auto(struct buf *b)
{
	buf_done(b);
}
