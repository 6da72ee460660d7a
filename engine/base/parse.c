/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, sizes, times and CPU lists: see parse.h. */
#include "engine/base/parse.h"

#include <errno.h>
#include <strings.h>

#include "engine/base/auto.h"

/* digits() - cut a number off the front; -EINVAL there is none; -ERANGE it doesn't fit, and is cut off too */
static int digits(struct str *s, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n = 0;
	int r = 0;

	for (; n < s->len && s->ptr[n] >= '0' && s->ptr[n] <= '9'; n++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s->ptr[n] - '0'), &v))
			r = -ERANGE;
	if (!n)
		return -EINVAL;
	s->ptr += n;
	s->len -= n;
	if (!r)
		*ret = v;
	return r;
}

int parse_u64(struct str text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	int r = digits(&text, &v);

	if (text.len)
		return -EINVAL;
	if (r < 0)
		return r;
	if (v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int parse_i64(struct str text, int64_t min, int64_t max, int64_t *ret)
{
	bool is_negative = text.len && text.ptr[0] == '-';
	uint64_t v;
	int64_t signed_v;
	int r;

	if (text.len && (is_negative || text.ptr[0] == '+')) {
		text.ptr++;
		text.len--;
	}
	r = parse_u64(text, 0, (uint64_t)INT64_MAX + is_negative, &v);
	if (r < 0)
		return r;
	signed_v = is_negative ? (int64_t)(0 - v) : (int64_t)v;
	if (signed_v < min || signed_v > max)
		return -ERANGE;
	*ret = signed_v;
	return 0;
}

int parse_bool(struct str text, bool *ret)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {{"true", true}, {"false", false}, {"1", true},  {"0", false},
		     {"yes", true},  {"no", false},    {"on", true}, {"off", false}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (text.len != strlen(words[i].word) || strncasecmp(text.ptr, words[i].word, text.len) != 0)
			continue;
		*ret = words[i].value;
		return 0;
	}
	return -EINVAL;
}

int parse_size(struct str text, uint64_t *ret)
{
	static const char letters[] = "KMGTPE";
	uint64_t v = 0, base = 1000;
	const char *letter;
	int r = digits(&text, &v);

	if (r == -EINVAL)
		return r;
	/* what is left is nothing, "B", or a letter with "B" or "iB" */
	if (text.len && text.ptr[text.len - 1] != 'B')
		return -EINVAL;
	if (text.len)
		text.len--;
	if (!text.len)
		goto out;
	if (text.len == 2 && text.ptr[1] == 'i')
		base = 1024;
	else if (text.len != 1)
		return -EINVAL;
	letter = memchr(letters, base == 1000 && text.ptr[0] == 'k' ? 'K' : text.ptr[0], sizeof(letters) - 1);
	if (!letter || (base == 1000 && text.ptr[0] == 'K'))
		return -EINVAL;
	for (ptrdiff_t i = 0; !r && i <= letter - letters; i++)
		if (__builtin_mul_overflow(v, base, &v))
			r = -ERANGE;
out:
	if (r < 0 || v > INT64_MAX)
		return -ERANGE;
	*ret = v;
	return 0;
}

int parse_range(struct str text, uint64_t min, uint64_t max, uint64_t *ret_first, uint64_t *ret_last)
{
	const char *dash = text.len ? memchr(text.ptr, '-', text.len) : NULL;
	struct str first = text, last = text;
	uint64_t a, b;
	int r;

	if (dash) {
		first.len = (size_t)(dash - text.ptr);
		last = (struct str){dash + 1, text.len - first.len - 1};
	}
	r = parse_u64(first, min, max, &a);
	if (!r)
		r = parse_u64(last, min, max, &b);
	if (r < 0)
		return r;
	if (a > b)
		return -ERANGE;
	*ret_first = a;
	*ret_last = b;
	return 0;
}

int parse_rate(struct str text, uint64_t *ret)
{
	static const char letters[] = "kMGT";
	uint64_t v = 0, base = 1000;
	int r = digits(&text, &v);

	if (r == -EINVAL)
		return r;
	/* what is left is nothing, "bit", or a letter with "bit" or "ibit" */
	if (text.len && (text.len < 3 || memcmp(text.ptr + text.len - 3, "bit", 3) != 0))
		return -EINVAL;
	text.len -= text.len ? 3 : 0;
	if (text.len == 2 && text.ptr[1] == 'i') {
		base = 1024;
		text.len--;
	}
	if (text.len) {
		char c = base == 1024 && text.ptr[0] == 'K' ? 'k' : text.ptr[0];
		const char *letter = text.len == 1 ? memchr(letters, c, sizeof(letters) - 1) : NULL;

		if (!letter)
			return -EINVAL;
		for (ptrdiff_t i = 0; !r && i <= letter - letters; i++)
			if (__builtin_mul_overflow(v, base, &v))
				r = -ERANGE;
	}
	if (r < 0 || v > INT64_MAX)
		return -ERANGE;
	*ret = v;
	return 0;
}

int parse_percent(struct str text, unsigned max, unsigned *ret)
{
	uint64_t v;
	int r;

	if (!text.len || text.ptr[text.len - 1] != '%')
		return -EINVAL;
	text.len--;
	r = parse_u64(text, 1, max, &v);
	if (!r)
		*ret = (unsigned)v;
	return r;
}

struct unit {
	char letter;
	uint64_t seconds;
};
#define DAY (24 * 60 * 60)

/* unit_cut() - a number and its unit off the front */
static int unit_cut(struct str *s, const struct unit *units, uint64_t *ret)
{
	uint64_t v = 0;
	int r = digits(s, &v);

	if (r == -EINVAL || !s->len)
		return -EINVAL;
	for (; units->letter; units++) {
		if (units->letter != s->ptr[0])
			continue;
		s->ptr++;
		s->len--;
		return r < 0 || __builtin_mul_overflow(v, units->seconds, ret) ? -ERANGE : 0;
	}
	return -EINVAL;
}

int parse_duration(struct str text, uint64_t *ret)
{
	static const struct unit units[] = {{'s', 1},	{'m', 60},	{'h', 60 * 60},
					    {'d', DAY}, {'w', 7 * DAY}, {0}};
	uint64_t v = 0;
	int r;

	if (text.len && text.ptr[text.len - 1] >= '0' && text.ptr[text.len - 1] <= '9')
		return parse_u64(text, 0, UINT32_MAX, ret);
	r = unit_cut(&text, units, &v);
	if (r == -EINVAL || text.len)
		return -EINVAL;
	if (r < 0 || v > UINT32_MAX)
		return -ERANGE;
	*ret = v;
	return 0;
}

int parse_expiry(struct str text, uint64_t *ret)
{
	static const struct unit units[] = {{'S', 1},	    {'M', 60},	     {'H', 60 * 60},   {'d', DAY},
					    {'w', 7 * DAY}, {'m', 30 * DAY}, {'y', 365 * DAY}, {0}};
	uint64_t sum = 0, v = 0;
	bool too_long = false;

	do {
		int r = unit_cut(&text, units, &v);

		if (r == -EINVAL)
			return r;
		too_long |= r < 0 || __builtin_add_overflow(sum, v, &sum) || sum > INT64_MAX;
		while (text.len && text.ptr[0] == ' ') {
			text.ptr++;
			text.len--;
		}
	} while (text.len);
	if (too_long)
		return -ERANGE;
	*ret = sum;
	return 0;
}

int parse_mode(struct str text, mode_t *ret)
{
	mode_t v = 0;

	if (!text.len)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '7')
			return -EINVAL;
		v = v > 07777 ? v : v * 8 + (mode_t)(text.ptr[i] - '0');
	}
	if (v > 07777)
		return -ERANGE;
	*ret = v;
	return 0;
}

/* cpu() - one piece of the list: a number, or two with '-' between them */
static int cpu(struct str piece, struct buf *b, bool *is_number)
{
	uint64_t first = 0, last = 0;
	int r = digits(&piece, &first), r2 = 0;

	if (r == -EINVAL)
		return r;
	*is_number = !piece.len;
	if (piece.len) {
		if (piece.ptr[0] != '-')
			return -EINVAL;
		piece.ptr++;
		piece.len--;
		r2 = digits(&piece, &last);
		if (r2 == -EINVAL || piece.len || (!r && !r2 && last < first))
			return -EINVAL;
	}
	if (r < 0 || r2 < 0 || first >= PARSE_CPUS_MAX || last >= PARSE_CPUS_MAX)
		return -ERANGE;
	buf_printf(b, "%s%u", b->len ? "," : "", (unsigned)first);
	if (!*is_number)
		buf_printf(b, "-%u", (unsigned)last);
	return 0;
}

int parse_cpus(struct str text, struct buf *canonical, int *ret_count)
{
	AUTO(buf_done) struct buf b = BUF_NULL;
	struct str piece;
	bool is_number;
	size_t n = 0;
	uint64_t v = 0;

	if (!text.len)
		return -EINVAL;
	while (str_next(&text, ',', &piece)) {
		int r = cpu(str_trim(piece), &b, &is_number);

		if (r < 0)
			return r;
		n++;
	}
	if (n == 1 && is_number)
		(void)parse_u64(buf_str(&b), 0, PARSE_CPUS_MAX, &v);
	if (ret_count)
		*ret_count = n == 1 && is_number ? (int)v : -1;
	if (canonical)
		buf_add(canonical, b.ptr, b.len);
	return 0;
}
