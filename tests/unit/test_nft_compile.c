/* SPDX-License-Identifier: Apache-2.0 */
/* Which of nft's language the kernel is told without libnftables, and that all else is left to it: a rule
 * that is only half understood would let through what it should hold. What is compiled is compared with nft's
 * own in tests/net/33-compile.t. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "engine/base/auto.h"
#include "net/nft-compile.h"

static int compile(const char *text, uint32_t *ret_n)
{
	struct nft_batch b = {0};
	int r = nft_compile(text, &b);

	*ret_n = b.n;
	buf_done(&b.m.buf);
	return r;
}

static void test_commands(void **state)
{
	static const char *const good[] = {
	    "add table bridge t",
	    "add chain bridge t c",
	    "add chain bridge t c { type filter hook forward priority -200; policy accept; }",
	    "add map bridge t m { type ifname : verdict; }",
	    "add set bridge t s { type ifname; }",
	    "add element bridge t m { \"veth0\" : jump c }",
	    "add element bridge t s { \"veth0\" }",
	    "delete element bridge t s { \"0123456789abcde\" }",
	    "flush chain bridge t c",
	    "delete chain bridge t c",
	    "add rule bridge t c drop comment \"a b\"",
	};
	static const char *const bad[] = {
	    "",
	    "add",
	    "add table inet t",
	    "add table bridge",
	    "add table bridge t { flags dormant; }",
	    "delete table bridge t",
	    "flush table bridge t",
	    "flush ruleset",
	    "list table bridge t",
	    "delete chain bridge t",
	    "flush chain bridge t",
	    "delete chain bridge t c { type filter hook forward priority 0; }",
	    "delete rule bridge t c handle 5",
	    "insert rule bridge t c accept",
	    "flush set bridge t s",
	    "add chain bridge t c { type filter hook postrouting priority 0; policy accept; }",
	    "add chain bridge t c { type filter hook forward priority filter; policy accept; }",
	    "add chain bridge t c { type filter hook forward priority 0; policy drop; }",
	    "add chain bridge t c { type filter hook forward priority 0; }",
	    "add set bridge t s { type ipv4_addr; }",
	    "add set bridge t s { type ifname; flags interval; }",
	    "add map bridge t m { type ifname : mark; }",
	    "add element bridge t s { \"veth*\" }",
	    "add element bridge t s { \"0123456789abcdef\" }",
	    "add element bridge t s { veth0 }",
	    "add element bridge t s { \"a\", \"b\" }",
	    "add element bridge t s { \"a",
	    "add element bridge t m { \"a\" : goto c }",
	};
	uint32_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		AUTO(free) char *twice = xasprintf("%s\n%s\n", good[i], good[i]);

		print_message("%s\n", good[i]);
		assert_int_equal(compile(good[i], &n), 0);
		assert_int_equal(n, 3);
		assert_int_equal(compile(twice, &n), 0);
		assert_int_equal(n, 4);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO(free) char *later = xasprintf("add table bridge t\n%s\n", bad[i]);

		print_message("%s\n", bad[i]);
		assert_int_equal(compile(bad[i], &n), -EOPNOTSUPP);
		assert_int_equal(compile(later, &n), *bad[i] ? -EOPNOTSUPP : 0);
	}
}

static void test_rules(void **state)
{
	static const char *const bad[] = {
	    /* the protocol isn't known, or is another */
	    "ip saddr 10.0.0.1 accept",
	    "udp dport 67 drop",
	    "icmpv6 type 133 drop",
	    "ether type != ip ip saddr 10.0.0.1 accept",
	    "ether type ip ip6 saddr fd42::1 accept",
	    "ether type ip icmpv6 type 133 drop",
	    "ether type ip meta protocol ip accept",
	    "ether type ip6 udp dport 547 icmpv6 type 133 drop",
	    "exthdr frag exists drop",
	    "frag frag-off != 0 accept",
	    /* values that are none of the field */
	    "ether type ip ip saddr fd42::1 accept",
	    "ether type ip ip saddr 10.0.0.256 accept",
	    "ether type ip ip saddr 0.0.0.0/0 accept",
	    "ether type ip ip saddr { 10.0.0.1, 10.0.0.2 } accept",
	    "ether type ip ip version 16 drop",
	    "ether type ip udp dport 67 drop accept",
	    "ether type ip udp dport 65536 drop",
	    "ether type ip udp dport domain drop",
	    "ether type ipx drop",
	    "ether saddr 00:16:3e:00:00 drop",
	    "ether type ip6 icmpv6 type nd-router drop",
	    "ether type ip6 icmpv6 type 133-256 drop",
	    "ether type ip6 ip6 length 24-x drop",
	    "@th,64,128 0xfd4200000000000000000000000000005 accept",
	    "@th,64,16 0x accept",
	    "@th,64,16 0xg1 accept",
	    /* fields that aren't whole bytes, or too many */
	    "@th,4,8 1 drop",
	    "@th,64,12 1 drop",
	    "@th,64,136 1 drop",
	    "@th,64,0 1 drop",
	    "@th,4096,8 1 drop",
	    "@ih,0,8 1 drop",
	    "@th drop",
	    /* other operators, other statements, nothing behind them */
	    "@th,64,8 < 1 drop",
	    "@th,64,8 > 1 drop",
	    "ether type ip ip frag-off & 0x1fff != 0 drop",
	    "ether type ip ip saddr & 255.0.0.0 == 10.0.0.0 drop",
	    "ether saddr",
	    "ether saddr !=",
	    "iifname \"veth0\" drop",
	    "iifname @ drop",
	    "iifname vmap { \"veth0\" : drop }",
	    "counter drop",
	    "log prefix \"x\" drop",
	    "ct state established accept",
	    "goto c",
	    "return",
	    "drop comment",
	    "drop comment x",
	    "drop comment \"x\" more",
	};
	static const char *const good[] = {
	    "drop",
	    "accept",
	    "jump other",
	    "iifname vmap @ports",
	    "iifname != @set drop",
	    "meta protocol ip6 icmpv6 type nd-redirect @th,192,16 0x0201 @th,208,48 != 0x00163e000001 drop",
	    "ether type ip6 ip6 length != 24-32 drop",
	    "ether type ip ip saddr != 10.0.0.0/9 drop",
	};
	uint32_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO(free) char *line = xasprintf("add rule bridge t c %s", bad[i]);

		print_message("%s\n", bad[i]);
		assert_int_equal(compile(line, &n), -EOPNOTSUPP);
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		AUTO(free) char *line = xasprintf("add rule bridge t c %s", good[i]);

		print_message("%s\n", good[i]);
		assert_int_equal(compile(line, &n), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_commands), cmocka_unit_test(test_rules)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
