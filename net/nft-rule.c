/* SPDX-License-Identifier: Apache-2.0 */
/* One rule of nft to the kernel's expressions: load a field, mask it, compare it; the verdict at the end.
 *
 * What nft does that is no one-to-one translation is done here as well, so that a listing reads as the text
 * did: the protocol that a field of a transport header asks for is compared first, two fields side by side
 * are compared as one, a prefix of whole bytes is a shorter load. */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "engine/base/ip.h"
#include "engine/base/parse.h"
#include "net/nft-compile.h"

enum { VALUE_MAX = 16, REGISTER = NFT_REG_1, UDATA_COMMENT = 0 };

enum kind { NUMBER, ETHERTYPE, PROTOCOL, ICMP6_TYPE, ADDRESS, MAC, RAW };

/* Where a field is. */
struct field {
	const char *head, *name;
	uint16_t ethertype; /* it must have been compared before; 0: of any frame */
	uint8_t protocol;   /* of the transport header, 0: none */
	uint8_t base, offset, len;
	uint8_t mask; /* of its only byte; 0: all of it */
	enum kind kind;
};

#define LINK NFT_PAYLOAD_LL_HEADER
#define NETWORK NFT_PAYLOAD_NETWORK_HEADER
#define TRANSPORT NFT_PAYLOAD_TRANSPORT_HEADER

static const struct field fields[] = {
    {"ether", "daddr", 0, 0, LINK, 0, 6, 0, MAC},
    {"ether", "saddr", 0, 0, LINK, 6, 6, 0, MAC},
    {"ether", "type", 0, 0, LINK, 12, 2, 0, ETHERTYPE},
    {"arp", "htype", ETH_P_ARP, 0, NETWORK, 0, 2, 0, NUMBER},
    {"arp", "ptype", ETH_P_ARP, 0, NETWORK, 2, 2, 0, ETHERTYPE},
    {"arp", "hlen", ETH_P_ARP, 0, NETWORK, 4, 1, 0, NUMBER},
    {"arp", "plen", ETH_P_ARP, 0, NETWORK, 5, 1, 0, NUMBER},
    {"arp", "saddr", ETH_P_ARP, 0, NETWORK, 14, 4, 0, ADDRESS}, /* "arp saddr ip" */
    {"ip", "version", ETH_P_IP, 0, NETWORK, 0, 1, 0xf0, NUMBER},
    {"ip", "frag-off", ETH_P_IP, 0, NETWORK, 6, 2, 0, NUMBER},
    {"ip", "saddr", ETH_P_IP, 0, NETWORK, 12, 4, 0, ADDRESS},
    {"ip", "daddr", ETH_P_IP, 0, NETWORK, 16, 4, 0, ADDRESS},
    {"ip6", "version", ETH_P_IPV6, 0, NETWORK, 0, 1, 0xf0, NUMBER},
    {"ip6", "length", ETH_P_IPV6, 0, NETWORK, 4, 2, 0, NUMBER},
    {"ip6", "nexthdr", ETH_P_IPV6, 0, NETWORK, 6, 1, 0, PROTOCOL},
    {"ip6", "saddr", ETH_P_IPV6, 0, NETWORK, 8, 16, 0, ADDRESS},
    {"icmpv6", "type", ETH_P_IPV6, IPPROTO_ICMPV6, TRANSPORT, 0, 1, 0, ICMP6_TYPE},
    {"udp", "sport", 0, IPPROTO_UDP, TRANSPORT, 0, 2, 0, NUMBER},
    {"udp", "dport", 0, IPPROTO_UDP, TRANSPORT, 2, 2, 0, NUMBER},
};

static const struct {
	const char *name;
	enum kind kind;
	uint16_t number;
} symbols[] = {
    {"ip", ETHERTYPE, ETH_P_IP},
    {"ip6", ETHERTYPE, ETH_P_IPV6},
    {"arp", ETHERTYPE, ETH_P_ARP},
    {"icmpv6", PROTOCOL, IPPROTO_ICMPV6},
    {"nd-router-solicit", ICMP6_TYPE, 133},
    {"nd-router-advert", ICMP6_TYPE, 134},
    {"nd-neighbor-solicit", ICMP6_TYPE, 135},
    {"nd-neighbor-advert", ICMP6_TYPE, 136},
    {"nd-redirect", ICMP6_TYPE, 137},
};

struct value {
	uint8_t bytes[VALUE_MAX]; /* network order */
	unsigned prefix;	  /* of an address with a length; else 0 */
};

struct rule {
	struct nl_msg *m;
	struct str rest;
	uint16_t ethertype;
	uint8_t protocol;
	/* the latest comparison of a field with a value, and where it stands: the next may become a part of
	 * it */
	struct field last;
	struct value last_value;
	size_t last_begin, last_end;
};

/* ---- expressions */

struct nests {
	size_t element, data;
};

static struct nests begin(struct rule *r, const char *name)
{
	struct nests n = {.element = nl_nest(r->m, NFTA_LIST_ELEM)};

	nl_put_text(r->m, NFTA_EXPR_NAME, name);
	n.data = nl_nest(r->m, NFTA_EXPR_DATA);
	return n;
}

static void end(struct rule *r, struct nests n)
{
	nl_nest_end(r->m, n.data);
	nl_nest_end(r->m, n.element);
}

static void put_value(struct rule *r, uint16_t type, const void *bytes, size_t len)
{
	size_t nest = nl_nest(r->m, type);

	nl_put(r->m, NFTA_DATA_VALUE, bytes, len);
	nl_nest_end(r->m, nest);
}

static void meta(struct rule *r, uint32_t key)
{
	struct nests n = begin(r, "meta");

	nft_put_be32(r->m, NFTA_META_KEY, key);
	nft_put_be32(r->m, NFTA_META_DREG, REGISTER);
	end(r, n);
}

static void payload(struct rule *r, uint32_t base, uint32_t offset, uint32_t len)
{
	struct nests n = begin(r, "payload");

	nft_put_be32(r->m, NFTA_PAYLOAD_DREG, REGISTER);
	nft_put_be32(r->m, NFTA_PAYLOAD_BASE, base);
	nft_put_be32(r->m, NFTA_PAYLOAD_OFFSET, offset);
	nft_put_be32(r->m, NFTA_PAYLOAD_LEN, len);
	end(r, n);
}

/* Bytes of the header of a fragment, or whether there is one. */
static void fragment_header(struct rule *r, uint32_t offset, uint32_t len, uint32_t flags)
{
	struct nests n = begin(r, "exthdr");

	nft_put_be32(r->m, NFTA_EXTHDR_DREG, REGISTER);
	nl_put_u8(r->m, NFTA_EXTHDR_TYPE, IPPROTO_FRAGMENT);
	nft_put_be32(r->m, NFTA_EXTHDR_OFFSET, offset);
	nft_put_be32(r->m, NFTA_EXTHDR_LEN, len);
	if (flags)
		nft_put_be32(r->m, NFTA_EXTHDR_FLAGS, flags);
	nft_put_be32(r->m, NFTA_EXTHDR_OP, NFT_EXTHDR_OP_IPV6);
	end(r, n);
}

static void bitwise(struct rule *r, const uint8_t *mask, uint32_t len)
{
	static const uint8_t zero[VALUE_MAX];
	struct nests n = begin(r, "bitwise");

	nft_put_be32(r->m, NFTA_BITWISE_SREG, REGISTER);
	nft_put_be32(r->m, NFTA_BITWISE_DREG, REGISTER);
	nft_put_be32(r->m, NFTA_BITWISE_OP, NFT_BITWISE_BOOL);
	nft_put_be32(r->m, NFTA_BITWISE_LEN, len);
	put_value(r, NFTA_BITWISE_MASK, mask, len);
	put_value(r, NFTA_BITWISE_XOR, zero, len);
	end(r, n);
}

static void cmp(struct rule *r, uint32_t op, const void *value, size_t len)
{
	struct nests n = begin(r, "cmp");

	nft_put_be32(r->m, NFTA_CMP_SREG, REGISTER);
	nft_put_be32(r->m, NFTA_CMP_OP, op);
	put_value(r, NFTA_CMP_DATA, value, len);
	end(r, n);
}

static void outside(struct rule *r, const struct value *first, const struct value *last, size_t len)
{
	struct nests n = begin(r, "range");

	nft_put_be32(r->m, NFTA_RANGE_SREG, REGISTER);
	nft_put_be32(r->m, NFTA_RANGE_OP, NFT_RANGE_NEQ);
	put_value(r, NFTA_RANGE_FROM_DATA, first->bytes, len);
	put_value(r, NFTA_RANGE_TO_DATA, last->bytes, len);
	end(r, n);
}

static void lookup(struct rule *r, struct str set, bool is_map, bool is_inverted)
{
	struct nests n = begin(r, "lookup");

	nft_put_be32(r->m, NFTA_LOOKUP_SREG, REGISTER);
	if (is_map)
		nft_put_be32(r->m, NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
	nft_put_str(r->m, NFTA_LOOKUP_SET, set);
	if (is_inverted)
		nft_put_be32(r->m, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	end(r, n);
}

/* ---- values */

static void put_number(struct value *v, uint64_t n, size_t len)
{
	*v = (struct value){0};
	for (size_t i = 0; i < len && i < sizeof(n); i++)
		v->bytes[len - 1 - i] = (uint8_t)(n >> 8 * i);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "0x" and any number of digits, at most @len bytes. */
static int parse_hex(struct str word, size_t len, struct value *ret)
{
	size_t digits = word.len - 2;

	if (!digits || digits > 2 * len)
		return -EOPNOTSUPP;
	*ret = (struct value){0};
	for (size_t i = 0; i < digits; i++) {
		int d = hex_digit(word.ptr[word.len - 1 - i]);

		if (d < 0)
			return -EOPNOTSUPP;
		ret->bytes[len - 1 - i / 2] |= (uint8_t)(d << (i % 2 ? 4 : 0));
	}
	return 0;
}

static int parse_address(const struct field *f, struct str word, struct value *ret)
{
	struct ip_net net;

	if (ip_net_parse(word, &net) < 0 || ip_bits(&net.ip) != 8u * f->len || !net.len)
		return -EOPNOTSUPP;
	*ret = (struct value){.prefix = net.len < 8u * f->len ? net.len : 0};
	net = ip_net_base(&net);
	memcpy(ret->bytes, net.ip.bytes, f->len);
	return 0;
}

static int parse_value(const struct field *f, struct str word, struct value *ret)
{
	struct mac mac;
	uint64_t n;

	if (f->kind == ADDRESS)
		return parse_address(f, word, ret);
	if (f->kind == MAC) {
		if (mac_parse(word, &mac) < 0)
			return -EOPNOTSUPP;
		*ret = (struct value){0};
		memcpy(ret->bytes, mac.b, sizeof(mac.b));
		return 0;
	}
	for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++)
		if (f->kind == symbols[i].kind && str_is(word, symbols[i].name)) {
			put_number(ret, symbols[i].number, f->len);
			return 0;
		}
	if (str_has_prefix(word, STR("0x")))
		return parse_hex(word, f->len, ret);
	if (f->len > 4 || parse_u64(word, 0, (UINT64_C(1) << 8 * f->len) - 1, &n) < 0)
		return -EOPNOTSUPP;
	/* the upper half of a byte */
	if (f->mask && (f->mask != 0xf0 || n > 15))
		return -EOPNOTSUPP;
	put_number(ret, f->mask ? n << 4 : n, f->len);
	return 0;
}

/* ---- comparisons */

/* nft compares two neighbours at once where a register could hold them like one number. */
static bool are_neighbours(const struct field *a, const struct field *b)
{
	unsigned len = a->len + b->len;

	return a->base == b->base && a->offset + a->len == b->offset &&
	       (len == 2 || len == 4 || len == 8 || len == 16) && a->offset % len == 0;
}

static void equal(struct rule *r, const struct field *f, const struct value *v)
{
	struct field both = *f;
	struct value value = *v;

	if (r->last_end == r->m->buf.len && are_neighbours(&r->last, f)) {
		r->m->buf.len = r->last_begin;
		value = r->last_value;
		memcpy(value.bytes + r->last.len, v->bytes, f->len);
		both.offset = r->last.offset;
		both.len = (uint8_t)(r->last.len + f->len);
	}
	r->last_begin = r->m->buf.len;
	payload(r, both.base, both.offset, both.len);
	cmp(r, NFT_CMP_EQ, value.bytes, both.len);
	/* two at most */
	r->last_end = both.len == f->len ? r->m->buf.len : 0;
	r->last = both;
	r->last_value = value;
}

static void prefix(struct rule *r, const struct field *f, uint32_t op, const struct value *v)
{
	uint8_t mask[VALUE_MAX] = {0};

	if (v->prefix % 8 == 0) {
		payload(r, f->base, f->offset, v->prefix / 8);
		cmp(r, op, v->bytes, v->prefix / 8);
		return;
	}
	for (unsigned i = 0; i < v->prefix; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	payload(r, f->base, f->offset, f->len);
	bitwise(r, mask, f->len);
	cmp(r, op, v->bytes, f->len);
}

/* "& MASK == VALUE", behind the field; the first word is off already. */
static int masked(struct rule *r, const struct field *f)
{
	struct value mask, v;
	int ret = parse_value(f, nft_word(&r->rest), &mask);

	if (!ret && !str_is(nft_word(&r->rest), "=="))
		return -EOPNOTSUPP;
	if (!ret)
		ret = parse_value(f, nft_word(&r->rest), &v);
	if (ret < 0 || f->kind == ADDRESS)
		return -EOPNOTSUPP;
	payload(r, f->base, f->offset, f->len);
	bitwise(r, mask.bytes, f->len);
	cmp(r, NFT_CMP_EQ, v.bytes, f->len);
	return 0;
}

/* "N" or "N-M" */
static int parse_span(const struct field *f, struct str word, struct value *first, struct value *last)
{
	const char *dash = f->kind == NUMBER || f->kind == RAW || f->kind == ICMP6_TYPE
			       ? memchr(word.ptr, '-', word.len)
			       : NULL;
	struct str head = word;

	/* a symbol has dashes too */
	if (!dash || word.ptr[0] < '0' || word.ptr[0] > '9')
		return parse_value(f, word, first);
	head.len = (size_t)(dash - word.ptr);
	if (parse_value(f, head, first) < 0 ||
	    parse_value(f, (struct str){dash + 1, word.len - head.len - 1}, last) < 0)
		return -EOPNOTSUPP;
	return 1;
}

static int compare(struct rule *r, const struct field *f)
{
	struct str word = nft_word(&r->rest);
	uint32_t op = NFT_CMP_EQ;
	struct value v, last;
	int is_span;

	if (str_is(word, "&"))
		return masked(r, f);
	if (str_is(word, "!="))
		op = NFT_CMP_NEQ;
	if (str_is(word, ">="))
		op = NFT_CMP_GTE;
	if (op != NFT_CMP_EQ)
		word = nft_word(&r->rest);
	is_span = parse_span(f, word, &v, &last);
	if (is_span < 0 || (op == NFT_CMP_GTE && (is_span || v.prefix || f->mask)))
		return -EOPNOTSUPP;
	if (op == NFT_CMP_EQ && !is_span && !v.prefix && !f->mask) {
		equal(r, f, &v);
		return 0;
	}
	if (v.prefix) {
		prefix(r, f, op, &v);
		return 0;
	}
	payload(r, f->base, f->offset, f->len);
	if (f->mask)
		bitwise(r, &f->mask, 1);
	if (!is_span) {
		cmp(r, op, v.bytes, f->len);
	} else if (op == NFT_CMP_NEQ) {
		outside(r, &v, &last, f->len);
	} else {
		cmp(r, NFT_CMP_GTE, v.bytes, f->len);
		cmp(r, NFT_CMP_LTE, last.bytes, f->len);
	}
	return 0;
}

/* ---- words */

/* "@nh,64,48": bits, of which only whole bytes are taken here */
static int raw_field(struct str word, struct field *ret)
{
	static const struct {
		const char *name;
		uint8_t base;
	} bases[] = {{"@ll", LINK}, {"@nh", NETWORK}, {"@th", TRANSPORT}};
	struct str base;
	uint64_t offset, len;

	if (!str_next(&word, ',', &base))
		return -EOPNOTSUPP;
	*ret = (struct field){.kind = RAW};
	for (size_t i = 0; i < sizeof(bases) / sizeof(*bases); i++) {
		struct str rest = word, first;

		if (!str_is(base, bases[i].name))
			continue;
		if (!str_next(&rest, ',', &first) || parse_u64(first, 0, 8 * 255, &offset) < 0 ||
		    parse_u64(rest, 8, 8 * VALUE_MAX, &len) < 0 || offset % 8 || len % 8)
			return -EOPNOTSUPP;
		ret->base = bases[i].base;
		ret->offset = (uint8_t)(offset / 8);
		ret->len = (uint8_t)(len / 8);
		return 0;
	}
	return -EOPNOTSUPP;
}

static int known_field(struct rule *r, struct str head)
{
	struct str name = nft_word(&r->rest), peek = r->rest, value = nft_word(&peek);
	const struct field *f = NULL;
	struct value v;

	for (size_t i = 0; !f && i < sizeof(fields) / sizeof(*fields); i++)
		if (str_is(head, fields[i].head) && str_is(name, fields[i].name))
			f = &fields[i];
	if (!f || (f->ethertype && f->ethertype != r->ethertype) || (f->protocol && !r->ethertype))
		return -EOPNOTSUPP;
	if (f->ethertype == ETH_P_ARP && f->kind == ADDRESS && !str_is(nft_word(&r->rest), "ip"))
		return -EOPNOTSUPP;
	if (f->protocol && f->protocol != r->protocol) {
		if (r->protocol)
			return -EOPNOTSUPP;
		meta(r, NFT_META_L4PROTO);
		cmp(r, NFT_CMP_EQ, &f->protocol, 1);
		r->protocol = f->protocol;
	}
	/* what is compared by the rule's own words isn't again */
	if (f->kind == ETHERTYPE && f->base == LINK && !parse_value(f, value, &v)) {
		if (r->ethertype)
			return -EOPNOTSUPP;
		r->ethertype = (uint16_t)(v.bytes[0] << 8 | v.bytes[1]);
	}
	if (f->kind == PROTOCOL && !parse_value(f, value, &v)) {
		if (r->protocol)
			return -EOPNOTSUPP;
		r->protocol = v.bytes[0];
	}
	return compare(r, f);
}

/* "meta protocol P": the EtherType behind a VLAN tag */
static int meta_protocol(struct rule *r)
{
	static const struct field protocol = {.len = 2, .kind = ETHERTYPE};
	struct value v;

	if (!str_is(nft_word(&r->rest), "protocol") || r->ethertype ||
	    parse_value(&protocol, nft_word(&r->rest), &v) < 0)
		return -EOPNOTSUPP;
	meta(r, NFT_META_PROTOCOL);
	cmp(r, NFT_CMP_EQ, v.bytes, protocol.len);
	r->ethertype = (uint16_t)(v.bytes[0] << 8 | v.bytes[1]);
	return 0;
}

/* "iifname @SET", "iifname != @SET", "iifname vmap @MAP" */
static int port(struct rule *r)
{
	struct str word = nft_word(&r->rest);
	bool is_map = str_is(word, "vmap"), is_inverted = str_is(word, "!=");

	if (is_map || is_inverted)
		word = nft_word(&r->rest);
	if (word.len < 2 || word.ptr[0] != '@')
		return -EOPNOTSUPP;
	meta(r, NFT_META_IIFNAME);
	lookup(r, (struct str){word.ptr + 1, word.len - 1}, is_map, is_inverted);
	return 0;
}

/* "exthdr frag exists" */
static int is_fragment(struct rule *r)
{
	static const uint8_t yes = 1;

	if (!str_is(nft_word(&r->rest), "frag") || !str_is(nft_word(&r->rest), "exists") ||
	    r->ethertype != ETH_P_IPV6)
		return -EOPNOTSUPP;
	fragment_header(r, 0, 1, NFT_EXTHDR_F_PRESENT);
	cmp(r, NFT_CMP_EQ, &yes, 1);
	return 0;
}

/* "frag frag-off != 0": the 13 bits before the flags */
static int is_later_fragment(struct rule *r)
{
	static const uint8_t mask[] = {0xff, 0xf8}, zero[] = {0, 0};

	if (!str_is(nft_word(&r->rest), "frag-off") || !str_is(nft_word(&r->rest), "!=") ||
	    !str_is(nft_word(&r->rest), "0") || r->ethertype != ETH_P_IPV6)
		return -EOPNOTSUPP;
	fragment_header(r, 2, 2, 0);
	bitwise(r, mask, sizeof(mask));
	cmp(r, NFT_CMP_NEQ, zero, sizeof(zero));
	return 0;
}

static int match(struct rule *r, struct str word)
{
	struct field raw;

	if (str_is(word, "meta"))
		return meta_protocol(r);
	if (str_is(word, "iifname"))
		return port(r);
	if (str_is(word, "exthdr"))
		return is_fragment(r);
	if (str_is(word, "frag"))
		return is_later_fragment(r);
	if (word.len && word.ptr[0] == '@')
		return raw_field(word, &raw) < 0 ? -EOPNOTSUPP : compare(r, &raw);
	return known_field(r, word);
}

static int verdict(struct rule *r, struct str word)
{
	struct nests n = begin(r, "immediate");
	int ret;

	nft_put_be32(r->m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	ret = nft_put_verdict(r->m, NFTA_IMMEDIATE_DATA, word, &r->rest);
	end(r, n);
	return ret;
}

/* "comment "..."", as nft keeps it: type, length, text with a NUL */
static int put_comment(struct nl_msg *m, struct str quoted)
{
	char note[2 + 256] = {UDATA_COMMENT};

	if (quoted.len < 2 || quoted.ptr[0] != '"' || quoted.len - 1 > NFT_USERDATA_MAXLEN - 2)
		return -EOPNOTSUPP;
	note[1] = (char)(quoted.len - 1);
	memcpy(note + 2, quoted.ptr + 1, quoted.len - 2);
	nl_put(m, NFTA_RULE_USERDATA, note, 2 + quoted.len - 1);
	return 0;
}

int nft_compile_rule(struct str text, struct nl_msg *m)
{
	struct rule r = {.m = m, .rest = text};
	size_t list = nl_nest(m, NFTA_RULE_EXPRESSIONS);
	struct str word;
	int ret = 0;

	for (word = nft_word(&r.rest); word.len && !ret; word = nft_word(&r.rest)) {
		if (str_is(word, "accept") || str_is(word, "drop") || str_is(word, "jump")) {
			ret = verdict(&r, word);
			word = nft_word(&r.rest);
			break;
		}
		ret = match(&r, word);
	}
	nl_nest_end(m, list);
	if (!ret && str_is(word, "comment")) {
		ret = put_comment(m, nft_word(&r.rest));
		word = nft_word(&r.rest);
	}
	return ret < 0 || word.len ? -EOPNOTSUPP : 0;
}
