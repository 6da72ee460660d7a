/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that are promised to NICs stand in the hosts directory of their bridge's dnsmasq, and nowhere
 * else: it is read to find what is free. The lock makes finding and writing one step; it comes
 * before the registry, as the configs of others are looked at under it. */
#include "engine/device/nic-address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/device/nic-static.h"
#include "net/dnsmasq.h"
#include "net/leases.h"

#define RANGES_MAX 64
#define ENTRY_MAX 4096
#define LAST_MAX 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct ips {
	struct ip *list;
	size_t n;
};

static void ips_add(struct ips *l, const struct ip *ip)
{
	l->list = xrealloc(l->list, (l->n + 1) * sizeof(*l->list));
	l->list[l->n++] = *ip;
}

static void ips_done_auto(struct ips *l)
{
	free(l->list);
}

static bool ips_have(const struct ips *l, const struct ip *ip)
{
	for (size_t i = 0; i < l->n; i++)
		if (ip_eq(&l->list[i], ip))
			return true;
	return false;
}

/* ---- ranges */

static uint32_t ip4_number(const struct ip *ip)
{
	return ntohl(ip->v4.s_addr);
}

static struct ip ip4_of(uint32_t number)
{
	struct ip ip = {.family = AF_INET};

	ip.v4.s_addr = htonl(number);
	return ip;
}

int ip4_ranges(const char *text, const struct ip_net *net, struct ip_range *ret, int max)
{
	int n = 0;

	if (!text || !*text) {
		struct ip_net base = ip_net_base(net);
		struct ip last = ip_net_last(net);

		/* the network, the broadcast address, and by LXD's custom the first address as well */
		if (net->ip.family != AF_INET || net->len > 30 || max < 1)
			return 0;
		ret[0] = (struct ip_range){ip4_of(ip4_number(&base.ip) + 2), ip4_of(ip4_number(&last) - 1)};
		return 1;
	}
	while (*text) {
		size_t len = strcspn(text, ", \t\n");
		const char *dash = memchr(text, '-', len);

		if (len) {
			if (n == max || !dash ||
			    ip_parse((struct str){text, (size_t)(dash - text)}, &ret[n].first) < 0 ||
			    ip_parse((struct str){dash + 1, len - (size_t)(dash - text) - 1}, &ret[n].last) <
				0 ||
			    ret[n].first.family != AF_INET || ret[n].last.family != AF_INET)
				return -EINVAL;
			n++;
		}
		text += len + !!text[len];
	}
	return n;
}

static void numbers_free(uint32_t *list)
{
	free(list);
}
DEFINE_AUTO(uint32_t *, numbers_free);

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int ip4_lowest_free(const struct ip_range *ranges, size_t n, const struct ip *taken, size_t n_taken,
		    struct ip *ret)
{
	AUTO(numbers_free) uint32_t *sorted = xcalloc(n_taken + 1, sizeof(*sorted));
	bool found = false;
	uint32_t best = 0;
	size_t count = 0;

	for (size_t i = 0; i < n_taken; i++)
		if (taken[i].family == AF_INET)
			sorted[count++] = ip4_number(&taken[i]);
	qsort(sorted, count, sizeof(*sorted), compare_numbers);
	for (size_t i = 0; i < n; i++) {
		uint64_t at = ip4_number(&ranges[i].first), last = ip4_number(&ranges[i].last);

		for (size_t t = 0; t < count && at <= last; t++)
			at += sorted[t] == at;
		if (at <= last && (!found || at < best)) {
			best = (uint32_t)at;
			found = true;
		}
	}
	if (!found)
		return -ENOSPC;
	*ret = ip4_of(best);
	return 0;
}

static bool in_ranges(const struct ip_range *ranges, size_t n, const struct ip *ip)
{
	for (size_t i = 0; i < n; i++)
		if (ip->family == AF_INET && ip4_number(ip) >= ip4_number(&ranges[i].first) &&
		    ip4_number(ip) <= ip4_number(&ranges[i].last))
			return true;
	return false;
}

/* ---- what NICs had before they went: a wish for when they come back, of this core's life only. A ring under
 * the lock. */

static struct {
	struct mac mac;
	struct ip ip;
} latest[LAST_MAX];
static unsigned latest_at;

static void last_keep(struct mac mac, const struct ip *ip)
{
	if (ip->family != AF_INET)
		return;
	latest[latest_at].mac = mac;
	latest[latest_at].ip = *ip;
	latest_at = (latest_at + 1) % LAST_MAX;
}

static void last_find(struct mac mac, struct ip *ret)
{
	for (unsigned i = 1; i <= LAST_MAX; i++) {
		unsigned at = (latest_at + LAST_MAX - i) % LAST_MAX;

		if (latest[at].ip.family && mac_eq(latest[at].mac, mac)) {
			*ret = latest[at].ip;
			return;
		}
	}
}

/* ---- what is promised */

/* File names of the hosts directory take fewer characters than names of devices. */
char *nic_entry_key(const struct object *o, const char *device)
{
	struct buf b = BUF_NULL;

	buf_printf(&b, "%s.", o->uuid);
	for (const char *p = device; *p; p++) {
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.", *p))
			buf_addc(&b, *p);
		else
			buf_printf(&b, "_%02x", (unsigned char)*p);
	}
	return buf_take(&b);
}

/* The IPv4 address in an entry: MAC,address,...; those of IPv6 stand in brackets. */
static bool entry_ip4(int dir, const char *name, struct ip *ret)
{
	AUTO(free) char *text = NULL;
	struct str rest, line, piece;

	if (path_read(dir, name, ENTRY_MAX, &text) < 0)
		return false;
	rest = str_from(text);
	while (str_next(&rest, '\n', &line))
		while (str_next(&line, ',', &piece))
			if (!ip_parse(piece, ret) && ret->family == AF_INET)
				return true;
	return false;
}

/* The one in brackets. */
static struct ip entry_ip6(int dir, const char *name)
{
	AUTO(free) char *text = NULL;
	const char *open, *close;
	struct ip ip = {0};

	if (path_read(dir, name, ENTRY_MAX, &text) < 0)
		return ip;
	open = strchr(text, '[');
	close = open ? strchr(open, ']') : NULL;
	if (!close || ip_parse((struct str){open + 1, (size_t)(close - open - 1)}, &ip) < 0)
		ip.family = 0;
	return ip;
}

/* The name in an entry: the last piece, where that is no address; a dot may end it. */
static char *entry_name(int dir, const char *file)
{
	AUTO(free) char *text = NULL;
	struct str rest, line, piece, last = STR_NULL;
	struct ip ip;

	if (path_read(dir, file, ENTRY_MAX, &text) < 0)
		return NULL;
	rest = str_from(text);
	if (!str_next(&rest, '\n', &line))
		return NULL;
	(void)str_next(&line, ',', &piece); /* the MAC */
	while (str_next(&line, ',', &piece))
		last = piece;
	if (last.len && last.ptr[last.len - 1] == '.')
		last.len--;
	return last.len && dns_label_ok(last) && ip_parse(last, &ip) < 0 ? str_dup(last) : NULL;
}

static bool own_entry(const char *run_dir, const char *key, struct ip *ret)
{
	AUTO(free) char *path = xasprintf("%s/hosts", run_dir);
	AUTO(fd) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir >= 0 && entry_ip4(dir, key, ret);
}

/* All that is promised to others. */
static int read_entries(const char *run_dir, const char *key, struct ips *others, struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/hosts", run_dir);
	AUTO(closedir) DIR *dir = opendir(path);
	struct dirent *e;
	struct ip ip;

	if (!dir)
		return errno == ENOENT ? 0
				       : err_set(err, errno, "%s can't be read: %s", path, strerror(errno));
	while ((e = readdir(dir))) {
		if (e->d_name[0] != '.' && strcmp(e->d_name, key) != 0 &&
		    entry_ip4(dirfd(dir), e->d_name, &ip))
			ips_add(others, &ip);
	}
	return 0;
}

static int read_leases(const char *lease_dir, struct mac mac, struct ips *others, struct ip *own,
		       struct err *err)
{
	AUTO(leases_done) struct leases leases = {0};
	uint64_t now = (uint64_t)time(NULL);
	int r = leases_read(lease_dir, &leases, err);

	for (size_t i = 0; i < leases.n; i++) {
		const struct lease *l = &leases.list[i];

		if (l->ip.family != AF_INET)
			continue;
		if (l->has_mac && mac_eq(l->mac, mac))
			*own = l->ip;
		else if (!l->expiry || l->expiry > now)
			ips_add(others, &l->ip);
	}
	return r;
}

static void add_static(const struct ip *ip, void *arg)
{
	ips_add(arg, ip);
}

static int ranges_of(struct object *o, const struct nic_plan *p, struct ip_range *ret, int max)
{
	AUTO(object_unref) struct object *n = host_find(o->host->project, KIND_NETWORK, str_from(p->network));
	AUTO(config_unref) struct config *c = n ? object_effective(n) : NULL;

	return ip4_ranges(c ? config_get(c, SECTION_CONFIG, "ipv4.dhcp.ranges") : NULL, &p->view.v4, ret,
			  max);
}

/* The lock is held. An entry that is to be without an address: DHCP may only be off for a while. */
static void keep_promised(const char *run_dir, const char *key, const struct nic_plan *p)
{
	struct ip ip;

	if (!p->v4.family && own_entry(run_dir, key, &ip))
		last_keep(p->spec.mac, &ip);
}

static void take_wish(const struct ip_range *ranges, size_t n, const struct ips *others,
		      const struct ip *wish, struct nic_plan *p)
{
	if (!p->v4.family && in_ranges(ranges, n, wish) && !ips_have(others, wish))
		p->v4 = *wish;
}

/* Return: 0: the NIC is allowed no address */
static int exhausted(struct object *o, const char *device, const struct ip_range *ranges, int n,
		     const struct nic_plan *p, struct err *err)
{
	AUTO(err_done) struct err own = ERR_NULL;
	unsigned long count = 0;

	for (int i = 0; i < n; i++)
		count += ip4_number(&ranges[i].last) - ip4_number(&ranges[i].first) + 1ul;
	if (!(p->spec.flags & FILTER_V4))
		return 0;
	err_set(&own, ENOSPC,
		"security.ipv4_filtering of %s needs an address, and none is left: all %lu that network %s "
		"gives out are set, promised or leased; its ipv4.dhcp.ranges or ipv4.address can give more",
		device, count, p->network);
	if (p->must_pin4)
		return err_move(err, &own);
	host_warn(o->host, o, "nic-address", "%s", err_text(&own));
	return 0;
}

/* The lock is held. */
static int find_pin(struct object *o, const char *device, const char *run_dir, const char *key,
		    struct nic_plan *p, struct err *err)
{
	AUTO(free) char *lease_dir = network_lease_dir(o->host, p->network);
	__attribute__((cleanup(ips_done_auto))) struct ips others = {0};
	struct ip wishes[3] = {{0}, {0}, {0}};
	struct ip_range ranges[RANGES_MAX];
	bool is_kept;
	int r, n;

	if (!own_entry(run_dir, key, &wishes[1]))
		wishes[1] = (struct ip){0};
	/* the lease first: that is what it uses now, whatever it was promised */
	r = read_leases(lease_dir, p->spec.mac, &others, &wishes[0], err);
	/* what it has of both is promised to nobody else: with many NICs it would take long to look */
	is_kept = wishes[1].family && (!wishes[0].family || ip_eq(&wishes[0], &wishes[1]));
	if (r == 0 && !is_kept)
		r = read_entries(run_dir, key, &others, err);
	if (r < 0)
		return r;
	last_find(p->spec.mac, &wishes[2]);
	/* whoever has one set keeps it */
	nic_static_each(o, device, p->network, add_static, &others);
	ips_add(&others, &p->view.v4.ip);
	n = ranges_of(o, p, ranges, ARRAY_SIZE(ranges));
	if (n < 0)
		return err_set(err, EINVAL, "ipv4.dhcp.ranges of network %s doesn't read", p->network);
	take_wish(ranges, (size_t)n, &others, &wishes[0], p);
	take_wish(ranges, (size_t)n, &others, &wishes[1], p);
	/* a static address or a range has taken it from it */
	if (!p->v4.family && is_kept)
		r = read_entries(run_dir, key, &others, err);
	if (r < 0)
		return r;
	take_wish(ranges, (size_t)n, &others, &wishes[2], p);
	if (!p->v4.family && ip4_lowest_free(ranges, (size_t)n, others.list, others.n, &p->v4) < 0)
		return exhausted(o, device, ranges, n, p, err);
	p->is_lease4 = ip_eq(&p->v4, &wishes[0]);
	if (p->spec.flags & FILTER_V4)
		nic_allow(p, &(struct ip_net){.ip = p->v4, .len = 32});
	return 0;
}

char *nic_dns_name(const struct object *o)
{
	AUTO(free) char *name = object_name(o), *project = NULL;

	if (o->parent && o->parent != o->host->project)
		project = object_name(o->parent);
	if (!dns_label_ok(str_from(name)) || (project && !dns_label_ok(str_from(project))))
		return NULL;
	return project ? xasprintf("%s.%s", name, project) : TAKE(name);
}

/* Names have records of their own, with the addresses that are promised: no request moves or ends those. With
 * the DHCPv4 lease, which is that of the NIC's MAC, a name goes as well, for the AAAA record of the address
 * that the NIC makes itself; with one of DHCPv6, whose ids clients choose, none goes. Of a name with a
 * project dnsmasq would take the first part alone; and only below the domain is it nobody else's, as
 * google.com may be an instance as well. @ret: what host's names point to */
static void put_names(struct object *o, const struct nic_plan *p, struct dnsmasq_host *host, char *ret[3])
{
	AUTO(free) char *name = p->view.has_dns ? nic_dns_name(o) : NULL;

	/* dnsmasq would take that one name of an instance for a time */
	if (!name || !strcasecmp(name, "infinite"))
		return;
	host->is_name4 = p->view.names_by_mac && p->view.stateful6;
	host->alias4 = p->v4;
	if (p->view.stateful6 || p->is_apart)
		host->alias6 = p->v6;
	if (p->is_apart && !p->v6.family && p->view.v6.ip.family && p->view.v6.len == 64 &&
	    !p->view.stateful6)
		host->alias6 = ip_eui64(&p->view.v6, p->spec.mac);
	ret[0] = xasprintf("%s.%s", name, p->view.domain);
	if (!p->is_apart) {
		ret[1] = TAKE(name);
		host->name = ret[1];
	}
	if ((p->is_apart || p->view.names_by_mac) && dns_name_ok(str_from(ret[0])))
		host->aliases = (const char *const *)ret;
}

int nic_hosts_set(struct object *o, const char *device, struct nic_plan *p, struct err *err)
{
	AUTO(free) char *run_dir = NULL, *key = NULL, *name = NULL;
	struct dnsmasq_host host;
	char *names[3] = {NULL, NULL, NULL};
	int r = 0;

	if (!p->network)
		return 0;
	run_dir = network_run_dir(o->host, p->network);
	key = nic_entry_key(o, device);
	pthread_mutex_lock(&lock);
	if (p->wants_pin4)
		r = find_pin(o, device, run_dir, key, p, err);
	host = (struct dnsmasq_host){.key = key, .mac = p->spec.mac, .v4 = p->v4, .v6 = p->v6};
	put_names(o, p, &host, names);
	keep_promised(run_dir, key, p);
	if (r == 0)
		r = dnsmasq_host_set(run_dir, &host, err);
	pthread_mutex_unlock(&lock);
	free(names[0]);
	free(names[1]);
	return r;
}

/* Whether another entry gives that name as well: that of the instance's other NIC on this network. */
static bool is_shared(int dir, const char *key, const char *name)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(closedir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		AUTO(free) char *other = NULL;

		if (e->d_name[0] == '.' || !strcmp(e->d_name, key))
			continue;
		other = entry_name(dir, e->d_name);
		if (other && !strcasecmp(other, name))
			return true;
	}
	return false;
}

/* The leases end with the entry, and the DNS records with them. One that can't be ended now (its dnsmasq is
 * down) ends by itself. */
static void give_back(struct object *o, const char *network, struct mac mac, const char *name,
		      const struct ip *v6)
{
	AUTO(free) char *lease_dir = network_lease_dir(o->host, network);
	__attribute__((cleanup(ips_done_auto))) struct ips others = {0};
	struct dnsmasq_host host = {.mac = mac, .name = name, .v6 = *v6};
	struct network_view view;
	struct ip own = {0};

	if (network_view_of(o->host, network, &view, NULL) < 0)
		return;
	if (read_leases(lease_dir, mac, &others, &own, NULL) == 0)
		last_keep(mac, &own);
	dnsmasq_release(view.bridge, &view.v4.ip, lease_dir, &host, NULL);
}

int nic_hosts_clear(struct object *o, const char *device, const char *network, struct err *err)
{
	AUTO(free) char *run_dir = network_run_dir(o->host, network), *key = nic_entry_key(o, device);
	AUTO(free) char *path = xasprintf("%s/hosts", run_dir), *text = NULL, *name = NULL;
	AUTO(fd) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct ip promised = {0}, v6 = {0};
	struct str rest, mac_text;
	struct mac mac;
	bool had = false;
	int r;

	pthread_mutex_lock(&lock);
	if (dir >= 0 && path_read(dir, key, ENTRY_MAX, &text) >= 0) {
		rest = str_trim(str_from(text));
		had = str_next(&rest, ',', &mac_text) && mac_parse(mac_text, &mac) == 0;
		name = entry_name(dir, key);
		v6 = entry_ip6(dir, key);
		if (name && is_shared(dir, key, name))
			free(TAKE(name));
		if (had && entry_ip4(dir, key, &promised))
			last_keep(mac, &promised);
	}
	r = dnsmasq_host_clear(run_dir, key, err);
	if (r == 0 && had)
		give_back(o, network, mac, name, &v6);
	pthread_mutex_unlock(&lock);
	return r;
}
