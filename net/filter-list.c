/* SPDX-License-Identifier: Apache-2.0 */
/* Which ports the kernel filters: read from the table's listing, which holds nothing but what filter_set()
 * wrote, or what somebody else made of it. */
#include "net/filter-internal.h"

#include <stdlib.h>

#include "engine/base/auto.h"
#include "net/nft.h"

/* The flags' names in a comment. */
static const struct {
	unsigned flag;
	const char *name;
} flag_names[] = {
    {FILTER_MAC, "mac"},
    {FILTER_V4, "ipv4"},
    {FILTER_V6, "ipv6"},
    {FILTER_OWN_DHCP, "dhcp"},
};

void filter_state_comment(struct buf *b, unsigned flags, struct mac mac, unsigned n_rules)
{
	buf_mac(b, mac);
	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (flags & flag_names[i].flag)
			buf_printf(b, " %s", flag_names[i].name);
	buf_printf(b, " %u", n_rules);
}

int filter_state_parse(struct str comment, struct filter_state *ret, unsigned *ret_n_rules)
{
	struct str word;
	struct mac mac;
	unsigned flags = 0, n = 0;

	if (!str_next(&comment, ' ', &word) || mac_parse(word, &mac) < 0)
		return -EINVAL;
	while (str_next(&comment, ' ', &word)) {
		size_t i = 0;

		while (i < ARRAY_SIZE(flag_names) && !str_is(word, flag_names[i].name))
			i++;
		if (i < ARRAY_SIZE(flag_names)) {
			flags |= flag_names[i].flag;
			continue;
		}
		/* the number comes last */
		if (!word.len || word.len > 6 || comment.len)
			return -EINVAL;
		for (size_t j = 0; j < word.len; j++) {
			if (word.ptr[j] < '0' || word.ptr[j] > '9')
				return -EINVAL;
			n = n * 10 + (unsigned)(word.ptr[j] - '0');
		}
	}
	if (!(flags & FILTER_MAC) || !n)
		return -EINVAL;
	ret->mac = mac;
	ret->flags = flags;
	*ret_n_rules = n;
	return 0;
}

/* What the listing says, line by line. */
enum where { OUTSIDE, IN_PORT, IN_PREROUTING, IN_INPUT, IN_FORWARD, IN_PORTS, IN_ONLY4, IN_ONLY6, ELSEWHERE };

/* The common chains: each must have its hook and this many rules, all of which say these words. */
static const struct {
	enum where where;
	const char *chain, *hook, *word;
	unsigned n_rules;
} base_chains[] = {
    {IN_PREROUTING, "prerouting", "type filter hook prerouting ", "iifname vmap @ports", 1},
    {IN_INPUT, "input", "type filter hook input ", "iifname vmap @ports", 1},
    {IN_FORWARD, "forward", "type filter hook forward ", "iifname @only_host", 3},
};

struct member {
	enum where set;
	char name[IFNAMSIZ];
};

struct reader {
	enum where where;
	struct filter_list list;
	unsigned *n_written; /* for each port, what its comment says */
	struct member *members;
	size_t n_members;
	bool has_hook[ARRAY_SIZE(base_chains)];
	unsigned n_rules[ARRAY_SIZE(base_chains)];
	bool is_foreign; /* a rule of the common part that isn't ours */
};

static void reader_done_auto(struct reader *r)
{
	filter_list_done(&r->list);
	free(r->n_written);
	free(r->members);
}

static bool has(struct str line, const char *word)
{
	return memmem(line.ptr, line.len, word, strlen(word)) != NULL;
}

/* The inverse of buf_nft_chain(). Return: false for a chain that it didn't name. */
static bool port_name(struct str chain, char ret[IFNAMSIZ])
{
	size_t n = 0;

	for (size_t i = 0; i < chain.len; i++) {
		char c = chain.ptr[i];

		if (n + 1 >= IFNAMSIZ)
			return false;
		if (c == '_') {
			char digits[3] = {0};

			if (chain.len - i < 3)
				return false;
			memcpy(digits, chain.ptr + i + 1, 2);
			c = (char)strtoul(digits, NULL, 16);
			i += 2;
		}
		ret[n++] = c;
	}
	ret[n] = '\0';
	return n > 0;
}

static void begin_chain(struct reader *r, struct str name)
{
	struct filter_state state = {0};

	r->where = ELSEWHERE;
	for (size_t i = 0; i < ARRAY_SIZE(base_chains); i++)
		if (str_is(name, base_chains[i].chain))
			r->where = base_chains[i].where;
	if (!str_has_prefix(name, STR(FILTER_PREFIX)))
		return;
	name.ptr += sizeof(FILTER_PREFIX) - 1;
	name.len -= sizeof(FILTER_PREFIX) - 1;
	if (!port_name(name, state.name))
		return;
	r->where = IN_PORT;
	r->list.ports = xrealloc(r->list.ports, (r->list.n + 1) * sizeof(*r->list.ports));
	r->n_written = xrealloc(r->n_written, (r->list.n + 1) * sizeof(*r->n_written));
	r->n_written[r->list.n] = 0;
	r->list.ports[r->list.n++] = state;
}

/* "map ports {": the block's name without the brace. */
static void begin(struct reader *r, struct str kind, struct str line)
{
	struct str name = STR_NULL;

	(void)str_next(&line, ' ', &name);
	if (str_is(kind, "chain"))
		begin_chain(r, name);
	else if (str_is(name, "ports"))
		r->where = IN_PORTS;
	else if (str_is(name, "only_host4"))
		r->where = IN_ONLY4;
	else
		r->where = str_is(name, "only_host6") ? IN_ONLY6 : ELSEWHERE;
}

/* Every quoted name in a line of a set's elements. In the map, the chain behind it must be the port's own. */
static void read_members(struct reader *r, struct str line)
{
	const char *p = line.ptr, *end = line.ptr + line.len, *close;

	for (; (p = memchr(p, '"', (size_t)(end - p))) && (close = memchr(p + 1, '"', (size_t)(end - p - 1)));
	     p = close + 1) {
		AUTO(buf_done) struct buf jump = BUF_NULL;
		struct member m = {.set = r->where};
		size_t n = (size_t)(close - p - 1);
		struct str behind = {close + 1, (size_t)(end - close - 1)};

		if (n >= sizeof(m.name))
			continue;
		memcpy(m.name, p + 1, n);
		if (r->where == IN_PORTS) {
			buf_nft_chain(&jump, " : jump " FILTER_PREFIX, m.name);
			if (!str_has_prefix(behind, buf_str(&jump)) ||
			    (behind.len > jump.len && behind.ptr[jump.len] != ',' &&
			     behind.ptr[jump.len] != ' '))
				continue;
		}
		r->members = xrealloc(r->members, (r->n_members + 1) * sizeof(*r->members));
		r->members[r->n_members++] = m;
	}
}

static void read_rule(struct reader *r, struct str line)
{
	static const char mark[] = " comment \"";
	struct filter_state *port = &r->list.ports[r->list.n - 1];
	const char *comment = memmem(line.ptr, line.len, mark, sizeof(mark) - 1), *end;

	if (port->n_rules++ == 0 && comment && line.ptr[line.len - 1] == '"') {
		comment += sizeof(mark) - 1;
		end = line.ptr + line.len - 1;
		/* the quote at the end may be the one that begins it */
		if (comment > end)
			return;
		(void)filter_state_parse((struct str){comment, (size_t)(end - comment)}, port,
					 &r->n_written[r->list.n - 1]);
	}
}

static void read_line(struct reader *r, struct str line)
{
	struct str rest = line, kind = STR_NULL;

	(void)str_next(&rest, ' ', &kind);
	if (str_is(line, "}")) {
		r->where = OUTSIDE;
	} else if (r->where == OUTSIDE) {
		if (str_is(kind, "chain") || str_is(kind, "map") || str_is(kind, "set"))
			begin(r, kind, rest);
	} else if (r->where == IN_PORTS || r->where == IN_ONLY4 || r->where == IN_ONLY6) {
		read_members(r, line);
	} else if (r->where == IN_PORT) {
		read_rule(r, line);
	} else {
		for (size_t i = 0; i < ARRAY_SIZE(base_chains); i++) {
			if (base_chains[i].where != r->where)
				continue;
			if (str_has_prefix(line, str_from(base_chains[i].hook))) {
				r->has_hook[i] = true;
				continue;
			}
			r->n_rules[i]++;
			r->is_foreign |= !has(line, base_chains[i].word);
		}
	}
}

static int member_cmp(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return x->set != y->set ? (int)x->set - (int)y->set : strcmp(x->name, y->name);
}

static bool is_member(const struct reader *r, enum where set, const char *name)
{
	struct member key = {.set = set};

	memcpy(key.name, name, sizeof(key.name));
	return r->n_members && bsearch(&key, r->members, r->n_members, sizeof(key), member_cmp);
}

static bool judge(struct reader *r)
{
	bool is_base_whole = !r->is_foreign, is_whole;

	for (size_t i = 0; i < ARRAY_SIZE(base_chains); i++)
		is_base_whole &= r->has_hook[i] && r->n_rules[i] == base_chains[i].n_rules;
	is_whole = is_base_whole;
	if (r->n_members)
		qsort(r->members, r->n_members, sizeof(*r->members), member_cmp);
	for (size_t i = 0; i < r->list.n; i++) {
		struct filter_state *p = &r->list.ports[i];

		p->is_reachable = is_base_whole && p->flags && p->n_rules == r->n_written[i] &&
				  is_member(r, IN_PORTS, p->name) &&
				  is_member(r, IN_ONLY4, p->name) == !!(p->flags & FILTER_V4) &&
				  is_member(r, IN_ONLY6, p->name) == !!(p->flags & FILTER_V6);
		is_whole &= p->is_reachable;
	}
	return is_whole;
}

bool filter_read(struct str text, struct filter_list *ret)
{
	__attribute__((cleanup(reader_done_auto))) struct reader r = {0};
	struct str line;
	bool is_whole;

	(void)str_next(&text, '\n', &line); /* "table bridge NAME {" */
	while (str_next(&text, '\n', &line))
		read_line(&r, str_trim(line));
	is_whole = judge(&r);
	*ret = r.list;
	r.list = (struct filter_list){0};
	return is_whole;
}

int filter_list(struct filter_list *ret, struct err *err)
{
	AUTO(buf_done) struct buf command = BUF_NULL, text = BUF_NULL;
	int r;

	buf_printf(&command, "list table bridge %s", net_table());
	r = nft_list(command.ptr, &text, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT) {
		err_done(err);
		*ret = (struct filter_list){0};
	}
	if (r == -ENOENT || !filter_read(buf_str(&text), ret))
		filter_distrust();
	return 0;
}

void filter_list_done(struct filter_list *list)
{
	free(list->ports);
	*list = (struct filter_list){0};
}
