/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, sizes, times, modes and CPU lists: what reads, what doesn't, and that a failure writes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/base/parse.h"

#define UNTOUCHED 4242

struct row {
	const char *text;
	int r;
	uint64_t want;
};

static void walk(const struct row *rows, size_t n, int (*parse)(struct str, uint64_t *))
{
	for (size_t i = 0; i < n; i++) {
		uint64_t v = UNTOUCHED;
		int r = parse(str_from(rows[i].text), &v);

		if (r != rows[i].r || v != (r < 0 ? UNTOUCHED : rows[i].want))
			fail_msg("\"%s\" gives %d and %llu", rows[i].text, r, (unsigned long long)v);
	}
}

static int any_u64(struct str s, uint64_t *ret)
{
	return parse_u64(s, 0, UINT64_MAX, ret);
}

static void test_u64(void **state)
{
	static const struct row rows[] = {
	    {"0", 0, 0},
	    {"007", 0, 7},
	    {"18446744073709551615", 0, UINT64_MAX},
	    {"18446744073709551616", -ERANGE, 0},
	    {"99999999999999999999999999", -ERANGE, 0},
	    {"99999999999999999999999999x", -EINVAL, 0},
	    {"", -EINVAL, 0},
	    {"+1", -EINVAL, 0},
	    {"-1", -EINVAL, 0},
	    {" 1", -EINVAL, 0},
	    {"1 ", -EINVAL, 0},
	    {"0x10", -EINVAL, 0},
	    {"1e3", -EINVAL, 0},
	};
	uint64_t v;

	(void)state;
	walk(rows, ARRAY_SIZE(rows), any_u64);
	assert_int_equal(parse_u64(STR("5"), 6, 10, &v), -ERANGE);
	assert_int_equal(parse_u64(STR("11"), 6, 10, &v), -ERANGE);
	assert_int_equal(parse_u64(STR("10"), 6, 10, &v), 0);
	assert_int_equal(parse_u64((struct str){"1\0002", 3}, 0, 99, &v), -EINVAL);
}

static void test_i64(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t want;
	} rows[] = {
	    {"-9223372036854775808", 0, INT64_MIN},
	    {"9223372036854775807", 0, INT64_MAX},
	    {"-9223372036854775809", -ERANGE, 0},
	    {"9223372036854775808", -ERANGE, 0},
	    {"+5", 0, 5},
	    {"-0", 0, 0},
	    {"-", -EINVAL, 0},
	    {"--5", -EINVAL, 0},
	    {"", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t v = UNTOUCHED;

		assert_int_equal(parse_i64(str_from(rows[i].text), INT64_MIN, INT64_MAX, &v), rows[i].r);
		assert_true(v == (rows[i].r < 0 ? UNTOUCHED : rows[i].want));
	}
}

static int truth(struct str s, uint64_t *ret)
{
	bool b;
	int r = parse_bool(s, &b);

	if (!r)
		*ret = b;
	return r;
}

static void test_bool(void **state)
{
	static const struct row rows[] = {
	    {"true", 0, 1},   {"TRUE", 0, 1},	 {"1", 0, 1},	    {"yes", 0, 1},	   {"On", 0, 1},
	    {"false", 0, 0},  {"False", 0, 0},	 {"0", 0, 0},	    {"no", 0, 0},	   {"OFF", 0, 0},
	    {"", -EINVAL, 0}, {"t", -EINVAL, 0}, {"2", -EINVAL, 0}, {"truex", -EINVAL, 0},
	};

	(void)state;
	walk(rows, ARRAY_SIZE(rows), truth);
}

static void test_size(void **state)
{
	static const struct row rows[] = {
	    {"0", 0, 0},
	    {"65536", 0, 65536},
	    {"10B", 0, 10},
	    {"1kB", 0, 1000},
	    {"64MB", 0, 64000000},
	    {"1KiB", 0, 1024},
	    {"64MiB", 0, 64 << 20},
	    {"2GiB", 0, 2ull << 30},
	    {"3TB", 0, 3000000000000},
	    {"1EiB", 0, 1ull << 60},
	    {"7EiB", 0, 7ull << 60},
	    {"8EiB", -ERANGE, 0},
	    {"9223372036854775807", 0, INT64_MAX},
	    {"9223372036854775808", -ERANGE, 0},
	    {"99999999999999999999B", -ERANGE, 0},
	    {"18446744073709551616KiB", -ERANGE, 0},
	    {"", -EINVAL, 0},
	    {"B", -EINVAL, 0},
	    {"MiB", -EINVAL, 0},
	    {"64M", -EINVAL, 0},
	    {"64Mi", -EINVAL, 0},
	    {"64mib", -EINVAL, 0},
	    {"64KB", -EINVAL, 0},
	    {"64kiB", -EINVAL, 0},
	    {"64iB", -EINVAL, 0},
	    {"64XB", -EINVAL, 0},
	    {"64 MiB", -EINVAL, 0},
	    {"-1MiB", -EINVAL, 0},
	    {"1.5GiB", -EINVAL, 0},
	    {"64MiBB", -EINVAL, 0},
	    {"50%", -EINVAL, 0},
	};

	(void)state;
	walk(rows, ARRAY_SIZE(rows), parse_size);
}

static void test_rate(void **state)
{
	static const struct row rows[] = {
	    {"9600", 0, 9600},
	    {"9600bit", 0, 9600},
	    {"64kbit", 0, 64000},
	    {"100Mbit", 0, 100000000},
	    {"1Gbit", 0, 1000000000},
	    {"1Kibit", 0, 1024},
	    {"1kibit", 0, 1024},
	    {"2Mibit", 0, 2 << 20},
	    {"1Tbit", 0, 1000000000000},
	    {"", -EINVAL, 0},
	    {"bit", -EINVAL, 0},
	    {"1Kbit", -EINVAL, 0},
	    {"1ibit", -EINVAL, 0},
	    {"1kMbit", -EINVAL, 0},
	    {"1M", -EINVAL, 0},
	    {"1it", -EINVAL, 0},
	    {"1Mbits", -EINVAL, 0},
	    {"1 Mbit", -EINVAL, 0},
	    {"-1Mbit", -EINVAL, 0},
	    {"99999999999Tbit", -ERANGE, 0},
	    {"99999999999999999999", -ERANGE, 0},
	};

	(void)state;
	walk(rows, ARRAY_SIZE(rows), parse_rate);
}

static int percent(struct str s, uint64_t *ret)
{
	unsigned v;
	int r = parse_percent(s, 100, &v);

	if (!r)
		*ret = v;
	return r;
}

static int mode(struct str s, uint64_t *ret)
{
	mode_t v;
	int r = parse_mode(s, &v);

	if (!r)
		*ret = v;
	return r;
}

static void test_small(void **state)
{
	static const struct row percents[] = {
	    {"1%", 0, 1},	{"100%", 0, 100},  {"0%", -ERANGE, 0},	{"101%", -ERANGE, 0},
	    {"50", -EINVAL, 0}, {"%", -EINVAL, 0}, {"5%%", -EINVAL, 0}, {"-5%", -EINVAL, 0},
	};
	static const struct row modes[] = {
	    {"0660", 0, 0660},
	    {"660", 0, 0660},
	    {"7777", 0, 07777},
	    {"10000", -ERANGE, 0},
	    {"77777777777777777", -ERANGE, 0},
	    {"8", -EINVAL, 0},
	    {"", -EINVAL, 0},
	    {"u+r", -EINVAL, 0},
	};

	(void)state;
	walk(percents, ARRAY_SIZE(percents), percent);
	walk(modes, ARRAY_SIZE(modes), mode);
}

static void test_times(void **state)
{
	static const struct row durations[] = {
	    {"30", 0, 30},
	    {"30s", 0, 30},
	    {"45m", 0, 2700},
	    {"1h", 0, 3600},
	    {"15d", 0, 1296000},
	    {"2w", 0, 1209600},
	    {"4294967295", 0, UINT32_MAX},
	    {"4294967296", -ERANGE, 0},
	    {"8000w", -ERANGE, 0},
	    {"99999999999999999999h", -ERANGE, 0},
	    {"", -EINVAL, 0},
	    {"h", -EINVAL, 0},
	    {"1H", -EINVAL, 0},
	    {"1h30m", -EINVAL, 0},
	    {"-1h", -EINVAL, 0},
	    {"1 h", -EINVAL, 0},
	    {"infinite", -EINVAL, 0},
	};
	static const struct row expiries[] = {
	    {"15d", 0, 1296000},
	    {"30M", 0, 1800},
	    {"6m", 0, 15552000},
	    {"1y", 0, 31536000},
	    {"1w 3d", 0, 864000},
	    {"1H30M", 0, 5400},
	    {"10S", 0, 10},
	    {"", -EINVAL, 0},
	    {"15", -EINVAL, 0},
	    {"1h", -EINVAL, 0},
	    {" 1d", -EINVAL, 0},
	    {"1d,2d", -EINVAL, 0},
	    {"999999999999y", -ERANGE, 0},
	    {"99999999999999999999S", -ERANGE, 0},
	};

	(void)state;
	walk(durations, ARRAY_SIZE(durations), parse_duration);
	walk(expiries, ARRAY_SIZE(expiries), parse_expiry);
}

static void test_cpus(void **state)
{
	static const struct {
		const char *text, *want;
		int r, count;
	} rows[] = {
	    {"2", "2", 0, 2},
	    {"02", "2", 0, 2},
	    {"0", "0", 0, 0},
	    {"2-2", "2-2", 0, -1},
	    {"0-3", "0-3", 0, -1},
	    {"0-3, 7 ,9-10", "0-3,7,9-10", 0, -1},
	    {"1,1", "1,1", 0, -1},
	    {"1023", "1023", 0, 1023},
	    {"1024", NULL, -ERANGE, 0},
	    {"0-1024", NULL, -ERANGE, 0},
	    {"99999999999999999999", NULL, -ERANGE, 0},
	    {"", NULL, -EINVAL, 0},
	    {",", NULL, -EINVAL, 0},
	    {"1,", NULL, -EINVAL, 0},
	    {"3-1", NULL, -EINVAL, 0},
	    {"1-", NULL, -EINVAL, 0},
	    {"-1", NULL, -EINVAL, 0},
	    {"1-2-3", NULL, -EINVAL, 0},
	    {"^1", NULL, -EINVAL, 0},
	    {"0-3:1/2", NULL, -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(buf_done) struct buf b = BUF_NULL;
		int count = UNTOUCHED, r = parse_cpus(str_from(rows[i].text), &b, &count);

		assert_int_equal(r, rows[i].r);
		assert_int_equal(count, r < 0 ? UNTOUCHED : rows[i].count);
		assert_string_equal(buf_cstr(&b), rows[i].want ? rows[i].want : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_u64),	  cmocka_unit_test(test_i64),  cmocka_unit_test(test_bool),
	    cmocka_unit_test(test_size),  cmocka_unit_test(test_rate), cmocka_unit_test(test_small),
	    cmocka_unit_test(test_times), cmocka_unit_test(test_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
