/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the access control lists that don't depend on rules: base chains, what belongs to an allowed
 * flow, and the chain of a policy around its rules.
 *
 * A bridge's own frames have no connection tracking where the kernel lacks nf_conntrack_bridge, so flows are
 * remembered here in sets, alike on every kernel: a packet that a rule allows is noted with its port's name,
 * both addresses and ports, and what is its exact mirror passes in the other direction while the note lasts.
 * What comes in the direction of the note is judged by the rules again, each time: a rule that goes is in
 * force at once. */
#include "net/acl-internal.h"

#include "engine/base/auto.h"
#include "net/nft.h"

/* How many flows of a kind are remembered, of all ports together. */
#define TCP_MAX 262144
#define UDP_MAX 131072
#define OTHER_MAX 16384
#define PORTS_MAX 4096
/* New ones of a port, each way. */
#define NEW_RATE "500/second burst 5000 packets"

/* How long: of TCP a flow that isn't answered, one with data, one that ends; of UDP before and after an
 * answer; all else. */
#define TCP_NEW "2m"
#define TCP_DATA "1h"
#define TCP_END "2m"
#define UDP_NEW "1m"
#define UDP_DATA "3m"
#define OTHER "3m"
#define FRAGMENT "30s"

/* Appends a line in which %T is the table, and the rest as of printf(3). */
static void line(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void line(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
	buf_addc(b, '\n');
}

static void chain_begin(struct buf *b, const char *family, const char *chain, const char *hook)
{
	const char *t = net_table();

	line(b, "add chain %s %s %s%s", family, t, chain, hook);
	line(b, "flush chain %s %s %s", family, t, chain);
}

/* ---- flows: names of sets and keys, for one direction and one family */

struct dir {
	const char *name, *other; /* "out" and "in" */
	const char *me;		  /* "iifname": of the port whose flow it is */
};
static const struct dir dirs[] = {{"out", "in", "iifname"}, {"in", "out", "oifname"}};
static const struct {
	const char *n, *ip, *addr, *id, *icmp, *ether;
} families[] = {{"4", "ip", "ipv4_addr", "ip id", "icmp", "ip"},
		{"6", "ip6", "ipv6_addr", "frag id", "icmpv6", "ip6"}};

static void sets_text(struct buf *b, const struct dir *d)
{
	const char *t = net_table();

	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		const char *n = families[f].n, *addr = families[f].addr, *ip = families[f].ip;

		line(b,
		     "add set bridge %s acl_tcp%s_%s { type ifname . %s . %s . inet_service . inet_service; "
		     "size %d; flags dynamic,timeout; timeout " TCP_NEW "; }",
		     t, n, d->name, addr, addr, TCP_MAX);
		line(b,
		     "add set bridge %s acl_udp%s_%s { type ifname . %s . %s . inet_service . inet_service; "
		     "size %d; flags dynamic,timeout; timeout " UDP_NEW "; }",
		     t, n, d->name, addr, addr, UDP_MAX);
		line(b,
		     "add set bridge %s acl_other%s_%s { type ifname . %s . %s . inet_proto; size %d; flags "
		     "dynamic,timeout; timeout " OTHER "; }",
		     t, n, d->name, addr, addr, OTHER_MAX);
		line(b,
		     "add set bridge %s acl_frag%s_%s { typeof iifname . %s saddr . %s daddr . %s; size %d; "
		     "flags dynamic,timeout; timeout " FRAGMENT "; }",
		     t, n, d->name, ip, ip, families[f].id, OTHER_MAX);
	}
	line(b, "add set bridge %s acl_new_%s { type ifname; size %d; flags dynamic,timeout; timeout 1m; }",
	     t, d->name, PORTS_MAX);
}

/* Chains of each protocol: a packet meets the rules of its own alone. */
static void protocols_text(struct buf *b, const char *what, const struct dir *d, size_t f)
{
	const char *n = families[f].n, *me = d->name;

	line(b,
	     "add rule bridge %s acl-%s%s-%s meta l4proto vmap { tcp : goto acl-%s%s-tcp-%s, udp : goto "
	     "acl-%s%s-udp-%s, "
	     "%s : goto acl-%s%s-icmp-%s }",
	     net_table(), what, n, me, what, n, me, what, n, me, f ? "ipv6-icmp" : "icmp", what, n, me);
}

/* Of a flow that the other side began: passes as what is noted the other way round. */
static void replies_text(struct buf *b, const struct dir *d, size_t f)
{
	AUTO(buf_done) struct buf head = BUF_NULL, addrs = BUF_NULL;
	const char *n = families[f].n, *ip = families[f].ip, *o = d->other, *me = d->name;
	const char *h, *a;

	buf_printf(&head, "add rule bridge %s acl-replies%s", net_table(), n);
	buf_printf(&addrs, "%s . %s daddr . %s saddr", d->me, ip, ip);
	h = head.ptr;
	a = addrs.ptr;
	line(b, "%s-%s %s %s . %s saddr . %s daddr . %s @acl_frag%s_%s accept", h, me,
	     f ? "frag frag-off != 0" : "ip frag-off & 0x1fff != 0", d->me, ip, ip, families[f].id, n, me);
	protocols_text(b, "replies", d, f);
	line(b,
	     "%s-%s %s . meta l4proto @acl_other%s_%s update @acl_other%s_%s { %s . meta l4proto } goto "
	     "acl-pass-%s",
	     h, me, a, n, o, n, o, a, me);
	for (int i = 0; i < 2; i++)
		line(b,
		     "%s-tcp-%s tcp flags & (%s) != 0 %s . tcp dport . tcp sport @acl_tcp%s_%s update "
		     "@acl_tcp%s_%s { %s "
		     ". tcp dport . tcp sport timeout %s } goto acl-pass-%s",
		     h, me, i ? "psh" : "fin | rst", a, n, o, n, o, a, i ? TCP_DATA : TCP_END, me);
	line(b, "%s-tcp-%s %s . tcp dport . tcp sport @acl_tcp%s_%s goto acl-pass-%s", h, me, a, n, o, me);
	line(b,
	     "%s-udp-%s %s . udp dport . udp sport @acl_udp%s_%s update @acl_udp%s_%s { %s . udp dport . udp "
	     "sport timeout "
	     "%s } goto acl-pass-%s",
	     h, me, a, n, o, n, o, a, UDP_DATA, me);
	line(b, "%s-icmp-%s %s type echo-reply %s . meta l4proto @acl_other%s_%s goto acl-pass-%s", h, me,
	     families[f].icmp, a, n, o, me);
	line(b, "%s-icmp-%s %s type { %s } accept", h, me, families[f].icmp, f ? "1, 2, 3, 4" : "3, 11, 12");
}

/* A new flow: of one of the sets, unless it comes too soon after too many. */
static void note_text(struct buf *b, const char *chain, const struct dir *d, const char *set, const char *n,
		      const char *key)
{
	const char *t = net_table(), *me = d->name;

	line(b, "add rule bridge %s %s-%s add @acl_new_%s { %s limit rate over " NEW_RATE " } drop", t, chain,
	     me, me, d->me);
	line(b, "add rule bridge %s %s-%s add @acl_%s%s_%s { %s } goto acl-pass-%s", t, chain, me, set, n, me,
	     key, me);
	line(b, "add rule bridge %s %s-%s drop", t, chain, me);
}

/* Noting a flow. An entry that is there isn't made younger: only an answer, or data behind it, does that. */
static void keep_text(struct buf *b, const struct dir *d, size_t f)
{
	AUTO(buf_done) struct buf chain = BUF_NULL, tcp = BUF_NULL, udp = BUF_NULL, icmp = BUF_NULL;
	AUTO(buf_done) struct buf tcp_key = BUF_NULL, udp_key = BUF_NULL, key = BUF_NULL;
	const char *n = families[f].n, *ip = families[f].ip, *me = d->name, *t = net_table();

	buf_printf(&chain, "acl-keep%s", n);
	buf_printf(&tcp, "acl-keep%s-tcp", n);
	buf_printf(&udp, "acl-keep%s-udp", n);
	buf_printf(&icmp, "acl-keep%s-icmp", n);
	buf_printf(&tcp_key, "%s . %s saddr . %s daddr . tcp sport . tcp dport", d->me, ip, ip);
	buf_printf(&udp_key, "%s . %s saddr . %s daddr . udp sport . udp dport", d->me, ip, ip);
	buf_printf(&key, "%s . %s saddr . %s daddr . meta l4proto", d->me, ip, ip);

	protocols_text(b, "keep", d, f);
	line(b, "add rule bridge %s %s-%s %s @acl_other%s_%s goto acl-pass-%s", t, chain.ptr, me, key.ptr, n,
	     me, me);
	note_text(b, chain.ptr, d, "other", n, key.ptr);
	for (int i = 0; i < 2; i++)
		line(b,
		     "add rule bridge %s %s-%s tcp flags & (%s) != 0 %s @acl_tcp%s_%s update @acl_tcp%s_%s { "
		     "%s timeout %s "
		     "} goto acl-pass-%s",
		     t, tcp.ptr, me, i ? "psh" : "fin | rst", tcp_key.ptr, n, me, n, me, tcp_key.ptr,
		     i ? TCP_DATA : TCP_END, me);
	line(b, "add rule bridge %s %s-%s %s @acl_tcp%s_%s goto acl-pass-%s", t, tcp.ptr, me, tcp_key.ptr, n,
	     me, me);
	note_text(b, tcp.ptr, d, "tcp", n, tcp_key.ptr);
	line(b, "add rule bridge %s %s-%s %s @acl_udp%s_%s goto acl-pass-%s", t, udp.ptr, me, udp_key.ptr, n,
	     me, me);
	note_text(b, udp.ptr, d, "udp", n, udp_key.ptr);
	line(b, "add rule bridge %s %s-%s %s type != echo-request goto acl-pass-%s", t, icmp.ptr, me,
	     families[f].icmp, me);
	line(b, "add rule bridge %s %s-%s %s @acl_other%s_%s goto acl-pass-%s", t, icmp.ptr, me, key.ptr, n,
	     me, me);
	note_text(b, icmp.ptr, d, "other", n, key.ptr);
}

static void pass_text(struct buf *b, const struct dir *d)
{
	const char *t = net_table();

	for (size_t f = 0; f < ARRAY_SIZE(families); f++)
		line(b,
		     "add rule bridge %s acl-pass-%s %s add @acl_frag%s_%s { %s . %s saddr . %s daddr . %s }",
		     t, d->name, f ? "exthdr frag exists frag frag-off 0" : "ip frag-off & 0x3fff == 0x2000",
		     families[f].n, d->name, d->me, families[f].ip, families[f].ip, families[f].id);
	line(b, "add rule bridge %s acl-pass-%s accept", t, d->name);
}

static const char *const flow_chains[] = {
    "replies",	 "replies4",	 "replies4-tcp", "replies4-udp",  "replies4-icmp",
    "replies6",	 "replies6-tcp", "replies6-udp", "replies6-icmp", "keep",
    "keep4",	 "keep4-tcp",	 "keep4-udp",	 "keep4-icmp",	  "keep6",
    "keep6-tcp", "keep6-udp",	 "keep6-icmp",	 "pass",
};

static void dir_text(struct buf *b, const struct dir *d)
{
	const char *t = net_table();

	for (size_t i = 0; i < ARRAY_SIZE(flow_chains); i++) {
		AUTO(buf_done) struct buf chain = BUF_NULL;

		buf_printf(&chain, "acl-%s-%s", flow_chains[i], d->name);
		chain_begin(b, "bridge", chain.ptr, "");
	}
	/* no list says anything of other frames: tagged ones would carry what rules can't see */
	line(b, "add rule bridge %s acl-replies-%s ether type arp accept", t, d->name);
	line(b, "add rule bridge %s acl-replies-%s ether type ip goto acl-replies4-%s", t, d->name, d->name);
	line(b, "add rule bridge %s acl-replies-%s ether type ip6 goto acl-replies6-%s", t, d->name, d->name);
	line(b, "add rule bridge %s acl-replies-%s drop", t, d->name);
	line(b, "add rule bridge %s acl-keep-%s ether type ip goto acl-keep4-%s", t, d->name, d->name);
	line(b, "add rule bridge %s acl-keep-%s ether type ip6 goto acl-keep6-%s", t, d->name, d->name);
	pass_text(b, d);
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		replies_text(b, d, f);
		keep_text(b, d, f);
	}
}

/* ---- base chains */

/* Behind the filters of NICs (net/filter.c), which a frame must have passed: priority -200. */
static const struct {
	bool is_bridge_table;
	const char *chain, *hook, *rule;
} bases[] = {
    {true, "acl-input", " { type filter hook input priority -190; policy accept; }",
     "iifname vmap @acl_host"},
    {true, "acl-forward-out", " { type filter hook forward priority -190; policy accept; }",
     "iifname vmap @acl_out"},
    {true, "acl-forward-in", " { type filter hook forward priority -180; policy accept; }",
     "oifname vmap @acl_in"},
    {true, "acl-output", " { type filter hook output priority -180; policy accept; }",
     "oifname vmap @acl_in"},
    {false, "acl-input", " { type filter hook input priority filter; policy accept; }",
     "iifname vmap @acl_out"},
    {false, "acl-forward-out", " { type filter hook forward priority filter; policy accept; }",
     "iifname vmap @acl_out"},
    {false, "acl-forward-in", " { type filter hook forward priority filter; policy accept; }",
     "oifname vmap @acl_in"},
    {false, "acl-output", " { type filter hook output priority filter; policy accept; }",
     "oifname vmap @acl_in"},
};
static const char *const maps[] = {"acl_out", "acl_in", "acl_host"};

void acl_base_text(struct buf *b, bool is_bridge_table)
{
	const char *family = is_bridge_table ? "bridge" : "inet", *t = net_table();

	line(b, "add table %s %s", family, t);
	line(b, "add set %s %s acl_users { type ifname; }", family, t);
	for (size_t i = 0; i < (is_bridge_table ? 3 : 2); i++)
		line(b, "add map %s %s %s { type ifname : verdict; }", family, t, maps[i]);
	/* each direction looks at the other's flows */
	for (size_t i = 0; i < ARRAY_SIZE(dirs) && is_bridge_table; i++)
		sets_text(b, &dirs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(dirs) && is_bridge_table; i++)
		dir_text(b, &dirs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		if (bases[i].is_bridge_table != is_bridge_table)
			continue;
		chain_begin(b, family, bases[i].chain, bases[i].hook);
		/* what only a router that is the host itself can send */
		if (is_bridge_table && !strcmp(bases[i].chain, "acl-output")) {
			line(b,
			     "add rule bridge %s acl-output ip6 saddr fe80::/10 icmpv6 type nd-router-advert "
			     "accept",
			     t);
			line(b,
			     "add rule bridge %s acl-output ip6 saddr fe80::/10 udp sport 547 udp dport 546 "
			     "accept",
			     t);
		}
		line(b, "add rule %s %s %s %s", family, t, bases[i].chain, bases[i].rule);
		line(b, "add rule %s %s %s %.7s @acl_users drop", family, t, bases[i].chain, bases[i].rule);
	}
}

/* Chains that look at others or at sets go before these. */
void acl_unbase_text(struct buf *b, bool is_bridge_table)
{
	const char *family = is_bridge_table ? "bridge" : "inet", *t = net_table();
	static const char *const sets[] = {"tcp4",   "tcp6",  "udp4",  "udp6", "other4",
					   "other6", "frag4", "frag6", "new"};

	acl_base_text(b, is_bridge_table);
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++)
		if (bases[i].is_bridge_table == is_bridge_table)
			line(b, "delete chain %s %s %s", family, t, bases[i].chain);
	for (size_t i = 0; i < (is_bridge_table ? 3 : 2); i++)
		line(b, "delete map %s %s %s", family, t, maps[i]);
	line(b, "delete set %s %s acl_users", family, t);
	for (size_t d = 0; d < ARRAY_SIZE(dirs) && is_bridge_table; d++) {
		for (size_t i = 0; i < ARRAY_SIZE(flow_chains); i++)
			line(b, "flush chain bridge %s acl-%s-%s", t, flow_chains[i], dirs[d].name);
		for (size_t i = 0; i < ARRAY_SIZE(flow_chains); i++)
			line(b, "delete chain bridge %s acl-%s-%s", t, flow_chains[i], dirs[d].name);
	}
	for (size_t d = 0; d < ARRAY_SIZE(dirs) && is_bridge_table; d++)
		for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
			line(b, "delete set bridge %s acl_%s_%s", t, sets[i], dirs[d].name);
}

/* ---- a policy */

/* What a machine needs to have an address and a neighbour, which no rule is asked about. */
static void basics_text(struct buf *b, const struct acl_place *p)
{
	AUTO(buf_done) struct buf head = BUF_NULL;
	const bool is_in = p->which == ACL_IN, is_host = p->which == ACL_HOST || !p->is_bridge_table;
	const struct acl_use *use = p->use;
	const char *h;

	buf_printf(&head, "add rule %s %s %s", p->is_bridge_table ? "bridge" : "inet", net_table(), p->chain);
	h = head.ptr;
	if (!p->is_bridge_table) {
		/* with br_netfilter also what goes from port to port */
		line(b, "%s %s \"%s\" accept", h, is_in ? "iifname" : "oifname", use->link);
		line(b, "%s ct state established,related accept", h);
		line(b, "%s icmp type { 3, 11, 12 } accept", h);
		line(b, "%s icmpv6 type { 1, 2, 3, 4 } accept", h);
	} else {
		line(b, "%s jump acl-replies-%s", h, is_in ? "in" : "out");
	}
	if (is_in) {
		const char *more = !use->is_managed || !p->is_bridge_table ? ", 134" : "";

		line(b, "%s icmpv6 type { 130, 135, 136, 143%s } accept", h, more);
		if (!use->is_managed || !p->is_bridge_table)
			line(b, "%s ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept", h);
	} else {
		line(b, "%s icmpv6 type { 131, 132, 133, 135, 136, 143 } accept", h);
		if (is_host || !use->is_managed) {
			line(b, "%s meta protocol ip udp sport 68 udp dport 67 accept", h);
			line(b, "%s meta protocol ip6 udp sport 546 udp dport 547 accept", h);
		}
	}
	if (is_in && !use->is_managed)
		line(b, "%s meta protocol ip udp sport 67 udp dport 68 accept", h);
	for (int i = 0; i < 2 && use->is_managed; i++) {
		AUTO(buf_done) struct buf ip = BUF_NULL;

		if (!use->nets[i].ip.family)
			continue;
		buf_ip(&ip, &use->nets[i].ip);
		if (is_in && i == 0)
			line(b, "%s ip saddr %s udp sport 67 udp dport 68 accept", h, ip.ptr);
		if (!is_in && is_host && use->has_dns) {
			const char *verdict = acl_verdict_text(p, ACL_ALLOW), *v = i ? "ip6" : "ip";

			line(b, "%s %s daddr %s udp dport 53 %s", h, v, ip.ptr, verdict);
			line(b, "%s %s daddr %s tcp dport 53 %s", h, v, ip.ptr, verdict);
		}
	}
}

void acl_policy_text(struct buf *b, const struct acl_place *p, const struct acl_list *const *lists, size_t n)
{
	const bool is_in = p->which == ACL_IN;
	const enum acl_action last = is_in ? p->use->ingress : p->use->egress;

	chain_begin(b, p->is_bridge_table ? "bridge" : "inet", p->chain, "");
	basics_text(b, p);
	for (int action = 0; action < ACL_ACTIONS; action++)
		for (size_t i = 0; i < n; i++)
			for (size_t k = 0; k < lists[i]->n; k++)
				if (lists[i]->rules[k].action == (enum acl_action)action)
					acl_rule_text(b, p, lists[i]->name, &lists[i]->rules[k]);
	if (is_in ? p->use->ingress_logged : p->use->egress_logged)
		acl_log_text(b, p, "", "default", "", last);
	line(b, "add rule %s %s %s %s", p->is_bridge_table ? "bridge" : "inet", net_table(), p->chain,
	     acl_verdict_text(p, last));
}
