/* SPDX-License-Identifier: Apache-2.0 */
/* Names and texts of an image's metadata. */
#include "engine/image/text.h"

#include <stdint.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/image/import.h"

static bool all_of(struct str s, const char *extra, bool upper)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (upper && c >= 'A' && c <= 'Z'))
			continue;
		if (!c || !strchr(extra, c))
			return false;
	}
	return true;
}

bool image_property_name_ok(struct str s)
{
	return s.len >= 1 && s.len <= IMAGE_MAX_NAME && s.ptr[0] != '.' && s.ptr[0] != '-' &&
	       all_of(s, "._-", true);
}

bool image_architecture_ok(struct str s)
{
	return s.len >= 1 && s.len <= 32 && all_of(s, "_-", false);
}

/* One character; its number of bytes, 0 for what is none. */
static size_t utf8_next(const unsigned char *p, size_t left, uint32_t *ret)
{
	size_t n = p[0] < 0x80	 ? 1
		   : p[0] < 0xc2 ? 0
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf5 ? 4
				 : 0;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t c;

	if (!n || n > left)
		return 0;
	c = n == 1 ? p[0] : p[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return n;
}

bool image_text_ok(struct str s)
{
	if (s.len > IMAGE_MAX_TEXT)
		return false;
	for (size_t i = 0; i < s.len;) {
		uint32_t c = 0;
		size_t n = utf8_next((const unsigned char *)s.ptr + i, s.len - i, &c);

		/* controls, separators of lines, and what turns a terminal's direction around */
		if (!n || c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
		    (c >= 0x2066 && c <= 0x2069))
			return false;
		i += n;
	}
	return true;
}

int image_property_compare(const char *a, const char *b)
{
	size_t la = strcspn(a, "="), lb = strcspn(b, "=");
	int r = memcmp(a, b, MIN(la, lb));

	return r ? r : (la > lb) - (la < lb);
}
