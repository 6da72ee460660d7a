/* SPDX-License-Identifier: Apache-2.0 */
/* NAME=VALUE words, cut off one by one. */
#include "engine/kind/words.h"

#include <errno.h>

#include "engine/base/auto.h"

#define DESCRIPTION_MAX 1024
#define SHOWN_MAX 64

int words_refuse(const char *name, struct str value, const char *wanted, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;

	buf_escape(&shown, (struct str){value.ptr, MIN(value.len, (size_t)SHOWN_MAX)});
	return err_set(err, EINVAL, "has %s=%s%s: %s", name, buf_cstr(&shown),
		       value.len > SHOWN_MAX ? "..." : "", wanted);
}

int words_description(struct str value, struct buf *text, struct err *err)
{
	if (value.len > DESCRIPTION_MAX)
		return err_set(err, E2BIG, "has a description of %zu bytes: %d are the most", value.len,
			       DESCRIPTION_MAX);
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.ptr[i] < 0x20 || value.ptr[i] == 0x7f)
			return words_refuse("description", value, "control characters are not taken", err);
	buf_add(text, value.ptr, value.len);
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

int words_next(struct str *rest, const struct word_names *names, int *ret, struct str *value, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;
	const char *equals;
	size_t n = 0;
	int i = 0;

	*rest = str_trim(*rest);
	if (!rest->len)
		return 0;
	if (memchr(rest->ptr, 0, rest->len))
		return err_set(err, EINVAL, "holds a NUL byte");
	while (n < rest->len && !is_blank(rest->ptr[n]))
		n++;
	equals = memchr(rest->ptr, '=', n);
	while (equals && i < names->n &&
	       !str_is((struct str){rest->ptr, (size_t)(equals - rest->ptr)}, names->names[i]))
		i++;
	if (!equals || i == names->n) {
		buf_escape(&shown, (struct str){rest->ptr, MIN(n, (size_t)SHOWN_MAX)});
		return err_set(err, EINVAL, "has \"%s\": %s, with blanks or newlines between them",
			       buf_cstr(&shown), names->what);
	}
	if (i == names->last) {
		const char *end = memchr(rest->ptr, '\n', rest->len);

		n = end ? (size_t)(end - rest->ptr) : rest->len;
	}
	*value = str_trim((struct str){equals + 1, n - (size_t)(equals + 1 - rest->ptr)});
	*ret = i;
	rest->ptr += n;
	rest->len -= n;
	return 1;
}
