/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: look-up in a table, a guess at what was meant, and the way of a user's text to a stored value. */
#include "engine/model/key.h"

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/base/parse.h"

static int compare(struct str a, const char *b)
{
	size_t n = strlen(b);
	int r = memcmp(a.ptr, b, MIN(a.len, n));

	return r ? r : (a.len > n) - (a.len < n);
}

static const struct key *find_exact(const struct key_table *table, struct str name)
{
	size_t low = 0, high = table->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = compare(name, table->keys[middle].name);

		if (!r)
			return &table->keys[middle];
		if (r < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* What a family's member may be called: it is a file's name, and stands before '=' in a line of `set`. */
static bool is_member_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];

		if (c <= 0x20 || c == 0x7f || c == '=' || c == '/' || c == '*')
			return false;
	}
	return true;
}

const struct key *key_find(const struct key_table *table, struct str name)
{
	const struct key *best = NULL, *exact;
	size_t best_len = 0;

	if (!table || !name.len || name.len > KEY_NAME_MAX)
		return NULL;
	exact = find_exact(table, name);
	if (exact && !key_is_family(exact))
		return exact;
	if (!is_member_name(name))
		return NULL;
	/* families are few, and a member has at least one character in the star's place */
	for (size_t i = 0; i < table->n; i++) {
		const struct key *k = &table->keys[i];
		size_t n = strlen(k->name) - 1;

		if (key_is_family(k) && (!best || n > best_len) && name.len > n &&
		    !memcmp(name.ptr, k->name, n) && (!k->is_member || k->is_member(name))) {
			best = k;
			best_len = n;
		}
	}
	return best;
}

/* Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
static unsigned distance(struct str a, struct str b)
{
	unsigned rows[3][KEY_NAME_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b.len; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a.len; i++) {
		unsigned *free_row = before;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b.len; j++) {
			unsigned d = last[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);

			d = MIN(d, MIN(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
				d = MIN(d, before[j - 2] + 1);
			now[j] = d;
		}
		before = last;
		last = now;
		now = free_row;
	}
	return last[b.len];
}

/* Whether @name is the end of @full from a dot on: mac_filtering of security.mac_filtering. */
static bool is_tail(struct str name, struct str full)
{
	return name.len > 3 && full.len > name.len && full.ptr[full.len - name.len - 1] == '.' &&
	       !memcmp(full.ptr + full.len - name.len, name.ptr, name.len);
}

const struct key *key_guess(const struct key_table *table, struct str name)
{
	const struct key *best = NULL;
	unsigned best_distance;

	if (!name.len || name.len > KEY_NAME_MAX)
		return NULL;
	best_distance = MIN((unsigned)name.len / 3, 3u) + 1;
	for (size_t i = 0; i < table->n; i++) {
		struct str row = str_from(table->keys[i].name);
		unsigned d;

		if (key_is_family(&table->keys[i]) || row.len > KEY_NAME_MAX)
			continue;
		d = is_tail(name, row) ? 1 : distance(name, row);
		if (d < best_distance) {
			best = &table->keys[i];
			best_distance = d;
		}
	}
	return best;
}

void key_accepts(const struct key *key, struct buf *b)
{
	bool is_choice = key->type == &type_choice;
	size_t n = 0;

	for (const char *const *c = key->choices; c && *c; c++, n++) {
		bool is_last = is_choice && !c[1];

		buf_printf(b, "%s%s", !n ? "" : is_last ? (n > 1 ? ", or " : " or ") : ", ", *c);
	}
	if (is_choice && n)
		return;
	if (n)
		buf_adds(b, n > 1 ? ", or " : " or ");
	buf_adds(b, key->type->accepts);
	if (key->type != &type_integer || (!key->min && !key->max))
		return;
	if (key->max == INT64_MAX)
		buf_printf(b, ", %lld or more", (long long)key->min);
	else
		buf_printf(b, " from %lld to %lld", (long long)key->min, (long long)key->max);
}

static int check_bytes(const struct key *key, struct str name, struct str text, struct err *err)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c == 0)
			return err_set(err, EINVAL, "%.*s holds a NUL byte: a value is text", STR_FMT(name));
		if (c == '\n' && !key->type->is_multiline && !key->type->is_list)
			return err_set(err, EINVAL, "%.*s holds several lines: its value is one line",
				       STR_FMT(name));
		/* text may hold tabs, and so may blanks between what is typed */
		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return err_set(err, EINVAL,
				       "%.*s holds the control character \\x%02x: a value is text",
				       STR_FMT(name), c);
	}
	if (!str_is_utf8(text))
		return err_set(err, EINVAL, "%.*s holds bytes that are no UTF-8: a value is text",
			       STR_FMT(name));
	return 0;
}

static bool is_choice_of(const struct key *key, struct str text)
{
	for (const char *const *c = key->choices; c && *c; c++)
		if (str_is(text, *c))
			return true;
	return false;
}

int key_parse(const struct key *key, struct str name, struct str text, struct buf *canonical, struct err *err)
{
	size_t before = canonical->len;
	int r;

	if (key->refuse)
		return err_set(err, EOPNOTSUPP, "%.*s %s", STR_FMT(name), key->refuse);
	if (text.len > KEY_VALUE_MAX)
		return err_set(err, EFBIG, "%.*s is %zu bytes long: a value has at most %d", STR_FMT(name),
			       text.len, KEY_VALUE_MAX);
	r = check_bytes(key, name, text, err);
	if (r < 0)
		return r;
	if (key->type != &type_choice && is_choice_of(key, str_trim(text))) {
		struct str word = str_trim(text);

		buf_add(canonical, word.ptr, word.len);
	} else {
		r = key->type->parse(key, text, canonical, err);
	}
	if (!r && key->check)
		r = key->check(key, (struct str){buf_cstr(canonical) + before, canonical->len - before}, err);
	if (r < 0) {
		if (err)
			err_prefix(err, "%.*s ", STR_FMT(name));
		if (canonical->ptr) {
			canonical->len = before;
			canonical->ptr[before] = '\0';
		}
	}
	return r;
}

bool value_bool(const char *value)
{
	bool v = false;

	return value && !parse_bool(str_from(value), &v) && v;
}

int64_t value_int(const char *value, int64_t otherwise)
{
	int64_t v;

	return value && !parse_i64(str_from(value), INT64_MIN, INT64_MAX, &v) ? v : otherwise;
}

uint64_t value_size(const char *value, uint64_t otherwise)
{
	uint64_t v;

	return value && !parse_size(str_from(value), &v) ? v : otherwise;
}

uint64_t value_rate(const char *value, uint64_t otherwise)
{
	uint64_t v;

	return value && !parse_rate(str_from(value), &v) ? v : otherwise;
}

uint64_t value_seconds(const char *value, uint64_t otherwise)
{
	uint64_t v;

	return value && !parse_duration(str_from(value), &v) ? v : otherwise;
}
