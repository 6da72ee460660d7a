/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a bridge's firewall, whole for each kind of it, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "net/nat.h"

#define CHAIN(name, type)                                                                                    \
	"add chain inet lxdfs " name " { type " type " policy accept; }\nflush chain inet lxdfs " name "\n"
#define INPUT CHAIN("in-br0", "filter hook input priority filter;")
#define FORWARD CHAIN("forward-br0", "filter hook forward priority filter;")
#define NAT AGAIN("nat-br0") CHAIN("nat-br0", "nat hook postrouting priority srcnat - 5;")
#define LATE AGAIN("late-br0") CHAIN("late-br0", "nat hook postrouting priority srcnat + 5;")
#define AGAIN(name)                                                                                          \
	"add chain inet lxdfs " name "\nflush chain inet lxdfs " name "\ndelete chain inet lxdfs " name "\n"
#define NO(name) "delete chain inet lxdfs " name "\n"
#define R "add rule inet lxdfs "

static struct nat_family family(const char *net)
{
	struct nat_family f = {0};

	assert_int_equal(ip_net_parse(str_from(net), &f.address), 0);
	return f;
}

static void test_text(void **state)
{
	struct nat_family off4 = family("10.5.0.1/24"), nat4 = off4, wall4 = off4, shut4 = off4, snat4 = off4,
			  late4 = off4;
	struct nat_family off6 = family("fd45::1/64"), wall6 = off6, snat6 = off6, none = {0};

	nat4.nat = snat4.nat = snat6.nat = late4.nat = late4.is_late = true;
	assert_int_equal(ip_parse(STR("192.0.2.7"), &snat4.snat), 0);
	assert_int_equal(ip_parse(STR("2001:db8::7"), &snat6.snat), 0);
	wall4.firewall = wall4.routing = wall4.dhcp = true;
	wall6.firewall = wall6.routing = wall6.dhcp = true;
	shut4.firewall = true;

	const struct {
		struct nat_family v4, v6;
		bool dns;
		const char *text;
	} rows[] = {
	    {none, none, true,
	     INPUT NO("in-br0") FORWARD NO("forward-br0") NAT NO("nat-br0") LATE NO("late-br0")},
	    {off4, off6, true,
	     INPUT NO("in-br0") FORWARD NO("forward-br0") NAT NO("nat-br0") LATE NO("late-br0")},
	    {nat4, off6, false,
	     INPUT NO("in-br0") FORWARD NO("forward-br0") NAT R
	     "nat-br0 ip saddr 10.5.0.0/24 ip daddr != 10.5.0.0/24 oifname != \"br0\" masquerade\n" LATE NO(
		 "late-br0")},
	    {late4, none, false,
	     INPUT NO("in-br0") FORWARD NO("forward-br0") NAT NO("nat-br0") LATE R
	     "late-br0 ip saddr 10.5.0.0/24 ip daddr != 10.5.0.0/24 oifname != \"br0\" masquerade\n"},
	    {snat4, snat6, false,
	     INPUT NO("in-br0") FORWARD NO("forward-br0") NAT R
	     "nat-br0 ip saddr 10.5.0.0/24 ip daddr != 10.5.0.0/24 oifname != \"br0\" snat ip to "
	     "192.0.2.7\n" R "nat-br0 ip6 saddr fd45::/64 ip6 daddr != fd45::/64 oifname != \"br0\" snat ip6 "
	     "to 2001:db8::7\n" LATE NO("late-br0")},
	    {shut4, none, false,
	     INPUT R "in-br0 iifname \"br0\" icmp type { 3, 11, 12 } accept\n" FORWARD R
		     "forward-br0 iifname \"br0\" oifname != \"br0\" meta nfproto ipv4 reject\n" R
		     "forward-br0 iifname != \"br0\" oifname \"br0\" meta nfproto ipv4 reject\n" NAT NO(
			 "nat-br0") LATE NO("late-br0")},
	    {wall4, wall6, true,
	     INPUT R "in-br0 iifname \"br0\" meta nfproto ipv4 udp dport 53 accept\n" R
		     "in-br0 iifname \"br0\" meta nfproto ipv4 tcp dport 53 accept\n" R
		     "in-br0 iifname \"br0\" meta nfproto ipv4 udp dport 67 accept\n" R
		     "in-br0 iifname \"br0\" icmp type { 3, 11, 12 } accept\n" R
		     "in-br0 iifname != { \"lo\", \"br0\" } ip daddr 10.5.0.1 udp dport 53 drop\n" R
		     "in-br0 iifname != { \"lo\", \"br0\" } ip daddr 10.5.0.1 tcp dport 53 drop\n" R
		     "in-br0 iifname \"br0\" meta nfproto ipv6 udp dport 53 accept\n" R
		     "in-br0 iifname \"br0\" meta nfproto ipv6 tcp dport 53 accept\n" R
		     "in-br0 iifname \"br0\" meta nfproto ipv6 udp dport 547 accept\n" R
		     "in-br0 iifname \"br0\" icmpv6 type { 1, 2, 3, 4, 133, 135, 136, 143 } accept\n" R
		     "in-br0 iifname != { \"lo\", \"br0\" } ip6 daddr fd45::1 udp dport 53 drop\n" R
		     "in-br0 iifname != { \"lo\", \"br0\" } ip6 daddr fd45::1 tcp dport 53 drop\n" FORWARD R
		     "forward-br0 iifname \"br0\" meta nfproto ipv4 accept\n" R
		     "forward-br0 oifname \"br0\" meta nfproto ipv4 accept\n" R
		     "forward-br0 iifname \"br0\" meta nfproto ipv6 accept\n" R
		     "forward-br0 oifname \"br0\" meta nfproto ipv6 accept\n" NAT NO("nat-br0")
			 LATE NO("late-br0")},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct nat_bridge b = {
		    .name = "br0", .v4 = rows[i].v4, .v6 = rows[i].v6, .dns = rows[i].dns};
		AUTO(buf_done) struct buf text = BUF_NULL, want = BUF_NULL;
		AUTO(err_done) struct err err = ERR_NULL;

		buf_printf(&want, "add table inet lxdfs\n%s", rows[i].text);
		assert_int_equal(nat_text(&text, &b, &err), 0);
		assert_string_equal(text.ptr, want.ptr);
	}
}

static void test_refused(void **state)
{
	static const char *const names[] = {"",	    "br 0", "br\"0", "br*",
					    "br\\", "a/b",  "br0\n", "0123456789abcdef"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct nat_bridge b = {.name = names[i], .v4 = family("10.5.0.1/24")};
		AUTO(buf_done) struct buf text = BUF_NULL;
		AUTO(err_done) struct err err = ERR_NULL;

		assert_int_equal(nat_text(&text, &b, &err), -EINVAL);
		assert_int_equal(text.len, 0);
		assert_non_null(strstr(err.text, "can't have a firewall"));
		assert_int_equal(nat_set(&b, NULL), -EINVAL);
		assert_int_equal(nat_clear(names[i], NULL), -EINVAL);
	}

	struct nat_bridge b = {.name = "br0", .v4 = family("fd45::1/64")};
	AUTO(buf_done) struct buf text = BUF_NULL;
	AUTO(err_done) struct err err = ERR_NULL;

	assert_int_equal(nat_text(&text, &b, &err), -EINVAL);
	assert_non_null(strstr(err.text, "IPv4"));
	b.v4 = family("10.5.0.1/24");
	b.v4.address.len = 40;
	assert_int_equal(nat_text(&text, &b, &err), -EINVAL);
	b.v4.address.len = 24;
	b.v4.nat = true;
	assert_int_equal(ip_parse(STR("fd45::1"), &b.v4.snat), 0);
	assert_int_equal(nat_text(&text, &b, &err), -EINVAL);
	assert_non_null(strstr(err.text, "nat.address"));
	assert_int_equal(text.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
