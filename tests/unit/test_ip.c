/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, prefixes and names: what reads and what doesn't, and arithmetic on them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/base/ip.h"

static struct ip ip(const char *text)
{
	struct ip ret = {0};

	assert_int_equal(ip_parse(str_from(text), &ret), 0);
	return ret;
}

static struct ip_net net(const char *text)
{
	struct ip_net ret = {0};

	assert_int_equal(ip_net_parse(str_from(text), &ret), 0);
	return ret;
}

static struct mac mac(const char *text)
{
	struct mac ret = {0};

	assert_int_equal(mac_parse(str_from(text), &ret), 0);
	return ret;
}

static void assert_ip(struct ip got, const char *want)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	buf_ip(&b, &got);
	assert_string_equal(buf_cstr(&b), want);
}

static void assert_net(struct ip_net got, const char *want)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	buf_ip_net(&b, &got);
	assert_string_equal(buf_cstr(&b), want);
}

static void test_mac(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
		bool unicast;
	} rows[] = {
	    {"00:16:3e:aB:CD:ef", "00:16:3e:ab:cd:ef", true},
	    {"00-16-3E-00-00-00", "00:16:3e:00:00:00", true},
	    {"00:00:00:00:00:00", "00:00:00:00:00:00", false},
	    {"01:00:5e:00:00:01", "01:00:5e:00:00:01", false},
	    {"ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:ff", false},
	    {"fe:ff:ff:ff:ff:ff", "fe:ff:ff:ff:ff:ff", true},
	    {"", NULL, false},
	    {"00:16:3e:ab:cd", NULL, false},
	    {"00:16:3e:ab:cd:ef:", NULL, false},
	    {"00:16:3e:ab:cd:ef:01", NULL, false},
	    {"00:16:3e:ab:cd:eg", NULL, false},
	    {"00.16.3e.ab.cd.ef", NULL, false},
	    {"0:16:3e:ab:cd:ef0", NULL, false},
	    {"+0:16:3e:ab:cd:ef", NULL, false},
	    {"00:16:3e:ab:cd:e\n", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(buf_done) struct buf b = BUF_NULL;
		struct mac m = {{9, 9, 9, 9, 9, 9}};
		int r = mac_parse(str_from(rows[i].text), &m);

		assert_int_equal(r, rows[i].want ? 0 : -EINVAL);
		if (!rows[i].want) {
			assert_int_equal(m.b[0], 9);
			continue;
		}
		buf_mac(&b, m);
		assert_string_equal(buf_cstr(&b), rows[i].want);
		assert_int_equal(mac_is_unicast(m), rows[i].unicast);
	}
	for (int i = 0; i < 100; i++) {
		struct mac m = mac_random();

		assert_true(mac_is_unicast(m));
		assert_memory_equal(m.b, "\x00\x16\x3e", 3);
	}
	assert_false(mac_eq(mac_random(), mac_random()) && mac_eq(mac_random(), mac_random()));
}

static void test_ip_text(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
	    {"10.0.0.1", "10.0.0.1"},
	    {"255.255.255.255", "255.255.255.255"},
	    {"::", "::"},
	    {"FD42:0::1", "fd42::1"},
	    {"::ffff:10.0.0.1", "::ffff:10.0.0.1"},
	    {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	    {"", NULL},
	    {"10.0.0", NULL},
	    {"10.0.0.256", NULL},
	    {"10.0.0.1 ", NULL},
	    {"10.0.0.1\n", NULL},
	    {"0x0a000001", NULL},
	    {"fe80::1%eth0", NULL},
	    {"[::1]", NULL},
	    {"1:2:3:4:5:6:7:8:9", NULL},
	    {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555", NULL},
	};
	struct ip got = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = ip_parse(str_from(rows[i].text), &got);

		assert_int_equal(r, rows[i].want ? 0 : -EINVAL);
		if (rows[i].want)
			assert_ip(got, rows[i].want);
	}
	assert_int_equal(ip_parse((struct str){"10.0.0.1\0x", 10}, &got), -EINVAL);
	assert_int_equal(ip_parse(STR_NULL, &got), -EINVAL);
	got = (struct ip){0};
	assert_ip(got, "");
	assert_int_equal(ip_bits(&got), 0);
}

static void test_net_text(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
	    {"10.0.0.1/24", "10.0.0.1/24"},
	    {"10.0.0.1", "10.0.0.1/32"},
	    {"0.0.0.0/0", "0.0.0.0/0"},
	    {"fd42::1/64", "fd42::1/64"},
	    {"fd42::1", "fd42::1/128"},
	    {"::/0", "::/0"},
	    {"10.0.0.1/33", NULL},
	    {"::1/129", NULL},
	    {"10.0.0.1/", NULL},
	    {"10.0.0.1/08", NULL},
	    {"10.0.0.1/-1", NULL},
	    {"10.0.0.1/+8", NULL},
	    {"10.0.0.1/24/8", NULL},
	    {"10.0.0.1/255.255.255.0", NULL},
	    {"10.0.0.1/4294967297", NULL},
	    {"/24", NULL},
	    {"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ip_net got = {0};
		int r = ip_net_parse(str_from(rows[i].text), &got);

		assert_int_equal(r, rows[i].want ? 0 : -EINVAL);
		if (rows[i].want)
			assert_net(got, rows[i].want);
	}
}

static void test_arithmetic(void **state)
{
	static const struct {
		const char *net, *base, *last;
	} rows[] = {
	    {"10.1.2.3/24", "10.1.2.0/24", "10.1.2.255"},
	    {"10.1.2.3/0", "0.0.0.0/0", "255.255.255.255"},
	    {"10.1.2.3/32", "10.1.2.3/32", "10.1.2.3"},
	    {"10.1.2.130/25", "10.1.2.128/25", "10.1.2.255"},
	    {"10.1.2.130/15", "10.0.0.0/15", "10.1.255.255"},
	    {"fd42:1:2:3:4::1/64", "fd42:1:2:3::/64", "fd42:1:2:3:ffff:ffff:ffff:ffff"},
	    {"fd42:1:2:3:4::1/61", "fd42:1:2::/61", "fd42:1:2:7:ffff:ffff:ffff:ffff"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ip_net n = net(rows[i].net), base = ip_net_base(&n);
		struct ip last = ip_net_last(&n);

		assert_net(base, rows[i].base);
		assert_ip(last, rows[i].last);
		assert_true(ip_net_has(&n, &n.ip) && ip_net_has(&n, &base.ip) && ip_net_has(&base, &last));
	}
	assert_ip(ip_link_local(mac("00:16:3e:12:34:56")), "fe80::216:3eff:fe12:3456");
	struct ip_net prefix = net("fd42:1:2:3::1/64");
	assert_ip(ip_eui64(&prefix, mac("02:16:3e:ff:00:01")), "fd42:1:2:3:16:3eff:feff:1");
}

static void test_membership(void **state)
{
	static const struct {
		const char *net, *ip;
		bool has;
	} rows[] = {
	    {"10.0.0.1/24", "10.0.0.255", true},
	    {"10.0.0.1/24", "10.0.1.0", false},
	    {"10.0.0.0/31", "10.0.0.1", true},
	    {"10.0.0.0/31", "10.0.0.2", false},
	    {"0.0.0.0/0", "192.0.2.1", true},
	    {"0.0.0.0/0", "::", false},
	    {"::/0", "0.0.0.0", false},
	    {"fd42::/63", "fd42:0:0:1::9", true},
	    {"fd42::/63", "fd42:0:0:2::9", false},
	    {"::a00:0/104", "10.0.0.0", false},
	};
	static const struct {
		const char *a, *b;
		bool overlaps;
	} pairs[] = {
	    {"10.0.0.0/24", "10.0.0.128/25", true}, {"10.0.0.0/25", "10.0.0.128/25", false},
	    {"10.0.0.1/24", "10.0.0.2/24", true},   {"0.0.0.0/0", "10.0.0.1/32", true},
	    {"::/0", "10.0.0.1/32", false},	    {"fd42::/16", "fd42:1::/64", true},
	};
	struct ip none = {0};
	struct ip_net none_net = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ip_net n = net(rows[i].net);
		struct ip a = ip(rows[i].ip);

		assert_int_equal(ip_net_has(&n, &a), rows[i].has);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct ip_net a = net(pairs[i].a), b = net(pairs[i].b);

		assert_int_equal(ip_net_overlaps(&a, &b), pairs[i].overlaps);
		assert_int_equal(ip_net_overlaps(&b, &a), pairs[i].overlaps);
	}
	assert_false(ip_net_has(&none_net, &none));
	assert_false(ip_net_overlaps(&none_net, &none_net));
	struct ip a = ip("10.0.0.1"), b = ip("10.0.0.1"), c = ip("a00:1::");
	assert_true(ip_eq(&a, &b) && ip_eq(&none, &none));
	assert_false(ip_eq(&a, &c) || ip_eq(&a, &none));
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		bool link, label, dns;
	} rows[] = {
	    {"eth0", true, true, true},
	    {"lxd-br_0.1", true, false, false},
	    {"a.b-c.d", true, false, true},
	    {"fifteenletters0", true, true, true},
	    {"sixteen-letters0", false, true, true},
	    {"", false, false, false},
	    {".", false, false, false},
	    {"..", false, false, false},
	    {"...", true, false, false},
	    {"-a", false, false, false},
	    {"a-", true, false, false},
	    {"a.", true, false, false},
	    {".a", true, false, false},
	    {"a..b", true, false, false},
	    {"a b", false, false, false},
	    {"a/b", false, false, false},
	    {"a\n", false, false, false},
	    {"a*", false, false, false},
	    {"a,b", false, false, false},
	    {"a#b", false, false, false},
	    {"a\"b", false, false, false},
	    {"\xc3\xa4", false, false, false},
	};
	char label[65], name[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct str s = str_from(rows[i].name);

		assert_int_equal(ifname_ok(s), rows[i].link);
		assert_int_equal(dns_label_ok(s), rows[i].label);
		assert_int_equal(dns_name_ok(s), rows[i].dns);
	}
	assert_false(ifname_ok((struct str){"a\0b", 3}) || dns_label_ok((struct str){"a\0b", 3}));
	memset(label, 'x', sizeof(label));
	assert_true(dns_label_ok((struct str){label, 63}));
	assert_false(dns_label_ok((struct str){label, 64}));
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '.' : 'x';
	assert_true(dns_name_ok((struct str){name, 253}));
	assert_false(dns_name_ok((struct str){name, 255}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_mac),	       cmocka_unit_test(test_ip_text),
	    cmocka_unit_test(test_net_text),   cmocka_unit_test(test_arithmetic),
	    cmocka_unit_test(test_membership), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
