/* SPDX-License-Identifier: Apache-2.0 */
/* A managed network as its NICs see it: read from its config, nothing is asked of the kernel. */
#include "engine/device/network.h"

#include <errno.h>
#include <stdio.h>

#include "engine/base/auto.h"

/* "none", "auto" (which only a network has that isn't made yet) and no value are no address. */
static int read_net(const struct config *c, const char *key, int family, struct ip_net *ret, struct err *err)
{
	const char *value = config_get(c, SECTION_CONFIG, key);

	*ret = (struct ip_net){0};
	if (!value || !strcmp(value, "none") || !strcmp(value, "auto"))
		return 0;
	if (ip_net_parse(str_from(value), ret) < 0 || ret->ip.family != family) {
		*ret = (struct ip_net){0};
		return err_set(
		    err, EINVAL,
		    "%s is \"%s\": an address with the length of its network is wanted, such as %s", key,
		    value, family == AF_INET ? "10.20.30.1/24" : "fd42:1:2:3::1/64");
	}
	return 0;
}

static bool read_flag(const struct config *c, const char *key, bool otherwise)
{
	const char *value = config_get(c, SECTION_CONFIG, key);

	return value ? value_bool(value) : otherwise;
}

static bool has_tunnel(const struct config *c)
{
	const struct section *s = config_section(c, SECTION_CONFIG);

	for (size_t i = 0; s && i < s->n; i++)
		if (!strncmp(s->pairs[i].key, "tunnel.", strlen("tunnel.")))
			return true;
	return false;
}

int network_view_from(const char *bridge, const struct config *c, struct network_view *ret, struct err *err)
{
	const char *dns = config_get(c, SECTION_CONFIG, "dns.mode"), *domain;
	struct network_view v = {.is_managed = true};
	int r;

	if (!ifname_ok(str_from(bridge)))
		return err_set(
		    err, EINVAL,
		    "\"%s\" can't be a bridge's name: it has 1 to 15 letters, digits, '-', '_', '.'", bridge);
	snprintf(v.bridge, sizeof(v.bridge), "%s", bridge);
	r = read_net(c, "ipv4.address", AF_INET, &v.v4, err);
	if (r == 0)
		r = read_net(c, "ipv6.address", AF_INET6, &v.v6, err);
	if (r < 0)
		return r;
	v.dhcp4 = v.v4.ip.family && read_flag(c, "ipv4.dhcp", true);
	v.dhcp6 = v.v6.ip.family && read_flag(c, "ipv6.dhcp", true);
	v.stateful6 = v.dhcp6 && read_flag(c, "ipv6.dhcp.stateful", false);
	v.has_dns = (v.v4.ip.family || v.v6.ip.family) && (!dns || strcmp(dns, "none") != 0);
	v.names_by_mac = v.has_dns && (!dns || !strcmp(dns, "managed"));
	domain = config_get(c, SECTION_CONFIG, "dns.domain");
	snprintf(v.domain, sizeof(v.domain), "%s", domain ? domain : "lxd");
	/* a tunnel's own headers take from what the links below carry */
	v.mtu = (unsigned)value_int(config_get(c, SECTION_CONFIG, "bridge.mtu"), has_tunnel(c) ? 1400 : 0);
	*ret = v;
	return 0;
}

int network_view_of(struct host *h, const char *network, struct network_view *ret, struct err *err)
{
	AUTO(object_unref) struct object *o = host_find(h->project, KIND_NETWORK, str_from(network));
	AUTO(config_unref) struct config *c = NULL;

	if (!o)
		return err_set(err, ENOENT, "there is no network \"%s\": mkdir %s/networks/%s makes one",
			       network, h->mount, network);
	c = object_own(o);
	return network_view_from(network, c, ret, err);
}

char *network_run_dir(struct host *h, const char *network)
{
	return xasprintf("%s/networks/%s", h->run, network);
}

char *network_lease_dir(struct host *h, const char *network)
{
	return xasprintf("%s/networks/%s", h->state, network);
}
