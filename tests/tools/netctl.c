/* SPDX-License-Identifier: Apache-2.0 */
/* Drives net/ for tests, without a daemon: each call is a process of its own, so a dnsmasq that it finds was
 * started by one that is gone. `netctl help` prints its verbs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/sys.h"
#include "net/direct.h"
#include "net/dnsmasq.h"
#include "net/leases.h"
#include "net/link.h"
#include "net/neighbour.h"
#include "net/nic.h"
#include "net/subnet.h"
#include "net/sysctl.h"
#include "net/tc.h"

static const char usage_text[] =
    "netctl VERB [NAME=VALUE...]\n"
    "  link    name=LINK                          links    [netns=FILE]\n"
    "  set     name=LINK up=yes|no mtu=N txqueuelen=N master=LINK|none mac=MAC\n"
    "  delete  name=LINK                          random   prints a name\n"
    "  bridge  name=LINK mac=MAC mtu=N            port     name=LINK isolated=yes hairpin=yes "
    "nolearning=yes\n"
    "  portget name=LINK\n"
    "  veth    name=LINK peer=LINK mac=MAC netns=FILE mtu=N txqueuelen=N\n"
    "  addr    name=LINK net=NET [del=yes] [netns=FILE]\n"
    "  route   dst=NET [gateway=IP] [name=LINK] [source=IP] [table=N] [metric=N] [del=yes] [netns=FILE]\n"
    "  networks family=4|6                        subnet   family=4|6 | net=NET, taken=NET...\n"
    "  sysctl  family=4|6 name=LINK key=KEY [value=N]\n"
    "  forward family=4|6                         bridge6  name=LINK ipv6=yes accept_ra=N\n"
    "  attach  bridge=LINK peer=LINK mac=MAC netns=FILE [name=LINK] [mtu=N] [isolated=yes]\n"
    "          [mac_filter=yes] [v4_filter=yes] [v6_filter=yes] [own_dhcp=yes] [allowed=NET...]\n"
    "          [vlan=N] [tagged=N-N...] [may_set=yes]   prints the host's name for it\n"
    "  plug    name=LINK peer=LINK mac=MAC netns=FILE [mtu=N] [txqueuelen=N] [routed=yes] [address=IP...]\n"
    "          [host=IP...] [gateway4=no] [gateway6=no] [table=N] [route=NET...] [parent=LINK]\n"
    "  shape   name=LINK [port=yes] [to=BITS] [from=BITS] [priority=N] [clear=yes]\n"
    "  replug, unplug, parent likewise            probe    name=LINK address=IP...\n"
    "  filter  name=LINK peer=LINK mac=MAC ...    detach   name=LINK    filters    teardown\n"
    "  dnsmasq run=DIR leases=DIR bridge=LINK user=NAME v4=NET dhcp4=yes range4=IP-IP... expiry4=N "
    "gateway=IP\n"
    "          v6=NET dhcp6=yes stateful6=yes promised4=yes range6=IP-IP... mtu=N dns=managed|dynamic|none "
    "domain=NAME\n"
    "          search=NAME... server=IP... [only=current|conf]\n"
    "  adopt   run=DIR [wait=yes]   reload run=DIR   stop run=DIR\n"
    "  host    run=DIR key=KEY mac=MAC v4=IP v6=IP name=NAME [name4=yes] [alias=NAME] [alias4=IP] "
    "[alias6=IP]\n"
    "  unhost  run=DIR key=KEY\n"
    "  leases  leases=DIR                         release  bridge=LINK server=IP leases=DIR key=KEY ...\n"
    "Fails with status 1 and the sentence on standard error, as \"ERRNO: text\".\n";

static char **args;
static int netns = NETNS_OWN;

/* The value of NAME=..., the @nth of that name; NULL where there is none. */
static const char *nth(const char *name, size_t n)
{
	size_t len = strlen(name);

	for (char **p = args; *p; p++)
		if (!strncmp(*p, name, len) && (*p)[len] == '=' && n-- == 0)
			return *p + len + 1;
	return NULL;
}

static const char *arg(const char *name)
{
	return nth(name, 0);
}

static const char *need(const char *name)
{
	if (arg(name))
		return arg(name);
	fprintf(stderr, "netctl: %s= is wanted\n%s", name, usage_text);
	exit(2);
}

static unsigned number(const char *name)
{
	return arg(name) ? (unsigned)strtoul(arg(name), NULL, 10) : 0;
}

static bool yes(const char *name)
{
	return arg(name) && !strcmp(arg(name), "yes");
}

static void bad(const char *what, const char *text)
{
	fprintf(stderr, "netctl: %s is no %s\n", text, what);
	exit(2);
}

static struct mac mac(const char *name)
{
	struct mac m = {0};

	if (arg(name) && mac_parse(str_from(arg(name)), &m) < 0)
		bad("MAC", arg(name));
	return m;
}

static struct ip ip_of(const char *text)
{
	struct ip ip = {0};

	if (text && ip_parse(str_from(text), &ip) < 0)
		bad("address", text);
	return ip;
}

static struct ip_net net_of(const char *text)
{
	struct ip_net net = {0};

	if (text && ip_net_parse(str_from(text), &net) < 0)
		bad("network", text);
	return net;
}

static int family(void)
{
	return number("family") == 6 ? AF_INET6 : AF_INET;
}

/* ---- links */

static void print_net(const char *head, const struct ip_net *net, const char *tail)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	buf_ip_net(&b, net);
	printf("%s%s%s", head, buf_cstr(&b), tail);
}

static void print_link(const struct link_info *l)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	if (l->has_mac)
		buf_mac(&b, l->mac);
	printf("%s kind=%s mac=%s type=%u up=%d oper=%s mtu=%u txqueuelen=%u master=%d peer=%d rx=%llu "
	       "tx=%llu\n",
	       l->name, l->kind, buf_cstr(&b), l->type, l->flags & IFF_UP ? 1 : 0,
	       link_oper_text(l->operstate), l->mtu, l->txqueuelen, l->master, l->peer,
	       (unsigned long long)l->counters.rx_packets, (unsigned long long)l->counters.tx_packets);
}

static int do_link(struct err *err)
{
	struct link_info l;
	int r = link_get(netns, need("name"), &l, err);

	if (!r)
		print_link(&l);
	return r;
}

static int do_links(struct err *err)
{
	AUTO(link_list_done) struct link_list list = {0};
	int r = link_list(netns, &list, err);

	for (size_t i = 0; i < list.n_links; i++) {
		print_link(&list.links[i]);
		for (size_t j = 0; j < list.n_addrs; j++)
			if (list.addrs[j].index == list.links[i].index)
				print_net("  ", &list.addrs[j].net, "\n");
	}
	return r;
}

static int do_set(struct err *err)
{
	const char *master = arg("master");
	struct link_change c = {
	    .up = yes("up"),
	    .mtu = number("mtu"),
	    .txqueuelen = number("txqueuelen"),
	    .master = master && strcmp(master, "none") != 0 ? master : NULL,
	    .mac = mac("mac"),
	};

	c.set = (arg("up") ? LINK_STATE : 0) | (arg("mtu") ? LINK_MTU : 0) |
		(arg("txqueuelen") ? LINK_TXQUEUELEN : 0) | (master ? LINK_MASTER : 0) |
		(arg("mac") ? LINK_MAC : 0);
	return link_set(need("name"), &c, err);
}

static int do_delete(struct err *err)
{
	return link_delete(need("name"), err);
}

static int do_random(struct err *err)
{
	char name[IFNAMSIZ];

	(void)err;
	link_random_name(name);
	puts(name);
	return 0;
}

static int do_bridge(struct err *err)
{
	struct bridge_spec spec = {need("name"), mac("mac"), number("mtu")};

	return bridge_create(&spec, err);
}

static int do_port(struct err *err)
{
	struct bridge_port port = {yes("isolated"), yes("hairpin"), yes("nolearning")};

	return bridge_port_set(need("name"), &port, err);
}

static int do_portget(struct err *err)
{
	struct bridge_port port;
	int r = bridge_port_get(need("name"), &port, err);

	if (!r)
		printf("isolated=%d hairpin=%d nolearning=%d\n", port.isolated, port.hairpin,
		       port.no_learning);
	return r;
}

static int do_veth(struct err *err)
{
	struct veth_spec spec = {need("name"), need("peer"),  mac("mac"),
				 netns,	       number("mtu"), number("txqueuelen")};

	return veth_create(&spec, err);
}

static int do_addr(struct err *err)
{
	struct ip_net net = net_of(need("net"));

	return yes("del") ? address_del(netns, need("name"), &net, err)
			  : address_add(netns, need("name"), &net, err);
}

static int do_route(struct err *err)
{
	struct route route = {
	    .dst = net_of(need("dst")),
	    .gateway = ip_of(arg("gateway")),
	    .link = arg("name"),
	    .source = ip_of(arg("source")),
	    .table = number("table"),
	    .metric = number("metric"),
	};

	return yes("del") ? route_del(netns, &route, err) : route_add(netns, &route, err);
}

static int do_networks(struct err *err)
{
	struct ip_net_list list = {0};
	int r = route_networks(family(), &list, err);

	for (size_t i = 0; i < list.n; i++)
		print_net("", &list.nets[i], "\n");
	free(list.nets);
	return r;
}

static int do_subnet(struct err *err)
{
	struct ip_net taken[16], net = net_of(arg("net"));
	size_t n = 0;
	int r;

	for (; n < ARRAY_SIZE(taken) && nth("taken", n); n++)
		taken[n] = net_of(nth("taken", n));
	if (net.ip.family)
		return subnet_check(&net, taken, n, err);
	r = (family() == AF_INET ? subnet_free4 : subnet_free6)(taken, n, &net, err);
	if (!r)
		print_net("", &net, "\n");
	return r;
}

static int do_sysctl(struct err *err)
{
	int r;

	if (arg("value"))
		return sysctl_net_set(family(), need("name"), need("key"),
				      (int)strtol(arg("value"), NULL, 10), err);
	r = sysctl_net_get(family(), need("name"), need("key"), err);
	if (r >= 0)
		printf("%d\n", r);
	return r;
}

static int do_forward(struct err *err)
{
	return family() == AF_INET ? sysctl_forward4(err) : sysctl_forward6(err);
}

static int do_bridge6(struct err *err)
{
	return sysctl_bridge(need("name"), yes("ipv6"), (int)number("accept_ra"), err);
}

/* ---- NICs */

static void nic(struct nic_spec *spec, struct ip_net *allowed, size_t max)
{
	*spec = (struct nic_spec){
	    .mac = mac("mac"),
	    .bridge = arg("bridge"),
	    .mtu = number("mtu"),
	    .flags = (yes("mac_filter") ? FILTER_MAC : 0) | (yes("v4_filter") ? FILTER_V4 : 0) |
		     (yes("v6_filter") ? FILTER_V6 : 0) | (yes("own_dhcp") ? FILTER_OWN_DHCP : 0),
	    .allowed = allowed,
	    .isolated = yes("isolated"),
	};
	snprintf(spec->name, sizeof(spec->name), "%s", need("peer"));
	snprintf(spec->host_name, sizeof(spec->host_name), "%s", arg("name") ? arg("name") : "");
	for (; spec->n_allowed < max && nth("allowed", spec->n_allowed); spec->n_allowed++)
		allowed[spec->n_allowed] = net_of(nth("allowed", spec->n_allowed));
}

static int do_attach(struct err *err)
{
	struct ip_net allowed[8];
	struct nic_spec spec;
	struct vlan_range ranges[8];
	struct port_vlans vlans = {.untagged = (uint16_t)number("vlan"), .list = ranges};
	int r;

	nic(&spec, allowed, ARRAY_SIZE(allowed));
	if (arg("vlan") || arg("tagged")) {
		for (; vlans.n < ARRAY_SIZE(ranges) && nth("tagged", vlans.n); vlans.n++)
			if (sscanf(nth("tagged", vlans.n), "%hu-%hu", &ranges[vlans.n].first,
				   &ranges[vlans.n].last) != 2)
				bad("range of VLANs", nth("tagged", vlans.n));
		spec.vlans = &vlans;
		spec.may_change_bridge = yes("may_set");
	}
	r = nic_attach(&spec, netns, err);
	if (!r)
		puts(spec.host_name);
	return r;
}

static int do_filter(struct err *err)
{
	struct ip_net allowed[8];
	struct nic_spec spec;

	nic(&spec, allowed, ARRAY_SIZE(allowed));
	return nic_filter(&spec, err);
}

static int do_detach(struct err *err)
{
	return nic_detach(need("name"), err);
}

static int do_filters(struct err *err)
{
	AUTO(filter_list_done) struct filter_list list = {0};
	int r = filter_list(&list, err);

	for (size_t i = 0; i < list.n; i++)
		printf("%s flags=%u reachable=%d\n", list.ports[i].name, list.ports[i].flags,
		       list.ports[i].is_reachable);
	return r;
}

static int do_teardown(struct err *err)
{
	return filter_teardown(err);
}

/* ---- NICs without a bridge */

struct direct {
	struct direct_spec spec;
	struct ip v4[8], v6[8];
	struct ip_net routes[8];
};

static void direct(struct direct *d)
{
	struct direct_spec *s = &d->spec;
	const char *text;

	*d = (struct direct){.spec = {
				 .mac = mac("mac"),
				 .mtu = number("mtu"),
				 .txqueuelen = number("txqueuelen"),
				 .is_routed = yes("routed"),
				 .parent = arg("parent"),
				 .routes = d->routes,
			     }};
	snprintf(s->host_name, sizeof(s->host_name), "%s", need("name"));
	snprintf(s->name, sizeof(s->name), "%s", arg("peer") ? arg("peer") : "");
	s->v4 = (struct direct_family){
	    .addresses = d->v4, .host = ip_of("169.254.0.1"), .table = number("table")};
	s->v6 =
	    (struct direct_family){.addresses = d->v6, .host = ip_of("fe80::1"), .table = number("table")};
	s->v4.no_default = arg("gateway4") && !yes("gateway4");
	s->v6.no_default = arg("gateway6") && !yes("gateway6");
	for (size_t i = 0; i < 8 && (text = nth("address", i)); i++) {
		struct ip ip = ip_of(text);

		if (ip.family == AF_INET)
			d->v4[s->v4.n_addresses++] = ip;
		else
			d->v6[s->v6.n_addresses++] = ip;
	}
	for (size_t i = 0; i < 2 && (text = nth("host", i)); i++)
		(ip_of(text).family == AF_INET ? &s->v4 : &s->v6)->host = ip_of(text);
	for (; s->n_routes < 8 && (text = nth("route", s->n_routes)); s->n_routes++)
		d->routes[s->n_routes] = net_of(text);
}

static int do_plug(struct err *err)
{
	struct direct d;

	direct(&d);
	return direct_attach(&d.spec, netns, err);
}

static int do_replug(struct err *err)
{
	struct direct d;

	direct(&d);
	return direct_restore(&d.spec, err);
}

static int do_unplug(struct err *err)
{
	struct direct d;

	direct(&d);
	return direct_detach(&d.spec, err);
}

static int do_parent(struct err *err)
{
	struct direct d;

	direct(&d);
	return direct_check_parent(&d.spec, err);
}

static int do_shape(struct err *err)
{
	const struct shape s = {number("to"), number("from"), number("priority")};
	enum shape_at at = yes("port") ? SHAPE_PORT : SHAPE_HOST;

	return yes("clear") ? shape_clear(need("name"), at, err) : shape_set(need("name"), at, &s, err);
}

static int do_probe(struct err *err)
{
	struct ip ips[8];
	size_t n = 0;

	for (; n < ARRAY_SIZE(ips) && nth("address", n); n++)
		ips[n] = ip_of(nth("address", n));
	return neighbour_probe(need("name"), ips, n, err);
}

/* ---- dnsmasq */

static size_t ranges(const char *name, struct dnsmasq_range *to, size_t max)
{
	size_t n = 0;

	for (const char *text; n < max && (text = nth(name, n)); n++) {
		struct str rest = str_from(text), first = STR_NULL;

		str_next(&rest, '-', &first);
		if (ip_parse(first, &to[n].first) < 0 || ip_parse(rest, &to[n].last) < 0)
			bad("range", text);
	}
	return n;
}

static int do_dnsmasq(struct err *err)
{
	struct dnsmasq_range r4[8], r6[8];
	const char *dns = arg("dns"), *only = arg("only"), *search[9] = {NULL};
	AUTO(buf_done) struct buf text = BUF_NULL;
	AUTO(fd) int pidfd = -EBADF;
	struct ip servers[8];
	struct dnsmasq_spec s = {
	    .run_dir = need("run"),
	    .lease_dir = arg("leases"),
	    .bridge = need("bridge"),
	    .user = arg("user"),
	    .v4 = net_of(arg("v4")),
	    .dhcp4 = yes("dhcp4"),
	    .ranges4 = r4,
	    .n_ranges4 = ranges("range4", r4, ARRAY_SIZE(r4)),
	    .expiry4 = number("expiry4"),
	    .gateway4 = ip_of(arg("gateway")),
	    .v6 = net_of(arg("v6")),
	    .dhcp6 = yes("dhcp6"),
	    .stateful6 = yes("stateful6"),
	    .is_promised4 = yes("promised4"),
	    .ranges6 = r6,
	    .n_ranges6 = ranges("range6", r6, ARRAY_SIZE(r6)),
	    .expiry6 = number("expiry6"),
	    .mtu = number("mtu"),
	    .dns = !dns || !strcmp(dns, "managed") ? DNSMASQ_DNS_MANAGED
		   : !strcmp(dns, "none")	   ? DNSMASQ_DNS_NONE
						   : DNSMASQ_DNS_DYNAMIC,
	    .domain = arg("domain"),
	    .search = search,
	    .servers = servers,
	};
	int r;

	for (size_t i = 0; i < 8; i++)
		search[i] = nth("search", i);
	for (; s.n_servers < 8 && nth("server", s.n_servers); s.n_servers++)
		servers[s.n_servers] = ip_of(nth("server", s.n_servers));
	if (only && !strcmp(only, "current")) {
		puts(dnsmasq_is_current(&s) ? "yes" : "no");
		return 0;
	}
	if (only) {
		r = dnsmasq_conf_text(&text, &s, err);
		fputs(buf_cstr(&text), stdout);
		return r;
	}
	r = dnsmasq_start(&s, &pidfd, err);
	if (!r && sys_poll_in(pidfd, -1, sys_deadline(0)) != 0)
		return err_set(err, EIO, "it died at once");
	return r;
}

static int do_adopt(struct err *err)
{
	AUTO(fd) int pidfd = -EBADF;
	int r = dnsmasq_adopt(need("run"), &pidfd, err);

	if (r < 0)
		return r;
	puts(r ? "found" : "none");
	fflush(stdout);
	/* until it dies */
	return r && yes("wait") && sys_poll_in(pidfd, -1, sys_deadline(20000)) != 1 ? -ETIMEDOUT : 0;
}

static int do_reload(struct err *err)
{
	return dnsmasq_reload(need("run"), err);
}

static int do_stop(struct err *err)
{
	return dnsmasq_stop(need("run"), err);
}

static struct dnsmasq_host host(void)
{
	static const char *aliases[2];

	aliases[0] = arg("alias");
	return (struct dnsmasq_host){
	    .key = need("key"),
	    .mac = mac("mac"),
	    .v4 = ip_of(arg("v4")),
	    .v6 = ip_of(arg("v6")),
	    .name = arg("name"),
	    .is_name4 = yes("name4"),
	    .aliases = arg("alias") ? aliases : NULL,
	    .alias4 = ip_of(arg("alias4")),
	    .alias6 = ip_of(arg("alias6")),
	};
}

static int do_host(struct err *err)
{
	struct dnsmasq_host h = host();

	return dnsmasq_host_set(need("run"), &h, err);
}

static int do_release(struct err *err)
{
	struct ip server = ip_of(arg("server"));
	struct dnsmasq_host h = host();

	return dnsmasq_release(need("bridge"), &server, need("leases"), &h, err);
}

static int do_unhost(struct err *err)
{
	return dnsmasq_host_clear(need("run"), need("key"), err);
}

static int do_leases(struct err *err)
{
	AUTO(leases_done) struct leases l = {0};
	int r = leases_read(need("leases"), &l, err);

	for (size_t i = 0; i < l.n; i++) {
		AUTO(buf_done) struct buf b = BUF_NULL;

		buf_ip(&b, &l.list[i].ip);
		buf_addc(&b, ' ');
		if (l.list[i].has_mac)
			buf_mac(&b, l.list[i].mac);
		printf("%s name=%s\n", buf_cstr(&b), l.list[i].name);
	}
	return r;
}

static const struct {
	const char *name;
	int (*run)(struct err *err);
} verbs[] = {
    {"link", do_link},	       {"links", do_links},	{"set", do_set},	 {"delete", do_delete},
    {"random", do_random},     {"bridge", do_bridge},	{"port", do_port},	 {"portget", do_portget},
    {"veth", do_veth},	       {"addr", do_addr},	{"route", do_route},	 {"networks", do_networks},
    {"subnet", do_subnet},     {"sysctl", do_sysctl},	{"forward", do_forward}, {"bridge6", do_bridge6},
    {"attach", do_attach},     {"filter", do_filter},	{"detach", do_detach},	 {"filters", do_filters},
    {"teardown", do_teardown}, {"dnsmasq", do_dnsmasq}, {"adopt", do_adopt},	 {"reload", do_reload},
    {"stop", do_stop},	       {"host", do_host},	{"unhost", do_unhost},	 {"leases", do_leases},
    {"release", do_release},   {"plug", do_plug},	{"replug", do_replug},	 {"unplug", do_unplug},
    {"parent", do_parent},     {"shape", do_shape},	{"probe", do_probe},
};

int main(int argc, char **argv)
{
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(fd) int ns = -EBADF;
	int r;

	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(argv[1], verbs[i].name) != 0)
			continue;
		args = argv + 2;
		if (arg("netns")) {
			ns = open(arg("netns"), O_RDONLY | O_CLOEXEC);
			if (ns < 0)
				bad("namespace", arg("netns"));
			netns = ns;
		}
		r = verbs[i].run(&err);
		if (r < 0)
			fprintf(stderr, "%d: %s\n", -r, err.text ? err.text : "(no sentence)");
		return r < 0 ? 1 : 0;
	}
	fputs(usage_text, stderr);
	return 2;
}
