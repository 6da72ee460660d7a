/* SPDX-License-Identifier: Apache-2.0 */
/* What a network's keys come to, and what is refused before anything is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/kind/network-internal.h"

static struct host host = {.run = "/run/x", .state = "/var/lib/x", .mount = "/lxd"};

struct setting {
	const char *key, *value;
};

static struct config *config_of(const struct setting *set, size_t n)
{
	struct config *c = config_new();

	config_set(c, SECTION_CONFIG, "volatile.bridge.hwaddr", "00:16:3e:01:02:03", 1);
	for (size_t i = 0; i < n; i++)
		config_set(c, SECTION_CONFIG, set[i].key, set[i].value, 1);
	return c;
}

static void test_plain(void **state)
{
	static const struct setting set[] = {
	    {"ipv4.address", "10.1.2.1/24"},
	    {"ipv4.nat", "true"},
	    {"ipv6.address", "fd42:1:2:3::1/64"},
	};
	AUTO(config_unref) struct config *c = config_of(set, ARRAY_SIZE(set));
	AUTO(network_spec_done) struct network_spec s = {0};
	AUTO(buf_done) struct buf b = BUF_NULL;

	(void)state;
	assert_int_equal(network_spec_make(&host, "br-1", c, &s, NULL), 0);
	assert_string_equal(s.view.bridge, "br-1");
	assert_true(s.view.is_managed && s.view.dhcp4 && s.view.dhcp6 && s.view.has_dns && s.has_dnsmasq);
	assert_false(s.view.stateful6 || s.accept_ra || s.nat.v6.nat);
	assert_true(s.nat.v4.nat && s.nat.v4.firewall && s.nat.v4.routing && s.nat.v4.dhcp && s.nat.dns);
	assert_int_equal(s.nat.v4.address.len, 24);
	assert_int_equal(s.dns.expiry4, 3600);
	assert_int_equal(s.dns.dns, DNSMASQ_DNS_MANAGED);
	assert_string_equal(s.run_dir, "/run/x/networks/br-1");
	assert_string_equal(s.lease_dir, "/var/lib/x/networks/br-1");
	buf_mac(&b, s.mac);
	assert_string_equal(buf_cstr(&b), "00:16:3e:01:02:03");
}

static void test_none(void **state)
{
	static const struct setting set[] = {{"ipv4.address", "none"}, {"ipv6.address", "none"}};
	AUTO(config_unref) struct config *c = config_of(set, ARRAY_SIZE(set));
	AUTO(network_spec_done) struct network_spec s = {0};

	(void)state;
	assert_int_equal(network_spec_make(&host, "br1", c, &s, NULL), 0);
	assert_int_equal(s.view.v4.ip.family, 0);
	assert_int_equal(s.nat.v6.address.ip.family, 0);
	assert_false(s.has_dnsmasq || s.view.has_dns || s.view.dhcp4 || s.view.dhcp6);
}

static void test_lists(void **state)
{
	static const struct setting set[] = {
	    {"ipv4.address", "10.1.2.1/24"},
	    {"ipv6.address", "none"},
	    {"ipv4.dhcp.ranges", "10.1.2.10-10.1.2.20\n10.1.2.40-10.1.2.50"},
	    {"ipv4.routes", "10.9.0.0/16, 10.8.0.0/16"},
	    {"dns.search", "a.example\nb.example"},
	    {"dns.nameservers", "10.1.2.5"},
	    {"bridge.hwaddr", "00:16:3e:aa:bb:cc"},
	    {"bridge.external_interfaces", "eth1\neth2"},
	    {"ipv4.dhcp.expiry", "2h"},
	    {"dns.mode", "none"},
	};
	AUTO(config_unref) struct config *c = config_of(set, ARRAY_SIZE(set));
	AUTO(network_spec_done) struct network_spec s = {0};

	(void)state;
	assert_int_equal(network_spec_make(&host, "br1", c, &s, NULL), 0);
	assert_int_equal(s.dns.n_ranges4, 2);
	assert_int_equal(s.ranges4[1].last.bytes[3], 50);
	assert_int_equal(s.n_routes, 2);
	assert_string_equal(s.search[1], "b.example");
	assert_null(s.search[2]);
	assert_int_equal(s.dns.n_servers, 1);
	assert_string_equal(s.externals[1], "eth2");
	assert_int_equal(s.dns.expiry4, 7200);
	assert_int_equal(s.mac.b[5], 0xcc);
	assert_false(s.view.has_dns);
	/* DHCP alone needs it too */
	assert_true(s.has_dnsmasq);
}

static void test_refused(void **state)
{
	static const struct {
		struct setting set[3];
		const char *said;
	} rows[] = {
	    {{{"ipv4.address", "10.1.2.0/24"}}, "own address"},
	    {{{"ipv4.address", "10.1.2.255/24"}}, "own address"},
	    {{{"ipv4.address", "10.1.2.1/31"}}, "leaves nothing"},
	    {{{"ipv4.address", "fd42::1/64"}}, "ipv4.address"},
	    {{{"ipv4.address", "x"}}, "ipv4.address"},
	    {{{"ipv6.address", "fd42::1/80"}}, "/64"},
	    {{{"ipv6.address", "10.0.0.1/24"}}, "ipv6.address"},
	    {{{"ipv6.address", "fd42::1/64"}, {"bridge.mtu", "1200"}}, "1280"},
	    {{{"ipv4.address", "10.1.2.1/24"}, {"ipv4.dhcp.ranges", "10.1.3.1-10.1.3.9"}}, "outside"},
	    {{{"ipv4.address", "10.1.2.1/24"}, {"ipv4.dhcp.ranges", "10.1.2.9-10.1.2.1"}}, "above the last"},
	    {{{"ipv4.address", "10.1.2.1/24"}, {"ipv4.dhcp.ranges", "10.1.2.9"}}, "FIRST-LAST"},
	    {{{"ipv4.address", "10.1.2.1/24"}, {"ipv4.dhcp.gateway", "10.1.3.1"}}, "ipv4.dhcp.gateway"},
	    {{{"ipv4.address", "10.1.2.1/24"}, {"ipv4.nat.address", "::1"}}, "IPv4"},
	    {{{"ipv4.routes", "::/0"}}, "ipv4.routes"},
	    {{{"bridge.hwaddr", "01:00:5e:00:00:01"}}, "bridge.hwaddr"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = rows[i].set[1].key ? 2 : 1;
		AUTO(config_unref) struct config *c = config_of(rows[i].set, n);
		AUTO(network_spec_done) struct network_spec s = {0};
		AUTO(err_done) struct err err = ERR_NULL;

		assert_int_equal(network_spec_make(&host, "br1", c, &s, &err), -EINVAL);
		if (!strstr(err_text(&err), rows[i].said))
			fail_msg("row %zu: %s", i, err_text(&err));
	}
}

static void test_names(void **state)
{
	static const char *const bad[] = {"", "a/b", "-x", "lo", "all", "default", "a b", "none", "."};
	static const char *const good[] = {"lxdbr0", "br-1", "a.b", "1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(kind_network.check_name(str_from(bad[i]), NULL), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(kind_network.check_name(str_from(good[i]), NULL), 0);
	assert_int_equal(kind_network.check_name(STR("sixteen-letters-"), NULL), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain),   cmocka_unit_test(test_none),  cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_refused), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
