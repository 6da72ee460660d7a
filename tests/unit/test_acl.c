/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of access control lists and ports of forwards: what text means, what is refused with which sentence,
 * and what nftables is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/kind/acl-rule.h"
#include "engine/kind/forward-port.h"
#include "net/acl-internal.h"
#include "net/forward.h"

static void test_canonical(void **state)
{
	static const struct {
		const char *text, *canonical;
	} rows[] = {
	    {"action=allow", "action=allow"},
	    {"  protocol=tcp\taction=drop  ", "action=drop protocol=tcp"},
	    {"action=reject\nprotocol=udp\ndestination_port=53",
	     "action=reject protocol=udp destination_port=53"},
	    {"action=allow state=enabled", "action=allow"},
	    {"state=disabled action=allow", "action=allow state=disabled"},
	    {"action=allow source=10.1.2.3/8", "action=allow source=10.0.0.0/8"},
	    {"action=allow source=FD42::0001,web,@internal", "action=allow source=fd42::1,web,@internal"},
	    {"action=allow source=10.0.0.1-10.0.0.9", "action=allow source=10.0.0.1-10.0.0.9"},
	    {"action=allow source=lab-1.x", "action=allow source=lab-1.x"},
	    {"action=allow-stateless protocol=icmp6 icmp_code=0 icmp_type=128",
	     "action=allow-stateless protocol=icmp6 icmp_type=128 icmp_code=0"},
	    {"description=a = b action=drop\naction=allow", "action=allow description=a = b action=drop"},
	    {"action=allow protocol=tcp destination_port=7-7,0,9-65535",
	     "action=allow protocol=tcp destination_port=7,0,9-65535"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(buf_done) struct buf canonical = BUF_NULL;
		struct acl_rule rule;

		assert_int_equal(acl_rule_parse(str_from(rows[i].text), &canonical, &rule, NULL), 0);
		assert_string_equal(canonical.ptr, rows[i].canonical);
		acl_rule_done(&rule);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *sentence;
	} rows[] = {
	    {"", "has no action: action=allow, allow-stateless, drop or reject is wanted"},
	    {"action=fish", "has action=fish: allow, allow-stateless, drop or reject is wanted"},
	    {"action=allow action=allow", "has action= twice"},
	    {"action=allow protocol=icmp",
	     "has protocol=icmp: tcp, udp, icmp4 or icmp6 is wanted; left out, it is any"},
	    {"action=allow destination_port=80",
	     "has a port: that goes only with protocol=tcp or protocol=udp"},
	    {"action=allow protocol=tcp destination_port=80-70",
	     "has destination_port=80-70: ports from 0 to 65535, such as 80,443 or 8000-8080, are wanted"},
	    {"action=allow protocol=tcp source_port=",
	     "has source_port=: ports from 0 to 65535, such as 80,443 or 8000-8080, are wanted"},
	    {"action=allow source=10.0.0.9-10.0.0.1", "has source=10.0.0.9-10.0.0.1: an address, a network "
						      "such as 10.0.0.0/8, a range FIRST-LAST, @internal, "
						      "@external or the name of a list is wanted"},
	    {"action=allow icmp_type=8",
	     "has icmp_type or icmp_code: these go only with protocol=icmp4 or protocol=icmp6"},
	    {"action=allow protocol=icmp4 icmp_code=1", "has icmp_code: that needs icmp_type"},
	    {"action=allow protocol=icmp4 icmp_type=256",
	     "has icmp_type=256: a number from 0 to 255 is wanted"},
	    {"action=allow source=10.0.0.1 destination=fd42::1",
	     "can't match anything: its protocol, source and destination are of IPv4 and of IPv6"},
	    {"action=allow description=a\x01", "has description=a\\x01: control characters are not taken"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(err_done) struct err err = ERR_NULL;
		struct acl_rule rule;

		assert_int_equal(acl_rule_parse(str_from(rows[i].text), NULL, &rule, &err), -EINVAL);
		assert_string_equal(err.text, rows[i].sentence);
	}
}

#define B "add rule bridge lxdfs c "
#define I "add rule inet lxdfs c "

static void test_text(void **state)
{
	static const struct {
		const char *text;
		enum acl_chain which;
		bool is_bridge, can_reject;
		const char *nft;
	} rows[] = {
	    {"action=allow", ACL_IN, true, false, B "goto acl-keep-in\n"},
	    {"action=allow", ACL_OUT, false, false, I "accept\n"},
	    {"action=allow-stateless protocol=tcp", ACL_OUT, true, false,
	     B "meta l4proto tcp goto acl-pass-out\n"},
	    {"action=drop state=disabled", ACL_OUT, true, false, ""},
	    {"action=reject", ACL_HOST, true, true, B "reject\n"},
	    {"action=reject", ACL_HOST, true, false, B "drop\n"},
	    {"action=reject", ACL_OUT, true, true, B "drop\n"},
	    {"action=reject", ACL_IN, true, true, B "drop\n"},
	    {"action=reject", ACL_IN, false, false, I "reject\n"},
	    /* intervals that overlap or touch are one: nft refuses them */
	    {"action=drop source=10.0.0.0/9,10.128.0.0/9,10.1.1.1,192.0.2.1", ACL_IN, true, false,
	     B "meta protocol ip ip saddr { 10.0.0.0-10.255.255.255, 192.0.2.1 } drop\n"},
	    {"action=drop protocol=udp destination_port=5,1-3,4,9", ACL_IN, true, false,
	     B "meta l4proto udp udp dport { 1-5, 9 } drop\n"},
	    {"action=drop destination=@internal", ACL_OUT, true, false,
	     B "meta protocol ip ip daddr 10.0.0.0/24 drop\n"},
	    /* a network without IPv6: all of that is outside */
	    {"action=drop destination=@external", ACL_OUT, true, false,
	     B "meta protocol ip ip daddr != 10.0.0.0/24 drop\n" B "meta protocol ip6 drop\n"},
	    {"action=drop source=web destination=db", ACL_IN, true, false,
	     B "iifname @aclg-web oifname @aclg-db drop\n"},
	    {"action=drop source=fd42::1,web protocol=icmp6 icmp_type=1", ACL_IN, false, false,
	     I "meta protocol ip6 iifname @aclg-web meta l4proto ipv6-icmp icmpv6 type 1 drop\n" I
	       "meta protocol ip6 ip6 saddr { fd42::1 } meta l4proto ipv6-icmp icmpv6 type 1 drop\n"},
	    {"action=drop state=logged", ACL_IN, true, false,
	     B "limit rate 10/second burst 50 packets log prefix \"lxdfs acl web ingress 10 drop: \"\n" B
	       "drop\n"},
	};
	struct acl_use use = {.link = "p0"};

	(void)state;
	assert_int_equal(ip_net_parse(STR("10.0.0.1/24"), &use.nets[0]), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(buf_done) struct buf nft = BUF_NULL;
		struct acl_rule rule;
		const struct acl_place place = {.is_bridge_table = rows[i].is_bridge,
						.which = rows[i].which,
						.chain = "c",
						.use = &use,
						.can_reject = rows[i].can_reject};

		assert_int_equal(acl_rule_parse(str_from(rows[i].text), NULL, &rule, NULL), 0);
		memcpy(rule.name, "10", 3);
		rule.is_ingress = rows[i].which == ACL_IN;
		acl_rule_text(&nft, &place, "web", &rule);
		assert_string_equal(buf_cstr(&nft), rows[i].nft);
		acl_rule_done(&rule);
	}
}

static void test_ports(void **state)
{
	static const struct {
		const char *text, *result; /* "first-last>target" for each, or the sentence */
	} rows[] = {
	    {"protocol=tcp listen_port=80 target_address=10.0.0.2", "80-80>80 "},
	    {"protocol=tcp listen_port=80,90-99 target_address=10.0.0.2 target_port=8080",
	     "80-80=8080 90-99=8080 "},
	    {"protocol=udp listen_port=1-4,9 target_address=10.0.0.2 target_port=11,21-24",
	     "1-1>11 2-4>21 9-9>24 "},
	    {"protocol=udp listen_port=1-3 target_address=10.0.0.2 target_port=5-6",
	     "has 3 listen ports and 2 target ports: as many, or one, are wanted"},
	    {"protocol=sctp listen_port=1 target_address=10.0.0.2",
	     "has protocol=sctp: tcp or udp is wanted"},
	    {"protocol=udp listen_port=1 target_address=a", "has target_address=a: an address is wanted"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(buf_done) struct buf result = BUF_NULL;
		AUTO(err_done) struct err err = ERR_NULL;
		struct forward_port_list list = {0};

		if (forward_port_parse(str_from(rows[i].text), NULL, &list, &err) < 0)
			buf_adds(&result, err_text(&err));
		for (size_t k = 0; k < list.n; k++)
			buf_printf(&result, "%u-%u%c%u ", list.list[k].first, list.list[k].last,
				   list.list[k].is_one ? '=' : '>', list.list[k].target_first);
		assert_string_equal(buf_cstr(&result), rows[i].result);
		free(list.list);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_true(acl_name_ok(STR("a")) && acl_name_ok(STR("web-1_x.y")));
	assert_false(acl_name_ok(STR("")) || acl_name_ok(STR("1a")) || acl_name_ok(STR("-a")) ||
		     acl_name_ok(STR("a b")) || acl_name_ok(STR("a\"")) || acl_name_ok(STR("a/b")));
	assert_true(acl_rule_name_ok(STR("10")) && acl_rule_name_ok(STR("a.b")));
	assert_false(acl_rule_name_ok(STR(".a")) || acl_rule_name_ok(STR("a~")) ||
		     acl_rule_name_ok(STR("123456789012345678901234567890123")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_canonical), cmocka_unit_test(test_refused), cmocka_unit_test(test_text),
	    cmocka_unit_test(test_ports),     cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
