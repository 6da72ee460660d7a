/* SPDX-License-Identifier: Apache-2.0 */
/* A link goes into a namespace whose root may do with it what he likes: rename it, give it another MAC, pass
 * it on to a namespace of his own, put another in its place. So it is known by an index that no other link
 * has, and believed only where the host sees it lie on what it lay on before: nobody inside can make such a
 * link. */
#include "net/physical.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/base/auto.h"
#include "engine/base/parse.h"
#include "net/sysctl.h"

/* Far above what a kernel counts up to by itself (INT_MAX is the last). */
#define INDEX_FIRST (1U << 28)

int physical_look(const char *name, struct physical *ret, struct err *err)
{
	AUTO(buf_done) struct buf settings = BUF_NULL;
	struct link_info info;
	uint32_t number;
	int r = link_get(NETNS_OWN, name, &info, err);

	if (r < 0)
		return r;
	if (info.flags & IFF_LOOPBACK)
		return err_set(err, EINVAL, "%s is the host's loopback, which can't be given away", name);
	if (info.master)
		return err_set(err, EBUSY,
			       "%s is a port of a bridge or the like: take it out first (ip link set %s "
			       "nomaster)",
			       name, name);
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return err_set(err, EIO, "no random numbers");
	sysctl_net_dump(name, &settings);
	*ret = (struct physical){
	    .was = info, .index = (int)(INDEX_FIRST + number % INDEX_FIRST), .settings = buf_take(&settings)};
	return 0;
}

void physical_done(struct physical *p)
{
	free(p->settings);
	*p = PHYSICAL_NULL;
}

/* ---- the record */

void physical_text(struct buf *b, const struct physical *p)
{
	const struct link_info *w = &p->was;

	buf_printf(b, "name %s\nindex %d\naway %d\nkind %s\nbelow %d\nbelow_netns %d\nmtu %u\nqueue %u\n",
		   w->name, w->index, p->index, w->kind, w->below, w->below_netns, w->mtu, w->txqueuelen);
	if (w->has_mac) {
		buf_adds(b, "mac ");
		buf_mac(b, w->mac);
		buf_addc(b, '\n');
	}
	buf_printf(b, "settings\n%s", p->settings ? p->settings : "");
}

static void read_name(struct str value, char ret[IFNAMSIZ])
{
	if (value.len < IFNAMSIZ)
		snprintf(ret, IFNAMSIZ, "%.*s", STR_FMT(value));
}

static bool read_number(struct str value, int64_t *ret)
{
	return parse_i64(value, -1, INT32_MAX, ret) == 0;
}

int physical_parse(struct str text, struct physical *ret)
{
	struct link_info w = {.below_netns = -1};
	int64_t number, away = 0;
	struct str line, key;

	while (str_next(&text, '\n', &line) && !str_is(line, "settings")) {
		if (!str_next(&line, ' ', &key))
			continue;
		if (str_is(key, "name"))
			read_name(line, w.name);
		else if (str_is(key, "kind"))
			read_name(line, w.kind);
		else if (str_is(key, "mac"))
			w.has_mac = mac_parse(line, &w.mac) == 0;
		else if (!read_number(line, &number))
			return -EINVAL;
		else if (str_is(key, "index"))
			w.index = (int)number;
		else if (str_is(key, "away"))
			away = number;
		else if (str_is(key, "below"))
			w.below = (int)number;
		else if (str_is(key, "below_netns"))
			w.below_netns = (int)number;
		else if (str_is(key, "mtu"))
			w.mtu = (unsigned)number;
		else if (str_is(key, "queue"))
			w.txqueuelen = (unsigned)number;
	}
	if (!ifname_ok(str_from(w.name)) || w.index <= 0 || away < INDEX_FIRST)
		return -EINVAL;
	*ret = (struct physical){.was = w, .index = (int)away, .settings = str_dup(text)};
	return 0;
}

/* ---- there and back */

void physical_spare_name(const struct physical *p, char ret[IFNAMSIZ])
{
	snprintf(ret, IFNAMSIZ, "back%08x", (unsigned)p->index);
}

/* Seen from the host. */
static bool is_it(const struct physical *p, const struct link_info *l)
{
	if (strcmp(l->kind, p->was.kind) != 0)
		return false;
	/* hardware has no kind, and nobody makes such a link */
	if (!*l->kind)
		return true;
	if (l->below_netns != p->was.below_netns)
		return false;
	/* some lie on themselves, whatever their index */
	return l->below == p->was.below ||
	       (l->below_netns < 0 && l->below == l->index && p->was.below == p->was.index);
}

/* MAC, MTU and settings as they were; what the link refuses now can't be helped. */
static void restore(const struct physical *p)
{
	struct link_change c = {
	    .set = LINK_MTU | LINK_TXQUEUELEN, .mtu = p->was.mtu, .txqueuelen = p->was.txqueuelen};
	struct link_change mac = {.set = LINK_MAC, .mac = p->was.mac};
	struct link_info now;

	if (p->was.has_mac && link_get(NETNS_OWN, p->was.name, &now, NULL) == 0 &&
	    !mac_eq(now.mac, p->was.mac))
		link_set(p->was.name, &mac, NULL);
	link_set(p->was.name, &c, NULL);
	sysctl_net_load(p->was.name, p->settings);
}

int physical_give(const struct physical *p, int netns_fd, const char *name, unsigned mtu,
		  const struct mac *mac, struct err *err)
{
	struct link_change c = {.set = LINK_STATE};
	int r;

	if (mtu) {
		c.set |= LINK_MTU;
		c.mtu = mtu;
	}
	if (mac) {
		c.set |= LINK_MAC;
		c.mac = *mac;
	}
	r = link_set(p->was.name, &c, err);
	if (!r)
		r = link_move(NETNS_OWN, p->was.index, netns_fd, name, p->index, err);
	if (r < 0) {
		const struct link_change up = {.set = LINK_STATE, .up = true};

		restore(p);
		if (p->was.flags & IFF_UP)
			link_set(p->was.name, &up, NULL);
		err_prefix(err, "link %s can't be given to the instance: ", p->was.name);
	}
	return r;
}

/* From the instance's namespace to ours, under a name for the time being. */
static int pull(const struct physical *p, int netns_fd, const char *spare, struct err *err)
{
	struct link_info l;
	int r = link_get_at(netns_fd, p->index, &l, err);

	if (!r)
		r = link_move(netns_fd, p->index, NETNS_OWN, spare, p->was.index, err);
	/* a link of the host has its old index by now */
	if (r == -EBUSY || r == -EEXIST) {
		err_done(err);
		r = link_move(netns_fd, p->index, NETNS_OWN, spare, 0, err);
	}
	return r;
}

/* On the host, not yet as it was. Return: 1, @ret; 0 it isn't there */
static int find_here(const struct physical *p, const char *spare, struct link_info *ret)
{
	if (link_get(NETNS_OWN, spare, ret, NULL) == 0 || link_get_at(NETNS_OWN, p->index, ret, NULL) == 0)
		return 1;
	/* it never went, or is back already */
	return link_get(NETNS_OWN, p->was.name, ret, NULL) == 0 && ret->index == p->was.index;
}

int physical_take_back(const struct physical *p, int netns_fd, struct err *err)
{
	char spare[IFNAMSIZ];
	struct link_info l;
	int r;

	physical_spare_name(p, spare);
	if (netns_fd != NETNS_OWN) {
		r = pull(p, netns_fd, spare, err);
		if (r < 0 && r != -ENODEV)
			return err_prefix(err, "link %s can't be taken back: ", p->was.name);
		err_done(err);
	}
	if (find_here(p, spare, &l) && !is_it(p, &l)) {
		/* what the instance put in its place; nobody else's can have that name or index */
		if (!strcmp(l.name, spare) || l.index == p->index)
			link_delete(l.name, NULL);
		l.index = 0;
	} else if (!find_here(p, spare, &l)) {
		l.index = 0;
	}
	if (!l.index)
		return err_set(err, ENODEV, "link %s isn't where it was given to, nor on the host",
			       p->was.name);
	if (strcmp(l.name, p->was.name) != 0) {
		const struct link_change down = {.set = LINK_STATE};

		link_set(l.name, &down, NULL);
		r = link_rename(NETNS_OWN, l.index, p->was.name, err);
		if (r < 0) {
			if (strcmp(l.name, spare) != 0)
				link_rename(NETNS_OWN, l.index, spare, NULL);
			return r;
		}
	}
	restore(p);
	return 0;
}
