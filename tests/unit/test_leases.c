/* SPDX-License-Identifier: Apache-2.0 */
/* dnsmasq's lease file: lines that read, lines that don't, and names that containers made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "net/leases.h"

static const char good[] = "1795556488 00:16:3e:00:00:12 10.77.0.34 two *\n"
			   "0 00:16:3e:00:00:11 10.77.0.33 * 01:00:16:3e:00:00:11\n"
			   "duid 00:01:00:01:32:98:b2:f8:00:16:3e:00:00:01\n"
			   "1795556489 7 fd77::1001 three 00:03:00:01:00:16:3e:00:00:03\n"
			   "1795556490 T9 fd77::1002 * 00:01:00:01:32:98:b2:f8:00:16:3e:00:00:04\n"
			   "1795556490 9 fd77::1003 * 00:02:00:00:ab:11:5d:01\n";

static void test_good(void **state)
{
	static const struct {
		uint64_t expiry;
		const char *ip, *mac, *name;
	} rows[] = {
	    {1795556488, "10.77.0.34", "00:16:3e:00:00:12", "two"},
	    {0, "10.77.0.33", "00:16:3e:00:00:11", ""},
	    {1795556489, "fd77::1001", "00:16:3e:00:00:03", "three"},
	    {1795556490, "fd77::1002", "00:16:3e:00:00:04", ""},
	    {1795556490, "fd77::1003", NULL, ""},
	};
	AUTO(leases_done) struct leases l = {0};

	(void)state;
	assert_int_equal(leases_parse(str_from(good), &l), 0);
	assert_int_equal(l.n, ARRAY_SIZE(rows));
	for (size_t i = 0; i < l.n; i++) {
		AUTO(buf_done) struct buf ip = BUF_NULL, mac = BUF_NULL;

		buf_ip(&ip, &l.list[i].ip);
		buf_mac(&mac, l.list[i].mac);
		assert_int_equal(l.list[i].expiry, rows[i].expiry);
		assert_string_equal(buf_cstr(&ip), rows[i].ip);
		assert_int_equal(l.list[i].has_mac, rows[i].mac != NULL);
		if (rows[i].mac)
			assert_string_equal(buf_cstr(&mac), rows[i].mac);
		assert_string_equal(l.list[i].name, rows[i].name);
	}
}

static void test_bad_lines(void **state)
{
	static const char *const rows[] = {
	    "x",
	    "1 2 3 4 5",
	    "1795556488 00:16:3e:00:00:12 10.77.0.34 two",
	    "1795556488 00:16:3e:00:00:12 10.77.0.34 two * more",
	    "1795556488 00:16:3e:00:00:12 10.77.0.34  two *",
	    "-1 00:16:3e:00:00:12 10.77.0.34 two *",
	    "99999999999999999999 00:16:3e:00:00:12 10.77.0.34 two *",
	    "1795556488 00:16:3e:00:00 10.77.0.34 two *",
	    "1795556488 06-00:16:3e:00:00:12 10.77.0.34 two *",
	    "1795556488 00:16:3e:00:00:12 10.77.0.340 two *",
	    "1795556488 00:16:3e:00:00:12 10.77.0.34/24 two *",
	    " 1795556488 00:16:3e:00:00:12 10.77.0.34 two *",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(leases_done) struct leases l = {0};

		assert_int_equal(leases_parse(str_from(rows[i]), &l), 1);
		assert_int_equal(l.n, 0);
	}
}

static void test_names(void **state)
{
	static const struct {
		const char *name, *want;
	} rows[] = {
	    {"foo", "foo"},   {"FOO-1", "FOO-1"}, {"*", ""},	   {"-foo", ""},
	    {"a.b", ""},      {"a/../b", ""},	  {"\x1b[2J", ""}, {"a\tb", ""},
	    {"\xff\xfe", ""}, {"a\"b", ""},	  {"$(id)", ""},   {"_gateway", ""},
	};
	char name[80];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(leases_done) struct leases l = {0};
		AUTO(free) char *text = xasprintf("1 00:16:3e:00:00:12 10.0.0.1 %s *\n", rows[i].name);

		assert_int_equal(leases_parse(str_from(text), &l), 0);
		assert_int_equal(l.n, 1);
		assert_string_equal(l.list[0].name, rows[i].want);
	}
	memset(name, 'x', sizeof(name));
	for (size_t len = 62; len < 66; len++) {
		AUTO(leases_done) struct leases l = {0};
		AUTO(free) char *text = xasprintf("1 00:16:3e:00:00:12 10.0.0.1 %.*s *\n", (int)len, name);

		leases_parse(str_from(text), &l);
		assert_int_equal(strlen(l.list[0].name), len <= 63 ? len : 0);
	}
}

static void test_bounds(void **state)
{
	AUTO(leases_done) struct leases l = {0};
	AUTO(buf_done) struct buf b = BUF_NULL;

	(void)state;
	for (unsigned i = 0; i < LEASES_MAX + 3; i++)
		buf_printf(&b, "1 00:16:3e:00:00:12 10.%u.%u.%u * *\n", i >> 16, i >> 8 & 255, i & 255);
	assert_int_equal(leases_parse(buf_str(&b), &l), 3);
	assert_int_equal(l.n, LEASES_MAX);
	/* a text without its last newline, and none at all */
	leases_done(&l);
	assert_int_equal(leases_parse(STR("1 00:16:3e:00:00:12 10.0.0.1 a *"), &l), 0);
	assert_int_equal(l.n, 1);
	leases_done(&l);
	assert_int_equal(leases_parse(STR_NULL, &l), 0);
	assert_int_equal(l.n, 0);
}

static void test_file(void **state)
{
	char dir[] = "/tmp/lxdfs-leases.XXXXXX";
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(leases_done) struct leases l = {0};
	AUTO(free) char *path = NULL;
	AUTO(fd) int fd = -EBADF;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(leases_read(dir, &l, &err), 0);
	assert_int_equal(l.n, 0);
	path = xasprintf("%s/dnsmasq.leases", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, good, sizeof(good) - 1), sizeof(good) - 1);
	assert_int_equal(leases_read(dir, &l, &err), 0);
	assert_int_equal(l.n, 5);
	leases_done(&l);
	assert_int_equal(ftruncate(fd, LEASES_MAX_BYTES + 1), 0);
	assert_int_equal(leases_read(dir, &l, &err), -EFBIG);
	assert_non_null(strstr(err_text(&err), "has more than 8388608 bytes"));
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),   cmocka_unit_test(test_bad_lines), cmocka_unit_test(test_names),
	    cmocka_unit_test(test_bounds), cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
