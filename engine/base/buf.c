/* SPDX-License-Identifier: Apache-2.0 */
/* Growing text: see buf.h. */
#include "engine/base/buf.h"

#include <stdio.h>
#include <stdlib.h>

static void reserve(struct buf *b, size_t more)
{
	size_t need = b->len + more + 1, cap = b->cap ? b->cap : 64;

	if (need <= b->cap)
		return;
	while (cap < need)
		cap *= 2;
	b->ptr = xrealloc(b->ptr, cap);
	b->cap = cap;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	reserve(b, len);
	if (len)
		memcpy(b->ptr + b->len, data, len);
	b->len += len;
	b->ptr[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		abort();
	reserve(b, (size_t)n);
	vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, again);
	va_end(again);
	b->len += (size_t)n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

/* Length of the well-formed UTF-8 sequence at @p, 0 if there is none or it is a control character. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	size_t n;

	if (p[0] >= 0xc3 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe1 && p[0] <= 0xec)
		n = 3;
	else
		return 0;
	if (left < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

void buf_escape(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.len;) {
		const unsigned char *p = (const unsigned char *)s.ptr + i;
		size_t n = utf8_len(p, s.len - i);

		if (!n && *p >= 0x20 && *p < 0x7f && *p != '\\')
			n = 1;
		if (n)
			buf_add(b, p, n);
		else
			buf_printf(b, "\\x%02x", *p);
		i += n ? n : 1;
	}
}

char *buf_take(struct buf *b)
{
	char *p = b->ptr ? b->ptr : xstrdup("");

	*b = BUF_NULL;
	return p;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->ptr)
		b->ptr[0] = '\0';
}

void buf_done(struct buf *b)
{
	free(b->ptr);
	*b = BUF_NULL;
}
