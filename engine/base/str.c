/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed text and allocation that can't fail: see str.h. */
#include "engine/base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct str str_trim(struct str s)
{
	while (s.len && is_space(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len && is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

bool str_next(struct str *rest, char sep, struct str *ret)
{
	const char *end;

	if (!rest->ptr)
		return false;
	end = rest->len ? memchr(rest->ptr, sep, rest->len) : NULL;
	if (!end) {
		*ret = *rest;
		*rest = STR_NULL;
		return true;
	}
	*ret = (struct str){rest->ptr, (size_t)(end - rest->ptr)};
	rest->len -= ret->len + 1;
	rest->ptr = end + 1;
	return true;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		abort();
	return p;
}

void *xrealloc(void *p, size_t size)
{
	p = realloc(p, size ? size : 1);
	if (!p)
		abort();
	return p;
}

char *str_dup(struct str s)
{
	char *c = xcalloc(1, s.len + 1);

	if (s.len)
		memcpy(c, s.ptr, s.len);
	return c;
}

char *xstrdup(const char *c)
{
	return c ? str_dup(str_from(c)) : NULL;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *c;

	va_start(ap, fmt);
	if (vasprintf(&c, fmt, ap) < 0)
		abort();
	va_end(ap);
	return c;
}

/* RFC 3629, by the bounds of the second byte. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	size_t n = p[0] < 0x80			  ? 1
		   : p[0] >= 0xc2 && p[0] <= 0xdf ? 2
		   : p[0] >= 0xe0 && p[0] <= 0xef ? 3
		   : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
						  : 0;

	if (!n || n > left || (n > 1 && (p[1] < low || p[1] > high)))
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool str_is_utf8(struct str s)
{
	for (size_t i = 0, n; i < s.len; i += n) {
		n = utf8_len((const unsigned char *)s.ptr + i, s.len - i);
		if (!n)
			return false;
	}
	return true;
}
