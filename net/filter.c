/* SPDX-License-Identifier: Apache-2.0 */
/* Filters of ports: made, replaced and removed, each time as one transaction.
 *
 * A frame that is on its way while a transaction comes into force sees each chain as it was before or as it
 * is after, but may look into a map after it has begun with the chains before. So a port's chain and its
 * place in the map stay when its rules change, and only the chain's content is replaced: that leaves no gap.
 */
#include "net/filter-internal.h"

#include <stdatomic.h>

#include "engine/base/auto.h"
#include "net/nft.h"

/* nft_changes() + 1 of when this process made the table's common part; 0: it didn't, or the part may be
 * damaged. */
static atomic_uint base_made;

void filter_distrust(void)
{
	atomic_store(&base_made, 0);
}

/* The common part. Said again it changes nothing; what others put into these chains goes. */
static void base_text(struct buf *b)
{
	static const char *const lines[] = {
	    "add table bridge %s",
	    "add map bridge %s ports { type ifname : verdict; }",
	    "add set bridge %s only_host4 { type ifname; }",
	    "add set bridge %s only_host6 { type ifname; }",
	    "add chain bridge %s prerouting { type filter hook prerouting priority -200; policy accept; }",
	    "add chain bridge %s input { type filter hook input priority -200; policy accept; }",
	    "add chain bridge %s forward { type filter hook forward priority -200; policy accept; }",
	    "flush chain bridge %s prerouting",
	    "flush chain bridge %s input",
	    "flush chain bridge %s forward",
	    "add rule bridge %s prerouting iifname vmap @ports",
	    "add rule bridge %s input ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 iifname vmap "
	    "@ports",
	    "add rule bridge %s forward ether type ip ip saddr 0.0.0.0 iifname @only_host4 drop",
	    "add rule bridge %s forward ether type ip6 icmpv6 type nd-router-solicit iifname @only_host6 "
	    "drop",
	    "add rule bridge %s forward ether type ip6 udp sport 546 udp dport 547 iifname @only_host6 drop",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const char *at = strstr(lines[i], "%s");

		buf_printf(b, "%.*s%s%s\n", (int)(at - lines[i]), lines[i], net_table(), at + 2);
	}
}

/* Put a port into a set or map, or take it out, @was: whether it is known to be there. What isn't known to be
 * there is put in before it is taken out, as nft refuses to take out what isn't. */
static void member_text(struct buf *b, const char *set, const char *quoted, const char *value, bool is_member,
			bool is_known, bool was)
{
	if (is_known ? is_member && !was : true)
		buf_printf(b, "add element bridge %s %s { %s%s }\n", net_table(), set, quoted, value);
	if (is_known ? was && !is_member : !is_member)
		buf_printf(b, "delete element bridge %s %s { %s }\n", net_table(), set, quoted);
}

static int port_text(struct buf *b, const struct filter_port *port, unsigned was, struct err *err)
{
	AUTO(buf_done) struct buf quoted = BUF_NULL, chain = BUF_NULL, jump = BUF_NULL;
	const bool is_known = !(was & FILTER_UNKNOWN);
	unsigned flags = port->flags & FILTER_ANY;

	if (buf_nft_ifname(&quoted, port->name) < 0) {
		AUTO(buf_done) struct buf shown = BUF_NULL;

		buf_escape(&shown, str_from(port->name));
		return err_set(
		    err, EINVAL,
		    "\"%s\" can't be filtered: the name of a link has 1 to 15 printable characters without "
		    "quotes, '\\', '*', '/' or ':'",
		    buf_cstr(&shown));
	}
	if (flags) {
		flags = port->flags | FILTER_MAC;
		if (flags & ~(unsigned)(FILTER_ANY | FILTER_OWN_DHCP))
			return err_set(err, EINVAL, "filter of %s: flags %#x are unknown", port->name, flags);
		if (!mac_is_unicast(port->mac))
			return err_set(err, EINVAL, "filter of %s: its MAC address is none of a single NIC",
				       port->name);
		for (size_t i = 0; i < port->n_allowed; i++) {
			unsigned bits = ip_bits(&port->allowed[i].ip);

			if (!bits || port->allowed[i].len > bits)
				return err_set(
				    err, EINVAL,
				    "filter of %s: allowed address %zu is no address, or its prefix is "
				    "longer than one",
				    port->name, i + 1);
		}
	}

	if (is_known && !flags && !was)
		return 0;
	buf_nft_chain(&chain, FILTER_PREFIX, port->name);
	buf_printf(&jump, " : jump %s", chain.ptr);
	if (!is_known || !was)
		buf_printf(b, "add chain bridge %s %s\n", net_table(), chain.ptr);
	if (!is_known || (was && flags))
		buf_printf(b, "flush chain bridge %s %s\n", net_table(), chain.ptr);
	if (flags)
		filter_rules(b, port, flags);
	member_text(b, "ports", quoted.ptr, jump.ptr, flags, is_known, was);
	member_text(b, "only_host4", quoted.ptr, "", flags & FILTER_V4, is_known, was & FILTER_V4);
	member_text(b, "only_host6", quoted.ptr, "", flags & FILTER_V6, is_known, was & FILTER_V6);
	if (!flags)
		buf_printf(b, "delete chain bridge %s %s\n", net_table(), chain.ptr);
	return 0;
}

static int steps_text(struct buf *b, const struct filter_step *steps, size_t n, bool is_known,
		      struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		int r = port_text(b, &steps[i].port, is_known ? steps[i].was : FILTER_UNKNOWN, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int filter_text(struct buf *b, const struct filter_port *ports, size_t n, struct err *err)
{
	size_t before = b->len;
	int r = 0;

	base_text(b);
	for (size_t i = 0; i < n && r == 0; i++)
		r = port_text(b, &ports[i], FILTER_UNKNOWN, err);
	if (r < 0) {
		b->len = before;
		b->ptr[before] = '\0';
	}
	return r;
}

int filter_apply(const struct filter_step *steps, size_t n, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	const unsigned now = nft_changes() + 1;
	bool is_known;
	int r;

	if (!n)
		return 0;
	/* Remembered before the transaction: who distrusts the table meanwhile is heard. */
	is_known = atomic_exchange(&base_made, now) == now;
	if (!is_known)
		base_text(&text);
	r = steps_text(&text, steps, n, is_known, err);
	if (r == 0 && text.len)
		r = nft_run(buf_cstr(&text), err);
	if (r == -ENOENT) {
		/* Somebody removed the table, or a part of it, and the news haven't been read yet. */
		err_done(err);
		buf_clear(&text);
		base_text(&text);
		r = steps_text(&text, steps, n, false, err);
		if (r == 0)
			r = nft_run(buf_cstr(&text), err);
	}
	if (r < 0)
		filter_distrust();
	return r;
}

/* Whether the table is there, whatever is in it. */
static bool has_table(void)
{
	AUTO(buf_done) struct buf text = BUF_NULL, line = BUF_NULL;

	buf_printf(&line, "table bridge %s\n", net_table());
	return nft_list("list tables bridge", &text, NULL) < 0 || strstr(buf_cstr(&text), line.ptr);
}

int filter_remove(const char *name, unsigned was, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	const struct filter_step step = {.port = {.name = name}, .was = FILTER_UNKNOWN};
	int r = -ENOENT;

	if (!(was & FILTER_UNKNOWN) && was && atomic_load(&base_made) == nft_changes() + 1) {
		r = port_text(&text, &step.port, was, err);
		if (r == 0)
			r = nft_run(text.ptr, err);
	}
	if (r == -ENOENT) {
		err_done(err);
		buf_clear(&text);
		r = port_text(&text, &step.port, FILTER_UNKNOWN, err);
		if (r == 0)
			r = nft_run(text.ptr, err);
	}
	if (r == -ENOENT) {
		err_done(err);
		/* no table, no filter; or a damaged one, which filter_apply() repairs first */
		filter_distrust();
		r = has_table() ? filter_apply(&step, 1, err) : 0;
	}
	return r;
}

int filter_drop_table(struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;

	filter_distrust();
	buf_printf(&text, "add table bridge %s\ndelete table bridge %s\n", net_table(), net_table());
	return nft_run(text.ptr, err);
}
