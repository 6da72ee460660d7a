/* SPDX-License-Identifier: Apache-2.0 */
/* A bridge's firewall and address translation: up to four chains of its own in table `inet NAME`. */
#include "net/nat.h"

#include <string.h>

#include "engine/base/auto.h"
#include "net/inet.h"
#include "net/nft.h"

enum { INPUT, FORWARD, EARLY, LATE, N_CHAINS };

/* The first rule that a connection meets decides on its address. */
static const struct {
	const char *prefix, *type;
} chains[N_CHAINS] = {
    [INPUT] = {"in-", "type filter hook input priority filter; policy accept;"},
    [FORWARD] = {"forward-", "type filter hook forward priority filter; policy accept;"},
    [EARLY] = {"nat-", "type nat hook postrouting priority srcnat - 5; policy accept;"},
    [LATE] = {"late-", "type nat hook postrouting priority srcnat + 5; policy accept;"},
};

struct text {
	struct buf rules[N_CHAINS];
	struct buf names[N_CHAINS];
	struct buf bridge; /* quoted */
};

static void text_done_auto(struct text *t)
{
	for (int i = 0; i < N_CHAINS; i++) {
		buf_done(&t->rules[i]);
		buf_done(&t->names[i]);
	}
	buf_done(&t->bridge);
}

static void rule(struct text *t, int chain, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void rule(struct text *t, int chain, const char *fmt, ...)
{
	struct buf *b = &t->rules[chain];
	va_list ap;

	buf_printf(b, "add rule inet %s %s ", net_table(), t->names[chain].ptr);
	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
	buf_addc(b, '\n');
}

/* What the host answers. Other rules of the host's own may still drop it: an accept of one chain binds no
 * other. */
static void input_rules(struct text *t, const struct nat_family *f, bool is_v6, bool dns)
{
	AUTO(buf_done) struct buf address = BUF_NULL;
	const char *br = t->bridge.ptr, *proto = is_v6 ? "ipv6" : "ipv4";

	buf_ip(&address, &f->address.ip);
	if (dns) {
		rule(t, INPUT, "iifname %s meta nfproto %s udp dport 53 accept", br, proto);
		rule(t, INPUT, "iifname %s meta nfproto %s tcp dport 53 accept", br, proto);
	}
	if (f->dhcp)
		rule(t, INPUT, "iifname %s meta nfproto %s udp dport %d accept", br, proto, is_v6 ? 547 : 67);
	if (is_v6)
		rule(t, INPUT, "iifname %s icmpv6 type { 1, 2, 3, 4, 133, 135, 136, 143 } accept", br);
	else
		rule(t, INPUT, "iifname %s icmp type { 3, 11, 12 } accept", br);
	if (dns) {
		/* The host itself asks over lo. */
		rule(t, INPUT, "iifname != { \"lo\", %s } %s daddr %s udp dport 53 drop", br,
		     is_v6 ? "ip6" : "ip", buf_cstr(&address));
		rule(t, INPUT, "iifname != { \"lo\", %s } %s daddr %s tcp dport 53 drop", br,
		     is_v6 ? "ip6" : "ip", buf_cstr(&address));
	}
}

/* With br_netfilter what one port sends another comes along as well: from the bridge to the bridge, and
 * passes. */
static void forward_rules(struct text *t, const struct nat_family *f, bool is_v6)
{
	const char *br = t->bridge.ptr, *proto = is_v6 ? "ipv6" : "ipv4";

	if (f->routing) {
		rule(t, FORWARD, "iifname %s meta nfproto %s accept", br, proto);
		rule(t, FORWARD, "oifname %s meta nfproto %s accept", br, proto);
	} else {
		rule(t, FORWARD, "iifname %s oifname != %s meta nfproto %s reject", br, br, proto);
		rule(t, FORWARD, "iifname != %s oifname %s meta nfproto %s reject", br, br, proto);
	}
}

static void nat_rules(struct text *t, const struct nat_family *f, bool is_v6)
{
	AUTO(buf_done) struct buf net = BUF_NULL, to = BUF_NULL;
	const struct ip_net base = ip_net_base(&f->address);
	const char *ip = is_v6 ? "ip6" : "ip";

	buf_ip_net(&net, &base);
	if (f->snat.family) {
		buf_printf(&to, "snat %s to ", ip);
		buf_ip(&to, &f->snat);
	} else {
		buf_adds(&to, "masquerade");
	}
	rule(t, f->is_late ? LATE : EARLY, "%s saddr %s %s daddr != %s oifname != %s %s", ip, net.ptr, ip,
	     net.ptr, t->bridge.ptr, to.ptr);
}

static int family_rules(struct text *t, const struct nat_bridge *bridge, bool is_v6, struct err *err)
{
	const struct nat_family *f = is_v6 ? &bridge->v6 : &bridge->v4;
	const char *proto = is_v6 ? "IPv6" : "IPv4";
	int family = is_v6 ? AF_INET6 : AF_INET;

	if (!f->address.ip.family)
		return 0;
	if (f->address.ip.family != family || f->address.len > ip_bits(&f->address.ip))
		return err_set(err, EINVAL, "firewall of %s: its %s address is none", bridge->name, proto);
	if (f->nat && f->snat.family && f->snat.family != family)
		return err_set(err, EINVAL, "firewall of %s: nat.address for %s is of the other family",
			       bridge->name, proto);
	if (f->firewall) {
		input_rules(t, f, is_v6, bridge->dns);
		forward_rules(t, f, is_v6);
	}
	if (f->nat)
		nat_rules(t, f, is_v6);
	return 0;
}

/* All chains anew; one without rules goes. */
static int bridge_text(struct buf *b, const struct nat_bridge *bridge, struct err *err)
{
	__attribute__((cleanup(text_done_auto))) struct text t = {0};
	int r;

	if (buf_nft_ifname(&t.bridge, bridge->name) < 0) {
		AUTO(buf_done) struct buf shown = BUF_NULL;

		buf_escape(&shown, str_from(bridge->name));
		return err_set(
		    err, EINVAL,
		    "\"%s\" can't have a firewall: the name of a link has 1 to 15 printable characters "
		    "without quotes, '\\', '*', '/' or ':'",
		    buf_cstr(&shown));
	}
	for (int i = 0; i < N_CHAINS; i++)
		buf_nft_chain(&t.names[i], chains[i].prefix, bridge->name);
	r = family_rules(&t, bridge, false, err);
	if (r == 0)
		r = family_rules(&t, bridge, true, err);
	if (r < 0)
		return r;

	buf_printf(b, "add table inet %s\n", net_table());
	for (int i = 0; i < N_CHAINS; i++) {
		const char *chain = t.names[i].ptr;

		/* one of an earlier core may have another priority, which can't be changed */
		if (i == EARLY || i == LATE)
			buf_printf(b,
				   "add chain inet %s %s\nflush chain inet %s %s\ndelete chain inet %s %s\n",
				   net_table(), chain, net_table(), chain, net_table(), chain);
		buf_printf(b, "add chain inet %s %s { %s }\nflush chain inet %s %s\n", net_table(), chain,
			   chains[i].type, net_table(), chain);
		if (t.rules[i].len)
			buf_add(b, t.rules[i].ptr, t.rules[i].len);
		else
			buf_printf(b, "delete chain inet %s %s\n", net_table(), chain);
	}
	return 0;
}

int nat_text(struct buf *b, const struct nat_bridge *bridge, struct err *err)
{
	return bridge_text(b, bridge, err);
}

int nat_set(const struct nat_bridge *bridge, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	int r = bridge_text(&text, bridge, err);

	if (r < 0)
		return r;
	return inet_run(text.ptr, !strstr(text.ptr, "add rule "), err);
}

int nat_clear(const char *name, struct err *err)
{
	const struct nat_bridge none = {.name = name};

	return nat_set(&none, err);
}

int nat_teardown(struct err *err)
{
	return inet_teardown(err);
}
