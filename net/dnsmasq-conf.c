/* SPDX-License-Identifier: Apache-2.0 */
/* The text that dnsmasq reads, made of checked values only. Options: dnsmasq(8). */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "engine/base/auto.h"
#include "net/dnsmasq.h"
#include "net/leases.h"

#define EXPIRY 3600
#define EXPIRY_MIN 120 /* dnsmasq raises less to this by itself */

static bool is_word(struct str s, const char *more)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    (!c || !strchr(more, c)))
			return false;
	}
	return s.len > 0;
}

/* refuse(): a sentence that tells an unreadable value as it is, escaped */
static int refuse(struct err *err, const char *text, const char *why)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	buf_escape(&b, str_from(text));
	return err_set(err, EINVAL, "\"%s\" is %s", buf_cstr(&b), why);
}

/* A '#' begins a comment, '"' and '\' quote, some options split at ',' and '%': such paths aren't used. */
static int check_dir(const char *path, struct err *err)
{
	if (!path || path[0] != '/' || !is_word(str_from(path), "/._+-"))
		return refuse(err, path ? path : "",
			      "no directory for dnsmasq: an absolute path of letters, digits, '/', '.', '_', "
			      "'+', '-' is");
	return 0;
}

static int check_name(const char *name, const char *why, struct err *err)
{
	return dns_name_ok(str_from(name)) ? 0 : refuse(err, name, why);
}

/* put_user(): who dnsmasq becomes. There is a user "dnsmasq" where its package made one. */
static int put_user(struct buf *b, const char *user, struct err *err)
{
	const char *const choice[] = {user ? user : "dnsmasq", user ? NULL : "nobody"};
	char room[4096], group_room[4096];
	struct passwd pw, *found = NULL;
	struct group gr, *group = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(choice) && choice[i] && !found; i++)
		if (is_word(str_from(choice[i]), "._-"))
			getpwnam_r(choice[i], &pw, room, sizeof(room), &found);
	if (!found)
		return refuse(err, user ? user : "dnsmasq", "no user that dnsmasq could become");
	if (!found->pw_uid)
		return err_set(err, EINVAL, "dnsmasq may not become %s, which is root", found->pw_name);
	getgrgid_r(found->pw_gid, &gr, group_room, sizeof(group_room), &group);
	if (!group || !is_word(str_from(group->gr_name), "._-"))
		return err_set(err, EINVAL, "the group of user %s has no usable name", found->pw_name);
	buf_printf(b, "user=%s\ngroup=%s\n", found->pw_name, group->gr_name);
	return 0;
}

/* ---- addresses */

static void put_bracketed(struct buf *b, const struct ip *ip)
{
	buf_addc(b, '[');
	buf_ip(b, ip);
	buf_addc(b, ']');
}

/* ip_step(): the next address up or down */
static struct ip ip_step(struct ip ip, bool up)
{
	for (int i = (int)ip_bits(&ip) / 8 - 1; i >= 0; i--)
		if (up ? ++ip.bytes[i] != 0 : ip.bytes[i]-- != 0)
			break;
	return ip;
}

static int ip_cmp(const struct ip *a, const struct ip *b)
{
	return memcmp(a->bytes, b->bytes, ip_bits(a) / 8);
}

static void put_mask(struct buf *b, const struct ip_net *net)
{
	struct ip_net ones = {.ip = {.family = AF_INET}, .len = net->len};
	struct ip mask = ip_net_last(&ones);

	for (size_t i = 0; i < 4; i++)
		mask.bytes[i] = (unsigned char)~mask.bytes[i];
	buf_ip(b, &mask);
}

/* All of the network, for addresses in the hosts files alone. Other tags than `known` don't do: dnsmasq
 * (2.90) dies when it reads lines anew that set one. */
static void put_static(struct buf *b, const struct dnsmasq_spec *s)
{
	struct ip_net base = ip_net_base(&s->v4);

	buf_adds(b, "dhcp-range=tag:known,");
	buf_ip(b, &base.ip);
	buf_adds(b, ",static,");
	put_mask(b, &s->v4);
	buf_printf(b, ",%u\n", MAX(s->expiry4 ? s->expiry4 : EXPIRY, EXPIRY_MIN));
}

static int put_range(struct buf *b, const char *tag, const struct ip_net *net,
		     const struct dnsmasq_range *range, unsigned expiry, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL, where = BUF_NULL;

	buf_ip(&text, &range->first);
	buf_addc(&text, '-');
	buf_ip(&text, &range->last);
	buf_ip_net(&where, net);
	if (!ip_net_has(net, &range->first) || !ip_net_has(net, &range->last))
		return err_set(err, EINVAL, "DHCP range %s isn't in the network of %s", buf_cstr(&text),
			       buf_cstr(&where));
	if (ip_cmp(&range->first, &range->last) > 0)
		return err_set(err, EINVAL, "DHCP range %s ends before it begins", buf_cstr(&text));
	buf_printf(b, "dhcp-range=%s", tag);
	buf_ip(b, &range->first);
	buf_addc(b, ',');
	buf_ip(b, &range->last);
	if (net->ip.family == AF_INET) {
		buf_addc(b, ',');
		put_mask(b, net);
	} else {
		buf_printf(b, ",%u", net->len);
	}
	expiry = expiry ? expiry : EXPIRY;
	buf_printf(b, ",%u\n", MAX(expiry, EXPIRY_MIN));
	return 0;
}

/* put_ranges(): those given, else all of the network but first, last and the bridge, which parts it in two */
static int put_ranges(struct buf *b, const char *tag, const struct ip_net *net,
		      const struct dnsmasq_range *ranges, size_t n, unsigned expiry, struct err *err)
{
	struct ip_net base = ip_net_base(net);
	struct ip last = ip_net_last(net);
	struct dnsmasq_range parts[2];
	size_t n_parts = 0;

	if (!n) {
		if (net->len > ip_bits(&net->ip) - 2)
			return err_set(err, EINVAL,
				       "a network with length %u has no addresses for DHCP: %u is the most",
				       net->len, ip_bits(&net->ip) - 2);
		parts[0] = (struct dnsmasq_range){ip_step(base.ip, true), ip_step(net->ip, false)};
		parts[1] = (struct dnsmasq_range){ip_step(net->ip, true), ip_step(last, false)};
		ranges = parts;
		n = 2;
	} else {
		parts[0] = parts[1] = (struct dnsmasq_range){0};
	}
	for (size_t i = 0; i < n; i++) {
		/* a bridge at the network's edge leaves nothing on that side */
		if (ranges == parts &&
		    (ip_cmp(&parts[i].first, &parts[i].last) > 0 || !ip_net_has(net, &parts[i].first) ||
		     !ip_net_has(net, &parts[i].last)))
			continue;
		int r = put_range(b, tag, net, &ranges[i], expiry, err);

		if (r < 0)
			return r;
		n_parts++;
	}
	return n_parts ? 0 : err_set(err, EINVAL, "the network leaves no addresses for DHCP");
}

/* ---- sections */

static int put_dns(struct buf *b, const struct dnsmasq_spec *s, struct err *err)
{
	const char *domain = s->domain ? s->domain : "lxd";
	int r = check_name(domain, "no domain: labels of letters, digits, '-' with dots between are", err);

	if (r < 0)
		return r;
	/* names of requests are passed over; who has which comes from the hosts files, by MAC */
	if (s->dns != DNSMASQ_DNS_DYNAMIC)
		buf_adds(b, "dhcp-ignore-names\n");
	if (s->dns == DNSMASQ_DNS_NONE) {
		buf_adds(b, "port=0\n");
		return 0;
	}
	if (s->dns == DNSMASQ_DNS_DYNAMIC)
		/* whoever is called wpad could give browsers their proxy (VU#598349) */
		buf_adds(b, "dhcp-name-match=set:wpad,wpad\ndhcp-ignore-names=tag:wpad\n");
	buf_printf(b, "domain=%s\nlocal=/%s/\nhost-record=_gateway.%s,_gateway", domain, domain, domain);
	if (s->v4.ip.family) {
		buf_addc(b, ',');
		buf_ip(b, &s->v4.ip);
	}
	if (s->v6.ip.family) {
		buf_addc(b, ',');
		buf_ip(b, &s->v6.ip);
	}
	/* the host's own names are nothing to instances */
	buf_adds(b, "\nno-hosts\nstrict-order\ndomain-needed\n");
	return 0;
}

/* put_servers(): DNS servers of one family that instances are told */
static void put_servers(struct buf *b, const struct dnsmasq_spec *s, int family)
{
	bool is_first = true;

	for (size_t i = 0; i < s->n_servers; i++) {
		if (s->servers[i].family != family)
			continue;
		if (is_first)
			buf_printf(b, "dhcp-option=%s:dns-server", family == AF_INET ? "option" : "option6");
		is_first = false;
		buf_addc(b, ',');
		if (family == AF_INET)
			buf_ip(b, &s->servers[i]);
		else
			put_bracketed(b, &s->servers[i]);
	}
	if (!is_first)
		buf_addc(b, '\n');
}

static int put_search(struct buf *b, const struct dnsmasq_spec *s, const char *option, struct err *err)
{
	int r = 0;

	if (!s->search || !s->search[0])
		return 0;
	buf_printf(b, "dhcp-option=%s:domain-search", option);
	for (size_t i = 0; s->search[i] && !r; i++) {
		r = check_name(s->search[i],
			       "no domain to search: labels of letters, digits, '-' with dots between are",
			       err);
		if (!r)
			buf_printf(b, ",%s", s->search[i]);
	}
	buf_addc(b, '\n');
	return r;
}

static int put_v4(struct buf *b, const struct dnsmasq_spec *s, struct err *err)
{
	int r;

	if (s->v4.ip.family != AF_INET || s->v4.len > 32)
		return err_set(err, EINVAL, "the IPv4 address of bridge %s isn't one", s->bridge);
	if (!s->dhcp4)
		return 0;
	buf_adds(b, "dhcp-rapid-commit\n");
	if (s->is_promised4)
		put_static(b, s);
	r = put_ranges(b, s->is_promised4 ? "tag:!known," : "", &s->v4, s->ranges4, s->n_ranges4, s->expiry4,
		       err);
	if (r < 0)
		return r;
	if (s->gateway4.family == AF_INET6)
		return err_set(err, EINVAL, "the gateway of an IPv4 network is an IPv4 address");
	if (s->gateway4.family) {
		buf_adds(b, "dhcp-option=option:router,");
		buf_ip(b, &s->gateway4);
		buf_addc(b, '\n');
	}
	if (s->mtu)
		buf_printf(b, "dhcp-option=option:mtu,%u\n", s->mtu);
	put_servers(b, s, AF_INET);
	return put_search(b, s, "option", err);
}

static int put_v6(struct buf *b, const struct dnsmasq_spec *s, struct err *err)
{
	struct ip_net base = ip_net_base(&s->v6);
	int r;

	if (s->v6.ip.family != AF_INET6 || s->v6.len > 128)
		return err_set(err, EINVAL, "the IPv6 address of bridge %s isn't one", s->bridge);
	if (!(s->dhcp6 && s->stateful6) && s->v6.len != 64)
		return err_set(
		    err, EINVAL,
		    "an IPv6 network of length %u has no SLAAC, which needs 64: choose another, or "
		    "stateful DHCPv6",
		    s->v6.len);
	buf_adds(b, "enable-ra\n");
	if (s->mtu)
		/* the interval and lifetime are dnsmasq's own defaults */
		buf_printf(b, "ra-param=%s,mtu:%u,600,1800\n", s->bridge, s->mtu);
	if (s->dhcp6 && s->stateful6) {
		r = put_ranges(b, "", &s->v6, s->ranges6, s->n_ranges6, s->expiry6, err);
		if (r < 0)
			return r;
	} else {
		unsigned expiry = s->expiry6 ? s->expiry6 : EXPIRY;

		buf_adds(b, "dhcp-range=");
		buf_ip(b, &base.ip);
		buf_printf(b, ",%s,64,%u\n", s->dhcp6 ? "ra-stateless,ra-names" : "ra-only",
			   MAX(expiry, EXPIRY_MIN));
	}
	put_servers(b, s, AF_INET6);
	return put_search(b, s, "option6", err);
}

int dnsmasq_conf_text(struct buf *b, const struct dnsmasq_spec *s, struct err *err)
{
	int r = check_dir(s->run_dir, err);

	if (!r && s->lease_dir)
		r = check_dir(s->lease_dir, err);
	if (r < 0)
		return r;
	if (!s->bridge || !ifname_ok(str_from(s->bridge)))
		return refuse(err, s->bridge ? s->bridge : "", "no name of a bridge");
	buf_adds(b, "# made by lxdfs, and made anew at each start\n");
	r = put_user(b, s->user, err);
	if (r < 0)
		return r;
	buf_printf(b, "interface=%s\nexcept-interface=lo\nbind-interfaces\n", s->bridge);
	buf_printf(b, "pid-file=%s/dnsmasq.pid\ndhcp-leasefile=%s/dnsmasq.leases\ndhcp-hostsdir=%s/hosts\n",
		   s->run_dir, s->lease_dir ? s->lease_dir : s->run_dir, s->run_dir);
	if (s->dns != DNSMASQ_DNS_NONE)
		buf_printf(b, "hostsdir=%s/names\n", s->run_dir);
	/* what instances make it log could fill the host's disk */
	buf_adds(b, "quiet-dhcp\nquiet-dhcp6\nquiet-ra\n");
	/* ids that instances choose would be leases without end */
	buf_printf(b, "dhcp-authoritative\ndhcp-ignore-clid\ndhcp-no-override\nno-ping\ndhcp-lease-max=%d\n",
		   LEASES_MAX);
	for (size_t i = 0; i < s->n_servers; i++)
		if (!ip_bits(&s->servers[i]))
			return err_set(err, EINVAL, "a DNS server has no address");
	r = put_dns(b, s, err);
	if (!r && s->v4.ip.family)
		r = put_v4(b, s, err);
	if (!r && s->v6.ip.family)
		r = put_v6(b, s, err);
	if (!r && s->raw && *s->raw)
		buf_printf(b, "# raw.dnsmasq\n%s\n", s->raw);
	return r;
}

/* ---- a line of the hosts directory */

/* is_word_of_its_own(): dnsmasq reads "ignore", "infinite", "42" and "10m" in a line as something else than a
 * name, but takes a name with the dot of the root behind it for nothing else */
static bool is_word_of_its_own(const char *name)
{
	size_t digits = strspn(name, "0123456789");

	return !strcmp(name, "ignore") || !strcmp(name, "infinite") ||
	       (digits && (!name[digits] || (strchr("wdhmsWDHMS", name[digits]) && !name[digits + 1])));
}

static void put_host(struct buf *b, const struct dnsmasq_host *host, bool with_v4, bool with_v6,
		     bool with_name)
{
	buf_mac(b, host->mac);
	if (with_v4 && host->v4.family) {
		buf_addc(b, ',');
		buf_ip(b, &host->v4);
	}
	if (with_v6 && host->v6.family) {
		buf_addc(b, ',');
		put_bracketed(b, &host->v6);
	}
	if (with_name && host->name)
		buf_printf(b, ",%s%s", host->name, is_word_of_its_own(host->name) ? "." : "");
	buf_addc(b, '\n');
}

int dnsmasq_host_text(struct buf *b, const struct dnsmasq_host *host, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	const char *name = host->name;

	if (!mac_is_unicast(host->mac)) {
		buf_mac(&text, host->mac);
		return err_set(err, EINVAL, "%s is no MAC address of a NIC", buf_cstr(&text));
	}
	if ((host->v4.family && host->v4.family != AF_INET) ||
	    (host->v6.family && host->v6.family != AF_INET6))
		return err_set(err, EINVAL, "a fixed address is of the wrong protocol");
	if (name && !dns_label_ok(str_from(name)))
		return refuse(err, name, "no host name: letters, digits, inner '-' make one");
	/* dnsmasq takes a line with an address of one protocol for that protocol alone; the last line counts
	 * where more than one fits */
	if (host->is_name4) {
		/* a line without an address would be for both */
		put_host(b, host, true, false, host->v4.family);
		if (host->v6.family)
			put_host(b, host, false, true, false);
		return 0;
	}
	if (!host->v4.family != !host->v6.family)
		put_host(b, host, false, false, true);
	put_host(b, host, true, true, true);
	return 0;
}

int dnsmasq_alias_text(struct buf *b, const struct dnsmasq_host *host, struct err *err)
{
	const struct ip *const ips[] = {&host->alias4, &host->alias6};
	int r = 0;

	for (const char *const *a = host->aliases; a && *a && !r; a++)
		r = check_name(*a, "no host name: labels of letters, digits, '-' with dots between are", err);
	for (size_t i = 0; i < ARRAY_SIZE(ips) && !r && host->aliases; i++) {
		if (!ips[i]->family)
			continue;
		buf_ip(b, ips[i]);
		for (const char *const *a = host->aliases; *a; a++)
			buf_printf(b, " %s", *a);
		buf_addc(b, '\n');
	}
	return r;
}
