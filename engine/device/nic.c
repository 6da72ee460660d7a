/* SPDX-License-Identifier: Apache-2.0 */
/* Bridged NICs of running instances: attached, found again, changed, detached. Under the instance's token. */
#include "engine/device/nic.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/job.h"
#include "engine/base/loop.h"
#include "engine/device/nic-address.h"
#include "engine/device/nic-plan.h"
#include "engine/device/owner.h"

#define SETTLE_MS 500

static const struct device_owner *the_owner;

void device_owner_set(const struct device_owner *owner)
{
	the_owner = owner;
}

const struct device_owner *device_owner(void)
{
	return the_owner;
}

/* ---- the list of those that are attached */

static struct nic_live **live_find(struct object *o, const char *device)
{
	struct nic_live **p = the_owner->nics(o);

	while (*p && strcmp((*p)->device, device))
		p = &(*p)->next;
	return p;
}

static void live_add(struct object *o, const char *device, struct nic_plan *p)
{
	struct nic_live *l = xcalloc(1, sizeof(*l)), **head = the_owner->nics(o);

	l->device = xstrdup(device);
	memcpy(l->host_name, p->spec.host_name, sizeof(l->host_name));
	l->network = xstrdup(p->network);
	l->bridge = xstrdup(p->view.bridge);
	l->routes = TAKE(p->routes);
	l->n_routes = p->n_routes;
	l->next = *head;
	*head = l;
}

static void live_free(struct nic_live *l)
{
	free(l->device);
	free(l->network);
	free(l->bridge);
	free(l->routes);
	free(l);
}

void nics_forget(struct object *o)
{
	struct nic_live **head = the_owner->nics(o), *l;

	while ((l = *head)) {
		*head = l->next;
		live_free(l);
	}
}

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

static bool is_named(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++) {
		const char *device = section_device(&c->sections[i]);
		const char *other = device ? config_device_get(c, device, "name") : NULL;

		if (other && !strcmp(other, name))
			return true;
	}
	return false;
}

/* ethN, the lowest that neither is there nor is asked for by another device. */
static int choose_name(const struct config *effective, int netns, char ret[IFNAMSIZ], struct err *err)
{
	AUTO(link_list_done) struct link_list links = {0};
	int r = link_list(netns, &links, err);

	if (r < 0)
		return r;
	for (unsigned n = 0; n <= links.n_links + effective->n; n++) {
		size_t i = 0;

		snprintf(ret, IFNAMSIZ, "eth%u", n);
		while (i < links.n_links && strcmp(links.links[i].name, ret))
			i++;
		if (i == links.n_links && !is_named(effective, ret))
			return 0;
	}
	return err_set(err, EEXIST, "every name of a link is taken inside");
}

/* What a core that was killed left of an attach: nobody else uses such a name. */
static void clear_leftover(const struct nic_plan *p)
{
	struct link_info info;

	if (p->is_name_ours && !link_get(NETNS_OWN, p->spec.host_name, &info, NULL) &&
	    !strcmp(info.kind, "veth"))
		nic_detach(p->spec.host_name, NULL);
}

static int attach_planned(struct object *o, const struct config *effective, const char *device,
			  struct nic_plan *p, int netns, struct err *err)
{
	int r = 0;

	if (!p->spec.name[0])
		r = choose_name(effective, netns, p->spec.name, err);
	if (!r)
		r = nic_hosts_set(o, device, p, err);
	if (r < 0)
		return r;
	clear_leftover(p);
	r = nic_attach(&p->spec, netns, err);
	if (!r) {
		r = routes_add(p->view.bridge, p->routes, p->n_routes, NULL, 0, err);
		if (r < 0)
			nic_detach(p->spec.host_name, NULL);
	}
	if (r < 0 && p->network)
		nic_hosts_clear(o, device, p->network, NULL);
	return r;
}

int nic_bridged_attach(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	AUTO(nic_plan_done) struct nic_plan p = NIC_PLAN_NULL;
	AUTO(fd) int netns = -EBADF;
	int r;

	if (*live_find(o, device))
		return 0;
	netns = the_owner->netns(o);
	if (netns == -ESRCH)
		return 0;
	if (netns < 0)
		return err_set(err, -netns, "the network namespace can't be opened: %s", strerror(-netns));
	r = nic_plan_make(o, effective, device, &p, err);
	if (!r)
		r = attach_planned(o, effective, device, &p, netns, err);
	if (r < 0)
		return r;
	live_add(o, device, &p);
	return 0;
}

int nic_bridged_detach(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	struct nic_live **p = live_find(o, device), *l = *p;
	int r;

	(void)effective;
	if (!l)
		return 0;
	routes_del(l->bridge, l->routes, l->n_routes, NULL, 0);
	r = nic_detach(l->host_name, err);
	if (r < 0)
		return r;
	if (l->network)
		r = nic_hosts_clear(o, device, l->network, err);
	*p = l->next;
	live_free(l);
	return r;
}

void nics_detach_all(struct object *o)
{
	struct nic_live *l;

	while ((l = *the_owner->nics(o))) {
		AUTO(free) char *device = xstrdup(l->device);

		/* what can't be removed now is when the next NIC of that name comes */
		if (nic_bridged_detach(o, NULL, device, NULL) < 0 && *the_owner->nics(o) == l) {
			*the_owner->nics(o) = l->next;
			live_free(l);
		}
	}
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
		r = nic_filter(&p.spec, err);
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
	clear_leftover(&p);
	filter_clear(p.spec.host_name, NULL);
	routes_del(p.view.bridge, p.routes, p.n_routes, NULL, 0);
	if (p.network)
		nic_hosts_clear(o, device, p.network, NULL);
}

/* ---- changed while they are attached */

int nic_key_filter(struct object *o, const struct config *old, const struct config *new, const char *device,
		   struct err *err)
{
	AUTO(nic_plan_done) struct nic_plan p = NIC_PLAN_NULL, before = NIC_PLAN_NULL;
	struct nic_live *l = device ? *live_find(o, device) : NULL;
	int r;

	if (!l)
		return 0;
	r = nic_plan_make(o, new, device, &p, err);
	if (r < 0)
		return r;
	memcpy(p.spec.host_name, l->host_name, sizeof(p.spec.host_name));
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
	struct nic_live *l = device ? *live_find(o, device) : NULL;
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
