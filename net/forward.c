/* SPDX-License-Identifier: Apache-2.0 */
/* Forwards: entries of three maps a protocol, and who is known to be in them.
 *
 *	map fwd4_port   address, protocol, port -> address and another port
 *	map fwd4_same   address, protocol, ports -> address, the port stays
 *	map fwd4_all    address -> address, whatever it is
 *	set fwd_bridges bridges behind which targets are: what comes from one and goes back there needs the
 *bridge's address for its source, or the target would answer past the host
 *
 * The lock is held over transactions: what is known is what the kernel has. Under it come those of inet.c and
 *nft.c. */
#include "net/forward.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "net/inet.h"
#include "net/nft.h"

static struct {
	pthread_mutex_t lock;
	struct forward *list; /* what they point to is their own */
	size_t n;
	unsigned n_batches;
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void forward_free(struct forward *f)
{
	free((char *)f->bridge);
	free((struct forward_ports *)f->ports);
}

static struct forward forward_copy(const struct forward *from)
{
	struct forward f = *from;
	struct forward_ports *ports = xcalloc(f.n_ports + 1, sizeof(*ports));

	if (f.n_ports)
		memcpy(ports, from->ports, f.n_ports * sizeof(*ports));
	f.ports = ports;
	f.bridge = xstrdup(from->bridge);
	return f;
}

static struct forward *find(const struct ip *listen)
{
	for (size_t i = 0; i < known.n; i++)
		if (known.list[i].listen.family == listen->family && ip_eq(&known.list[i].listen, listen))
			return &known.list[i];
	return NULL;
}

static bool uses_bridge(const char *bridge, const struct forward *but)
{
	for (size_t i = 0; i < known.n; i++)
		if (&known.list[i] != but && !strcmp(known.list[i].bridge, bridge))
			return true;
	return false;
}

/* ---- checks */

static bool is_same(const struct forward_ports *p)
{
	return p->is_one ? p->first == p->last && p->first == p->target_first : p->first == p->target_first;
}

static int check_ports(const struct forward *f, size_t i, unsigned *n_changed, struct err *err)
{
	const struct forward_ports *p = &f->ports[i];

	if (p->target.family != f->listen.family)
		return err_set(err, EINVAL, "a target of ports is no IPv%d address, as the listen address is",
			       f->listen.family == AF_INET ? 4 : 6);
	if (p->last < p->first || (!p->is_one && p->target_first + (p->last - p->first) > 65535))
		return err_set(err, EINVAL, "ports %u to %u can't go on to %u and the next ones", p->first,
			       p->last, p->target_first);
	for (size_t k = 0; k < i; k++)
		if (f->ports[k].is_udp == p->is_udp && f->ports[k].first <= p->last &&
		    p->first <= f->ports[k].last)
			return err_set(err, EINVAL, "%s port %u is said twice", p->is_udp ? "UDP" : "TCP",
				       MAX(p->first, f->ports[k].first));
	*n_changed += is_same(p) ? 0 : p->last - p->first + 1u;
	return 0;
}

int forward_check(const struct forward *f, struct err *err)
{
	AUTO(buf_done) struct buf quoted = BUF_NULL;
	unsigned n_changed = 0;
	int r = 0;

	if (!f->listen.family || (f->target.family && f->target.family != f->listen.family))
		return err_set(err, EINVAL, "its target address and its listen address are of two protocols");
	if (buf_nft_ifname(&quoted, f->bridge) < 0)
		return err_set(err, EINVAL, "no bridge can have the name behind which its targets should be");
	for (size_t i = 0; i < f->n_ports && r == 0; i++)
		r = check_ports(f, i, &n_changed, err);
	if (r == 0 && n_changed > FORWARD_CHANGED_MAX)
		return err_set(err, E2BIG, "%u ports would get another number: %d are the most", n_changed,
			       FORWARD_CHANGED_MAX);
	return r;
}

/* ---- texts */

static void base_text(struct buf *b)
{
	static const char *const chains[] = {"fwd-prerouting", "fwd-output"};
	static const char *const hooks[] = {"prerouting priority dstnat", "output priority -100"};
	const char *t = net_table();

	buf_printf(b, "add table inet %s\n", t);
	for (int v = 4; v <= 6; v += 2) {
		buf_printf(
		    b,
		    "add map inet %s fwd%d_port { type ipv%d_addr . inet_proto . inet_service : ipv%d_addr . "
		    "inet_service; }\n",
		    t, v, v, v);
		buf_printf(b,
			   "add map inet %s fwd%d_same { type ipv%d_addr . inet_proto . inet_service : "
			   "ipv%d_addr; flags "
			   "interval; }\n",
			   t, v, v, v);
		buf_printf(b, "add map inet %s fwd%d_all { type ipv%d_addr : ipv%d_addr; }\n", t, v, v, v);
	}
	buf_printf(b, "add set inet %s fwd_bridges { type ifname . ifname; }\n", t);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		buf_printf(
		    b, "add chain inet %s %s { type nat hook %s; policy accept; }\nflush chain inet %s %s\n",
		    t, chains[i], hooks[i], t, chains[i]);
		for (int v = 4; v <= 6; v += 2) {
			const char *ip = v == 4 ? "ip" : "ip6";

			buf_printf(b,
				   "add rule inet %s %s dnat %s to %s daddr . meta l4proto . th dport map "
				   "@fwd%d_port\n"
				   "add rule inet %s %s dnat %s to %s daddr . meta l4proto . th dport map "
				   "@fwd%d_same\n"
				   "add rule inet %s %s dnat %s to %s daddr map @fwd%d_all\n",
				   t, chains[i], ip, ip, v, t, chains[i], ip, ip, v, t, chains[i], ip, ip, v);
		}
	}
	buf_printf(
	    b,
	    "add chain inet %s fwd-postrouting { type nat hook postrouting priority srcnat; policy accept; "
	    "}\n"
	    "flush chain inet %s fwd-postrouting\n"
	    "add rule inet %s fwd-postrouting ct status dnat iifname . oifname @fwd_bridges masquerade\n",
	    t, t, t);
}

static void unbase_text(struct buf *b)
{
	static const char *const chains[] = {"fwd-prerouting", "fwd-output", "fwd-postrouting"};
	static const char *const maps[] = {"fwd4_port", "fwd4_same", "fwd4_all",
					   "fwd6_port", "fwd6_same", "fwd6_all"};
	const char *t = net_table();

	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		buf_printf(b, "delete chain inet %s %s\n", t, chains[i]);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		buf_printf(b, "delete map inet %s %s\n", t, maps[i]);
	buf_printf(b, "delete set inet %s fwd_bridges\n", t);
}

static void entry_begin(struct buf *b, const struct forward *f, const char *map, bool add)
{
	buf_printf(b, "%s element inet %s fwd%d_%s { ", add ? "add" : "delete", net_table(),
		   f->listen.family == AF_INET ? 4 : 6, map);
	buf_ip(b, &f->listen);
}

static void entry_end(struct buf *b, const struct ip *target, unsigned port, bool add)
{
	if (add) {
		buf_adds(b, " : ");
		buf_ip(b, target);
		if (port)
			buf_printf(b, " . %u", port);
	}
	buf_adds(b, " }\n");
}

static void ports_text(struct buf *b, const struct forward *f, const struct forward_ports *p, bool add)
{
	const char *proto = p->is_udp ? "udp" : "tcp";

	if (is_same(p)) {
		entry_begin(b, f, "same", add);
		buf_printf(b, " . %s . %u", proto, p->first);
		if (p->first != p->last)
			buf_printf(b, "-%u", p->last);
		entry_end(b, &p->target, 0, add);
		return;
	}
	for (unsigned port = p->first; port <= p->last; port++) {
		entry_begin(b, f, "port", add);
		buf_printf(b, " . %s . %u", proto, port);
		entry_end(b, &p->target, p->is_one ? p->target_first : p->target_first + (port - p->first),
			  add);
	}
}

static void entries_text(struct buf *b, const struct forward *f, bool add)
{
	if (f->target.family) {
		entry_begin(b, f, "all", add);
		entry_end(b, &f->target, 0, add);
	}
	for (size_t i = 0; i < f->n_ports; i++)
		ports_text(b, f, &f->ports[i], add);
}

static void bridge_text(struct buf *b, const char *bridge, bool add)
{
	buf_printf(b, "%s element inet %s fwd_bridges { \"%s\" . \"%s\" }\n", add ? "add" : "delete",
		   net_table(), bridge, bridge);
}

/* ---- the kernel */

static bool has_base(void)
{
	AUTO(buf_done) struct buf command = BUF_NULL, listing = BUF_NULL;

	buf_printf(&command, "list chain inet %s fwd-prerouting", net_table());
	return nft_list(command.ptr, &listing, NULL) == 0;
}

static int say_all(struct err *err)
{
	static const char *const sets[] = {"map fwd4_port",  "map fwd4_same", "map fwd4_all",
					   "map fwd6_port",  "map fwd6_same", "map fwd6_all",
					   "set fwd_bridges"};
	AUTO(buf_done) struct buf text = BUF_NULL;

	if (!known.n && !has_base())
		return 0;
	base_text(&text);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		buf_printf(&text, "flush %.3s inet %s %s\n", sets[i], net_table(), sets[i] + 4);
	for (size_t i = 0; i < known.n; i++) {
		entries_text(&text, &known.list[i], true);
		bridge_text(&text, known.list[i].bridge, true);
	}
	if (!known.n)
		unbase_text(&text);
	return inet_run(text.ptr, !known.n, err);
}

/* What is known is changed already. Where the table isn't as it was left, all of it. */
static int say(const struct buf *text, struct err *err)
{
	int r;

	if (known.n_batches)
		return 0;
	r = text->len ? inet_run(text->ptr, false, err) : 0;
	if (r == -ENOENT) {
		err_done(err);
		r = say_all(err);
	}
	return r;
}

static void change_text(struct buf *b, const struct forward *old, const struct forward *new)
{
	if (new &&known.n == 1 && !old)
		base_text(b);
	if (old)
		entries_text(b, old, false);
	if (new)
		entries_text(b, new, true);
	if (new)
		bridge_text(b, new->bridge, true);
	if (old && (!new || strcmp(new->bridge, old->bridge) != 0) && !uses_bridge(old->bridge, NULL))
		bridge_text(b, old->bridge, false);
}

int forward_set(const struct forward *forward, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	AUTO(err_done) struct err own = ERR_NULL;
	struct forward old = {0}, *f;
	bool is_new;
	int r = forward_check(forward, err);

	if (r < 0)
		return r;
	err = err ? err : &own;
	pthread_mutex_lock(&known.lock);
	f = find(&forward->listen);
	if (f && strcmp(f->bridge, forward->bridge) != 0) {
		r = err_set(err, EEXIST, "that address is forwarded to %s already", f->bridge);
		pthread_mutex_unlock(&known.lock);
		return r;
	}
	is_new = !f;
	if (is_new) {
		known.list = xrealloc(known.list, (known.n + 1) * sizeof(*known.list));
		f = &known.list[known.n++];
	} else {
		old = *f;
	}
	*f = forward_copy(forward);
	change_text(&text, is_new ? NULL : &old, f);
	r = say(&text, err);
	if (r < 0) {
		forward_free(f);
		if (is_new)
			known.n--;
		else
			*f = old;
	} else if (!is_new) {
		forward_free(&old);
	}
	pthread_mutex_unlock(&known.lock);
	return r;
}

int forward_clear(const struct ip *listen, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	AUTO(err_done) struct err own = ERR_NULL;
	struct forward *f, old;
	int r = 0;

	err = err ? err : &own;
	pthread_mutex_lock(&known.lock);
	f = find(listen);
	if (f) {
		old = *f;
		*f = known.list[--known.n];
		change_text(&text, &old, NULL);
		r = known.n || known.n_batches ? say(&text, err) : say_all(err);
		if (r < 0)
			known.list[known.n++] = old;
		else
			forward_free(&old);
	}
	pthread_mutex_unlock(&known.lock);
	return r;
}

void forward_batch_begin(void)
{
	pthread_mutex_lock(&known.lock);
	known.n_batches++;
	pthread_mutex_unlock(&known.lock);
}

int forward_batch_end(struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&known.lock);
	if (!--known.n_batches)
		r = say_all(err);
	pthread_mutex_unlock(&known.lock);
	return r;
}

int forward_restore(struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&known.lock);
	if (!known.n_batches && known.n)
		r = say_all(err);
	pthread_mutex_unlock(&known.lock);
	return r;
}

void forward_teardown(void)
{
	pthread_mutex_lock(&known.lock);
	while (known.n)
		forward_free(&known.list[--known.n]);
	pthread_mutex_unlock(&known.lock);
}

int forward_text(struct buf *b, const struct forward *forward, struct err *err)
{
	int r = forward_check(forward, err);

	if (r < 0)
		return r;
	base_text(b);
	entries_text(b, forward, true);
	bridge_text(b, forward->bridge, true);
	return 0;
}
