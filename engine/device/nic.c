/* SPDX-License-Identifier: Apache-2.0 */
/* Bridged NICs of running instances: attached, found again, changed, detached. Under the instance's token. */
#include "engine/device/nic.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/job.h"
#include "engine/base/loop.h"
#include "engine/device/nic-acl.h"
#include "engine/device/nic-address.h"
#include "engine/device/nic-live.h"
#include "engine/device/nic-plan.h"
#include "engine/device/nic-shape.h"
#include "net/acl.h"

#define SETTLE_MS 500

/* ---- routes of the host to what is behind a NIC */

static bool has_net(const struct ip_net *nets, size_t n, const struct ip_net *net)
{
	for (size_t i = 0; i < n; i++)
		if (ip_eq(&nets[i].ip, &net->ip) && nets[i].len == net->len)
			return true;
	return false;
}

static void routes_del(const char *bridge, const struct ip_net *nets, size_t n, const struct ip_net *but,
		       size_t n_but)
{
	for (size_t i = 0; i < n; i++)
		if (!has_net(but, n_but, &nets[i]))
			route_del(NETNS_OWN, &(struct route){.dst = nets[i], .link = bridge}, NULL);
}

static int routes_add(const char *bridge, const struct ip_net *nets, size_t n, const struct ip_net *but,
		      size_t n_but, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		int r;

		if (has_net(but, n_but, &nets[i]))
			continue;
		r = route_add(NETNS_OWN, &(struct route){.dst = nets[i], .link = bridge}, err);
		/* one that a crash left, or that another NIC shares */
		if (r < 0 && r != -EEXIST) {
			routes_del(bridge, nets, i, but, n_but);
			return r;
		}
		err_done(err);
	}
	return 0;
}

/* ---- a pinned address, and what DHCP did meanwhile */

struct settle {
	struct object *o;
	char *device;
};

/* A lease that was being given while its NIC got another address pinned: the lease counts. */
static void settle_job(void *arg)
{
	struct settle *s = arg;
	AUTO(config_unref) struct config *c = NULL;
	AUTO(err_done) struct err err = ERR_NULL;

	if (!object_take(s->o, "being looked at", &caller_core, &err)) {
		c = object_effective(s->o);
		if (nic_key_filter(s->o, c, c, s->device, &err) < 0)
			host_warn(s->o->host, s->o, "nic-address", "device %s: %s", s->device,
				  err_text(&err));
		object_release(s->o);
	}
	object_unref(s->o);
	free(s->device);
	free(s);
}

static void settle_timer(void *arg)
{
	if (job_start(settle_job, arg, NULL) < 0)
		loop_after(SETTLE_MS, settle_timer, arg, NULL);
}

/* dnsmasq reads the entry at once, but an offer that it made before is still good until it has. */
static void settle_later(struct object *o, const char *device, const struct nic_plan *p)
{
	struct settle *s;

	if (!p->wants_pin4 || p->is_lease4 || !p->v4.family)
		return;
	s = xcalloc(1, sizeof(*s));
	*s = (struct settle){object_ref(o), xstrdup(device)};
	if (loop_after(SETTLE_MS, settle_timer, s, NULL) < 0)
		settle_timer(s);
}

/* ---- attach and detach */

static int attach_planned(struct object *o, const struct config *effective, const char *device,
			  struct nic_plan *p, int netns, struct err *err)
{
	int r = 0;

	if (!p->spec.name[0])
		r = nic_choose_name(effective, netns, p->spec.name, err);
	if (!r)
		r = nic_hosts_set(o, device, p, err);
	if (r < 0)
		return r;
	if (p->is_name_ours)
		nic_clear_leftover(p->spec.host_name);
	/* as the filters: there before the link */
	r = nic_acl_set(o, effective, device, p, false, err);
	if (!r)
		r = nic_attach(&p->spec, netns, err);
	if (!r) {
		r = nic_shape_set(effective, device, p->spec.host_name, SHAPE_PORT, err);
		if (!r)
			r = routes_add(p->view.bridge, p->routes, p->n_routes, NULL, 0, err);
		if (r < 0) {
			nic_detach(p->spec.host_name, NULL);
			shape_clear(p->spec.host_name, SHAPE_PORT, NULL);
		}
	}
	if (r < 0)
		acl_port_clear(p->spec.host_name, NULL);
	if (r < 0 && p->network)
		nic_hosts_clear(o, device, p->network, NULL);
	return r;
}

static int bridged_detach(struct object *o, struct nic_live *l, bool *ret_gone, struct err *err)
{
	int r;

	routes_del(l->bridge, l->routes, l->n_routes, NULL, 0);
	r = nic_detach(l->host_name, err);
	if (r < 0)
		return r;
	*ret_gone = true;
	r = shape_clear(l->host_name, SHAPE_PORT, err);
	if (!r)
		r = acl_port_clear(l->host_name, err);
	else
		acl_port_clear(l->host_name, NULL);
	if (l->network) {
		int hosts = nic_hosts_clear(o, l->device, l->network, r < 0 ? NULL : err);

		r = r < 0 ? r : hosts;
	}
	return r;
}

static int bridged_restore(struct object *o, const struct config *effective, struct nic_live *l,
			   struct err *err)
{
	int r = nic_key_filter(o, effective, effective, l->device, err);

	if (!r)
		r = nic_key_acl(o, effective, effective, l->device, err);
	return r < 0 ? r : nic_shape_set(effective, l->device, l->host_name, SHAPE_PORT, err);
}

static void bridged_done(struct nic_live *l)
{
	free(l->network);
	free(l->bridge);
	free(l->routes);
}

static const struct nic_ops bridged_ops = {
    .shape_at = SHAPE_PORT, .detach = bridged_detach, .restore = bridged_restore, .done = bridged_done};

static struct nic_live *bridged_find(struct object *o, const char *device)
{
	struct nic_live *l = device ? nic_live_find(o, device) : NULL;

	return l && l->ops == &bridged_ops ? l : NULL;
}

static void live_add(struct object *o, const char *device, struct nic_plan *p)
{
	struct nic_live *l = nic_live_add(o, device, &bridged_ops, p->spec.host_name);

	l->network = xstrdup(p->network);
	l->bridge = xstrdup(p->view.bridge);
	l->routes = TAKE(p->routes);
	l->n_routes = p->n_routes;
}

int nic_bridged_attach(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	AUTO(nic_plan_done) struct nic_plan p = NIC_PLAN_NULL;
	AUTO(fd) int netns = -EBADF;
	int r;

	if (nic_live_find(o, device))
		return 0;
	r = nic_netns(o, &netns, err);
	if (r <= 0)
		return r;
	r = nic_plan_make(o, effective, device, &p, err);
	p.must_pin4 = true;
	if (!r)
		r = attach_planned(o, effective, device, &p, netns, err);
	if (r < 0)
		return r;
	live_add(o, device, &p);
	return 0;
}

/* ---- found again by a new core */

int nic_bridged_adopt(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	AUTO(nic_plan_done) struct nic_plan p = NIC_PLAN_NULL;
	struct link_info info;
	int r = nic_plan_make(o, effective, device, &p, err);

	if (r < 0)
		return r;
	/* a change was under way, or somebody removed it */
	if (link_get(NETNS_OWN, p.spec.host_name, &info, NULL) == -ENODEV)
		return nic_bridged_attach(o, effective, device, err);
	r = nic_hosts_set(o, device, &p, err);
	if (!r)
		r = nic_filter_later(&p.spec, err);
	if (!r)
		r = nic_acl_set(o, effective, device, &p, true, err);
	if (!r && p.spec.vlans)
		r = bridge_port_vlans(p.spec.host_name, p.spec.vlans, err);
	if (!r)
		r = nic_shape_set(effective, device, p.spec.host_name, SHAPE_PORT, err);
	if (!r)
		r = routes_add(p.view.bridge, p.routes, p.n_routes, NULL, 0, err);
	live_add(o, device, &p);
	return r;
}

void nic_bridged_clear(struct object *o, const struct config *effective, const char *device)
{
	AUTO(nic_plan_done) struct nic_plan p = NIC_PLAN_NULL;
	int r = nic_plan_make(o, effective, device, &p, NULL);

	if (r < 0)
		return;
	if (p.is_name_ours)
		nic_clear_leftover(p.spec.host_name);
	filter_clear(p.spec.host_name, NULL);
	acl_port_clear(p.spec.host_name, NULL);
	shape_clear(p.spec.host_name, SHAPE_PORT, NULL);
	routes_del(p.view.bridge, p.routes, p.n_routes, NULL, 0);
	if (p.network)
		nic_hosts_clear(o, device, p.network, NULL);
}

/* ---- changed while they are attached */

int nic_key_filter(struct object *o, const struct config *old, const struct config *new, const char *device,
		   struct err *err)
{
	AUTO(nic_plan_done) struct nic_plan p = NIC_PLAN_NULL, before = NIC_PLAN_NULL;
	struct nic_live *l = bridged_find(o, device);
	int r;

	if (!l)
		return 0;
	r = nic_plan_make(o, new, device, &p, err);
	if (r < 0)
		return r;
	memcpy(p.spec.host_name, l->host_name, sizeof(p.spec.host_name));
	/* what changes nothing comes from the network or from settle_job(): nobody waits for an answer */
	p.must_pin4 = old != new;
	r = routes_add(l->bridge, p.routes, p.n_routes, l->routes, l->n_routes, err);
	if (r < 0)
		return r;
	/* first the address that it is to have, then the rule that holds it to it */
	r = nic_hosts_set(o, device, &p, err);
	if (!r)
		r = nic_filter(&p.spec, err);
	if (r < 0) {
		routes_del(l->bridge, p.routes, p.n_routes, l->routes, l->n_routes);
		if (!nic_plan_make(o, old, device, &before, NULL))
			nic_hosts_set(o, device, &before, NULL);
		return r;
	}
	routes_del(l->bridge, l->routes, l->n_routes, p.routes, p.n_routes);
	free(l->routes);
	l->routes = TAKE(p.routes);
	l->n_routes = p.n_routes;
	/* once: what changes nothing comes from settle_job() itself */
	if (old != new)
		settle_later(o, device, &p);
	return 0;
}

int nic_key_port(struct object *o, const struct config *old, const struct config *new, const char *device,
		 struct err *err)
{
	struct nic_live *l = bridged_find(o, device);
	struct bridge_port port = {0};
	int r;

	(void)old;
	if (!l)
		return 0;
	r = bridge_port_get(l->host_name, &port, err);
	if (r < 0)
		return r;
	port.isolated = value_bool(config_device_get(new, device, "security.port_isolation"));
	return bridge_port_set(l->host_name, &port, err);
}
