/* SPDX-License-Identifier: Apache-2.0 */
/* A bridge's state and leases as text, from the kernel and from dnsmasq's file. */
#include "engine/kind/network-internal.h"

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <time.h>

#include "engine/base/auto.h"
#include "net/leases.h"
#include "net/link.h"

void network_state_text(struct object *o, struct buf *b)
{
	AUTO(free) char *name = object_name(o);
	AUTO(link_list_done) struct link_list list = {0};
	const struct link_info *l = NULL;

	if (link_list(NETNS_OWN, &list, NULL) == 0)
		for (size_t i = 0; i < list.n_links && !l; i++)
			if (!strcmp(list.links[i].name, name))
				l = &list.links[i];
	if (!l) {
		buf_adds(b, "state missing\n");
		return;
	}
	/* a bridge without ports has no carrier: that it is switched on is what counts */
	buf_printf(b, "state %s\nhwaddr ", l->flags & IFF_UP ? "up" : "down");
	buf_mac(b, l->mac);
	buf_printf(b, "\nmtu %u\n", l->mtu);
	for (size_t i = 0; i < list.n_addrs; i++) {
		if (list.addrs[i].index != l->index || list.addrs[i].scope != RT_SCOPE_UNIVERSE)
			continue;
		buf_adds(b, "address ");
		buf_ip_net(b, &list.addrs[i].net);
		buf_addc(b, '\n');
	}
	for (size_t i = 0; i < list.n_links; i++)
		if (list.links[i].master == l->index) {
			AUTO(buf_done) struct buf port = BUF_NULL;

			buf_escape(&port, str_from(list.links[i].name));
			buf_printf(b, "port %s\n", buf_cstr(&port));
		}
	buf_printf(b, "rx_bytes %llu\ntx_bytes %llu\nrx_packets %llu\ntx_packets %llu\n",
		   (unsigned long long)l->counters.rx_bytes, (unsigned long long)l->counters.tx_bytes,
		   (unsigned long long)l->counters.rx_packets, (unsigned long long)l->counters.tx_packets);
}

void network_leases_text(struct object *o, struct buf *b)
{
	AUTO(free) char *name = object_name(o);
	AUTO(free) char *dir = network_lease_dir(o->host, name);
	AUTO(leases_done) struct leases leases = {0};

	if (leases_read(dir, &leases, NULL) < 0)
		return;
	for (size_t i = 0; i < leases.n; i++) {
		const struct lease *l = &leases.list[i];
		char until[32] = "never";
		time_t t = (time_t)l->expiry;
		struct tm tm;

		if (l->expiry && gmtime_r(&t, &tm))
			strftime(until, sizeof(until), "%FT%TZ", &tm);
		buf_ip(b, &l->ip);
		buf_addc(b, ' ');
		if (l->has_mac)
			buf_mac(b, l->mac);
		else
			buf_addc(b, '-');
		buf_printf(b, " %s %s\n", *l->name ? l->name : "-", until);
	}
}
