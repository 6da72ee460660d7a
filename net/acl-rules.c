/* SPDX-License-Identifier: Apache-2.0 */
/* One rule of an access control list in nftables' words. Everything in them is a number, an address, or a
 * name that holds no character which means something there. */
#include "net/acl-internal.h"

#include <stdlib.h>

#include "engine/base/auto.h"
#include "net/nft.h"

/* What one of many sources or destinations looks like in a rule; several of these are several rules. */
struct matches {
	struct buf *list;
	size_t n;
};

static void matches_done_auto(struct matches *m)
{
	for (size_t i = 0; i < m->n; i++)
		buf_done(&m->list[i]);
	free(m->list);
}

static struct buf *matches_add(struct matches *m)
{
	m->list = xrealloc(m->list, (m->n + 1) * sizeof(*m->list));
	m->list[m->n] = BUF_NULL;
	return &m->list[m->n++];
}

/* ---- sets of addresses and ports: sorted and joined, as nft refuses intervals that overlap */

static int ip_cmp(const struct ip *a, const struct ip *b)
{
	return memcmp(a->bytes, b->bytes, ip_bits(a) / 8);
}

static int range_cmp(const void *a, const void *b)
{
	const struct acl_peer *x = a, *y = b;

	return ip_cmp(&x->first, &y->first);
}

/* Whether @b is the address behind @a. */
static bool is_next(const struct ip *a, const struct ip *b)
{
	struct ip next = *a;

	for (unsigned i = ip_bits(a) / 8; i-- > 0;)
		if (++next.bytes[i])
			return !ip_cmp(&next, b);
	return false;
}

static void ranges_text(struct buf *b, const struct acl_peer *peers, size_t n, int family)
{
	struct acl_peer *sorted = xcalloc(n + 1, sizeof(*sorted));
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < n; i++)
		if (peers[i].kind == ACL_RANGE && peers[i].first.family == family)
			sorted[count++] = peers[i];
	qsort(sorted, count, sizeof(*sorted), range_cmp);
	for (size_t i = 0; i < count; i++) {
		struct acl_peer *last = kept ? &sorted[kept - 1] : NULL;

		if (last &&
		    (ip_cmp(&sorted[i].first, &last->last) <= 0 || is_next(&last->last, &sorted[i].first))) {
			if (ip_cmp(&sorted[i].last, &last->last) > 0)
				last->last = sorted[i].last;
		} else {
			sorted[kept++] = sorted[i];
		}
	}
	buf_adds(b, "{ ");
	for (size_t i = 0; i < kept; i++) {
		buf_adds(b, i ? ", " : "");
		buf_ip(b, &sorted[i].first);
		if (ip_cmp(&sorted[i].first, &sorted[i].last)) {
			buf_addc(b, '-');
			buf_ip(b, &sorted[i].last);
		}
	}
	buf_adds(b, " }");
	free(sorted);
}

static int ports_cmp(const void *a, const void *b)
{
	const struct acl_ports *x = a, *y = b;

	return (int)x->first - (int)y->first;
}

static void ports_text(struct buf *b, const char *field, const struct acl_ports *ports, size_t n)
{
	struct acl_ports *sorted;
	size_t kept = 0;

	if (!n)
		return;
	sorted = xcalloc(n, sizeof(*sorted));
	memcpy(sorted, ports, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), ports_cmp);
	for (size_t i = 0; i < n; i++) {
		if (kept && sorted[i].first <= (unsigned)sorted[kept - 1].last + 1)
			sorted[kept - 1].last = MAX(sorted[kept - 1].last, sorted[i].last);
		else
			sorted[kept++] = sorted[i];
	}
	buf_printf(b, "%s { ", field);
	for (size_t i = 0; i < kept; i++) {
		buf_printf(b, "%s%u", i ? ", " : "", sorted[i].first);
		if (sorted[i].first != sorted[i].last)
			buf_printf(b, "-%u", sorted[i].last);
	}
	buf_adds(b, " } ");
	free(sorted);
}

/* ---- sources and destinations */

static bool has_kind(const struct acl_peer *peers, size_t n, enum acl_peer_kind kind, int family)
{
	for (size_t i = 0; i < n; i++)
		if (peers[i].kind == kind && (kind != ACL_RANGE || peers[i].first.family == family))
			return true;
	return false;
}

/* What one side may be, for one family; that which has no family when @family is 0. */
static void side_matches(struct matches *m, const struct acl_place *place, bool is_source, int family,
			 const struct acl_peer *peers, size_t n)
{
	const char *ip = family == AF_INET ? "ip" : "ip6", *side = is_source ? "saddr" : "daddr";
	const struct ip_net net = ip_net_base(&place->use->nets[family == AF_INET6]);

	if (!n)
		matches_add(m);
	for (size_t i = 0; i < n; i++)
		if (peers[i].kind == ACL_GROUP) {
			struct buf *b = matches_add(m);

			buf_adds(b, is_source ? "iifname " : "oifname ");
			buf_nft_chain(b, "@aclg-", peers[i].group);
			buf_addc(b, ' ');
		}
	if (!family)
		return;
	if (has_kind(peers, n, ACL_RANGE, family)) {
		struct buf *b = matches_add(m);

		buf_printf(b, "%s %s ", ip, side);
		ranges_text(b, peers, n, family);
		buf_addc(b, ' ');
	}
	for (int external = 0; external < 2; external++) {
		struct buf *b;

		if (!has_kind(peers, n, external ? ACL_EXTERNAL : ACL_INTERNAL, family))
			continue;
		/* without a network nothing is inside */
		if (!net.ip.family && !external)
			continue;
		b = matches_add(m);
		if (!net.ip.family)
			continue;
		buf_printf(b, "%s %s %s", ip, side, external ? "!= " : "");
		buf_ip_net(b, &net);
		buf_addc(b, ' ');
	}
}

static bool has_family(const struct acl_peer *peers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (peers[i].kind != ACL_GROUP)
			return true;
	return false;
}

static void proto_text(struct buf *b, const struct acl_rule *rule)
{
	const char *icmp = rule->proto == ACL_ICMP6 ? "icmpv6" : "icmp";

	switch (rule->proto) {
	case ACL_ANY:
		break;
	case ACL_TCP:
	case ACL_UDP:
		buf_printf(b, "meta l4proto %s ", rule->proto == ACL_TCP ? "tcp" : "udp");
		ports_text(b, rule->proto == ACL_TCP ? "tcp sport" : "udp sport", rule->sports,
			   rule->n_sports);
		ports_text(b, rule->proto == ACL_TCP ? "tcp dport" : "udp dport", rule->dports,
			   rule->n_dports);
		break;
	case ACL_ICMP4:
	case ACL_ICMP6:
		buf_printf(b, "meta l4proto %s ", rule->proto == ACL_ICMP4 ? "icmp" : "ipv6-icmp");
		if (rule->icmp_type >= 0)
			buf_printf(b, "%s type %d ", icmp, rule->icmp_type);
		if (rule->icmp_code >= 0)
			buf_printf(b, "%s code %d ", icmp, rule->icmp_code);
		break;
	}
}

/* ---- the rule */

/* The kernel takes 127 bytes before a logged packet. */
#define LOGGED_NAME_MAX 56

static const char *const action_words[ACL_ACTIONS] = {
    [ACL_DROP] = "drop",
    [ACL_REJECT] = "reject",
    [ACL_ALLOW_STATELESS] = "allow-stateless",
    [ACL_ALLOW] = "allow",
};

const char *acl_verdict_text(const struct acl_place *place, enum acl_action action)
{
	const bool is_in = place->which == ACL_IN;

	switch (action) {
	case ACL_DROP:
		return "drop";
	case ACL_REJECT:
		/* a bridge answers only where it hasn't decided yet whom a frame is for */
		return !place->is_bridge_table || (place->which == ACL_HOST && place->can_reject) ? "reject"
												  : "drop";
	case ACL_ALLOW_STATELESS:
		if (place->is_bridge_table)
			return is_in ? "goto acl-pass-in" : "goto acl-pass-out";
		return "accept";
	default:
		if (place->is_bridge_table)
			return is_in ? "goto acl-keep-in" : "goto acl-keep-out";
		return "accept";
	}
}

static void add_rule(struct buf *b, const struct acl_place *place)
{
	buf_printf(b, "add rule %s %s %s ", place->is_bridge_table ? "bridge" : "inet", net_table(),
		   place->chain);
}

void acl_log_text(struct buf *b, const struct acl_place *place, const char *match, const char *list,
		  const char *rule, enum acl_action action)
{
	add_rule(b, place);
	buf_printf(b, "%slimit rate 10/second burst 50 packets log prefix \"lxdfs acl %.*s %s %s%s%s: \"\n",
		   match, LOGGED_NAME_MAX, list, place->which == ACL_IN ? "ingress" : "egress", rule,
		   *rule ? " " : "", action_words[action]);
}

/* Every source with every destination. */
static void family_text(struct buf *b, const struct acl_place *place, const char *list,
			const struct acl_rule *rule, int family)
{
	__attribute__((cleanup(matches_done_auto))) struct matches from = {0}, to = {0};

	side_matches(&from, place, true, family, rule->sources, rule->n_sources);
	side_matches(&to, place, false, family, rule->destinations, rule->n_destinations);
	for (size_t i = 0; i < from.n; i++)
		for (size_t k = 0; k < to.n; k++) {
			AUTO(buf_done) struct buf match = BUF_NULL;

			if (family)
				buf_printf(&match, "meta protocol %s ", family == AF_INET ? "ip" : "ip6");
			buf_adds(&match, buf_cstr(&from.list[i]));
			buf_adds(&match, buf_cstr(&to.list[k]));
			proto_text(&match, rule);
			if (rule->is_logged)
				acl_log_text(b, place, buf_cstr(&match), list, rule->name, rule->action);
			add_rule(b, place);
			buf_printf(b, "%s%s\n", buf_cstr(&match), acl_verdict_text(place, rule->action));
		}
}

void acl_rule_text(struct buf *b, const struct acl_place *place, const char *list,
		   const struct acl_rule *rule)
{
	const bool has_v4 = rule->proto != ACL_ICMP6, has_v6 = rule->proto != ACL_ICMP4;

	if (rule->is_disabled || rule->is_ingress != (place->which == ACL_IN))
		return;
	if (has_v4 && has_v6 && !has_family(rule->sources, rule->n_sources) &&
	    !has_family(rule->destinations, rule->n_destinations)) {
		family_text(b, place, list, rule, 0);
		return;
	}
	if (has_v4)
		family_text(b, place, list, rule, AF_INET);
	if (has_v6)
		family_text(b, place, list, rule, AF_INET6);
}

/* ---- names, and the end of a rule */

static bool is_name(struct str name, size_t max, bool digit_first)
{
	if (!name.len || name.len > max)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool digit = c >= '0' && c <= '9';

		if (!letter && !(digit && (i || digit_first)) && !(i && (c == '-' || c == '_' || c == '.')))
			return false;
	}
	return true;
}

bool acl_name_ok(struct str name)
{
	return is_name(name, ACL_NAME_MAX, false);
}

bool acl_rule_name_ok(struct str name)
{
	return is_name(name, ACL_RULE_NAME_MAX, true);
}

void acl_rule_done(struct acl_rule *rule)
{
	free(rule->sources);
	free(rule->destinations);
	free(rule->sports);
	free(rule->dports);
	*rule = (struct acl_rule){0};
}
