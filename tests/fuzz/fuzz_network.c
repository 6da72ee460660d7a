/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of networks and of bridged NICs with hostile values, on their way into nft and dnsmasq: what is taken
 * makes the commands, options and host lines that were meant, and nothing else.
 *
 * The input is entries that end in NUL: a byte that chooses the key, then its value. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/device/nic-plan.h"
#include "engine/keys/devices.h"
#include "engine/keys/keys.h"
#include "engine/kind/network-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEVICE "devices/eth0"

/* How often an option may stand in the file; 0: as often as there are values. */
static const struct {
	const char *head;
	unsigned max;
} options[] = {
    {"user=", 1},
    {"group=", 1},
    {"interface=", 1},
    {"except-interface=lo", 1},
    {"bind-interfaces", 1},
    {"pid-file=/run/x/networks/br0/dnsmasq.pid", 1},
    {"dhcp-leasefile=/var/x/networks/br0/dnsmasq.leases", 1},
    {"dhcp-hostsdir=/run/x/networks/br0/hosts", 1},
    {"quiet-dhcp", 2},
    {"quiet-dhcp6", 1},
    {"quiet-ra", 1},
    {"dhcp-authoritative", 1},
    {"dhcp-ignore-clid", 1},
    {"dhcp-no-override", 1},
    {"no-ping", 1},
    {"dhcp-lease-max=", 1},
    {"dhcp-ignore-names", 2},
    {"dhcp-name-match=set:wpad,wpad", 1},
    {"port=0", 1},
    {"domain=", 1},
    {"local=/", 1},
    {"host-record=_gateway.", 1},
    {"hostsdir=/run/x/networks/br0/names", 1},
    {"no-hosts", 1},
    {"strict-order", 1},
    {"domain-needed", 1},
    {"dhcp-rapid-commit", 1},
    {"dhcp-range=", 0},
    {"dhcp-option=option:router,", 1},
    {"dhcp-option=option:mtu,", 1},
    {"dhcp-option=option:dns-server,", 1},
    {"dhcp-option=option6:dns-server,", 1},
    {"dhcp-option=option:domain-search,", 1},
    {"dhcp-option=option6:domain-search,", 1},
    {"enable-ra", 1},
    {"ra-param=br0,mtu:", 1},
};

static const char *const tunnel_keys[] = {
    "tunnel.t.protocol", "tunnel.t.local",     "tunnel.t.remote", "tunnel.t.group", "tunnel.t.id",
    "tunnel.t.port",	 "tunnel.t.interface", "tunnel.t.ttl",	  "tunnel.u.id",    "tunnel.t.x"};

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static bool is_plain(struct str s, const char *more)
{
	for (size_t i = 0; i < s.len; i++)
		if (!s.ptr[i] ||
		    !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:/_-", s.ptr[i]))
			if (!s.ptr[i] || !strchr(more, s.ptr[i]))
				return false;
	return true;
}

static void check_dnsmasq(const struct network_spec *spec, struct str text)
{
	unsigned seen[ARRAY_SIZE(options)] = {0};
	size_t n_ranges = 5 + spec->dns.n_ranges4 + spec->dns.n_ranges6;
	struct str line;

	must(text.len && text.ptr[text.len - 1] == '\n');
	text.len--;
	must(str_next(&text, '\n', &line) && line.ptr[0] == '#');
	while (str_next(&text, '\n', &line)) {
		bool is_known = false;

		must(is_plain(line, "=[]!"));
		for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
			const size_t n = strlen(options[i].head);
			const char last = options[i].head[n - 1];
			const bool has_value =
			    last == '=' || last == ',' || last == '/' || last == '.' || last == ':';

			if (!str_has_prefix(line, str_from(options[i].head)) || (!has_value && line.len != n))
				continue;
			is_known = true;
			must(++seen[i] <= (options[i].max ? options[i].max : n_ranges));
		}
		must(is_known || str_is(line, "dhcp-ignore-names=tag:wpad"));
	}
}

static void check_nft(struct str text, const char *name)
{
	static const char *const heads[] = {"add table ",   "add map ",	       "add set ",
					    "add chain ",   "add rule ",       "add element ",
					    "flush chain ", "delete element ", "delete chain "};
	struct str line;

	must(text.len && text.ptr[text.len - 1] == '\n');
	text.len--;
	while (str_next(&text, '\n', &line)) {
		bool is_known = false, is_inside = false;
		size_t from = 0;

		for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
			is_known |= str_has_prefix(line, str_from(heads[i]));
		must(is_known);
		must(is_plain(line, " !=<>&@{};+\""));
		for (size_t i = 0; i < line.len; i++) {
			struct str quoted = {line.ptr + from, i - from};

			must(line.ptr[i] != ';' || str_has_prefix(line, STR("add chain ")) ||
			     str_has_prefix(line, STR("add map ")) || str_has_prefix(line, STR("add set ")));
			if (line.ptr[i] != '"')
				continue;
			/* the link, lo, or a comment that begins with the MAC */
			must(!is_inside || str_is(quoted, name) || str_is(quoted, "lo") ||
			     (quoted.len > 17 && quoted.ptr[2] == ':' && is_plain(quoted, " ")));
			is_inside = !is_inside;
			from = i + 1;
		}
		must(!is_inside);
	}
}

static void try_network(struct host *h, const struct config *c)
{
	AUTO(network_spec_done) struct network_spec spec = {0};
	AUTO(buf_done) struct buf conf = BUF_NULL, nat = BUF_NULL;
	AUTO(err_done) struct err err = ERR_NULL;

	if (network_spec_make(h, "br0", c, &spec, &err) < 0) {
		must(err.text && !strchr(err.text, '\n'));
		return;
	}
	spec.dns.user = "nobody";
	/* that one is meant as it is */
	spec.dns.raw = NULL;
	for (size_t i = 0; i < spec.n_tunnels; i++) {
		const struct tunnel *t = &spec.tunnels[i];

		must(ifname_ok(str_from(t->name)) && (!t->link[0] || ifname_ok(str_from(t->link))));
		must(t->id <= 0xffffff && t->port <= 65535 && t->ttl <= 255);
		must(t->remote.family || t->kind == TUNNEL_VXLAN);
	}
	if (dnsmasq_conf_text(&conf, &spec.dns, &err) == 0)
		check_dnsmasq(&spec, buf_str(&conf));
	else
		must(err.text && !strchr(err.text, '\n'));
	if (nat_text(&nat, &spec.nat, &err) == 0)
		check_nft(buf_str(&nat), "br0");
}

static void try_nic(const struct config *c)
{
	struct object *o = xcalloc(1, sizeof(*o));
	AUTO(nic_plan_done) struct nic_plan p = NIC_PLAN_NULL;
	AUTO(buf_done) struct buf text = BUF_NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	struct filter_port port;

	memcpy(o->uuid, "0a1b2c3d-0000-4000-8000-0123456789ab", 37);
	if (nic_plan_make(o, c, "eth0", &p, &err) == 0) {
		port = (struct filter_port){.name = p.spec.host_name,
					    .mac = p.spec.mac,
					    .flags = p.spec.flags,
					    .allowed = p.spec.allowed,
					    .n_allowed = p.spec.n_allowed};
		if (filter_text(&text, &port, 1, &err) == 0)
			check_nft(buf_str(&text), port.name);
	} else {
		must(err.text != NULL);
	}
	free(o);
}

/* A name that reaches dnsmasq as a host's. */
static void try_host(struct str name)
{
	static const struct mac mac = {{0x00, 0x16, 0x3e, 0, 0, 1}};
	AUTO(free) char *text = str_dup(name);
	struct dnsmasq_host host = {.key = "k", .mac = mac, .name = text};
	AUTO(buf_done) struct buf b = BUF_NULL;
	AUTO(err_done) struct err err = ERR_NULL;

	if (dnsmasq_host_text(&b, &host, &err) < 0) {
		must(err.text && !strchr(err.text, '\n'));
		return;
	}
	must(b.len == 19 + strlen(text) || b.len == 20 + strlen(text));
	must(!memcmp(b.ptr, "00:16:3e:00:00:01,", 18) && b.ptr[b.len - 1] == '\n');
	must(!strpbrk(text, ",\n[]\"\\ "));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct host h = {.run = (char *)"/run/x", .state = (char *)"/var/x", .mount = (char *)"/lxd"};
	const struct key_table *tables[] = {&keys_network_bridge, &device_nic_bridged.keys};
	struct str rest = {(const char *)data, size}, entry;
	AUTO(config_unref) struct config *c = config_new();

	config_set(c, DEVICE, "type", "nic", 0);
	config_set(c, DEVICE, "nictype", "bridged", 0);
	config_set(c, DEVICE, "parent", "br0", 0);
	while (str_next(&rest, '\0', &entry)) {
		const size_t n_all = tables[0]->n + tables[1]->n;
		size_t i = entry.len ? (uint8_t)entry.ptr[0] % n_all : 0;
		const struct key_table *t = tables[i >= tables[0]->n];
		const struct key *key = &t->keys[i >= tables[0]->n ? i - tables[0]->n : i];
		AUTO(buf_done) struct buf value = BUF_NULL;
		AUTO(err_done) struct err err = ERR_NULL;
		const char *name = key->name;

		if (!entry.len)
			continue;
		entry.ptr++;
		entry.len--;
		try_host(entry);
		/* which of a tunnel's keys the value itself tells */
		if (!strcmp(name, "tunnel.*") && entry.len)
			name = tunnel_keys[(unsigned char)entry.ptr[0] % ARRAY_SIZE(tunnel_keys)];
		/* a network is looked up among objects, of which there are none here */
		else if (key_is_family(key) || !strcmp(key->name, "network"))
			continue;
		if (key_parse(key, str_from(name), entry, &value, &err) == 0)
			config_set(c, t == tables[0] ? SECTION_CONFIG : DEVICE, name, buf_cstr(&value), 0);
		else
			must(err.text != NULL);
	}
	try_network(&h, c);
	try_nic(c);
	return 0;
}
