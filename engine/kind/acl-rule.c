/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of access control lists: read into typed values, and what contradicts itself refused. */
#include "engine/kind/acl-rule.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "engine/base/parse.h"
#include "engine/kind/words.h"

#define PEERS_MAX 512 /* of a side */
#define GROUPS_MAX 16 /* each is a rule of its own for every one of the other side */
#define PORTS_MAX 128

/* In the order of the canonical line. */
enum word {
	ACTION,
	PROTOCOL,
	SOURCE,
	SOURCE_PORT,
	DESTINATION,
	DESTINATION_PORT,
	ICMP_TYPE,
	ICMP_CODE,
	STATE,
	DESCRIPTION,
	WORDS,
};
static const char *const names[WORDS] = {
    "action",		"protocol",  "source",	  "source_port", "destination",
    "destination_port", "icmp_type", "icmp_code", "state",	 "description",
};

static const struct word_names rule_words = {
    .what =
	"a rule is action=, protocol=, source=, source_port=, destination=, destination_port=, icmp_type=, "
	"icmp_code=, state= and description=",
    .names = names,
    .n = WORDS,
    .last = DESCRIPTION,
};

static int refuse(enum word word, struct str value, const char *wanted, struct err *err)
{
	return words_refuse(names[word], value, wanted, err);
}

/* ---- one of several words */

static int choose(struct str value, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(value, words[i]))
			return (int)i;
	return -1;
}

static const char *const actions[ACL_ACTIONS] = {
    [ACL_DROP] = "drop",
    [ACL_REJECT] = "reject",
    [ACL_ALLOW_STATELESS] = "allow-stateless",
    [ACL_ALLOW] = "allow",
};
static const char *const protocols[] = {"", "tcp", "udp", "icmp4", "icmp6"};
static const char *const states[] = {"enabled", "logged", "disabled"};

/* ---- sources and destinations */

static int read_range(struct str item, const char *dash, struct acl_peer *p)
{
	struct str first = {item.ptr, (size_t)(dash - item.ptr)};
	struct str last = {dash + 1, item.len - first.len - 1};

	if (ip_parse(first, &p->first) < 0 || ip_parse(last, &p->last) < 0 ||
	    p->first.family != p->last.family ||
	    memcmp(p->first.bytes, p->last.bytes, ip_bits(&p->first) / 8) > 0)
		return -EINVAL;
	return 0;
}

static int read_peer(struct str item, struct acl_peer *p, struct buf *text)
{
	const char *dash = memchr(item.ptr, '-', item.len);
	struct ip_net net;

	if (str_is(item, "@internal") || str_is(item, "@external")) {
		p->kind = str_is(item, "@internal") ? ACL_INTERNAL : ACL_EXTERNAL;
		buf_add(text, item.ptr, item.len);
	} else if (ip_net_parse(item, &net) == 0) {
		net = ip_net_base(&net);
		p->first = net.ip;
		p->last = ip_net_last(&net);
		if (net.len == ip_bits(&net.ip))
			buf_ip(text, &net.ip);
		else
			buf_ip_net(text, &net);
	} else if (acl_name_ok(item)) {
		p->kind = ACL_GROUP;
		memcpy(p->group, item.ptr, item.len);
		buf_add(text, item.ptr, item.len);
	} else if (dash && read_range(item, dash, p) == 0) {
		buf_ip(text, &p->first);
		buf_addc(text, '-');
		buf_ip(text, &p->last);
	} else {
		return -EINVAL;
	}
	return 0;
}

static int read_peers(enum word word, struct str value, struct acl_peer **ret, size_t *ret_n,
		      struct buf *text, struct err *err)
{
	struct str rest = value, item;
	unsigned n_groups = 0;

	while (str_next(&rest, ',', &item)) {
		struct acl_peer p = {.kind = ACL_RANGE};

		item = str_trim(item);
		if (*ret_n == PEERS_MAX)
			return err_set(err, E2BIG, "has more than %d entries in %s", PEERS_MAX, names[word]);
		if (*ret_n)
			buf_addc(text, ',');
		if (read_peer(item, &p, text) < 0)
			return refuse(
			    word, item,
			    "an address, a network such as 10.0.0.0/8, a range FIRST-LAST, @internal, "
			    "@external or the name of a list is wanted",
			    err);
		n_groups += p.kind == ACL_GROUP;
		if (n_groups > GROUPS_MAX)
			return err_set(err, E2BIG, "names more than %d lists in %s", GROUPS_MAX, names[word]);
		*ret = xrealloc(*ret, (*ret_n + 1) * sizeof(**ret));
		(*ret)[(*ret_n)++] = p;
	}
	return *ret_n ? 0 : refuse(word, value, "it may be left out, but not empty", err);
}

/* ---- ports and numbers */

static int read_ports(enum word word, struct str value, struct acl_ports **ret, size_t *ret_n,
		      struct buf *text, struct err *err)
{
	struct str rest = value, item;

	while (str_next(&rest, ',', &item)) {
		uint64_t first, last;

		if (*ret_n == PORTS_MAX)
			return err_set(err, E2BIG, "has more than %d entries in %s", PORTS_MAX, names[word]);
		if (parse_range(str_trim(item), 0, 65535, &first, &last) < 0)
			return refuse(word, value,
				      "ports from 0 to 65535, such as 80,443 or 8000-8080, are wanted", err);
		buf_printf(text, first == last ? "%s%llu" : "%s%llu-%llu", *ret_n ? "," : "",
			   (unsigned long long)first, (unsigned long long)last);
		*ret = xrealloc(*ret, (*ret_n + 1) * sizeof(**ret));
		(*ret)[(*ret_n)++] = (struct acl_ports){(uint16_t)first, (uint16_t)last};
	}
	return *ret_n ? 0 : refuse(word, value, "it may be left out, but not empty", err);
}

static int read_number(enum word word, struct str value, int *ret, struct buf *text, struct err *err)
{
	uint64_t v;

	if (parse_u64(value, 0, 255, &v) < 0)
		return refuse(word, value, "a number from 0 to 255 is wanted", err);
	buf_printf(text, "%u", (unsigned)v);
	*ret = (int)v;
	return 0;
}

static int read_word(enum word word, struct str value, struct acl_rule *r, struct buf *text, struct err *err)
{
	int i;

	switch (word) {
	case ACTION:
		i = choose(value, actions, ARRAY_SIZE(actions));
		if (i < 0)
			return refuse(word, value, "allow, allow-stateless, drop or reject is wanted", err);
		r->action = (enum acl_action)i;
		buf_adds(text, actions[i]);
		return 0;
	case PROTOCOL:
		i = choose(value, protocols, ARRAY_SIZE(protocols));
		if (i <= 0)
			return refuse(word, value, "tcp, udp, icmp4 or icmp6 is wanted; left out, it is any",
				      err);
		r->proto = (enum acl_proto)i;
		buf_adds(text, protocols[i]);
		return 0;
	case SOURCE:
		return read_peers(word, value, &r->sources, &r->n_sources, text, err);
	case DESTINATION:
		return read_peers(word, value, &r->destinations, &r->n_destinations, text, err);
	case SOURCE_PORT:
		return read_ports(word, value, &r->sports, &r->n_sports, text, err);
	case DESTINATION_PORT:
		return read_ports(word, value, &r->dports, &r->n_dports, text, err);
	case ICMP_TYPE:
		return read_number(word, value, &r->icmp_type, text, err);
	case ICMP_CODE:
		return read_number(word, value, &r->icmp_code, text, err);
	case STATE:
		i = choose(value, states, ARRAY_SIZE(states));
		if (i < 0)
			return refuse(word, value, "enabled, logged or disabled is wanted", err);
		r->is_logged = i == 1;
		r->is_disabled = i == 2;
		/* the default goes without saying */
		buf_adds(text, i ? states[i] : "");
		return 0;
	default:
		return words_description(value, text, err);
	}
}

/* ---- the whole */

static bool has_family(const struct acl_peer *peers, size_t n, int family)
{
	for (size_t i = 0; i < n; i++)
		if (peers[i].kind != ACL_RANGE || peers[i].first.family == family)
			return true;
	return !n;
}

static int check(const struct acl_rule *r, struct err *err)
{
	const bool is_icmp = r->proto == ACL_ICMP4 || r->proto == ACL_ICMP6;
	bool v4 = r->proto != ACL_ICMP6, v6 = r->proto != ACL_ICMP4;

	if ((r->n_sports || r->n_dports) && r->proto != ACL_TCP && r->proto != ACL_UDP)
		return err_set(err, EINVAL, "has a port: that goes only with protocol=tcp or protocol=udp");
	if ((r->icmp_type >= 0 || r->icmp_code >= 0) && !is_icmp)
		return err_set(
		    err, EINVAL,
		    "has icmp_type or icmp_code: these go only with protocol=icmp4 or protocol=icmp6");
	if (r->icmp_code >= 0 && r->icmp_type < 0)
		return err_set(err, EINVAL, "has icmp_code: that needs icmp_type");
	v4 = v4 && has_family(r->sources, r->n_sources, AF_INET) &&
	     has_family(r->destinations, r->n_destinations, AF_INET);
	v6 = v6 && has_family(r->sources, r->n_sources, AF_INET6) &&
	     has_family(r->destinations, r->n_destinations, AF_INET6);
	if (!v4 && !v6)
		return err_set(err, EINVAL,
			       "can't match anything: its protocol, source and destination are of "
			       "IPv4 and of IPv6");
	return 0;
}

struct texts {
	struct buf word[WORDS];
};

static void texts_done_auto(struct texts *t)
{
	for (size_t i = 0; i < WORDS; i++)
		buf_done(&t->word[i]);
}

static void rule_done_auto(struct acl_rule *r)
{
	acl_rule_done(r);
}

int acl_rule_parse(struct str text, struct buf *canonical, struct acl_rule *ret, struct err *err)
{
	__attribute__((cleanup(texts_done_auto))) struct texts texts = {0};
	__attribute__((cleanup(rule_done_auto))) struct acl_rule rule = {.icmp_type = -1, .icmp_code = -1};
	bool seen[WORDS] = {0};
	struct str value;
	int r, word;

	while ((r = words_next(&text, &rule_words, &word, &value, err)) > 0) {
		if (seen[word])
			return err_set(err, EINVAL, "has %s= twice", names[word]);
		seen[word] = true;
		r = read_word((enum word)word, value, &rule, &texts.word[word], err);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	if (!seen[ACTION])
		return err_set(err, EINVAL,
			       "has no action: action=allow, allow-stateless, drop or reject is wanted");
	r = check(&rule, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < WORDS && canonical; i++)
		if (texts.word[i].len)
			buf_printf(canonical, "%s%s=%s", canonical->len ? " " : "", names[i],
				   texts.word[i].ptr);
	*ret = rule;
	rule = (struct acl_rule){0};
	return 0;
}
