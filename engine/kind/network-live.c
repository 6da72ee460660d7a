/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing a bridge from one state to another: link, addresses, routes, sysctls, rules, dnsmasq. struct
 * network.lock protects who watches the dnsmasq; it is never held while something is waited for. */
#include "engine/kind/network-internal.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "engine/base/auto.h"
#include "engine/base/job.h"
#include "engine/base/loop.h"
#include "engine/base/path.h"
#include "engine/instance/guard.h"
#include "net/link.h"
#include "net/sysctl.h"

/* A dnsmasq that lived for less died soon after its start. */
#define SOON_NS (10ULL * 1000000000)
#define RETRY_MAX_S 60

/* ---- watching dnsmasq */

static void on_death(void *arg);

void network_unwatch(struct object *o)
{
	struct network *n = o->data;
	int fd;

	pthread_mutex_lock(&n->lock);
	fd = TAKE_FD(n->pidfd);
	pthread_mutex_unlock(&n->lock);
	if (fd < 0)
		return;
	loop_del(fd);
	close(fd);
	object_unref(o);
}

/* The token is held. */
static int watch(struct object *o, int take_pidfd, struct err *err)
{
	struct network *n = o->data;
	AUTO(fd) int fd = take_pidfd;
	int r;

	network_unwatch(o);
	pthread_mutex_lock(&n->lock);
	n->pidfd = fd;
	n->started_ns = now_ns();
	pthread_mutex_unlock(&n->lock);
	r = loop_add(fd, on_death, object_ref(o), err);
	if (r == 0) {
		TAKE_FD(fd);
		return 0;
	}
	pthread_mutex_lock(&n->lock);
	n->pidfd = -EBADF;
	pthread_mutex_unlock(&n->lock);
	object_unref(o);
	return r;
}

static int start_dnsmasq(struct object *o, const struct network_spec *spec, struct err *err)
{
	struct dnsmasq_spec dns = spec->dns;
	AUTO(free) char *profile = NULL;
	int pidfd = -EBADF, r;

	/* its end is wanted now */
	network_unwatch(o);
	r = guard_dnsmasq(o, dnsmasq_program(), dns.run_dir, dns.lease_dir ? dns.lease_dir : dns.run_dir,
			  &profile, err);
	if (r < 0)
		return r;
	dns.profile = profile;
	r = dnsmasq_start(&dns, &pidfd, err);
	return r < 0 ? r : watch(o, pidfd, err);
}

static int bring_dnsmasq(struct object *o, const struct network_spec *spec, struct err *err)
{
	struct network *n = o->data;
	int pidfd = -EBADF, r;
	bool is_watched;

	if (!spec->has_dnsmasq) {
		network_unwatch(o);
		r = dnsmasq_stop(spec->run_dir, err);
		if (!r)
			guard_drop(o, false);
		return r;
	}
	if (!dnsmasq_is_current(&spec->dns))
		return start_dnsmasq(o, spec, err);
	pthread_mutex_lock(&n->lock);
	is_watched = n->pidfd >= 0;
	pthread_mutex_unlock(&n->lock);
	if (is_watched)
		return 0;
	r = dnsmasq_adopt(spec->run_dir, &pidfd, err);
	if (r == 0)
		return start_dnsmasq(o, spec, err);
	return r < 0 ? r : watch(o, pidfd, err);
}

static void later(void *arg);

static void revive(void *arg)
{
	AUTO(object_unref) struct object *o = arg;
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(config_unref) struct config *own = NULL;
	AUTO(network_spec_done) struct network_spec spec = {0};
	AUTO(free) char *name = object_name(o);
	struct network *n = o->data;
	int r;

	if (o->host->is_stopping ||
	    object_take(o, "being looked after: its dnsmasq ended", &caller_core, NULL) < 0)
		return;
	own = object_own(o);
	r = o->is_live ? network_spec_make(o->host, name, own, &spec, &err) : 0;
	if (o->is_live && r == 0) {
		r = bring_dnsmasq(o, &spec, &err);
		if (r == 0)
			host_warn(o->host, o, "dnsmasq-ended",
				  "the dnsmasq of network %s ended by itself and was started again", name);
	}
	if (r < 0) {
		unsigned wait;

		host_warn(o->host, o, "dnsmasq-ended",
			  "the dnsmasq of network %s ended and can't be started: %s", name, err_text(&err));
		pthread_mutex_lock(&n->lock);
		n->deaths += n->deaths < 10;
		wait = MIN(1U << n->deaths, RETRY_MAX_S);
		pthread_mutex_unlock(&n->lock);
		if (loop_after(wait * 1000ULL, later, o, NULL) == 0)
			object_ref(o);
	}
	object_release(o);
}

static void later(void *arg)
{
	if (job_start(revive, arg, NULL) < 0 && loop_after(1000, later, arg, NULL) < 0)
		object_unref(arg);
}

/* Called by the loop: it must not wait. */
static void on_death(void *arg)
{
	struct object *o = arg;
	struct network *n = o->data;
	unsigned wait = 0;
	int fd;

	pthread_mutex_lock(&n->lock);
	fd = TAKE_FD(n->pidfd);
	n->deaths = now_ns() - n->started_ns < SOON_NS ? MIN(n->deaths + 1, 10) : 0;
	if (n->deaths)
		wait = MIN(1U << (n->deaths - 1), RETRY_MAX_S);
	pthread_mutex_unlock(&n->lock);
	if (fd < 0)
		return;
	loop_del(fd);
	close(fd);
	/* the watch's reference goes on to the job */
	if (!wait)
		later(o);
	else if (loop_after(wait * 1000ULL, later, o, NULL) < 0)
		object_unref(o);
}

/* ---- parts; each brings the kernel to @new */

static int bring_link(const struct network_spec *old, const struct network_spec *new, struct err *err)
{
	struct link_change c = {.mac = new->mac, .mtu = new->view.mtu ? new->view.mtu : 1500};

	if (!old || !mac_eq(old->mac, new->mac))
		c.set |= LINK_MAC;
	if (!old || old->view.mtu != new->view.mtu)
		c.set |= LINK_MTU;
	return c.set ? link_set(new->view.bridge, &c, err) : 0;
}

static int bring_sysctl(const struct network_spec *old, const struct network_spec *new, struct err *err)
{
	bool has_v6 = new->view.v6.ip.family;
	int r = 0;

	if (!old || has_v6 != (bool)old->view.v6.ip.family || old->accept_ra != new->accept_ra) {
		/* 2: also by a host that forwards, as this one does */
		r = sysctl_bridge(new->view.bridge, has_v6, new->accept_ra ? 2 : 0, err);
		/* a kernel without IPv6 has nothing to switch off */
		if (r == -ENOENT && !has_v6) {
			err_done(err);
			r = 0;
		}
	}
	if (r == 0 && new->nat.v4.address.ip.family &&new->nat.v4.routing)
		r = sysctl_forward4(err);
	if (r == 0 && has_v6 && new->nat.v6.routing)
		r = sysctl_forward6(err);
	return r;
}

static bool nat_is_same(const struct network_spec *a, const struct network_spec *b)
{
	AUTO(buf_done) struct buf one = BUF_NULL, other = BUF_NULL;

	return nat_text(&one, &a->nat, NULL) == 0 && nat_text(&other, &b->nat, NULL) == 0 &&
	       str_eq(buf_str(&one), buf_str(&other));
}

static bool net_eq(const struct ip_net *a, const struct ip_net *b)
{
	return a->ip.family == b->ip.family && a->len == b->len && (!a->ip.family || ip_eq(&a->ip, &b->ip));
}

static int add_address(const char *link, const struct ip_net *net, struct err *err)
{
	int r;

	if (!net->ip.family)
		return 0;
	r = address_add(NETNS_OWN, link, net, err);
	if (r == -EEXIST) {
		err_done(err);
		return 0;
	}
	return r;
}

static int del_address(const char *link, const struct ip_net *net, struct err *err)
{
	int r = address_del(NETNS_OWN, link, net, err);

	if (r == -EADDRNOTAVAIL) {
		err_done(err);
		return 0;
	}
	return r;
}

/* Takes off what @new doesn't have, known from @old or, without it, from the kernel. */
static int drop_addresses(const struct network_spec *old, const struct network_spec *new, struct err *err)
{
	AUTO(link_list_done) struct link_list list = {0};
	const char *link = new->view.bridge;
	struct link_info info;
	int r = 0;

	if (old) {
		if (old->view.v4.ip.family && !net_eq(&old->view.v4, &new->view.v4))
			r = del_address(link, &old->view.v4, err);
		if (r == 0 && old->view.v6.ip.family && !net_eq(&old->view.v6, &new->view.v6))
			r = del_address(link, &old->view.v6, err);
		return r;
	}
	r = link_get(NETNS_OWN, link, &info, err);
	if (r == 0)
		r = link_list(NETNS_OWN, &list, err);
	for (size_t i = 0; r == 0 && i < list.n_addrs; i++) {
		const struct link_addr *a = &list.addrs[i];

		if (a->index == info.index && a->scope == RT_SCOPE_UNIVERSE &&
		    !net_eq(&a->net, &new->view.v4) && !net_eq(&a->net, &new->view.v6))
			r = del_address(link, &a->net, err);
	}
	return r;
}

static int bring_addresses(const struct network_spec *old, const struct network_spec *new, struct err *err)
{
	const char *link = new->view.bridge;
	int r;

	if (old && net_eq(&old->view.v4, &new->view.v4) && net_eq(&old->view.v6, &new->view.v6))
		return 0;
	r = add_address(link, &new->view.v4, err);
	if (r == 0)
		r = add_address(link, &new->view.v6, err);
	if (r == 0)
		r = drop_addresses(old, new, err);
	/* an address that came second in its network goes when the first one is taken off (see
	 * promote_secondaries in the kernel's ip-sysctl) */
	if (r == 0)
		r = add_address(link, &new->view.v4, err);
	return r;
}

static bool has_route(const struct network_spec *s, const struct ip_net *net)
{
	for (size_t i = 0; s && i < s->n_routes; i++)
		if (net_eq(&s->routes[i], net))
			return true;
	return false;
}

static int bring_routes(const struct network_spec *old, const struct network_spec *new, bool all,
			struct err *err)
{
	for (size_t i = 0; old && i < old->n_routes; i++) {
		struct route route = {.dst = old->routes[i], .link = new->view.bridge};

		if (!has_route(new, &old->routes[i]))
			route_del(NETNS_OWN, &route, NULL);
	}
	for (size_t i = 0; i < new->n_routes; i++) {
		struct route route = {.dst = new->routes[i], .link = new->view.bridge};
		int r;

		if (!all && has_route(old, &new->routes[i]))
			continue;
		r = route_add(NETNS_OWN, &route, err);
		if (r < 0 && r != -EEXIST)
			return err_prefix(err, "route by way of %s: ", new->view.bridge);
		err_done(err);
	}
	return 0;
}

static bool has_text(char *const *list, const char *text)
{
	for (; list && *list; list++)
		if (!strcmp(*list, text))
			return true;
	return false;
}

static int bring_externals(const struct network_spec *old, const struct network_spec *new, struct err *err)
{
	for (char **p = old ? old->externals : NULL; p && *p; p++) {
		struct link_change release = {.set = LINK_MASTER};

		/* one that is gone needs no release */
		if (!has_text(new->externals, *p))
			link_set(*p, &release, NULL);
	}
	for (char **p = new->externals; p &&*p; p++) {
		struct link_change take = {.set = LINK_MASTER | LINK_STATE, .up = true};
		int r;

		if (old && has_text(old->externals, *p))
			continue;
		take.master = new->view.bridge;
		r = link_set(*p, &take, err);
		if (r < 0)
			return err_prefix(err, "bridge.external_interfaces has %s: ", *p);
	}
	return 0;
}

/* ---- the whole */

int network_bring(struct object *o, const struct network_spec *old, const struct network_spec *new,
		  struct err *err)
{
	struct link_change up = {.set = LINK_STATE, .up = true};
	bool moved = !old || !net_eq(&old->view.v4, &new->view.v4) || !net_eq(&old->view.v6, &new->view.v6);
	int r = bring_link(old, new, err);

	if (r == 0)
		r = bring_sysctl(old, new, err);
	/* rules before there is an address to reach */
	if (r == 0 && (!old || !nat_is_same(old, new)))
		r = nat_set(&new->nat, err);
	if (r == 0)
		r = acl_bridge_set(&new->acl, err);
	if (r == 0)
		r = bring_addresses(old, new, err);
	if (r == 0 && !old)
		r = link_set(new->view.bridge, &up, err);
	if (r == 0)
		r = bring_routes(old, new, moved, err);
	if (r == 0)
		r = bring_externals(old, new, err);
	if (r == 0)
		r = bring_dnsmasq(o, new, err);
	/* last: their other ends may not be there yet */
	if (r == 0 && (!old || old->n_tunnels || new->n_tunnels))
		r = tunnels_bring(new->view.bridge, new->mac, new->view.mtu ? new->view.mtu : 1500,
				  new->tunnels, new->n_tunnels, err);
	return r;
}

static int make_bridge(const struct network_spec *spec, struct err *err)
{
	const char *name = spec->view.bridge;
	struct bridge_spec bridge = {.name = name, .mac = spec->mac, .mtu = spec->view.mtu};
	int r = path_make_dir(spec->run_dir, 0711);

	/* the directory first: it tells the next core that this bridge is one of ours */
	if (r < 0)
		return err_set(err, -r, "directory %s can't be made: %s", spec->run_dir, strerror(-r));
	r = bridge_create(&bridge, err);
	if (r < 0)
		rmdir(spec->run_dir);
	return r == -EEXIST
		   ? err_set(err, EEXIST,
			     "this host has a link %s already, which isn't lxdfs's: choose another name "
			     "for the network, or remove that link (ip link delete %s)",
			     name, name)
		   : r;
}

int network_up(struct object *o, const struct network_spec *spec, struct err *err)
{
	struct network *n = o->data;
	int r = make_bridge(spec, err);

	if (r < 0)
		return r;
	snprintf(n->link, sizeof(n->link), "%s", spec->view.bridge);
	r = network_bring(o, NULL, spec, err);
	if (r < 0)
		network_down(o, spec->view.bridge, NULL);
	return r;
}

int network_adopt(struct object *o, const struct network_spec *spec, struct err *err)
{
	struct network *n = o->data;
	struct link_info info;
	int r = link_get(NETNS_OWN, spec->view.bridge, &info, err);

	if (r == -ENODEV) {
		err_done(err);
		r = make_bridge(spec, err);
	} else if (r == 0 && (strcmp(info.kind, "bridge") != 0 || !mac_eq(info.mac, spec->mac))) {
		r = err_set(
		    err, EEXIST,
		    "link %s isn't the bridge that lxdfs made: its MAC is another. Remove it (ip link "
		    "delete %s) and restart lxdfs, or remove the network",
		    spec->view.bridge, spec->view.bridge);
	}
	if (r < 0)
		return r;
	snprintf(n->link, sizeof(n->link), "%s", spec->view.bridge);
	return network_bring(o, NULL, spec, err);
}

int network_down(struct object *o, const char *name, struct err *err)
{
	AUTO(free) char *run_dir = network_run_dir(o->host, name);
	struct err *first = err;
	int r, done = 0;

	network_unwatch(o);
	*((struct network *)o->data)->link = 0;
	r = dnsmasq_stop(run_dir, first);
	if (r < 0) {
		done = r;
		first = NULL;
	} else {
		guard_drop(o, true);
	}
	tunnels_clear(name);
	r = link_delete(name, first);
	if (r == -ENODEV && first)
		err_done(first);
	if (r < 0 && r != -ENODEV && !done) {
		done = r;
		first = NULL;
	}
	/* while the link lives its rules do */
	r = nat_clear(name, first);
	if (r < 0 && !done) {
		done = r;
		first = NULL;
	}
	r = acl_bridge_clear(name, first);
	return done ? done : r;
}
