/* SPDX-License-Identifier: Apache-2.0 */
/* KEY=VALUE lines: what they mean, what is none, and that a value comes back from the line it was written to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "engine/base/auto.h"
#include "fs/tree/setfile.h"

static void changes_text(const struct setfile *s, struct buf *b)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct change *c = &s->changes[i];

		buf_printf(b, "[%s|%s|%s]", c->section, c->key ? c->key : "-", c->value ? c->value : "-");
	}
}

static void lines_are_changes(void **state)
{
	static const struct {
		const char *text, *section, *want;
	} table[] = {
	    {"", NULL, ""},
	    {"\n\n# comment\n", NULL, ""},
	    {"description=a line\n", NULL, "[|description|a line]"},
	    {"description=a line", NULL, "[|description|a line]"},
	    {"description=", NULL, "[|description|-]"},
	    {"description=$''", NULL, "[|description|]"},
	    {"config/user.a=b=c\n", NULL, "[config|user.a|b=c]"},
	    {"devices/eth0/hwaddr=x", NULL, "[devices/eth0|hwaddr|x]"},
	    {"devices/eth0/", NULL, "[devices/eth0|-|]"},
	    {"!devices/eth0", NULL, "[devices/eth0|-|-]"},
	    {"a=1\nb=2\na=", "config", "[config|a|1][config|b|2][config|a|-]"},
	    {"a= spaces stay ", "config", "[config|a| spaces stay ]"},
	    {"a=$'x\\ny'", "config", "[config|a|x\ny]"},
	    {"a=$'\\t\\r\\'\\\"\\\\\\x41'", "config", "[config|a|\t\r'\"\\A]"},
	    {"a='x'", "config", "[config|a|'x']"},
	    {"a=\\n", "config", "[config|a|\\n]"},
	    {"a=$HOME", "config", "[config|a|$HOME]"},
	    {" a=x", "config", "[config| a|x]"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(setfile_done) struct setfile s = {0};
		AUTO(err_done) struct err err = ERR_NULL;
		AUTO(buf_done) struct buf b = BUF_NULL;

		if (setfile_parse(str_from(table[i].text), table[i].section, false, &s, &err) < 0)
			fail_msg("\"%s\": %s", table[i].text, err_text(&err));
		changes_text(&s, &b);
		assert_string_equal(buf_cstr(&b), table[i].want);
		assert_true(s.if_version == UINT64_MAX);
	}
}

static void what_is_no_line_is_refused(void **state)
{
	static const struct {
		const char *text, *section, *said;
	} table[] = {
	    {"a", NULL, "line 1 is \"a\""},
	    {"a=1\nfish\n", NULL, "line 2 is \"fish\""},
	    {"\n\n=1", NULL, "line 3"},
	    {"=1", "config", "line 1"},
	    {"config/=1", NULL, "line 1"},
	    {"configs/a=1", NULL, "line 1"},
	    {"state/a=1", NULL, "line 1"},
	    {"devices/a/b/c=1", NULL, "line 1"},
	    {"devices//c=1", NULL, NULL}, /* a device without a name: the change itself refuses it */
	    {"devices/", NULL, "line 1"},
	    {"devices/a/b/", NULL, "line 1"},
	    {"!devices/", NULL, "line 1"},
	    {"!config", NULL, "line 1"},
	    {"!devices/a/b", NULL, "line 1"},
	    {"!devices/a", "config", "KEY=VALUE is wanted"},
	    {"devices/a/", "config", "KEY=VALUE is wanted"},
	    {"a/b=1", "config", "KEY=VALUE is wanted"},
	    {"a=$'", "config", "line 1"},
	    {"a=$'x", "config", "line 1"},
	    {"a=$'x'y", "config", "line 1"},
	    {"a=$'\\q'", "config", "line 1"},
	    {"a=$'\\x0g'", "config", "line 1"},
	    {"a=$'\\x00'", "config", "line 1"},
	    {"a=$'x\\", "config", "line 1"},
	    {"if-version=x", "config", "line 1"},
	    {"if-version=-1", "config", "line 1"},
	    {"if-version=", "config", "line 1"},
	    {"if-version=1 ", "config", "line 1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(setfile_done) struct setfile s = {0};
		AUTO(err_done) struct err err = ERR_NULL;
		int r = setfile_parse(str_from(table[i].text), table[i].section, false, &s, &err);

		if (!table[i].said)
			continue;
		if (r != -EINVAL || !strstr(err_text(&err), table[i].said) || s.n)
			fail_msg("\"%s\": %d, %s", table[i].text, r, err_text(&err));
	}
}

static void bytes_and_numbers_have_bounds(void **state)
{
	AUTO(setfile_done) struct setfile s = {0};
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(buf_done) struct buf b = BUF_NULL;

	(void)state;
	assert_int_equal(setfile_parse((struct str){"a=\0b", 4}, "config", false, &s, &err), -EINVAL);
	err_done(&err);
	assert_int_equal(setfile_parse((struct str){"a\0=b", 4}, "config", false, &s, &err), -EINVAL);
	err_done(&err);
	for (unsigned i = 0; i < 4096; i++)
		buf_printf(&b, "k%u=1\n", i);
	assert_int_equal(setfile_parse(buf_str(&b), "config", false, &s, &err), 0);
	assert_int_equal(s.n, 4096);
	setfile_done(&s);
	buf_adds(&b, "one=more\n");
	assert_int_equal(setfile_parse(buf_str(&b), "config", false, &s, &err), -E2BIG);
	assert_non_null(strstr(err_text(&err), "line 4097"));
}

static void a_version_comes_first(void **state)
{
	AUTO(setfile_done) struct setfile s = {0};
	AUTO(setfile_done) struct setfile second = {0};

	(void)state;
	assert_int_equal(setfile_parse(STR("# x\nif-version=17\na=1"), "config", false, &s, NULL), 0);
	assert_true(s.if_version == 17);
	assert_int_equal(s.n, 1);
	/* behind a change it is a key, which no object has */
	assert_int_equal(setfile_parse(STR("a=1\nif-version=17"), "config", false, &second, NULL), 0);
	assert_true(second.if_version == UINT64_MAX);
	assert_int_equal(second.n, 2);
}

static void a_part_ends_with_its_last_whole_line(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} table[] = {{"", 0},		{"a=1", 0},	  {"a=1\n", 1},
		     {"a=1\nb=$'x", 1}, {"a=1\nfish", 1}, {"a=1\nb=2\n", 2}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(setfile_done) struct setfile s = {0};

		assert_int_equal(setfile_parse(str_from(table[i].text), "config", true, &s, NULL), 0);
		assert_int_equal(s.n, table[i].n);
	}
}

static void comes_back(const char *value)
{
	AUTO(setfile_done) struct setfile s = {0};
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(buf_done) struct buf b = BUF_NULL;

	buf_adds(&b, "k=");
	setfile_value(&b, value);
	if (memchr(buf_cstr(&b), '\n', b.len))
		fail_msg("a line break in \"%s\"", buf_cstr(&b));
	if (setfile_parse(buf_str(&b), "config", false, &s, &err) < 0)
		fail_msg("\"%s\": %s", buf_cstr(&b), err_text(&err));
	assert_int_equal(s.n, 1);
	assert_non_null(s.changes[0].value);
	assert_string_equal(s.changes[0].value, value);
}

/* Every value of up to three bytes out of those that mean something to somebody. */
static void each_value_comes_back(void **state)
{
	static const char bytes[] = "\n\t\r '\"\\$#=!ax41\x01\x1b\x7f\x80\xff";
	char value[4] = "";

	(void)state;
	comes_back("");
	for (size_t i = 0; bytes[i]; i++)
		for (size_t k = 0; k < sizeof(bytes); k++)
			for (size_t l = 0; l < (bytes[k] ? sizeof(bytes) : 1); l++) {
				value[0] = bytes[i];
				value[1] = bytes[k];
				value[2] = bytes[k] ? bytes[l] : 0;
				comes_back(value);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_are_changes),
	    cmocka_unit_test(what_is_no_line_is_refused),
	    cmocka_unit_test(bytes_and_numbers_have_bounds),
	    cmocka_unit_test(a_version_comes_first),
	    cmocka_unit_test(a_part_ends_with_its_last_whole_line),
	    cmocka_unit_test(each_value_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
