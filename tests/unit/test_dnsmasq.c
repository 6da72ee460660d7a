/* SPDX-License-Identifier: Apache-2.0 */
/* The text that dnsmasq reads: what is in it for each wish, and that no value brings a line of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "engine/base/auto.h"
#include "net/dnsmasq.h"

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

static struct dnsmasq_spec base(void)
{
	return (struct dnsmasq_spec){
	    .run_dir = "/run/lxdfs/br0",
	    .lease_dir = "/var/lib/lxdfs/br0",
	    .bridge = "br0",
	    .user = "nobody",
	    .v4 = net("10.0.0.1/24"),
	    .dhcp4 = true,
	    .v6 = net("fd42::1/64"),
	    .dhcp6 = true,
	};
}

static void assert_text(const struct dnsmasq_spec *s, const char *const *lines, const char *const *absent)
{
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(buf_done) struct buf b = BUF_NULL;

	if (dnsmasq_conf_text(&b, s, &err) < 0)
		fail_msg("%s", err_text(&err));
	for (; *lines; lines++) {
		AUTO(free) char *line = xasprintf("\n%s\n", *lines);

		if (!strstr(buf_cstr(&b), line))
			fail_msg("no line %s in:\n%s", *lines, buf_cstr(&b));
	}
	for (; absent && *absent; absent++)
		if (strstr(buf_cstr(&b), *absent))
			fail_msg("%s is in:\n%s", *absent, buf_cstr(&b));
}

static void assert_refused(const struct dnsmasq_spec *s, const char *sentence)
{
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(buf_done) struct buf b = BUF_NULL;

	assert_int_equal(dnsmasq_conf_text(&b, s, &err), -EINVAL);
	if (!strstr(err_text(&err), sentence))
		fail_msg("\"%s\" isn't in: %s", sentence, err_text(&err));
	assert_null(strchr(err_text(&err), '\n'));
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_plain(void **state)
{
	struct dnsmasq_spec s = base();

	(void)state;
	assert_text(
	    &s,
	    LINES("user=nobody", "interface=br0", "except-interface=lo", "bind-interfaces",
		  "pid-file=/run/lxdfs/br0/dnsmasq.pid", "dhcp-leasefile=/var/lib/lxdfs/br0/dnsmasq.leases",
		  "dhcp-hostsdir=/run/lxdfs/br0/hosts", "dhcp-authoritative", "dhcp-ignore-clid",
		  "dhcp-rapid-commit", "no-ping", "strict-order", "no-hosts", "domain=lxd", "local=/lxd/",
		  "dhcp-ignore-names", "host-record=_gateway.lxd,_gateway,10.0.0.1,fd42::1",
		  "dhcp-range=10.0.0.2,10.0.0.254,255.255.255.0,3600", "enable-ra",
		  "dhcp-range=fd42::,ra-stateless,ra-names,64,3600"),
	    LINES("option:router", "option:mtu", "dns-server", "domain-search", "port="));
	assert_text(&s, LINES("hostsdir=/run/lxdfs/br0/names"), LINES("tag:", "raw.dnsmasq"));
	s.is_promised4 = true;
	s.raw = "address=/x/192.0.2.1\nlog-queries";
	assert_text(&s,
		    LINES("dhcp-range=tag:known,10.0.0.0,static,255.255.255.0,3600",
			  "dhcp-range=tag:!known,10.0.0.2,10.0.0.254,255.255.255.0,3600", "# raw.dnsmasq",
			  "address=/x/192.0.2.1", "log-queries"),
		    NULL);
	s.lease_dir = NULL;
	assert_text(&s, LINES("dhcp-leasefile=/run/lxdfs/br0/dnsmasq.leases"), NULL);
}

static void test_wishes(void **state)
{
	struct dnsmasq_range r4[] = {{ip("10.0.0.9"), ip("10.0.0.9")}, {ip("10.0.0.20"), ip("10.0.0.30")}};
	struct dnsmasq_range r6[] = {{ip("fd42::10"), ip("fd42::20")}};
	struct ip servers[] = {ip("192.0.2.1"), ip("2001:db8::1"), ip("192.0.2.2")};
	const char *const search[] = {"a.example", "b.example", NULL};
	struct dnsmasq_spec s = base();

	(void)state;
	s.ranges4 = r4;
	s.n_ranges4 = 2;
	s.ranges6 = r6;
	s.n_ranges6 = 1;
	s.stateful6 = true;
	s.expiry4 = 7200;
	s.expiry6 = 1;
	s.gateway4 = ip("10.0.0.254");
	s.mtu = 1400;
	s.domain = "x.example";
	s.search = search;
	s.servers = servers;
	s.n_servers = 3;
	assert_text(&s,
		    LINES("dhcp-range=10.0.0.9,10.0.0.9,255.255.255.0,7200",
			  "dhcp-range=10.0.0.20,10.0.0.30,255.255.255.0,7200",
			  "dhcp-range=fd42::10,fd42::20,64,120", "dhcp-option=option:router,10.0.0.254",
			  "dhcp-option=option:mtu,1400", "ra-param=br0,mtu:1400,600,1800",
			  "local=/x.example/", "dhcp-option=option:dns-server,192.0.2.1,192.0.2.2",
			  "dhcp-option=option6:dns-server,[2001:db8::1]",
			  "dhcp-option=option:domain-search,a.example,b.example",
			  "dhcp-option=option6:domain-search,a.example,b.example"),
		    LINES("ra-names"));
	s = base();
	s.dhcp4 = s.dhcp6 = false;
	assert_text(&s, LINES("dhcp-range=fd42::,ra-only,64,3600"), LINES("dhcp-range=10"));
	s.v4 = s.v6 = (struct ip_net){0};
	assert_text(&s, LINES("host-record=_gateway.lxd,_gateway"), LINES("dhcp-range", "enable-ra"));
	s = base();
	s.dns = DNSMASQ_DNS_NONE;
	assert_text(&s, LINES("port=0", "dhcp-ignore-names"), LINES("domain=", "host-record"));
	s.dns = DNSMASQ_DNS_DYNAMIC;
	assert_text(&s, LINES("dhcp-name-match=set:wpad,wpad", "dhcp-ignore-names=tag:wpad"),
		    LINES("dhcp-ignore-names\n"));
}

static void test_ranges(void **state)
{
	static const struct {
		const char *net, *first, *last; /* first: NULL, none given */
		const char *want[2];
		const char *refused;
	} rows[] = {
	    {"10.0.0.1/24", NULL, NULL, {"dhcp-range=10.0.0.2,10.0.0.254,255.255.255.0,3600"}, NULL},
	    {"10.0.0.254/24", NULL, NULL, {"dhcp-range=10.0.0.1,10.0.0.253,255.255.255.0,3600"}, NULL},
	    {"10.0.0.100/24",
	     NULL,
	     NULL,
	     {"dhcp-range=10.0.0.1,10.0.0.99,255.255.255.0,3600",
	      "dhcp-range=10.0.0.101,10.0.0.254,255.255.255.0,3600"},
	     NULL},
	    {"10.0.0.255/23", NULL, NULL, {"dhcp-range=10.0.0.1,10.0.0.254,255.255.254.0,3600"}, NULL},
	    {"10.0.0.1/30", NULL, NULL, {"dhcp-range=10.0.0.2,10.0.0.2,255.255.255.252,3600"}, NULL},
	    {"10.0.0.1/8", NULL, NULL, {"dhcp-range=10.0.0.2,10.255.255.254,255.0.0.0,3600"}, NULL},
	    {"10.0.0.1/31", NULL, NULL, {NULL}, "30 is the most"},
	    {"10.0.0.1/32", NULL, NULL, {NULL}, "30 is the most"},
	    {"10.0.0.1/24",
	     "10.0.0.5",
	     "10.0.1.5",
	     {NULL},
	     "10.0.0.5-10.0.1.5 isn't in the network of 10.0.0.1/24"},
	    {"10.0.0.1/24", "10.0.0.9", "10.0.0.5", {NULL}, "10.0.0.9-10.0.0.5 ends before it begins"},
	    {"10.0.0.1/24", "fd42::5", "fd42::9", {NULL}, "isn't in the network"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct dnsmasq_spec s = base();
		struct dnsmasq_range range;

		s.v4 = net(rows[i].net);
		if (rows[i].first) {
			range = (struct dnsmasq_range){ip(rows[i].first), ip(rows[i].last)};
			s.ranges4 = &range;
			s.n_ranges4 = 1;
		}
		if (rows[i].refused)
			assert_refused(&s, rows[i].refused);
		else
			assert_text(&s, LINES(rows[i].want[0], rows[i].want[1]), NULL);
	}
}

/* Each would be a line or a word of its own if it were copied. */
static const char *const hostile[] = {
    "",	     "a\nuser=root", "a,b",  "a b", "a#b", "a\"b", "a\\b", "-a", "a-",	"$(id)", "a;b",
    "a\x7f", "\xc3\xa4",     "a\tb", "#",   ".",   "..",   "a..b", "/",	 "a/b", "[::1]",
};

static void test_hostile(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		const char *const search[] = {"a.example", hostile[i], NULL};
		struct dnsmasq_spec s = base();

		s.domain = hostile[i];
		assert_refused(&s, "is no domain: ");
		s = base();
		s.search = search;
		assert_refused(&s, "is no domain to search");
		s = base();
		if (strcmp(hostile[i], "a-") != 0 && strcmp(hostile[i], "a..b") != 0) {
			s.bridge = hostile[i];
			assert_refused(&s, "\" is no name of a bridge");
		}
		s = base();
		s.user = hostile[i];
		assert_refused(&s, "\" is no user");
	}
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		AUTO(free) char *dir = xasprintf("/run/%s", hostile[i]);
		struct dnsmasq_spec s = base();

		if (strspn(hostile[i], "/.ab-") == strlen(hostile[i]))
			continue;
		s.run_dir = dir;
		assert_refused(&s, "is no directory for dnsmasq");
		s = base();
		s.lease_dir = dir;
		assert_refused(&s, "is no directory for dnsmasq");
	}
	struct dnsmasq_spec s = base();
	s.run_dir = "run/lxdfs";
	assert_refused(&s, "is no directory for dnsmasq");
	s = base();
	s.user = "root";
	assert_refused(&s, "which is root");
	s = base();
	s.v6 = net("fd42::1/80");
	assert_refused(&s, "has no SLAAC");
	s = base();
	s.gateway4 = ip("fd42::9");
	assert_refused(&s, "gateway");
}

/* A name that goes with no lease of DHCPv6. */
static void test_name4(void **state)
{
	struct dnsmasq_host h = {.key = "k",
				 .mac = {{0, 0x16, 0x3e, 0, 0, 1}},
				 .name = "foo",
				 .is_name4 = true,
				 .v4 = ip("10.0.0.9"),
				 .v6 = ip("fd42::9")};
	AUTO(buf_done) struct buf b = BUF_NULL;

	(void)state;
	assert_int_equal(dnsmasq_host_text(&b, &h, NULL), 0);
	assert_string_equal(buf_cstr(&b), "00:16:3e:00:00:01,10.0.0.9,foo\n00:16:3e:00:00:01,[fd42::9]\n");
	buf_clear(&b);
	h.v4 = (struct ip){0};
	assert_int_equal(dnsmasq_host_text(&b, &h, NULL), 0);
	assert_string_equal(buf_cstr(&b), "00:16:3e:00:00:01\n00:16:3e:00:00:01,[fd42::9]\n");
}

static void test_host(void **state)
{
	static const struct {
		const char *v4, *v6, *name, *want;
	} rows[] = {
	    {NULL, NULL, NULL, "00:16:3e:00:00:01\n"},
	    {NULL, NULL, "foo", "00:16:3e:00:00:01,foo\n"},
	    {"10.0.0.9", NULL, "foo", "00:16:3e:00:00:01,foo\n00:16:3e:00:00:01,10.0.0.9,foo\n"},
	    {NULL, "fd42::9", "foo", "00:16:3e:00:00:01,foo\n00:16:3e:00:00:01,[fd42::9],foo\n"},
	    {"10.0.0.9", "fd42::9", "foo", "00:16:3e:00:00:01,10.0.0.9,[fd42::9],foo\n"},
	    {"10.0.0.9", "fd42::9", NULL, "00:16:3e:00:00:01,10.0.0.9,[fd42::9]\n"},
	    {NULL, NULL, "ignore", "00:16:3e:00:00:01,ignore.\n"},
	    {NULL, NULL, "infinite", "00:16:3e:00:00:01,infinite.\n"},
	    {NULL, NULL, "ignored", "00:16:3e:00:00:01,ignored\n"},
	    {NULL, NULL, "10x", "00:16:3e:00:00:01,10x\n"},
	    {NULL, NULL, "10m", "00:16:3e:00:00:01,10m.\n"},
	    {NULL, NULL, "1D", "00:16:3e:00:00:01,1D.\n"},
	    {NULL, NULL, "4711", "00:16:3e:00:00:01,4711.\n"},
	    {"fd42::9", NULL, "foo", NULL},
	    {NULL, "10.0.0.9", "foo", NULL},
	    {NULL, NULL, "a.b", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(err_done) struct err err = ERR_NULL;
		AUTO(buf_done) struct buf b = BUF_NULL;
		struct dnsmasq_host h = {.key = "k", .mac = {{0, 0x16, 0x3e, 0, 0, 1}}, .name = rows[i].name};

		if (rows[i].v4)
			h.v4 = ip(rows[i].v4);
		if (rows[i].v6)
			h.v6 = ip(rows[i].v6);
		assert_int_equal(dnsmasq_host_text(&b, &h, &err), rows[i].want ? 0 : -EINVAL);
		assert_string_equal(buf_cstr(&b), rows[i].want ? rows[i].want : "");
		assert_int_equal(err.text != NULL, !rows[i].want);
	}
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		AUTO(err_done) struct err err = ERR_NULL;
		AUTO(buf_done) struct buf b = BUF_NULL;
		struct dnsmasq_host h = {.key = "k", .mac = {{0, 0x16, 0x3e, 0, 0, 1}}, .name = hostile[i]};

		assert_int_equal(dnsmasq_host_text(&b, &h, &err), -EINVAL);
		assert_int_equal(b.len, 0);
		h.name = NULL;
		h.mac.b[0] = 1;
		assert_int_equal(dnsmasq_host_text(&b, &h, NULL), -EINVAL);
		h.mac.b[0] = 0;
		h.key = hostile[i];
		/* the directory can't be made: only the key is in question */
		if (strcmp(hostile[i], "-a") != 0 && strcmp(hostile[i], "a-") != 0 &&
		    strcmp(hostile[i], "a..b") != 0) {
			assert_int_equal(dnsmasq_host_set("/proc/none", &h, &err), -EINVAL);
			assert_int_equal(dnsmasq_host_clear("/proc/none", hostile[i], &err), -EINVAL);
		}
	}
}

/* What is read as a hosts file: an address and names, and nothing that a name could add to it. */
static void test_aliases(void **state)
{
	const char *const names[] = {"foo.web", "foo.web.lxd", NULL};
	struct dnsmasq_host h = {.key = "k", .aliases = names, .alias4 = ip("10.0.0.9")};
	AUTO(buf_done) struct buf b = BUF_NULL;

	(void)state;
	assert_int_equal(dnsmasq_alias_text(&b, &h, NULL), 0);
	assert_string_equal(buf_cstr(&b), "10.0.0.9 foo.web foo.web.lxd\n");
	h.alias6 = ip("fd42::9");
	buf_done(&b);
	assert_int_equal(dnsmasq_alias_text(&b, &h, NULL), 0);
	assert_string_equal(buf_cstr(&b), "10.0.0.9 foo.web foo.web.lxd\nfd42::9 foo.web foo.web.lxd\n");
	h.aliases = NULL;
	buf_done(&b);
	assert_int_equal(dnsmasq_alias_text(&b, &h, NULL), 0);
	assert_int_equal(b.len, 0);
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		const char *const bad[] = {"foo.web", hostile[i], NULL};
		AUTO(err_done) struct err err = ERR_NULL;

		h.aliases = bad;
		assert_int_equal(dnsmasq_alias_text(&b, &h, &err), -EINVAL);
		assert_int_equal(b.len, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain),   cmocka_unit_test(test_wishes), cmocka_unit_test(test_ranges),
	    cmocka_unit_test(test_hostile), cmocka_unit_test(test_host),   cmocka_unit_test(test_aliases),
	    cmocka_unit_test(test_name4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
