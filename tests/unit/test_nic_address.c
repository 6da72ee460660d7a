/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of a network, and the lowest address in them that is free. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/device/nic-address.h"

static struct ip ip(const char *text)
{
	struct ip ret;

	assert_int_equal(ip_parse(str_from(text), &ret), 0);
	return ret;
}

static void assert_ip(const struct ip *got, const char *want)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	buf_ip(&b, got);
	assert_string_equal(buf_cstr(&b), want);
}

static void test_ranges(void **state)
{
	static const struct {
		const char *text, *net;
		int n;
		const char *first, *last; /* of the last one */
	} rows[] = {
	    {NULL, "10.1.2.1/24", 1, "10.1.2.2", "10.1.2.254"},
	    {"", "10.1.2.1/30", 1, "10.1.2.2", "10.1.2.2"},
	    {NULL, "10.1.2.1/31", 0, NULL, NULL},
	    {NULL, "fd42::1/64", 0, NULL, NULL},
	    {"10.1.2.9-10.1.2.20", "10.1.2.1/24", 1, "10.1.2.9", "10.1.2.20"},
	    {"10.1.2.9-10.1.2.20,10.1.2.40-10.1.2.41", "10.1.2.1/24", 2, "10.1.2.40", "10.1.2.41"},
	    {"10.1.2.9-10.1.2.20\n10.1.2.40-10.1.2.41", "10.1.2.1/24", 2, "10.1.2.40", "10.1.2.41"},
	    {"10.1.2.9", "10.1.2.1/24", -EINVAL, NULL, NULL},
	    {"10.1.2.9-", "10.1.2.1/24", -EINVAL, NULL, NULL},
	    {"fd42::2-fd42::9", "10.1.2.1/24", -EINVAL, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ip_range ret[4];
		struct ip_net net;

		assert_int_equal(ip_net_parse(str_from(rows[i].net), &net), 0);
		assert_int_equal(ip4_ranges(rows[i].text, &net, ret, 4), rows[i].n);
		if (!rows[i].first)
			continue;
		assert_ip(&ret[rows[i].n - 1].first, rows[i].first);
		assert_ip(&ret[rows[i].n - 1].last, rows[i].last);
	}
}

static void test_lowest(void **state)
{
	struct ip_range ranges[] = {{ip("10.0.0.8"), ip("10.0.0.9")}, {ip("10.0.0.2"), ip("10.0.0.4")}};
	struct ip taken[] = {ip("10.0.0.3"), ip("fd42::1"),  ip("10.0.0.2"), ip("10.0.0.3"),
			     ip("10.0.0.8"), ip("10.0.0.4"), ip("10.0.0.9")};
	struct ip got;

	(void)state;
	assert_int_equal(ip4_lowest_free(ranges, 2, taken, 0, &got), 0);
	assert_ip(&got, "10.0.0.2");
	assert_int_equal(ip4_lowest_free(ranges, 2, taken, 4, &got), 0);
	assert_ip(&got, "10.0.0.4");
	assert_int_equal(ip4_lowest_free(ranges, 2, taken, 6, &got), 0);
	assert_ip(&got, "10.0.0.9");
	assert_int_equal(ip4_lowest_free(ranges, 2, taken, 7, &got), -ENOSPC);
	assert_int_equal(ip4_lowest_free(ranges, 0, taken, 0, &got), -ENOSPC);
}

/* To the end of all addresses, without running over it. */
static void test_lowest_at_end(void **state)
{
	struct ip_range range = {ip("255.255.255.254"), ip("255.255.255.255")};
	struct ip taken[] = {ip("255.255.255.254"), ip("255.255.255.255")};
	struct ip got;

	(void)state;
	assert_int_equal(ip4_lowest_free(&range, 1, taken, 2, &got), -ENOSPC);
}

static void test_nets(void **state)
{
	AUTO(err_done) struct err err = ERR_NULL;
	struct ip_net *nets = NULL;
	size_t n;

	(void)state;
	assert_int_equal(ip_nets_of("10.1.0.9/16, fd42:1::/64\n192.0.2.1", &nets, &n, &err), 0);
	assert_int_equal(n, 3);
	assert_ip(&nets[0].ip, "10.1.0.0");
	assert_int_equal(nets[2].len, 32);
	free(nets);
	assert_int_equal(ip_nets_of(NULL, &nets, &n, &err), 0);
	assert_int_equal(n, 0);
	free(nets);
	assert_int_equal(ip_nets_of("10.1.0.0/16;drop", &nets, &n, &err), -EINVAL);
	assert_non_null(strstr(err_text(&err), "10.1.0.0/16;drop"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ranges),
	    cmocka_unit_test(test_lowest),
	    cmocka_unit_test(test_lowest_at_end),
	    cmocka_unit_test(test_nets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
