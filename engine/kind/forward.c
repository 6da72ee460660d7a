/* SPDX-License-Identifier: Apache-2.0 */
/* Forwards as objects in a network: an address of the host, and where what comes for it goes on to. */
#include "engine/kind/forward.h"

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/kind/forward-port.h"
#include "engine/kind/network-internal.h"
#include "engine/kind/users.h"
#include "net/forward.h"

#define SECTION_PORTS "ports"

/* All that a config says; spec_done() it. */
struct spec {
	struct forward forward;
	struct forward_port_list ports;
	char *bridge;
};

static void spec_done_auto(struct spec *s)
{
	free(s->ports.list);
	free(s->bridge);
}

/* The address is one that a packet can come for from elsewhere. */
static bool is_listenable(const struct ip *ip)
{
	static const struct {
		const char *net;
	} none[] = {{"0.0.0.0/8"}, {"127.0.0.0/8"}, {"224.0.0.0/3"},	  {"::/127"},
		    {"fe80::/10"}, {"ff00::/8"},    {"::ffff:0.0.0.0/96"}};

	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		struct ip_net net;

		if (ip_net_parse(str_from(none[i].net), &net) == 0 && net.ip.family == ip->family &&
		    ip_net_has(&net, ip))
			return false;
	}
	return true;
}

static int check_name(struct str name, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL, text = BUF_NULL;
	struct ip ip;

	buf_escape(&shown, (struct str){name.ptr, MIN(name.len, (size_t)80)});
	if (ip_parse(name, &ip) < 0)
		return err_set(
		    err, EINVAL,
		    "\"%s\" is no address: a forward is called as the address that it listens on, such as "
		    "192.0.2.10",
		    buf_cstr(&shown));
	if (!is_listenable(&ip))
		return err_set(err, EINVAL, "%s can't be forwarded: nothing comes for it from elsewhere",
			       buf_cstr(&shown));
	buf_ip(&text, &ip);
	if (!str_eq(name, buf_str(&text)))
		return err_set(err, EINVAL, "\"%s\" is written %s", buf_cstr(&shown), buf_cstr(&text));
	return 0;
}

static int spec_read(struct object *o, const char *name, const struct config *c, struct spec *s,
		     struct err *err)
{
	const char *target = config_get(c, SECTION_PROPS, "target_address");
	const struct section *ports = config_section(c, SECTION_PORTS);

	*s = (struct spec){.bridge = object_name(o->parent)};
	s->forward.bridge = s->bridge;
	if (ip_parse(str_from(name), &s->forward.listen) < 0)
		return err_set(err, EINVAL, "\"%s\" is no address", name);
	if (target && *target && ip_parse(str_from(target), &s->forward.target) < 0)
		return err_set(err, EINVAL, "target_address is \"%s\": an address is wanted", target);
	for (size_t i = 0; ports && i < ports->n; i++) {
		int r = forward_port_parse(str_from(ports->pairs[i].value), NULL, &s->ports, err);

		if (r < 0)
			return err_prefix(err, "ports/%s ", ports->pairs[i].key);
	}
	s->forward.ports = s->ports.list;
	s->forward.n_ports = s->ports.n;
	return forward_check(&s->forward, err);
}

/* A target is an instance's address: one of the network, but not the bridge's own. */
static int check_target(const struct ip *target, const struct network_view *v, struct err *err)
{
	const struct ip_net *net = target->family == AF_INET ? &v->v4 : &v->v6;
	AUTO(buf_done) struct buf ip = BUF_NULL, text = BUF_NULL;

	if (!target->family)
		return 0;
	buf_ip(&ip, target);
	if (!net->ip.family)
		return err_set(err, EINVAL, "its target %s can't be reached: network %s has no IPv%d", ip.ptr,
			       v->bridge, target->family == AF_INET ? 4 : 6);
	buf_ip_net(&text, net);
	if (ip_net_has(net, target) && !ip_eq(&net->ip, target))
		return 0;
	return err_set(err, EINVAL, "its target %s isn't in network %s, which is %s, or is the bridge's own",
		       ip.ptr, v->bridge, text.ptr);
}

static int check_targets(const struct spec *s, const struct network_view *v, struct err *err)
{
	int r = check_target(&s->forward.target, v, err);

	for (size_t i = 0; i < s->ports.n && r == 0; i++)
		r = check_target(&s->ports.list[i].target, v, err);
	return r;
}

int forwards_check(struct object *network, const struct network_view *view, struct err *err)
{
	AUTO(objects_free) struct object **all = host_all(network, KIND_FORWARD);

	for (struct object **p = all; *p; p++) {
		__attribute__((cleanup(spec_done_auto))) struct spec s = {0};
		AUTO(config_unref) struct config *own = object_own(*p);
		AUTO(free) char *name = object_name(*p);

		if (spec_read(*p, name, own, &s, NULL) == 0 && check_targets(&s, view, err) < 0)
			return err_prefix(err, "forward %s wouldn't work: ", name);
	}
	return 0;
}

/* An address is forwarded once, and none that instances or bridges have. */
static int check_listen(struct object *o, const char *name, const struct ip *listen, struct err *err)
{
	AUTO(objects_free) struct object **networks = host_every(o->host, KIND_NETWORK);
	struct ip_net *taken;
	size_t n;
	int r = 0;

	for (struct object **p = networks; *p; p++) {
		AUTO(object_unref) struct object *other = host_find(*p, KIND_FORWARD, str_from(name));
		AUTO(free) char *path = NULL;

		if (!other || other == o)
			continue;
		path = object_path(other);
		return err_set(err, EEXIST, "%s is forwarded already, by %s", name, path);
	}
	n = network_taken(o->host, NULL, &taken);
	for (size_t i = 0; i < n && r == 0; i++) {
		AUTO(buf_done) struct buf text = BUF_NULL;

		if (taken[i].ip.family != listen->family || !ip_net_has(&taken[i], listen))
			continue;
		buf_ip_net(&text, &taken[i]);
		r = err_set(err, EINVAL,
			    "%s is an address of the network %s, where instances have theirs: an address of "
			    "the host is "
			    "wanted that belongs to none of networks/",
			    name, text.ptr);
	}
	free(taken);
	return r;
}

static int check_all(struct object *o, const char *name, const struct config *own, struct err *err)
{
	__attribute__((cleanup(spec_done_auto))) struct spec s = {0};
	AUTO(config_unref) struct config *network = object_own(o->parent);
	struct network_view v;
	int r = spec_read(o, name, own, &s, err);

	if (r == 0)
		r = network_view_from(s.bridge, network, &v, err);
	if (r == 0)
		r = check_targets(&s, &v, err);
	return r < 0 ? r : check_listen(o, name, &s.forward.listen, err);
}

static int check(struct object *o, const struct config *old, const struct config *own,
		 const struct config *effective, struct err *err)
{
	AUTO(free) char *name = object_name(o);

	(void)old;
	(void)effective;
	return check_all(o, name, own, err);
}

static int set(struct object *o, const char *name, const struct config *c, struct err *err)
{
	__attribute__((cleanup(spec_done_auto))) struct spec s = {0};
	int r = spec_read(o, name, c, &s, err);

	return r < 0 ? r : forward_set(&s.forward, err);
}

int forward_apply(struct object *o, const struct config *old, const struct config *new, const char *device,
		  struct err *err)
{
	AUTO(free) char *name = object_name(o);

	(void)old;
	(void)device;
	return set(o, name, new, err);
}

static int load(struct object *o, struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(o);
	AUTO(free) char *name = object_name(o);

	o->is_live = true;
	return set(o, name, own, err);
}

static void clear(const char *name)
{
	struct ip listen;

	if (ip_parse(str_from(name), &listen) == 0)
		forward_clear(&listen, NULL);
}

static void remove_forward(struct object *o)
{
	AUTO(free) char *name = object_name(o);

	clear(name);
}

/* To another address: that first, so that an undo finds both. Undoing it, the object has its name already. */
static int rename_forward(struct object *o, const char *name, struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(o);
	AUTO(free) char *old = object_name(o);
	int r = check_all(o, name, own, err);

	if (r == 0)
		r = set(o, name, own, err);
	if (r == 0 && strcmp(old, name) != 0)
		clear(old);
	return r;
}

const struct kind kind_forward = {
    .number = KIND_FORWARD,
    .name = "forward",
    .plural = "forwards",
    .check_name = check_name,
    .check = check,
    .activate = load,
    .load = load,
    .remove = remove_forward,
    .rename = rename_forward,
};
