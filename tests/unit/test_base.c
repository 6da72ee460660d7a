/* SPDX-License-Identifier: Apache-2.0 */
/* The ground floor: errors, borrowed text, growing text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

static void test_err(void **state)
{
	AUTO(err_done) struct err err = ERR_NULL, other = ERR_NULL;

	(void)state;
	assert_int_equal(err_set(&err, EINVAL, "mtu is %d", 7), -EINVAL);
	assert_string_equal(err_text(&err), "mtu is 7");
	assert_int_equal(err_prefix(&err, "eth%d: ", 0), -EINVAL);
	assert_string_equal(err_text(&err), "eth0: mtu is 7");
	assert_int_equal(err_move(&other, &err), -EINVAL);
	assert_int_equal(err.errnum, 0);
	assert_string_equal(other.text, "eth0: mtu is 7");
	assert_int_equal(err_set(NULL, ENOENT, "nobody listens"), -ENOENT);
}

static void test_str(void **state)
{
	struct str rest = STR("a,,b"), piece;
	const char *const want[] = {"a", "", "b"};
	size_t n = 0;

	(void)state;
	while (str_next(&rest, ',', &piece)) {
		assert_true(n < ARRAY_SIZE(want));
		assert_true(str_is(piece, want[n++]));
	}
	assert_int_equal(n, ARRAY_SIZE(want));
	assert_true(str_is(str_trim(STR(" \tx y\n")), "x y"));
	assert_true(str_has_prefix(STR("user.x"), STR("user.")));
	assert_false(str_has_prefix(STR("us"), STR("user.")));
}

static void test_buf_escape(void **state)
{
	static const struct {
		struct str in;
		const char *out;
	} rows[] = {
	    {STR("plain"), "plain"},	    {STR("a\nb"), "a\\x0ab"},
	    {STR("\033[31m"), "\\x1b[31m"}, {STR("back\\slash"), "back\\x5cslash"},
	    {STR("\xc3\xa4"), "\xc3\xa4"},  {STR("\xc2\x9b"), "\\xc2\\x9b"}, /* CSI as a C1 control */
	    {STR("\xff"), "\\xff"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(buf_done) struct buf b = BUF_NULL;

		buf_escape(&b, rows[i].in);
		assert_string_equal(buf_cstr(&b), rows[i].out);
	}
}

static void test_buf_grows(void **state)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%d,", i % 10);
	assert_int_equal(b.len, 2000);
	assert_int_equal(strlen(b.ptr), 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_err),
	    cmocka_unit_test(test_str),
	    cmocka_unit_test(test_buf_escape),
	    cmocka_unit_test(test_buf_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
