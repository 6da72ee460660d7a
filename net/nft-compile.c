/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of nft to messages of nfnetlink: see linux/netfilter/nf_tables.h. */
#include "net/nft-compile.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/parse.h"

/* Types that only nft's own listing asks for: of its table of data types, and of what it notes with a set. */
enum { TYPE_IFNAME = 41, UDATA_KEY_ORDER = 0, UDATA_DATA_ORDER = 1, UDATA_DATA_INTERVAL = 6, HOST_ORDER = 1 };

struct str nft_word(struct str *line)
{
	size_t begin = 0, end;

	while (begin < line->len && line->ptr[begin] == ' ')
		begin++;
	end = begin;
	if (end < line->len && line->ptr[end] == '"') {
		const char *quote = memchr(line->ptr + end + 1, '"', line->len - end - 1);

		end = quote ? (size_t)(quote + 1 - line->ptr) : line->len;
	} else {
		while (end < line->len && line->ptr[end] != ' ')
			end++;
	}
	struct str word = {line->ptr + begin, end - begin};

	*line = (struct str){line->ptr + end, line->len - end};
	return word;
}

/* Whether the next word is that one; it is taken off. */
static bool next_is(struct str *line, const char *word)
{
	return str_is(nft_word(line), word);
}

void nft_put_str(struct nl_msg *m, uint16_t type, struct str text)
{
	const struct rtattr a = {.rta_type = type, .rta_len = (unsigned short)RTA_LENGTH(text.len + 1)};

	buf_add(&m->buf, &a, sizeof(a));
	buf_add(&m->buf, text.ptr, text.len);
	nl_add(m, "", 1);
}

void nft_put_be32(struct nl_msg *m, uint16_t type, uint32_t v)
{
	nl_put_u32(m, type, htonl(v));
}

int nft_put_verdict(struct nl_msg *m, uint16_t type, struct str word, struct str *line)
{
	bool is_jump = str_is(word, "jump");
	size_t data = nl_nest(m, type), verdict = nl_nest(m, NFTA_DATA_VERDICT);

	if (is_jump)
		nft_put_be32(m, NFTA_VERDICT_CODE, (uint32_t)NFT_JUMP);
	else if (str_is(word, "accept") || str_is(word, "drop"))
		nft_put_be32(m, NFTA_VERDICT_CODE, word.len == 4 ? NF_DROP : NF_ACCEPT);
	else
		return -EOPNOTSUPP;
	if (is_jump)
		nft_put_str(m, NFTA_VERDICT_CHAIN, nft_word(line));
	nl_nest_end(m, verdict);
	nl_nest_end(m, data);
	return 0;
}

/* ---- messages */

static void begin(struct nft_batch *b, uint16_t type, uint16_t flags, uint8_t family, uint16_t res_id)
{
	const struct nlmsghdr h = {
	    .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = b->n++};
	const struct nfgenmsg g = {.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(res_id)};

	b->at = b->m.buf.len;
	nl_add(&b->m, &h, sizeof(h));
	nl_add(&b->m, &g, sizeof(g));
}

static void begin_bridge(struct nft_batch *b, uint16_t type, uint16_t flags, struct str table)
{
	begin(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, NFPROTO_BRIDGE, 0);
	nft_put_str(&b->m, NFTA_TABLE_NAME, table); /* it has the same number in messages of all objects */
}

static void end(struct nft_batch *b, uint16_t more_flags)
{
	struct nlmsghdr h;

	memcpy(&h, b->m.buf.ptr + b->at, sizeof(h));
	h.nlmsg_len = (uint32_t)(b->m.buf.len - b->at);
	h.nlmsg_flags |= more_flags;
	memcpy(b->m.buf.ptr + b->at, &h, sizeof(h));
}

/* ---- objects */

/* "{ type filter hook prerouting priority -200; policy accept; }" or nothing. */
static int chain_hook(struct nl_msg *m, struct str rest)
{
	static const char *const hooks[] = {"prerouting", "input", "forward"}; /* enum nf_br_hook */
	struct str hook, priority;
	int64_t number;
	uint32_t n = 0;
	size_t nest;

	if (!nft_word(&rest).len)
		return 0;
	if (!next_is(&rest, "type") || !next_is(&rest, "filter") || !next_is(&rest, "hook"))
		return -EOPNOTSUPP;
	hook = nft_word(&rest);
	while (n < ARRAY_SIZE(hooks) && !str_is(hook, hooks[n]))
		n++;
	if (n == ARRAY_SIZE(hooks) || !next_is(&rest, "priority"))
		return -EOPNOTSUPP;
	priority = nft_word(&rest);
	if (!priority.len || priority.ptr[priority.len - 1] != ';' ||
	    parse_i64((struct str){priority.ptr, priority.len - 1}, INT32_MIN, INT32_MAX, &number) < 0 ||
	    !next_is(&rest, "policy") || !next_is(&rest, "accept;") || !next_is(&rest, "}") ||
	    nft_word(&rest).len)
		return -EOPNOTSUPP;
	nft_put_str(m, NFTA_CHAIN_TYPE, STR("filter"));
	nft_put_be32(m, NFTA_CHAIN_POLICY, NF_ACCEPT);
	nest = nl_nest(m, NFTA_CHAIN_HOOK);
	nft_put_be32(m, NFTA_HOOK_HOOKNUM, n);
	nft_put_be32(m, NFTA_HOOK_PRIORITY, (uint32_t)(int32_t)number);
	nl_nest_end(m, nest);
	return 0;
}

/* "{ type ifname; }" or, of a map, "{ type ifname : verdict; }" */
static int set_types(struct nl_msg *m, bool is_map, struct str rest, uint32_t id)
{
	struct {
		unsigned char type, len;
		uint32_t value;
	} __attribute__((packed)) notes[] = {{UDATA_KEY_ORDER, sizeof(uint32_t), HOST_ORDER},
					     {UDATA_DATA_ORDER, sizeof(uint32_t), 0},
					     {UDATA_DATA_INTERVAL, sizeof(uint32_t), 0}};

	if (!next_is(&rest, "{") || !next_is(&rest, "type") || !next_is(&rest, is_map ? "ifname" : "ifname;"))
		return -EOPNOTSUPP;
	if (is_map && (!next_is(&rest, ":") || !next_is(&rest, "verdict;")))
		return -EOPNOTSUPP;
	if (!next_is(&rest, "}") || nft_word(&rest).len)
		return -EOPNOTSUPP;
	nft_put_be32(m, NFTA_SET_FLAGS, is_map ? NFT_SET_MAP : 0);
	nft_put_be32(m, NFTA_SET_KEY_TYPE, TYPE_IFNAME);
	nft_put_be32(m, NFTA_SET_KEY_LEN, IFNAMSIZ);
	if (is_map) {
		nft_put_be32(m, NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
		nft_put_be32(m, NFTA_SET_DATA_LEN, 0);
	}
	nft_put_be32(m, NFTA_SET_ID, id);
	nl_put(m, NFTA_SET_USERDATA, notes, is_map ? sizeof(notes) : sizeof(notes[0]));
	return 0;
}

/* "{ "veth0" }" or, to add one to a map, "{ "veth0" : jump CHAIN }" */
static int element(struct nl_msg *m, struct str rest)
{
	char name[IFNAMSIZ] = "";
	struct str quoted, word;
	size_t list, elem, key;
	int r = 0;

	if (!next_is(&rest, "{"))
		return -EOPNOTSUPP;
	quoted = nft_word(&rest);
	/* a name that ends in '*' would mean all that begin so */
	if (quoted.len < 3 || quoted.len - 2 >= sizeof(name) || quoted.ptr[0] != '"' ||
	    memchr(quoted.ptr, '*', quoted.len) || memchr(quoted.ptr, '\\', quoted.len))
		return -EOPNOTSUPP;
	memcpy(name, quoted.ptr + 1, quoted.len - 2);
	list = nl_nest(m, NFTA_SET_ELEM_LIST_ELEMENTS);
	elem = nl_nest(m, NFTA_LIST_ELEM);
	key = nl_nest(m, NFTA_SET_ELEM_KEY);
	nl_put(m, NFTA_DATA_VALUE, name, sizeof(name));
	nl_nest_end(m, key);
	word = nft_word(&rest);
	if (str_is(word, ":")) {
		word = nft_word(&rest);
		r = nft_put_verdict(m, NFTA_SET_ELEM_DATA, word, &rest);
		word = nft_word(&rest);
	}
	if (r < 0 || !str_is(word, "}") || nft_word(&rest).len)
		return -EOPNOTSUPP;
	nl_nest_end(m, elem);
	nl_nest_end(m, list);
	return 0;
}

/* ---- commands */

static int add(struct nft_batch *b, struct str what, struct str table, struct str line)
{
	struct str name;

	if (str_is(what, "table")) {
		begin_bridge(b, NFT_MSG_NEWTABLE, 0, table);
		nft_put_be32(&b->m, NFTA_TABLE_FLAGS, 0);
		return nft_word(&line).len ? -EOPNOTSUPP : 0;
	}
	name = nft_word(&line);
	if (str_is(what, "chain")) {
		begin_bridge(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, table);
		nft_put_str(&b->m, NFTA_CHAIN_NAME, name);
		return chain_hook(&b->m, line);
	}
	if (str_is(what, "set") || str_is(what, "map")) {
		begin_bridge(b, NFT_MSG_NEWSET, NLM_F_CREATE, table);
		nft_put_str(&b->m, NFTA_SET_NAME, name);
		return set_types(&b->m, str_is(what, "map"), line, b->n);
	}
	if (str_is(what, "rule")) {
		begin_bridge(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, table);
		nft_put_str(&b->m, NFTA_RULE_CHAIN, name);
		return nft_compile_rule(line, &b->m);
	}
	if (str_is(what, "element")) {
		begin_bridge(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table);
		nft_put_str(&b->m, NFTA_SET_ELEM_LIST_SET, name);
		return element(&b->m, line);
	}
	return -EOPNOTSUPP;
}

static int take(struct nft_batch *b, bool is_flush, struct str what, struct str table, struct str line)
{
	struct str name = nft_word(&line);

	if (str_is(what, "element") && !is_flush) {
		begin_bridge(b, NFT_MSG_DELSETELEM, 0, table);
		nft_put_str(&b->m, NFTA_SET_ELEM_LIST_SET, name);
		return element(&b->m, line);
	}
	/* without a name it would be all chains, without a chain all rules */
	if (!str_is(what, "chain") || !name.len || nft_word(&line).len)
		return -EOPNOTSUPP;
	begin_bridge(b, is_flush ? NFT_MSG_DELRULE : NFT_MSG_DELCHAIN, 0, table);
	nft_put_str(&b->m, is_flush ? NFTA_RULE_CHAIN : NFTA_CHAIN_NAME, name);
	return 0;
}

static int command(struct nft_batch *b, struct str line)
{
	struct str verb = nft_word(&line), what = nft_word(&line), family = nft_word(&line),
		   table = nft_word(&line);
	int r = -EOPNOTSUPP;

	if (!str_is(family, "bridge") || !table.len)
		return r;
	if (str_is(verb, "add"))
		r = add(b, what, table, line);
	else if (str_is(verb, "flush") || str_is(verb, "delete"))
		r = take(b, str_is(verb, "flush"), what, table, line);
	if (!r)
		end(b, 0);
	return r;
}

int nft_compile(const char *commands, struct nft_batch *ret)
{
	struct str rest = str_from(commands), line;
	struct nft_batch b = {0};
	int r = 0;

	begin(&b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	end(&b, 0);
	while (!r && str_next(&rest, '\n', &line))
		if (line.len)
			r = command(&b, line);
	if (r < 0 || b.n < 2) {
		buf_done(&b.m.buf);
		return -EOPNOTSUPP;
	}
	/* Kernels before 6.10 don't acknowledge the end of a transaction, but any message in it: once all of
	 * them are in force. */
	end(&b, NLM_F_ACK);
	begin(&b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	end(&b, 0);
	*ret = b;
	return 0;
}
