/* SPDX-License-Identifier: Apache-2.0 */
/* One port's rules: what an instance may send with one MAC and a list of addresses.
 *
 * Two things of the kernel shape them. A rule whose field can't be read (a short frame, a fragment without
 * that header) simply doesn't match: where a check must hold, the rule that accepts needs the field, and the
 * end of the chain drops. And "ether type" sees a VLAN tag, "meta protocol" looks behind one: the MAC rules
 * look behind it, the address rules let no tagged frame through.
 *
 * Source: RFC 826, 2131, 4861, 5227, 6980, 7112, 7527, 8415.
 */
#include "net/filter-internal.h"

#include <stdarg.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "net/nft.h"

struct rules {
	struct buf head; /* "add rule bridge lxdfs port-veth0 " */
	struct buf text;
	unsigned n;
};

static void rule(struct rules *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void rule(struct rules *r, const char *fmt, ...)
{
	va_list ap;

	buf_add(&r->text, r->head.ptr, r->head.len);
	va_start(ap, fmt);
	buf_vprintf(&r->text, fmt, ap);
	va_end(ap);
	buf_addc(&r->text, '\n');
	r->n++;
}

/* ---- addresses */

struct nets {
	struct ip_net *v;
	size_t n;
};

static void nets_done(struct nets *nets)
{
	free(nets->v);
}
static inline void nets_done_auto(struct nets *nets)
{
	nets_done(nets);
}

static bool net_covers(const struct ip_net *a, const struct ip_net *b)
{
	return a->len <= b->len && ip_net_has(a, &b->ip);
}

/* Keep networks that no other one holds: nft refuses a set whose intervals overlap. */
static void nets_add(struct nets *nets, const struct ip_net *net)
{
	const struct ip_net base = ip_net_base(net);
	size_t kept = 0;

	for (size_t i = 0; i < nets->n; i++)
		if (net_covers(&nets->v[i], &base))
			return;
	for (size_t i = 0; i < nets->n; i++)
		if (!net_covers(&base, &nets->v[i]))
			nets->v[kept++] = nets->v[i];
	nets->n = kept;
	nets->v = xrealloc(nets->v, (nets->n + 1) * sizeof(*nets->v));
	nets->v[nets->n++] = base;
}

static struct nets nets_of(const struct filter_port *port, int family)
{
	struct nets nets = {0};

	for (size_t i = 0; i < port->n_allowed; i++)
		if (port->allowed[i].ip.family == family)
			nets_add(&nets, &port->allowed[i]);
	return nets;
}

/* Up to so many networks are compared one by one: an anonymous set costs the kernel and libnftables more than
 * that, and each of them makes every later change of any port slower. */
enum { MAX_PLAIN = 4 };

static bool is_everything(const struct nets *nets)
{
	return nets->n == 1 && nets->v[0].len == 0;
}

static void net_text(struct buf *b, const struct ip_net *net)
{
	if (net->len == ip_bits(&net->ip))
		buf_ip(b, &net->ip);
	else
		buf_ip_net(b, net);
}

static void set_text(struct buf *b, const struct nets *nets)
{
	buf_adds(b, "{ ");
	for (size_t i = 0; i < nets->n; i++) {
		if (i)
			buf_adds(b, ", ");
		net_text(b, &nets->v[i]);
	}
	buf_adds(b, " }");
}

/* Accept what has one of the networks in @field. */
static void accept_nets(struct rules *r, const char *head, const char *field, const struct nets *nets)
{
	bool is_set = nets->n > MAX_PLAIN;

	if (is_everything(nets)) {
		rule(r, "%s accept", head);
		return;
	}
	for (size_t i = 0; i < (is_set ? 1 : nets->n); i++) {
		AUTO(buf_done) struct buf text = BUF_NULL;

		if (is_set)
			set_text(&text, nets);
		else
			net_text(&text, &nets->v[i]);
		rule(r, "%s %s %s accept", head, field, text.ptr);
	}
}

/* Drop what has none of them. */
static void drop_others(struct rules *r, const char *head, const char *field, const struct nets *nets)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	bool is_set = nets->n > MAX_PLAIN;

	if (is_everything(nets))
		return;
	for (size_t i = 0; i < (is_set ? 1 : nets->n); i++) {
		buf_printf(&text, "%s != ", field);
		if (is_set)
			set_text(&text, nets);
		else
			net_text(&text, &nets->v[i]);
		buf_addc(&text, ' ');
	}
	rule(r, "%s %sdrop", head, text.ptr);
}

static void hex(struct buf *b, const unsigned char *bytes, size_t n)
{
	buf_adds(b, "0x");
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%02x", bytes[i]);
}

/* The target of a neighbour message; nft 1.0.6 has no name for this field. */
static void match_target(struct buf *b, const struct ip_net *net)
{
	unsigned char mask[16] = {0};

	if (net->len == 0)
		return;
	buf_adds(b, "@th,64,128 ");
	if (net->len < 128) {
		for (unsigned i = 0; i < net->len; i++)
			mask[i / 8] |= (unsigned char)(0x80 >> i % 8);
		buf_adds(b, "& ");
		hex(b, mask, sizeof(mask));
		buf_adds(b, " == ");
	}
	hex(b, net->ip.bytes, 16);
	buf_addc(b, ' ');
}

static void rule_per_target(struct rules *r, const struct nets *nets, const char *head)
{
	for (size_t i = 0; i < nets->n; i++) {
		AUTO(buf_done) struct buf target = BUF_NULL;

		match_target(&target, &nets->v[i]);
		rule(r, "%s %saccept", head, buf_cstr(&target));
	}
}

/* ---- the filters */

#define WHOLE "ip frag-off & 0x1fff == 0 " /* or a first fragment */
#define NA "icmpv6 type nd-neighbor-advert"
#define NS "icmpv6 type nd-neighbor-solicit"
#define RS "icmpv6 type nd-router-solicit"

/* DHCP knows a client by the MAC inside its message (RFC 2131, figure 1: op, htype, hlen, ..., chaddr at 28):
 * who writes another's there takes its lease, gives it back or declines it, and moves its name. Requests have
 * op 1, nothing else asks for anything. What is cut up before chaddr hides it.
 * Too short a message reads as none, by servers too. */
static void dhcp_rules(struct rules *r, const char *mac)
{
	rule(r, "meta protocol ip ip frag-off & 0x3fff == 0x2000 udp dport 67 drop");
	rule(r, "meta protocol ip " WHOLE "udp dport 67 @th,64,8 1 @th,72,16 != 0x0106 drop");
	rule(r, "meta protocol ip " WHOLE "udp dport 67 @th,64,8 1 @th,288,48 != %s drop", mac);
}

/* DHCPv6 knows a client by an id that is bound to no NIC, anywhere among the options. So what takes a lease
 * away (RELEASE 8, DECLINE 9), and what speaks for others (RELAY-FORW 12, RELAY-REPL 13), isn't let through
 * to a server of ours, which ends the leases of a NIC that goes by itself. */
static void dhcp6_rules(struct rules *r)
{
	rule(r, "meta protocol ip6 udp dport 547 exthdr frag exists drop");
	rule(r, "meta protocol ip6 udp dport 547 @th,64,8 8-9 drop");
	rule(r, "meta protocol ip6 udp dport 547 @th,64,8 12-13 drop");
}

/* All but the Ethernet source, which the first rule holds. */
static void mac_rules(struct rules *r, const char *mac, bool has_own_dhcp)
{
	/* Not "arp saddr ether": that asks for hardware type 1, and hosts believe type 6 as well. */
	rule(r, "meta protocol arp @nh,64,48 != %s drop", mac);
	/* The option may come second; what is too long to look through isn't sent by anybody honest. */
	rule(r, "meta protocol ip6 " NA " @th,192,16 0x0201 @th,208,48 != %s drop", mac);
	rule(r, "meta protocol ip6 " NA " @th,256,16 0x0201 @th,272,48 != %s drop", mac);
	rule(r, "meta protocol ip6 " NA " @th,320,8 >= 0 drop");
	dhcp_rules(r, mac);
	if (has_own_dhcp)
		dhcp6_rules(r);
}

static void ipv4_rules(struct rules *r, const struct nets *nets, bool has_own_dhcp)
{
	static const struct ip_net unspecified = {.ip = {.family = AF_INET}, .len = 32};
	AUTO(nets_done) struct nets senders = {0};

	if (!nets->n)
		return;
	for (size_t i = 0; i < nets->n; i++)
		nets_add(&senders, &nets->v[i]);
	/* A probe for an address in use (RFC 5227) names no sender, so it changes no cache. */
	nets_add(&senders, &unspecified);
	accept_nets(r, "ether type arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4", "arp saddr ip",
		    &senders);
	rule(r, "ether type ip ip version != 4 drop");
	/* Some kernels read ports out of later fragments, which have none. */
	rule(r, "ether type ip ip saddr 0.0.0.0 ip daddr 255.255.255.255 " WHOLE
		"udp sport 68 udp dport 67 accept");
	if (has_own_dhcp)
		rule(r, "ether type ip " WHOLE "udp sport 67 drop");
	accept_nets(r, "ether type ip", "ip saddr", nets);
}

static void ipv6_rules(struct rules *r, const struct nets *nets, const char *mac, bool has_own_dhcp)
{
	if (!nets->n)
		return;
	rule(r, "ether type ip6 ip6 version != 6 drop");

	/* Address detection has no source; it may carry a nonce (RFC 7527), never a link-layer address. */
	rule(r, "ether type ip6 ip6 saddr :: " NS " @th,192,8 1 drop");
	rule_per_target(r, nets, "ether type ip6 ip6 saddr :: ip6 nexthdr icmpv6 " NS " ip6 length 24-32");
	drop_others(r, "ether type ip6", "ip6 saddr", nets);
	/* Later fragments hold no header to look at, and make nothing without the first. */
	rule(r, "ether type ip6 frag frag-off != 0 accept");

	/* 133 to 137 are the messages of neighbour discovery. None needs an extension header, and behind one
	 * (a fragment's among them) the lengths below would mean something else. */
	rule(r, "ether type ip6 icmpv6 type nd-router-advert drop");
	rule(r, "ether type ip6 icmpv6 type nd-redirect drop");
	rule(r, "ether type ip6 icmpv6 type 133-137 ip6 nexthdr != icmpv6 drop");
	if (has_own_dhcp)
		rule(r, "ether type ip6 udp sport 547 drop");

	/* The length says how many options there are: none, or one of 8 bytes, which must be the right
	 * address. That an advertisement's is M was seen to by the MAC rules. */
	rule(r, "ether type ip6 " NA " ip6 length != 24-32 drop");
	rule(r, "ether type ip6 " NA " ip6 length 25-31 drop");
	rule(r, "ether type ip6 " NA " ip6 length 32 @th,192,16 != 0x0201 drop");
	rule_per_target(r, nets, "ether type ip6 " NA);
	rule(r, "ether type ip6 " NA " drop");
	rule(r, "ether type ip6 " NS " ip6 length 24 accept");
	rule(r, "ether type ip6 " NS " ip6 length 32 @th,192,16 0x0101 @th,208,48 %s accept", mac);
	rule(r, "ether type ip6 " RS " ip6 length 8 accept");
	rule(r, "ether type ip6 " RS " ip6 length 16 @th,64,16 0x0101 @th,80,48 %s accept", mac);
	rule(r, "ether type ip6 icmpv6 type 133-137 drop");

	/* The rest, as long as it can be told what it is: a first fragment must hold all headers (RFC 7112),
	 * so that nothing was hidden from the rules above by cutting it up. */
	rule(r, "ether type ip6 @th,0,8 >= 0 accept");
}

void filter_rules(struct buf *b, const struct filter_port *port, unsigned flags)
{
	AUTO(buf_done) struct buf mac = BUF_NULL, text = BUF_NULL, comment = BUF_NULL;
	AUTO(nets_done) struct nets v4 = nets_of(port, AF_INET), v6 = nets_of(port, AF_INET6);
	struct rules r = {0};

	buf_mac(&text, port->mac);
	hex(&mac, port->mac.b, sizeof(port->mac.b));
	if (v6.n) {
		const struct ip_net own = {.ip = ip_link_local(port->mac), .len = 128};

		nets_add(&v6, &own);
	}
	buf_printf(&r.head, "add rule bridge %s ", net_table());
	buf_nft_chain(&r.head, FILTER_PREFIX, port->name);
	buf_addc(&r.head, ' ');

	mac_rules(&r, buf_cstr(&mac), flags & FILTER_OWN_DHCP);
	if (flags & FILTER_V4)
		ipv4_rules(&r, &v4, flags & FILTER_OWN_DHCP);
	if (flags & FILTER_V6)
		ipv6_rules(&r, &v6, buf_cstr(&mac), flags & FILTER_OWN_DHCP);
	if (flags & (FILTER_V4 | FILTER_V6)) {
		if (!(flags & FILTER_V4)) {
			rule(&r, "ether type arp accept");
			rule(&r, "ether type ip accept");
		}
		if (!(flags & FILTER_V6))
			rule(&r, "ether type ip6 accept");
		/* Whatever is left, other EtherTypes and tagged frames too. */
		rule(&r, "drop");
	}

	filter_state_comment(&comment, flags, port->mac, r.n + 1);
	buf_printf(b, "%sether saddr != %s drop comment \"%s\"\n%s", buf_cstr(&r.head), buf_cstr(&text),
		   buf_cstr(&comment), buf_cstr(&r.text));
	buf_done(&r.head);
	buf_done(&r.text);
}
