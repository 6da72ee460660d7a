/* SPDX-License-Identifier: Apache-2.0 */
/* The text of the NIC filters: what it holds, what it never holds, what is refused; nothing reaches the
 * kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "net/filter-internal.h"
#include "net/nft.h"

static const struct mac own = {{0x00, 0x16, 0x3e, 0x00, 0x00, 0x01}};

/* A port that is allowed up to eight networks. */
struct given {
	struct filter_port port;
	struct ip_net nets[8];
};

static struct filter_port port(struct given *g, const char *name, unsigned flags, const char *const *nets)
{
	*g = (struct given){.port = {.name = name, .mac = own, .flags = flags, .allowed = g->nets}};
	for (; nets && *nets; nets++)
		assert_int_equal(ip_net_parse(str_from(*nets), &g->nets[g->port.n_allowed++]), 0);
	return g->port;
}

/* The lines that begin with @head, without it. */
static void lines_of(struct buf *to, const struct buf *text, const char *head)
{
	struct str rest = buf_str(text), line;

	while (str_next(&rest, '\n', &line)) {
		if (!str_has_prefix(line, str_from(head)))
			continue;
		buf_add(to, line.ptr + strlen(head), line.len - strlen(head));
		buf_addc(to, '\n');
	}
}

static void test_mac(void **state)
{
	AUTO(buf_done) struct buf text = BUF_NULL, rules = BUF_NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	struct given g;
	struct filter_port p = port(&g, "veth0", FILTER_MAC, NULL);

	(void)state;
	assert_int_equal(filter_text(&text, &p, 1, &err), 0);
	lines_of(&rules, &text, "add rule bridge lxdfs port-veth0 ");
	assert_string_equal(rules.ptr,
			    "ether saddr != 00:16:3e:00:00:01 drop comment \"00:16:3e:00:00:01 mac 8\"\n"
			    "meta protocol arp @nh,64,48 != 0x00163e000001 drop\n"
			    "meta protocol ip6 icmpv6 type nd-neighbor-advert @th,192,16 0x0201 @th,208,48 "
			    "!= 0x00163e000001 drop\n"
			    "meta protocol ip6 icmpv6 type nd-neighbor-advert @th,256,16 0x0201 @th,272,48 "
			    "!= 0x00163e000001 drop\n"
			    "meta protocol ip6 icmpv6 type nd-neighbor-advert @th,320,8 >= 0 drop\n"
			    "meta protocol ip ip frag-off & 0x3fff == 0x2000 udp dport 67 drop\n"
			    "meta protocol ip ip frag-off & 0x1fff == 0 udp dport 67 "
			    "@th,64,8 1 @th,72,16 != 0x0106 drop\n"
			    "meta protocol ip ip frag-off & 0x1fff == 0 udp dport 67 "
			    "@th,64,8 1 @th,288,48 != 0x00163e000001 drop\n");
	assert_non_null(strstr(text.ptr, "add element bridge lxdfs ports { \"veth0\" : jump port-veth0 }\n"));
	assert_null(strstr(text.ptr, "delete element bridge lxdfs ports"));
	assert_non_null(strstr(text.ptr, "delete element bridge lxdfs only_host4 { \"veth0\" }\n"));
	assert_non_null(strstr(text.ptr, "delete element bridge lxdfs only_host6 { \"veth0\" }\n"));
	assert_null(strstr(text.ptr, "delete chain"));
}

/* Flags and addresses, and a piece of text that must be there, or with '!' before it must not. */
static void test_rules(void **state)
{
	static const char *const none[] = {NULL}, *const v4[] = {"10.0.0.5", NULL},
				 *const v6[] = {"fd42::5", NULL};
	static const char *const both[] = {"10.0.0.5", "fd42::5", NULL};
	static const char *const nested[] = {"10.1.2.3/16", "10.1.5.0/24", "10.0.0.5", "10.1.9.9", NULL};
	static const char *const many[] = {"10.0.0.1", "10.0.0.3", "10.0.0.5", "10.0.0.7", "10.0.0.9", NULL};
	static const char *const all[] = {"0.0.0.0/0", "::/0", NULL}, *const odd[] = {"fd43::1/57", NULL};
	static const struct {
		unsigned flags;
		const char *const *nets;
		const char *text;
	} rows[] = {
	    {FILTER_V4, v4, "mac ipv4 15\""},
	    {FILTER_V4, v4,
	     "ether type arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp saddr ip 10.0.0.5 accept\n"},
	    {FILTER_V4, v4,
	     "ether type arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp saddr ip 0.0.0.0 accept\n"},
	    {FILTER_V4, v4, "ether type ip ip saddr 10.0.0.5 accept\n"},
	    {FILTER_V4, v4, "ether type ip6 accept\n"},
	    {FILTER_V4, v4, "port-veth0 drop\n"},
	    {FILTER_V4, v4, "!delete element bridge lxdfs only_host4"},
	    {FILTER_V4, v4, "delete element bridge lxdfs only_host6"},
	    {FILTER_V4, v4, "!udp sport 67 drop"},
	    {FILTER_V4 | FILTER_OWN_DHCP, v4, "udp sport 67 drop"},
	    {FILTER_V4 | FILTER_OWN_DHCP, v4, "!udp sport 547"},
	    {FILTER_MAC, none, "!udp dport 547"},
	    {FILTER_MAC | FILTER_OWN_DHCP, none, "udp dport 547 @th,64,8 8-9 drop\n"},
	    {FILTER_V4, both, "!fd42"},
	    {FILTER_V4, none, "!ip saddr"},
	    {FILTER_V4, none, "!ether type arp"},
	    {FILTER_V4, v6, "!ether type ip ip"},
	    {FILTER_V4, nested, "ether type ip ip saddr 10.1.0.0/16 accept\n"},
	    {FILTER_V4, nested, "ether type ip ip saddr 10.0.0.5 accept\n"},
	    {FILTER_V4, nested, "!10.1.5.0"},
	    {FILTER_V4, nested, "!10.1.9.9"},
	    {FILTER_V4, many,
	     "ether type ip ip saddr { 10.0.0.1, 10.0.0.3, 10.0.0.5, 10.0.0.7, 10.0.0.9 } accept\n"},
	    {FILTER_V4, many,
	     "arp saddr ip { 10.0.0.1, 10.0.0.3, 10.0.0.5, 10.0.0.7, 10.0.0.9, 0.0.0.0 } accept\n"},
	    {FILTER_V4, all, "ether type ip accept\n"},
	    {FILTER_V4, all, "arp plen 4 accept\n"},
	    {FILTER_V6, v6, "mac ipv6 "},
	    {FILTER_V6, v6, "ether type ip6 ip6 saddr != fd42::5 ip6 saddr != fe80::216:3eff:fe00:1 drop\n"},
	    {FILTER_V6, v6, "nd-neighbor-advert @th,64,128 0xfd420000000000000000000000000005 accept\n"},
	    {FILTER_V6, v6, "nd-neighbor-advert @th,64,128 0xfe8000000000000002163efffe000001 accept\n"},
	    {FILTER_V6, v6, "ether type arp accept\n"},
	    {FILTER_V6, v6, "ether type ip accept\n"},
	    {FILTER_V6, v6, "port-veth0 drop\n"},
	    {FILTER_V6, none, "!ether type ip6"},
	    {FILTER_V6, v4, "!fe80"},
	    {FILTER_V6, all, "!ip6 saddr !="},
	    {FILTER_V6, all, "nd-neighbor-advert accept\n"},
	    {FILTER_V6, odd,
	     "@th,64,128 & 0xffffffffffffff800000000000000000 == 0xfd430000000000000000000000000000 "
	     "accept\n"},
	    {FILTER_V6 | FILTER_OWN_DHCP, v6, "udp sport 547 drop\n"},
	    {FILTER_V4 | FILTER_V6, both, "!ether type ip6 accept"},
	    {FILTER_V4 | FILTER_V6, both, "!ether type arp accept"},
	    {FILTER_V4 | FILTER_V6 | FILTER_OWN_DHCP, both, "mac ipv4 ipv6 dhcp "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(buf_done) struct buf text = BUF_NULL;
		struct given g;
		struct filter_port p = port(&g, "veth0", rows[i].flags, rows[i].nets);
		bool must = rows[i].text[0] != '!';
		const char *own_part;

		assert_int_equal(filter_text(&text, &p, 1, NULL), 0);
		own_part = strstr(text.ptr, "add chain bridge lxdfs port-veth0\n");
		assert_non_null(own_part);
		if ((strstr(own_part, rows[i].text + !must) != NULL) != must)
			fail_msg("row %zu: \"%s\", in:\n%s", i, rows[i].text, own_part);
	}
}

static void test_remove(void **state)
{
	AUTO(buf_done) struct buf text = BUF_NULL, rules = BUF_NULL;
	struct given g;
	struct filter_port p = port(&g, "veth0", FILTER_OWN_DHCP, NULL);

	(void)state;
	p.mac = (struct mac){{0}}; /* needs none */
	assert_int_equal(filter_text(&text, &p, 1, NULL), 0);
	lines_of(&rules, &text, "add rule bridge lxdfs port-");
	assert_string_equal(buf_cstr(&rules), "");
	assert_true(strstr(text.ptr, "delete element bridge lxdfs ports { \"veth0\" }\n") <
		    strstr(text.ptr, "delete chain bridge lxdfs port-veth0\n"));
}

static void test_refused(void **state)
{
	static const char *const names[] = {
	    "",
	    ".",
	    "..",
	    "a b",
	    "a\"b",
	    "a\\b",
	    "veth*",
	    "*",
	    "a/b",
	    "a:b",
	    "a\n",
	    "\x01",
	    "\x7f",
	    "\xc3\xa9",
	    "\t",
	    "a\"; flush ruleset",
	    "0123456789abcdef",
	    "a\" }\nb",
	};
	static const char *const odd_but_fine[] = {"a;b", "$x",	  "@x", "{x}", "a#b", "0123456789abcde",
						   "-",	  "drop", "a_b"};
	struct given g;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct filter_port two[2] = {port(&g, "veth0", FILTER_MAC, NULL)};
		AUTO(err_done) struct err err = ERR_NULL;
		AUTO(buf_done) struct buf text = BUF_NULL;

		two[1] = two[0];
		two[1].name = names[i];
		buf_adds(&text, "before");
		assert_int_equal(filter_text(&text, two, 2, &err), -EINVAL);
		assert_string_equal(text.ptr, "before");
		assert_non_null(strstr(err.text, "can't be filtered"));
		assert_null(strchr(err.text, '\n'));
		assert_int_equal(filter_set(two, 2, NULL), -EINVAL);
		assert_int_equal(filter_clear(names[i], NULL), -EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(odd_but_fine); i++) {
		struct filter_port p = port(&g, odd_but_fine[i], FILTER_MAC, NULL);
		AUTO(buf_done) struct buf text = BUF_NULL, element = BUF_NULL;

		assert_int_equal(filter_text(&text, &p, 1, NULL), 0);
		buf_printf(&element, "ports { \"%s\" : jump ", odd_but_fine[i]);
		assert_non_null(strstr(text.ptr, element.ptr));
	}

	struct filter_port p = port(&g, "veth0", FILTER_V4, NULL);
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(buf_done) struct buf text = BUF_NULL;

	p.mac.b[0] = 1;
	assert_int_equal(filter_text(&text, &p, 1, &err), -EINVAL);
	assert_non_null(strstr(err.text, "MAC"));
	p = port(&g, "veth0", FILTER_V4, (const char *const[]){"10.0.0.1", NULL});
	g.nets[0].len = 33;
	assert_int_equal(filter_text(&text, &p, 1, &err), -EINVAL);
	assert_non_null(strstr(err.text, "allowed address 1"));
	g.nets[0] = (struct ip_net){0};
	assert_int_equal(filter_text(&text, &p, 1, &err), -EINVAL);
	p = port(&g, "veth0", FILTER_V4 | 1 << 9, NULL);
	assert_int_equal(filter_text(&text, &p, 1, &err), -EINVAL);
	assert_int_equal(text.len, 0);
}

/* Chains of different links never share a name. */
static void test_chains(void **state)
{
	static const struct {
		const char *name, *chain;
	} rows[] = {
	    {"veth0", "port-veth0"}, {"a_b", "port-a_5fb"}, {"a_5fb", "port-a_5f5fb"},
	    {"a.b-c", "port-a.b-c"}, {"a;b", "port-a_3bb"}, {"a@b", "port-a_40b"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(buf_done) struct buf chain = BUF_NULL;

		buf_nft_chain(&chain, FILTER_PREFIX, rows[i].name);
		assert_string_equal(chain.ptr, rows[i].chain);
	}
}

static void test_state(void **state)
{
	static const char *const bad[] = {
	    "",
	    "hello",
	    "00:16:3e:00:00:01",
	    "00:16:3e:00:00:01 mac",
	    "00:16:3e:00:00:01 5",
	    "00:16:3e:00:00:01 ipv4 5",
	    "00:16:3e:00:00:01 mac 0",
	    "00:16:3e:00:00:01 mac 5 5",
	    "00:16:3e:00:00:01 mac 5 ",
	    "00:16:3e:00:00:01 mac -5",
	    "00:16:3e:00:00:01 mac 99999999999",
	    "00:16:3e:00:00:01 mac fish 5",
	    "00:16:3e:00:00 mac 5",
	    "00:16:3e:00:00:01 mac  5",
	};

	(void)state;
	for (unsigned flags = FILTER_MAC; flags < 16; flags += 2) {
		AUTO(buf_done) struct buf comment = BUF_NULL;
		struct filter_state s = {0};
		unsigned n = 0;

		filter_state_comment(&comment, flags, own, 123);
		assert_int_equal(filter_state_parse(buf_str(&comment), &s, &n), 0);
		assert_int_equal(s.flags, flags);
		assert_true(mac_eq(s.mac, own));
		assert_int_equal(n, 123);
		assert_true(comment.len < 128); /* nft's limit */
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct filter_state s = {0};
		unsigned n = 0;

		if (filter_state_parse(str_from(bad[i]), &s, &n) != -EINVAL || s.flags || n)
			fail_msg("\"%s\" was read", bad[i]);
	}
}

/* A listing as nft gives it; without any of the lines that begin with '+' the port isn't filtered as meant.
 */
static const char *const listing[] = {
    "table bridge lxdfs {",
    "	map ports {",
    "		type ifname : verdict",
    "+		elements = { \"a;b\" : jump port-a_3bb,",
    "			     \"veth9\" : jump port-veth8 }",
    "	}",
    "",
    "	set only_host4 {",
    "		type ifname",
    "+		elements = { \"a;b\" }",
    "	}",
    "",
    "	set only_host6 {",
    "		type ifname",
    "	}",
    "",
    "	chain prerouting {",
    "+		type filter hook prerouting priority filter; policy accept;",
    "+		iifname vmap @ports",
    "	}",
    "",
    "	chain input {",
    "+		type filter hook input priority filter; policy accept;",
    "+		ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 iifname vmap @ports",
    "	}",
    "",
    "	chain forward {",
    "+		type filter hook forward priority filter; policy accept;",
    "+		ip saddr 0.0.0.0 iifname @only_host4 drop",
    "+		icmpv6 type nd-router-solicit iifname @only_host6 drop",
    "+		ether type ip6 udp sport 546 udp dport 547 iifname @only_host6 drop",
    "	}",
    "",
    "	chain port-a_3bb {",
    "+		ether saddr != 00:16:3e:00:00:01 drop comment \"00:16:3e:00:00:01 mac ipv4 3\"",
    "+		arp saddr ether != 00:16:3e:00:00:01 drop",
    "+		drop",
    "	}",
    "}",
};

static bool read_without(size_t left_out, const char *more, struct filter_list *ret)
{
	AUTO(buf_done) struct buf text = BUF_NULL;

	for (size_t i = 0; i < ARRAY_SIZE(listing); i++) {
		if (i != left_out)
			buf_printf(&text, "%s\n", listing[i] + (listing[i][0] == '+'));
		if (i == left_out && more)
			buf_printf(&text, "%s\n", more);
	}
	return filter_read(buf_str(&text), ret);
}

static void test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i <= ARRAY_SIZE(listing); i++) {
		AUTO(filter_list_done) struct filter_list list = {0};
		bool must_be_whole = i == ARRAY_SIZE(listing);

		if (!must_be_whole && listing[i][0] != '+')
			continue;
		if (read_without(i, NULL, &list) != must_be_whole)
			fail_msg("line %zu", i);
		assert_int_equal(list.n, 1);
		assert_string_equal(list.ports[0].name, "a;b");
		assert_int_equal(list.ports[0].is_reachable, must_be_whole);
		if (!must_be_whole)
			continue;
		assert_int_equal(list.ports[0].flags, FILTER_MAC | FILTER_V4);
		assert_int_equal(list.ports[0].n_rules, 3);
		assert_true(mac_eq(list.ports[0].mac, own));
	}
	/* a rule of somebody else's instead of the chain's end, in each chain */
	for (size_t i = 16; i < ARRAY_SIZE(listing); i++) {
		AUTO(filter_list_done) struct filter_list list = {0};

		if (strcmp(listing[i], "	}") == 0 &&
		    (read_without(i, "		accept\n	}", &list) || list.ports[0].is_reachable))
			fail_msg("line %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_mac),	    cmocka_unit_test(test_rules),  cmocka_unit_test(test_remove),
	    cmocka_unit_test(test_refused), cmocka_unit_test(test_chains), cmocka_unit_test(test_state),
	    cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
