/* SPDX-License-Identifier: Apache-2.0 */
/* Types of keys: a user's text to canonical text, or the errno and the sentence that refuses it; look-up in a
 * table, and the guess at a mistyped name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/model/key.h"

static const char *const auto_none[] = {"auto", "none", NULL};
static const char *const hard_soft[] = {"hard", "soft", NULL};
static const char *const three[] = {"a", "b", "c", NULL};

/* @want: canonical; NULL: refused with @r and @sentence after "k " */
struct row {
	struct key key;
	const char *text, *want;
	int r;
	const char *sentence;
};

#define OK(t, text, want)                                                                                    \
	{                                                                                                    \
		{.name = "k", .type = &type_##t}, text, want, 0, NULL                                        \
	}
#define NO(t, text, errnum, sentence)                                                                        \
	{                                                                                                    \
		{.name = "k", .type = &type_##t}, text, NULL, -(errnum), sentence                            \
	}

static const struct row rows[] = {
    OK(bool, "yes", "true"),
    OK(bool, " OFF\t", "false"),
    NO(bool, "maybe", EINVAL, "is \"maybe\": true or false is wanted"),
    NO(bool, "", EINVAL, "is empty: true or false is wanted"),
    OK(integer, "+007", "7"),
    OK(integer, "-5", "-5"),
    NO(integer, "five", EINVAL, "is \"five\": a whole number is wanted"),
    NO(integer, "9223372036854775808", ERANGE, "is \"9223372036854775808\": a whole number is wanted"),
    {{.name = "k", .type = &type_integer, .min = 1, .max = 10},
     "0",
     NULL,
     -ERANGE,
     "is \"0\": a whole number from 1 to 10 is wanted"},
    {{.name = "k", .type = &type_integer, .min = 1, .max = INT64_MAX},
     "0",
     NULL,
     -ERANGE,
     "is \"0\": a whole number, 1 or more, is wanted"},
    OK(string, "  two words ", "  two words "),
    OK(string, "", ""),
    OK(string, "tab\there", "tab\there"),
    OK(string, "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"),
    NO(string, "a\nb", EINVAL, "holds several lines: its value is one line"),
    NO(string, "a\033[2J", EINVAL, "holds the control character \\x1b: a value is text"),
    OK(text, "a\nb\n", "a\nb\n"),
    NO(text, "a\rb", EINVAL, "holds the control character \\x0d: a value is text"),
    OK(size, " 64MiB ", "64MiB"),
    OK(size, "1GB", "1GB"),
    NO(size, "64M", EINVAL, "is \"64M\": 64MiB (powers of 1024) or 64MB (of 1000) is wanted"),
    NO(size, "64kb", EINVAL, "is \"64kb\": 64KiB (powers of 1024) or 64kB (of 1000) is wanted"),
    NO(size, "lots", EINVAL, "is \"lots\": a size such as 64MiB is wanted"),
    {{.name = "k", .type = &type_size, .min = 4096},
     "1",
     NULL,
     -ERANGE,
     "is \"1\": a size such as 64MiB, of 4096 bytes or more, is wanted"},
    OK(percent_or_size, "050%", "50%"),
    OK(percent_or_size, "512MiB", "512MiB"),
    NO(percent_or_size, "lots", EINVAL,
       "is \"lots\": a size such as 64MiB, or a percentage of the host's memory such as 50%, is wanted"),
    NO(percent_or_size, "101%", ERANGE,
       "is \"101%\": a size such as 64MiB, or a percentage of the host's memory such as 50%, is wanted"),
    OK(duration, "1h", "1h"),
    NO(duration, "1 fortnight", EINVAL,
       "is \"1 fortnight\": a time such as 30s, 45m, 12h, 15d or 2w, is wanted"),
    {{.name = "k", .type = &type_duration, .min = 120, .max = 1000},
     "1m",
     NULL,
     -ERANGE,
     "is \"1m\": from 120 to 1000 seconds are wanted"},
    OK(expiry, "1w 3d", "1w 3d"),
    NO(expiry, "15", EINVAL,
       "is \"15\": a time such as 30M (minutes), 12H, 15d, 4w, 6m (months), 1y, is wanted"),
    OK(allowance, "50%", "50%"),
    OK(allowance, "250%", "250%"),
    OK(allowance, "25ms/100ms", "25ms/100ms"),
    NO(allowance, "25/100", EINVAL,
       "is \"25/100\": a percentage such as 50%, or a time in a period such as 25ms/100ms, is wanted"),
    NO(allowance, "25ms/2000ms", ERANGE,
       "is \"25ms/2000ms\": at least 1ms of a period of 1ms to 1000ms is wanted"),
    NO(allowance, "25ms/100ms/1ms", EINVAL,
       "is \"25ms/100ms/1ms\": a percentage such as 50%, or a time in a period such as 25ms/100ms, is "
       "wanted"),
    OK(lines, "A=1, 2\n\n B=3\nA=1, 2\n", "A=1, 2\nB=3"),
    {{.name = "k", .type = &type_choice, .choices = hard_soft}, " soft", "soft", 0, NULL},
    {{.name = "k", .type = &type_choice, .choices = hard_soft},
     "Hard",
     NULL,
     -EINVAL,
     "is \"Hard\": hard or soft is wanted"},
    {{.name = "k", .type = &type_choice, .choices = three},
     "d",
     NULL,
     -EINVAL,
     "is \"d\": a, b, or c is wanted"},
    OK(mac, "00-16-3E-AA-bb-CC", "00:16:3e:aa:bb:cc"),
    NO(mac, "00:16:3e", EINVAL, "is \"00:16:3e\": a MAC address such as 00:16:3e:12:34:56 is wanted"),
    NO(mac, "01:00:5e:00:00:01", ERANGE,
       "is \"01:00:5e:00:00:01\": a NIC's own address has an even first byte and isn't all zero"),
    OK(ip4, "10.1.2.3", "10.1.2.3"),
    NO(ip4, "fd42::1", EINVAL, "is \"fd42::1\": an IPv4 address is wanted"),
    NO(ip4, "10.1.2.3/24", EINVAL, "is \"10.1.2.3/24\": an IPv4 address is wanted"),
    OK(ip6, "FD42:0:0::1", "fd42::1"),
    NO(ip6, "10.1.2.3", EINVAL, "is \"10.1.2.3\": an IPv6 address is wanted"),
    OK(ip4_net, "10.1.2.1/24", "10.1.2.1/24"),
    {{.name = "k", .type = &type_ip4_net, .choices = auto_none}, "auto", "auto", 0, NULL},
    {{.name = "k", .type = &type_ip4_net, .choices = auto_none},
     "10.1.2.1",
     NULL,
     -EINVAL,
     "is \"10.1.2.1\": auto, none, or an IPv4 address with its prefix length, such as 10.1.2.1/24, is "
     "wanted"},
    NO(ip4_net, "10.1.2.1/33", EINVAL,
       "is \"10.1.2.1/33\": an IPv4 address with its prefix length, such as 10.1.2.1/24, is wanted"),
    OK(ip6_net, "fd42:1::1/64", "fd42:1::1/64"),
    OK(ip4_nets, "10.0.0.0/8, 10.1.0.0/16\n10.0.0.0/8", "10.0.0.0/8\n10.1.0.0/16"),
    OK(ip6_nets, "fd00::/8", "fd00::/8"),
    OK(ip4_ranges, "10.1.2.10 - 10.1.2.20,10.1.2.30-10.1.2.30", "10.1.2.10-10.1.2.20\n10.1.2.30-10.1.2.30"),
    NO(ip4_ranges, "10.1.2.20-10.1.2.10", ERANGE,
       "is \"10.1.2.20-10.1.2.10\": the first address of a range isn't above its last"),
    NO(ip4_ranges, "10.1.2.20", EINVAL, "is \"10.1.2.20\": a range such as 10.1.2.100-10.1.2.200 is wanted"),
    OK(ip6_ranges, "fd42::1-fd42::ff", "fd42::1-fd42::ff"),
    OK(ifname, "eth0", "eth0"),
    NO(ifname, "a/b", EINVAL,
       "is \"a/b\": an interface's name (1 to 15 letters, digits, '-', '_', '.'), is wanted"),
    OK(ifnames, "eth0,eth1", "eth0\neth1"),
    OK(dns_name, "example.net", "example.net"),
    NO(dns_name, "-x", EINVAL, "is \"-x\": a DNS name such as example.net is wanted"),
    OK(dns_names, "a.example, b.example", "a.example\nb.example"),
    OK(cpus, "0-3, 5", "0-3,5"),
    NO(cpus, "all", EINVAL, "is \"all\": a number of CPUs, or a list of them such as 0-3,5, is wanted"),
    OK(name, "web.1", "web.1"),
    NO(name, "../x", EINVAL, "is \"../x\": a name without blanks and slashes is wanted"),
    NO(name, "-x", EINVAL, "is \"-x\": a name without blanks and slashes is wanted"),
    OK(names, "default\nweb\ndefault", "default\nweb"),
    OK(names, "", ""),
    OK(ips, "10.0.0.1, fd42::1", "10.0.0.1\nfd42::1"),
    NO(ips, "10.0.0.1/8", EINVAL, "is \"10.0.0.1/8\": an IPv4 or IPv6 address is wanted"),
    OK(source, "ubuntu/24.04", "ubuntu/24.04"),
    NO(source, "/etc", EINVAL, "is \"/etc\": an image's alias or fingerprint is wanted"),
    NO(source, "a/../b", EINVAL, "is \"a/../b\": an image's alias or fingerprint is wanted"),
    OK(path, "//a/./b//", "/a/b"),
    OK(path, "/", "/"),
    NO(path, "a/b", EINVAL, "is \"a/b\": an absolute path without '..' is wanted"),
    NO(host_path, "/a/../etc", EINVAL, "is \"/a/../etc\": an absolute path without '..' is wanted"),
    OK(mode, "660", "0660"),
    NO(mode, "4755", ERANGE, "is \"4755\": an octal mode such as 0660 is wanted"),
    OK(listen, "[::]:443", "[::]:443"),
    OK(listen, "::1", "[::1]:8443"),
    OK(listen, "10.0.0.1", "10.0.0.1:8443"),
    OK(listen, ":80", ":80"),
    NO(listen, "[10.0.0.1]:80", EINVAL,
       "is \"[10.0.0.1]:80\": an address and port such as [::]:8443 or 10.0.0.1:8443 is wanted"),
    NO(listen, "10.0.0.1:0", ERANGE, "is \"10.0.0.1:0\": a port is a number from 1 to 65535"),
};

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		AUTO(buf_done) struct buf b = BUF_NULL;
		AUTO(buf_done) struct buf again = BUF_NULL;
		AUTO(buf_done) struct buf want = BUF_NULL;
		AUTO(err_done) struct err err = ERR_NULL;
		int r = key_parse(&row->key, STR("k"), str_from(row->text), &b, &err);

		if (!row->want) {
			buf_printf(&want, "k %s", row->sentence);
			assert_int_equal(r, row->r);
			assert_string_equal(err_text(&err), buf_cstr(&want));
			assert_int_equal(b.len, 0);
			continue;
		}
		if (r)
			fail_msg("%s \"%s\": %s", row->key.type->name, row->text, err_text(&err));
		assert_string_equal(buf_cstr(&b), row->want);
		assert_int_equal(key_parse(&row->key, STR("k"), buf_str(&b), &again, &err), 0);
		assert_string_equal(buf_cstr(&again), row->want);
	}
}

static void test_bounds(void **state)
{
	const struct key string = {.name = "k", .type = &type_string};
	const struct key refused = {.name = "k", .type = &type_bool, .refuse = "waits for later"};
	AUTO(buf_done) struct buf b = BUF_NULL;
	AUTO(buf_done) struct buf big = BUF_NULL;
	AUTO(err_done) struct err err = ERR_NULL;

	(void)state;
	while (big.len < KEY_VALUE_MAX)
		buf_addc(&big, 'x');
	assert_int_equal(key_parse(&string, STR("k"), buf_str(&big), &b, &err), 0);
	assert_int_equal(b.len, KEY_VALUE_MAX);
	buf_addc(&big, 'x');
	assert_int_equal(key_parse(&string, STR("user.x"), buf_str(&big), &b, &err), -EFBIG);
	assert_string_equal(err_text(&err), "user.x is 65537 bytes long: a value has at most 65536");
	assert_int_equal(b.len, KEY_VALUE_MAX);
	assert_int_equal(key_parse(&string, STR("k"), (struct str){"a\0b", 3}, &b, &err), -EINVAL);
	assert_string_equal(err_text(&err), "k holds a NUL byte: a value is text");
	assert_int_equal(key_parse(&refused, STR("k"), STR("true"), &b, &err), -EOPNOTSUPP);
	assert_string_equal(err_text(&err), "k waits for later");
	/* without a sentence it works too */
	assert_int_equal(key_parse(&refused, STR("k"), STR("true"), &b, NULL), -EOPNOTSUPP);
	assert_int_equal(key_parse(&string, STR("k"), STR("a\nb"), &b, NULL), -EINVAL);
}

static void test_long_wrong_value(void **state)
{
	const struct key k = {.name = "k", .type = &type_bool};
	AUTO(buf_done) struct buf b = BUF_NULL;
	AUTO(buf_done) struct buf big = BUF_NULL;
	AUTO(err_done) struct err err = ERR_NULL;

	(void)state;
	while (big.len < 1000)
		buf_adds(&big, "\xc3\xbc");
	assert_int_equal(key_parse(&k, STR("k"), buf_str(&big), &b, &err), -EINVAL);
	assert_true(strlen(err_text(&err)) < 120);
	assert_non_null(strstr(err_text(&err), "\xc3\xbc...\": true or false is wanted"));
}

static void test_list_bound(void **state)
{
	const struct key k = {.name = "k", .type = &type_names};
	AUTO(buf_done) struct buf b = BUF_NULL;
	AUTO(buf_done) struct buf many = BUF_NULL;
	AUTO(err_done) struct err err = ERR_NULL;

	(void)state;
	for (int i = 0; i < 1024; i++)
		buf_printf(&many, "n%d\n", i);
	assert_int_equal(key_parse(&k, STR("k"), buf_str(&many), &b, &err), 0);
	buf_adds(&many, "more");
	assert_int_equal(key_parse(&k, STR("k"), buf_str(&many), &b, &err), -ERANGE);
	assert_string_equal(err_text(&err), "k has more than 1024 entries");
}

static const struct key table_rows[] = {
    {.name = "limits.memory", .type = &type_size},
    {.name = "limits.memory.swap", .type = &type_bool},
    {.name = "security.mac_filtering", .type = &type_bool},
    {.name = "user.*", .type = &type_string},
    {.name = "user.meta.*", .type = &type_text},
    {.name = "user.meta.data", .type = &type_text},
};
static const struct key_table table = {"test", "For the test.", table_rows, ARRAY_SIZE(table_rows)};

static void test_find(void **state)
{
	static const struct {
		const char *name, *want;
	} finds[] = {
	    {"limits.memory", "limits.memory"},
	    {"limits.memory.swap", "limits.memory.swap"},
	    {"limits.memor", NULL},
	    {"limits", NULL},
	    {"", NULL},
	    {"user.", NULL},
	    {"user.x", "user.*"},
	    {"user.*", NULL},
	    {"user.a=b", NULL},
	    {"user.a b", NULL},
	    {"user.meta.x", "user.meta.*"},
	    {"user.meta.data", "user.meta.data"},
	    {"user.meta.", "user.*"},
	    {"users", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(finds); i++) {
		const struct key *k = key_find(&table, str_from(finds[i].name));

		if (!finds[i].want)
			assert_null(k);
		else
			assert_string_equal(k ? k->name : "", finds[i].want);
	}
}

static void test_guess(void **state)
{
	static const struct {
		const char *name, *want;
	} guesses[] = {
	    {"limits.memroy", "limits.memory"},
	    {"limit.memory", "limits.memory"},
	    {"limits.memoryswap", "limits.memory.swap"},
	    {"mac_filtering", "security.mac_filtering"},
	    {"security.macfiltering", "security.mac_filtering"},
	    {"swap", "limits.memory.swap"},
	    {"colour", NULL},
	    {"x", NULL},
	    {"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(guesses); i++) {
		const struct key *k = key_guess(&table, str_from(guesses[i].name));

		assert_string_equal(k ? k->name : "", guesses[i].want ? guesses[i].want : "");
	}
}

static void test_canonical_values(void **state)
{
	(void)state;
	assert_true(value_bool("true"));
	assert_false(value_bool("false"));
	assert_false(value_bool(NULL));
	assert_int_equal(value_int("-7", 3), -7);
	assert_int_equal(value_int(NULL, 3), 3);
	assert_int_equal(value_int("x", 3), 3);
	assert_int_equal(value_size("64MiB", 1), 64 << 20);
	assert_int_equal(value_size(NULL, 1), 1);
	assert_int_equal(value_seconds("1h", 1), 3600);
	assert_int_equal(value_seconds("infinite", 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_long_wrong_value),
	    cmocka_unit_test(test_list_bound),
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_guess),
	    cmocka_unit_test(test_canonical_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
