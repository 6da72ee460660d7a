/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of a proxy device to its description, and what must go together. Nothing here touches the kernel. */
#include "engine/device/proxy-plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/parse.h"
#include "engine/device/proxy.h"

int proxy_check_end(const struct key *key, struct str value, struct err *err)
{
	struct proxy_end end;
	int r = proxy_end_parse(value, &end, err);

	return r < 0 ? err_prefix(err, "%s is \"%.*s\": ", key->name, STR_FMT(value)) : 0;
}

/* FNV-1a of the uuid and the device's name. The uuid is random, so this is nobody else's. */
void proxy_key(const struct object *o, const char *device, char ret[20])
{
	const char *parts[] = {o->uuid, "/", device};
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		for (const char *p = parts[i]; *p; p++)
			h = (h ^ (unsigned char)*p) * 0x100000001b3;
	snprintf(ret, 20, "%016llx", (unsigned long long)h);
}

static int read_end(const struct config *c, const char *device, const char *key, struct proxy_end *ret,
		    struct err *err)
{
	const char *value = config_device_get(c, device, key);
	int r;

	if (!value)
		return err_set(err, EINVAL, "a proxy needs %s", key);
	r = proxy_end_parse(str_from(value), ret, err);
	return r < 0 ? err_prefix(err, "%s is \"%s\": ", key, value) : 0;
}

static bool is_any(const struct ip *ip)
{
	static const unsigned char zero[16];

	return !memcmp(ip->bytes, zero, ip_bits(ip) / 8);
}

/* ---- nat */

/* An address that is set on a NIC: @want, or the first one where that is 0.0.0.0 or [::]. */
static bool find_address(const struct config *c, const struct ip *want, struct ip *ret)
{
	const char *key = want->family == AF_INET ? "ipv4.address" : "ipv6.address";

	for (size_t i = 0; i < c->n; i++) {
		const char *device = section_device(&c->sections[i]);
		const char *type = device ? config_device_get(c, device, "type") : NULL;
		struct str rest, piece;

		if (!type || strcmp(type, "nic") != 0)
			continue;
		rest = str_from(config_device_get(c, device, key));
		while (rest.len && str_next(&rest, '\n', &piece))
			if (ip_parse(str_trim(piece), ret) == 0 && ret->family == want->family &&
			    (is_any(want) || ip_eq(want, ret)))
				return true;
	}
	return false;
}

static int plan_nat(const struct config *c, struct proxy_plan *p, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	struct ip target;

	if (p->listen.kind == PROXY_UNIX || p->connect.kind == PROXY_UNIX ||
	    p->listen.kind != p->connect.kind)
		return err_set(err, EINVAL,
			       "nat is true: the kernel translates tcp to tcp and udp to udp alone");
	if (p->is_inside)
		return err_set(err, EINVAL, "nat is true: it goes with bind=host alone");
	if (p->says_protocol)
		return err_set(err, EINVAL,
			       "nat is true: the sender's address stays as it is, and proxy_protocol "
			       "isn't needed");
	if (p->listen.ip.family != p->connect.ip.family)
		return err_set(err, EINVAL, "nat is true: listen and connect are of different protocols");
	if ((p->listen.ip.family == AF_INET && p->listen.ip.bytes[0] == 127) ||
	    (p->listen.ip.family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&p->listen.ip.v6)))
		return err_set(err, EINVAL,
			       "nat is true: the kernel doesn't translate what is sent to loopback");
	if (!find_address(c, &p->connect.ip, &target)) {
		buf_ip(&text, &p->connect.ip);
		return err_set(
		    err, EINVAL,
		    "nat is true, and connect leads to %s: that must be ipv%d.address of a NIC of this "
		    "instance, or 0.0.0.0 or [::] for the first one",
		    buf_cstr(&text), p->listen.ip.family == AF_INET ? 4 : 6);
	}
	for (size_t i = 0; i < p->listen.n; i++)
		p->ports[i] =
		    (struct dnat_port){p->listen.ports[i], p->connect.ports[p->connect.n == 1 ? 0 : i]};
	p->dnat = (struct dnat){.is_udp = p->listen.kind == PROXY_UDP,
				.listen = p->listen.ip,
				.target = target,
				.n = p->listen.n};
	return 0;
}

const struct dnat *proxy_plan_dnat(struct proxy_plan *p)
{
	p->dnat.key = p->key;
	p->dnat.ports = p->ports;
	return &p->dnat;
}

/* ---- together */

static uint32_t read_number(const struct config *c, const char *device, const char *key, uint32_t otherwise,
			    bool *ret_has)
{
	const char *value = config_device_get(c, device, key);

	if (ret_has)
		*ret_has = value != NULL;
	return (uint32_t)value_int(value, otherwise);
}

int proxy_plan_make(struct object *o, const struct config *c, const char *device, struct proxy_plan *p,
		    struct err *err)
{
	const char *bind = config_device_get(c, device, "bind"), *mode = config_device_get(c, device, "mode");
	mode_t bits = 0644;
	int r;

	*p = (struct proxy_plan){.is_inside = bind && !strcmp(bind, "instance")};
	proxy_key(o, device, p->key);
	p->is_nat = value_bool(config_device_get(c, device, "nat"));
	p->says_protocol = value_bool(config_device_get(c, device, "proxy_protocol"));
	p->uid = read_number(c, device, "uid", 0, NULL);
	p->gid = read_number(c, device, "gid", 0, NULL);
	if (mode)
		parse_mode(str_from(mode), &bits);
	p->mode = (uint32_t)bits & 0777;
	p->run_uid = read_number(c, device, "security.uid", 0, &p->has_run_uid);
	p->run_gid = read_number(c, device, "security.gid", 0, &p->has_run_gid);
	r = read_end(c, device, "listen", &p->listen, err);
	if (!r)
		r = read_end(c, device, "connect", &p->connect, err);
	if (!r)
		r = proxy_ends_check(&p->listen, &p->connect, err);
	if (!r && p->says_protocol && p->listen.kind == PROXY_UDP)
		r = err_set(err, EINVAL, "proxy_protocol is true: it is for streams, not for udp");
	return r < 0 || !p->is_nat ? r : plan_nat(c, p, err);
}

int proxy_check(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	struct proxy_plan p;

	return proxy_plan_make(o, effective, device, &p, err);
}
