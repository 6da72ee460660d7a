/* SPDX-License-Identifier: Apache-2.0 */
/* The queue is tbf, see tc-tbf(8); the rest are nftables chains, one for each NIC that has a bound, found by
 *one look-up of the link:
 *
 *	chain bound        prerouting, before all filters: iifname vmap @sent
 *	chain prioritize   forward: iifname vmap @priorities
 *	chain sent-NAME, priority-NAME
 *
 * shape_lock makes one step of removing a link and, with the last, the chains. */
#include "net/tc.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <pthread.h>
#include <string.h>

#include "engine/base/auto.h"
#include "net/inet.h"
#include "net/link-internal.h"
#include "net/nft.h"

#define MIN_BURST 16384 /* bytes */

static pthread_mutex_t shape_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- the queue */

static int queue_begin(struct nl_msg *m, uint16_t type, uint16_t flags, const char *link, struct err *err)
{
	struct tcmsg msg = {.tcm_family = AF_UNSPEC, .tcm_parent = TC_H_ROOT};
	int index = link_index(NETNS_OWN, link, err);

	if (index < 0)
		return index;
	msg.tcm_ifindex = index;
	nl_begin(m, type, flags, &msg, sizeof(msg));
	return 0;
}

static int queue_clear(const char *link, struct err *err)
{
	struct nl_msg m = {0};
	int r = queue_begin(&m, RTM_DELQDISC, 0, link, err);

	if (!r)
		r = nl_request(&m, NETNS_OWN, err);
	/* there was none but the kernel's own */
	if (r != -ENOENT && r != -EINVAL)
		return r;
	err_done(err);
	return 0;
}

/* The bucket holds 20 ms, and a fifth of a second waits behind it. */
static int queue_set(const char *link, uint64_t bits, struct err *err)
{
	const uint64_t bytes = bits / 8;
	const uint32_t burst = (uint32_t)MIN(MAX(bytes / 50, MIN_BURST), UINT32_MAX / 4);
	struct tc_tbf_qopt q = {
	    .rate = {.rate = (uint32_t)MIN(bytes, UINT32_MAX), .linklayer = TC_LINKLAYER_ETHERNET},
	    .limit = (uint32_t)MIN(burst + MAX(bytes / 5, MIN_BURST), UINT32_MAX / 2),
	};
	struct nl_msg m = {0};
	size_t options;
	int r = queue_begin(&m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, link, err);

	if (r < 0)
		return r;
	nl_put_text(&m, TCA_KIND, "tbf");
	options = nl_nest(&m, TCA_OPTIONS);
	nl_put(&m, TCA_TBF_PARMS, &q, sizeof(q));
	nl_put_u32(&m, TCA_TBF_BURST, burst);
	if (bytes > UINT32_MAX)
		nl_put(&m, TCA_TBF_RATE64, &bytes, sizeof(bytes));
	nl_nest_end(&m, options);
	r = nl_request(&m, NETNS_OWN, err);
	if (r == -ENOENT)
		return err_set(err, EOPNOTSUPP,
			       "%s can't be bounded: this kernel has no token bucket (CONFIG_NET_SCH_TBF)",
			       link);
	if (r < 0)
		err_prefix(err, "what goes to %s can't be bounded: ", link);
	return r;
}

/* ---- chains */

struct place {
	const char *family, *table;
	struct buf link, name; /* quoted; encoded, as part of a chain's name */
};

static void place_done_auto(struct place *p)
{
	buf_done(&p->link);
	buf_done(&p->name);
}

static int place_make(struct place *p, const char *link, enum shape_at at, struct err *err)
{
	*p = (struct place){.family = at == SHAPE_PORT ? "bridge" : "inet", .table = net_table()};
	if (buf_nft_ifname(&p->link, link) < 0) {
		AUTO(buf_done) struct buf shown = BUF_NULL;

		buf_escape(&shown, str_from(link));
		return err_set(err, EINVAL, "\"%s\" can't be bounded: no link can have that name",
			       buf_cstr(&shown));
	}
	buf_nft_chain(&p->name, "", link);
	return 0;
}

static void base_text(struct buf *b, const struct place *p)
{
	/* ahead of every filter of ours, of the bridge (-200) and of the host (raw) */
	buf_printf(b, "add table %s %s\n", p->family, p->table);
	buf_printf(b, "add map %s %s sent { type ifname : verdict; }\n", p->family, p->table);
	buf_printf(b, "add map %s %s priorities { type ifname : verdict; }\n", p->family, p->table);
	buf_printf(b, "add chain %s %s bound { type filter hook prerouting priority -350; policy accept; }\n",
		   p->family, p->table);
	buf_printf(b,
		   "add chain %s %s prioritize { type filter hook forward priority -150; policy accept; }\n",
		   p->family, p->table);
	buf_printf(b, "flush chain %s %s bound\nflush chain %s %s prioritize\n", p->family, p->table,
		   p->family, p->table);
	buf_printf(b, "add rule %s %s bound iifname vmap @sent\n", p->family, p->table);
	buf_printf(b, "add rule %s %s prioritize iifname vmap @priorities\n", p->family, p->table);
}

/* The chain of one NIC, with @rule, or gone where it is NULL. What goes is added first: nft refuses to take
 * out what isn't there. */
static void member_text(struct buf *b, const struct place *p, const char *map, const char *prefix,
			const char *rule)
{
	const char *f = p->family, *t = p->table, *name = p->name.ptr;

	buf_printf(b, "add chain %s %s %s-%s\nflush chain %s %s %s-%s\n", f, t, prefix, name, f, t, prefix,
		   name);
	buf_printf(b, "add element %s %s %s { %s : jump %s-%s }\n", f, t, map, p->link.ptr, prefix, name);
	if (rule) {
		buf_printf(b, "add rule %s %s %s-%s %s\n", f, t, prefix, name, rule);
		return;
	}
	buf_printf(b, "delete element %s %s %s { %s }\ndelete chain %s %s %s-%s\n", f, t, map, p->link.ptr, f,
		   t, prefix, name);
}

static int chains_set(const struct place *p, const struct shape *s, struct err *err)
{
	const uint64_t bytes = s->from_instance / 8;
	AUTO(free)
	char *sent = xasprintf("limit rate over %llu bytes/second burst %llu bytes drop",
			       (unsigned long long)bytes, (unsigned long long)MAX(bytes / 20, 65536));
	AUTO(free)
	char *priority = xasprintf("meta priority set %x:%x", s->priority >> 16, s->priority & 0xffff);
	AUTO(buf_done) struct buf text = BUF_NULL;

	base_text(&text, p);
	member_text(&text, p, "sent", "sent", bytes ? sent : NULL);
	member_text(&text, p, "priorities", "priority", s->priority ? priority : NULL);
	return inet_run(text.ptr, false, err);
}

/* Return: 1 somebody is in the map, 0 nobody, -ENOENT there is no map */
static int has_members(const struct place *p, const char *map)
{
	AUTO(buf_done) struct buf command = BUF_NULL, text = BUF_NULL;
	int r;

	buf_printf(&command, "list map %s %s %s", p->family, p->table, map);
	r = nft_list(command.ptr, &text, NULL);
	return r < 0 ? r : strstr(buf_cstr(&text), "elements") != NULL;
}

static int chains_clear(const struct place *p, struct err *err)
{
	const char *f = p->family, *t = p->table;
	AUTO(buf_done) struct buf text = BUF_NULL;
	int r;

	if (has_members(p, "sent") == -ENOENT)
		return 0;
	base_text(&text, p);
	member_text(&text, p, "sent", "sent", NULL);
	member_text(&text, p, "priorities", "priority", NULL);
	r = nft_run(text.ptr, err);
	if (r < 0 || has_members(p, "sent") || has_members(p, "priorities"))
		return r;
	buf_clear(&text);
	buf_printf(
	    &text,
	    "delete chain %s %s bound\ndelete chain %s %s prioritize\ndelete map %s %s sent\ndelete map "
	    "%s %s priorities\n",
	    f, t, f, t, f, t, f, t);
	return inet_run(text.ptr, !strcmp(f, "inet"), err);
}

/* ---- together */

int shape_set(const char *link, enum shape_at at, const struct shape *s, struct err *err)
{
	__attribute__((cleanup(place_done_auto))) struct place p;
	int r = place_make(&p, link, at, err);

	if (r < 0)
		return r;
	r = s->to_instance ? queue_set(link, s->to_instance, err) : queue_clear(link, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&shape_lock);
	r = s->from_instance || s->priority ? chains_set(&p, s, err) : chains_clear(&p, err);
	pthread_mutex_unlock(&shape_lock);
	return r;
}

int shape_clear(const char *link, enum shape_at at, struct err *err)
{
	__attribute__((cleanup(place_done_auto))) struct place p;
	int r = place_make(&p, link, at, err);

	if (r < 0)
		return r;
	pthread_mutex_lock(&shape_lock);
	r = chains_clear(&p, err);
	pthread_mutex_unlock(&shape_lock);
	return r;
}
