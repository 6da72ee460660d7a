/* SPDX-License-Identifier: Apache-2.0 */
/* From a bridge's keys to typed values, and what must go together. Pure. */
#include "engine/kind/network-internal.h"

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/device/nic-acl.h"

/* What lists are parted by: lines, as files have them, and commas, as LXD has them. */
static bool next_item(struct str *rest, struct str *ret)
{
	while (rest->len) {
		size_t n = 0;

		while (n < rest->len && rest->ptr[n] != ',' && rest->ptr[n] != '\n')
			n++;
		*ret = str_trim((struct str){rest->ptr, n});
		n += n < rest->len;
		rest->ptr += n;
		rest->len -= n;
		if (ret->len)
			return true;
	}
	return false;
}

static size_t count_items(const char *value)
{
	struct str rest = str_from(value), item;
	size_t n = 0;

	while (next_item(&rest, &item))
		n++;
	return n;
}

static char **list_items(const char *value)
{
	struct str rest = str_from(value), item;
	char **list;
	size_t n = 0;

	if (!value)
		return NULL;
	list = xcalloc(count_items(value) + 1, sizeof(*list));
	while (next_item(&rest, &item))
		list[n++] = str_dup(item);
	return list;
}

static bool flag(const struct config *c, const char *key, bool otherwise)
{
	const char *value = config_get(c, SECTION_CONFIG, key);

	return value ? value_bool(value) : otherwise;
}

static int read_ip(const struct config *c, const char *key, int family, struct ip *ret, struct err *err)
{
	const char *value = config_get(c, SECTION_CONFIG, key);

	if (!value || !*value)
		return 0;
	if (ip_parse(str_from(value), ret) < 0 || ret->family != family)
		return err_set(err, EINVAL, "%s is \"%s\": an IPv%d address is wanted", key, value,
			       family == AF_INET ? 4 : 6);
	return 0;
}

/* One "first-last" within a network. */
static int read_range(const char *key, struct str item, const struct ip_net *net, struct dnsmasq_range *ret,
		      struct err *err)
{
	struct str rest = item, first, last = STR_NULL;
	unsigned bytes = ip_bits(&net->ip) / 8;

	if (!str_next(&rest, '-', &first) || !str_next(&rest, '-', &last) || rest.len ||
	    ip_parse(str_trim(first), &ret->first) < 0 || ip_parse(str_trim(last), &ret->last) < 0)
		return err_set(err, EINVAL, "%s has \"%.*s\": a range is FIRST-LAST", key, STR_FMT(item));
	if (!ip_net_has(net, &ret->first) || !ip_net_has(net, &ret->last))
		return err_set(err, EINVAL, "%s has \"%.*s\", which is outside of the bridge's network", key,
			       STR_FMT(item));
	if (memcmp(ret->first.bytes, ret->last.bytes, bytes) > 0)
		return err_set(err, EINVAL, "%s has \"%.*s\": the first address is above the last", key,
			       STR_FMT(item));
	return 0;
}

static int read_ranges(const struct config *c, const char *key, const struct ip_net *net,
		       struct dnsmasq_range **ret, size_t *ret_n, struct err *err)
{
	const char *value = config_get(c, SECTION_CONFIG, key);
	struct str rest = str_from(value), item;
	int r = 0;

	if (!value || !net->ip.family)
		return 0;
	*ret = xcalloc(count_items(value) + 1, sizeof(**ret));
	while (r == 0 && next_item(&rest, &item)) {
		r = read_range(key, item, net, *ret + *ret_n, err);
		(*ret_n)++;
	}
	return r;
}

static int read_routes(const struct config *c, const char *key, int family, struct network_spec *s,
		       struct err *err)
{
	const char *value = config_get(c, SECTION_CONFIG, key);
	struct str rest = str_from(value), item;

	if (!value)
		return 0;
	s->routes = xrealloc(s->routes, (s->n_routes + count_items(value) + 1) * sizeof(*s->routes));
	while (next_item(&rest, &item)) {
		struct ip_net net;

		if (ip_net_parse(item, &net) < 0 || net.ip.family != family)
			return err_set(err, EINVAL, "%s has \"%.*s\": an IPv%d network is wanted", key,
				       STR_FMT(item), family == AF_INET ? 4 : 6);
		s->routes[s->n_routes++] = ip_net_base(&net);
	}
	return 0;
}

static int read_family(const struct config *c, int family, struct network_spec *s, struct err *err)
{
	bool is_v4 = family == AF_INET;
	const struct ip_net *net = is_v4 ? &s->view.v4 : &s->view.v6;
	struct nat_family *nat = is_v4 ? &s->nat.v4 : &s->nat.v6;
	const char *order;
	int r = read_routes(c, is_v4 ? "ipv4.routes" : "ipv6.routes", family, s, err);

	if (r < 0 || !net->ip.family)
		return r;
	nat->address = *net;
	nat->firewall = flag(c, is_v4 ? "ipv4.firewall" : "ipv6.firewall", true);
	nat->routing = flag(c, is_v4 ? "ipv4.routing" : "ipv6.routing", true);
	nat->nat = flag(c, is_v4 ? "ipv4.nat" : "ipv6.nat", false);
	order = config_get(c, SECTION_CONFIG, is_v4 ? "ipv4.nat.order" : "ipv6.nat.order");
	nat->is_late = order && !strcmp(order, "after");
	/* without DHCPv6 instances still ask by it, for what advertisements don't say */
	nat->dhcp = is_v4 ? s->view.dhcp4 : true;
	return read_ip(c, is_v4 ? "ipv4.nat.address" : "ipv6.nat.address", family, &nat->snat, err);
}

static int check_address(const char *key, const struct ip_net *net, struct err *err)
{
	struct ip_net base = ip_net_base(net);
	struct ip last = ip_net_last(net);
	unsigned bits = ip_bits(&net->ip);
	AUTO(buf_done) struct buf text = BUF_NULL;

	if (!net->ip.family)
		return 0;
	buf_ip_net(&text, net);
	if (!net->len)
		return err_set(err, EINVAL, "%s is \"%s\": a bridge's network can't be everything", key,
			       buf_cstr(&text));
	if (bits - net->len >= 2 &&
	    (ip_eq(&base.ip, &net->ip) || (net->ip.family == AF_INET && ip_eq(&last, &net->ip))))
		return err_set(
		    err, EINVAL,
		    "%s is \"%s\", which is the network's own address, not one for the bridge in it", key,
		    buf_cstr(&text));
	return 0;
}

static int check_whole(const struct network_spec *s, struct err *err)
{
	const struct network_view *v = &s->view;
	int r = check_address("ipv4.address", &v->v4, err);

	if (r == 0)
		r = check_address("ipv6.address", &v->v6, err);
	if (r < 0)
		return r;
	if (v->mtu && v->mtu < 1280 && v->v6.ip.family)
		return err_set(err, EINVAL,
			       "bridge.mtu is %u: IPv6 needs at least 1280, or ipv6.address set to none",
			       v->mtu);
	if (v->dhcp4 && v->v4.len > 30)
		return err_set(err, EINVAL,
			       "ipv4.address has length %u, which leaves nothing for DHCP to give out: set "
			       "ipv4.dhcp to false, or a length of at most 30",
			       v->v4.len);
	if (v->v6.ip.family && !v->stateful6 && v->v6.len != 64)
		return err_set(
		    err, EINVAL,
		    "ipv6.address has length %u: instances make their addresses themselves only in a "
		    "/64; with another length ipv6.dhcp.stateful must be true",
		    v->v6.len);
	if (s->dns.gateway4.family && v->v4.ip.family && !ip_net_has(&v->v4, &s->dns.gateway4))
		return err_set(err, EINVAL, "ipv4.dhcp.gateway isn't in the network of ipv4.address");
	return 0;
}

static int read_dns(const struct config *c, struct network_spec *s, struct err *err)
{
	const char *mode = config_get(c, SECTION_CONFIG, "dns.mode");
	const char *domain = config_get(c, SECTION_CONFIG, "dns.domain");
	const char *servers = config_get(c, SECTION_CONFIG, "dns.nameservers");
	struct dnsmasq_spec *d = &s->dns;
	struct str rest = str_from(servers), item;
	int r;

	d->run_dir = s->run_dir;
	d->lease_dir = s->lease_dir;
	d->bridge = s->view.bridge;
	d->v4 = s->view.v4;
	d->v6 = s->view.v6;
	d->dhcp4 = s->view.dhcp4;
	d->dhcp6 = s->view.dhcp6;
	d->stateful6 = s->view.stateful6;
	d->mtu = s->view.mtu;
	d->dns = !mode || !strcmp(mode, "managed") ? DNSMASQ_DNS_MANAGED
		 : !strcmp(mode, "dynamic")	   ? DNSMASQ_DNS_DYNAMIC
						   : DNSMASQ_DNS_NONE;
	d->is_promised4 = s->view.names_by_mac;
	d->expiry4 = (unsigned)value_seconds(config_get(c, SECTION_CONFIG, "ipv4.dhcp.expiry"), 3600);
	d->expiry6 = (unsigned)value_seconds(config_get(c, SECTION_CONFIG, "ipv6.dhcp.expiry"), 3600);
	r = read_ranges(c, "ipv4.dhcp.ranges", &s->view.v4, &s->ranges4, &d->n_ranges4, err);
	if (r == 0)
		r = read_ranges(c, "ipv6.dhcp.ranges", &s->view.v6, &s->ranges6, &d->n_ranges6, err);
	if (r == 0)
		r = read_ip(c, "ipv4.dhcp.gateway", AF_INET, &d->gateway4, err);
	if (r < 0)
		return r;
	d->ranges4 = s->ranges4;
	d->ranges6 = s->ranges6;
	s->domain = xstrdup(domain);
	d->domain = s->domain;
	s->search = list_items(config_get(c, SECTION_CONFIG, "dns.search"));
	d->search = (const char *const *)s->search;
	s->servers = xcalloc(count_items(servers) + 1, sizeof(*s->servers));
	while (next_item(&rest, &item)) {
		if (ip_parse(item, &s->servers[d->n_servers]) < 0)
			return err_set(err, EINVAL, "dns.nameservers has \"%.*s\": an address is wanted",
				       STR_FMT(item));
		d->n_servers++;
	}
	d->servers = s->servers;
	s->raw = xstrdup(config_get(c, SECTION_CONFIG, "raw.dnsmasq"));
	d->raw = s->raw;
	/* without DHCPv6 it still sends the advertisements */
	s->has_dnsmasq = d->dhcp4 || d->v6.ip.family || s->view.has_dns;
	return 0;
}

static int read_mac(const struct config *c, struct network_spec *s, struct err *err)
{
	const char *key = "bridge.hwaddr", *value = config_get(c, SECTION_CONFIG, key);

	if (!value) {
		key = "volatile.bridge.hwaddr";
		value = config_get(c, SECTION_CONFIG, key);
	}
	if (!value)
		return 0;
	if (mac_parse(str_from(value), &s->mac) < 0 || !mac_is_unicast(s->mac))
		return err_set(err, EINVAL,
			       "%s is \"%s\": a MAC of one card is wanted, such as 00:16:3e:01:02:03", key,
			       value);
	return 0;
}

static void read_acls(const struct config *c, struct network_spec *s)
{
	struct acl_use *use = &s->acl;

	s->acls = list_items(config_get(c, SECTION_CONFIG, "security.acls"));
	*use = (struct acl_use){
	    .link = s->view.bridge,
	    .lists = (const char *const *)s->acls,
	    .ingress = acl_action_of(config_get(c, SECTION_CONFIG, "security.acls.default.ingress.action")),
	    .egress = acl_action_of(config_get(c, SECTION_CONFIG, "security.acls.default.egress.action")),
	    .ingress_logged = flag(c, "security.acls.default.ingress.logged", false),
	    .egress_logged = flag(c, "security.acls.default.egress.logged", false),
	    .nets = {s->view.v4, s->view.v6},
	    .is_managed = true,
	    .has_dns = s->view.has_dns,
	};
	for (char **p = s->acls; p && *p; p++)
		use->n_lists++;
}

int network_spec_make(struct host *h, const char *name, const struct config *c, struct network_spec *ret,
		      struct err *err)
{
	struct network_spec *s = ret;
	int r;

	*s = (struct network_spec){0};
	s->run_dir = network_run_dir(h, name);
	s->lease_dir = network_lease_dir(h, name);
	r = network_view_from(name, c, &s->view, err);
	if (r == 0)
		r = read_mac(c, s, err);
	if (r == 0)
		r = read_family(c, AF_INET, s, err);
	if (r == 0)
		r = read_family(c, AF_INET6, s, err);
	if (r == 0)
		r = read_dns(c, s, err);
	if (r == 0)
		r = network_tunnels_read(c, name, &s->tunnels, &s->n_tunnels, err);
	if (r == 0)
		r = check_whole(s, err);
	if (r < 0) {
		network_spec_done(s);
		return r;
	}
	read_acls(c, s);
	s->accept_ra = flag(c, "ipv6.accept_ra", false);
	s->nat.name = s->view.bridge;
	s->nat.dns = s->view.has_dns;
	s->externals = list_items(config_get(c, SECTION_CONFIG, "bridge.external_interfaces"));
	return 0;
}

void network_spec_done(struct network_spec *s)
{
	free(s->routes);
	free(s->ranges4);
	free(s->ranges6);
	free(s->servers);
	free(s->tunnels);
	free(s->domain);
	free(s->raw);
	free(s->run_dir);
	free(s->lease_dir);
	texts_free(s->externals);
	texts_free(s->acls);
	texts_free(s->search);
	*s = (struct network_spec){0};
}

size_t network_taken(struct host *h, const struct object *but, struct ip_net **ret)
{
	AUTO(objects_free) struct object **all = host_all(h->project, KIND_NETWORK);
	size_t n = 0, count = 0;

	while (all[count])
		count++;
	*ret = xcalloc(2 * count + 1, sizeof(**ret));
	for (struct object **p = all; *p; p++) {
		AUTO(config_unref) struct config *own = object_own(*p);
		AUTO(free) char *name = object_name(*p);
		struct network_view v;

		if (*p == but || network_view_from(name, own, &v, NULL) < 0)
			continue;
		if (v.v4.ip.family)
			(*ret)[n++] = v.v4;
		if (v.v6.ip.family)
			(*ret)[n++] = v.v6;
	}
	return n;
}
