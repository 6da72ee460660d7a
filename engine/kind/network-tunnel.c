/* SPDX-License-Identifier: Apache-2.0 */
/* From keys tunnel.NAME.KEY to typed values. A tunnel that lacks what its protocol needs isn't made yet: keys
 * come one by one. Pure. */
#include "engine/kind/network-internal.h"

#include <errno.h>
#include <stdio.h>

#include "engine/base/auto.h"
#include "engine/base/parse.h"

#define GROUP "239.0.0.1"

/* "tunnel.NAME.KEY" in its parts. */
static bool split(const char *text, struct str *ret_name, struct str *ret_key)
{
	const char *name = text + strlen("tunnel."), *dot;

	if (strncmp(text, "tunnel.", strlen("tunnel.")) != 0)
		return false;
	dot = strrchr(name, '.');
	*ret_name = dot ? (struct str){name, (size_t)(dot - name)} : STR_NULL;
	*ret_key = dot ? str_from(dot + 1) : STR_NULL;
	return true;
}

static int refuse(struct err *err, const struct pair *p, const char *wanted)
{
	return err_set(err, EINVAL, "%s is \"%s\": %s is wanted", p->key, p->value, wanted);
}

static int read_number(const struct pair *p, uint64_t min, uint64_t max, const char *wanted, unsigned *ret,
		       struct err *err)
{
	uint64_t v;

	if (parse_u64(str_from(p->value), min, max, &v) < 0)
		return refuse(err, p, wanted);
	*ret = (unsigned)v;
	return 0;
}

static bool is_multicast(const struct ip *ip)
{
	return ip->family == AF_INET ? ip->bytes[0] >= 224 && ip->bytes[0] < 240 : ip->bytes[0] == 0xff;
}

static int read_end(const struct pair *p, struct ip *ret, struct err *err)
{
	if (ip_parse(str_from(p->value), ret) < 0 || is_multicast(ret))
		return refuse(err, p, "the address of one host");
	return 0;
}

static int read_key(struct tunnel *t, bool *has_protocol, struct str key, const struct pair *p,
		    struct err *err)
{
	if (str_is(key, "protocol")) {
		t->kind = !strcmp(p->value, "gre") ? TUNNEL_GRE : TUNNEL_VXLAN;
		*has_protocol = true;
		return !strcmp(p->value, "gre") || !strcmp(p->value, "vxlan")
			   ? 0
			   : refuse(err, p, "vxlan or gre");
	}
	if (str_is(key, "local"))
		return read_end(p, &t->local, err);
	if (str_is(key, "remote"))
		return read_end(p, &t->remote, err);
	if (str_is(key, "group"))
		return ip_parse(str_from(p->value), &t->group) < 0 || !is_multicast(&t->group)
			   ? refuse(err, p, "a multicast address such as " GROUP)
			   : 0;
	if (str_is(key, "interface")) {
		if (!ifname_ok(str_from(p->value)))
			return refuse(err, p, "a link of the host");
		snprintf(t->link, sizeof(t->link), "%s", p->value);
		return 0;
	}
	if (str_is(key, "id"))
		return read_number(p, 1, 0xffffff, "a number from 1 to 16777215", &t->id, err);
	if (str_is(key, "port"))
		return read_number(p, 0, 65535, "a port, or 0 for the kernel's", &t->port, err);
	if (str_is(key, "ttl"))
		return read_number(p, 1, 255, "a number from 1 to 255", &t->ttl, err);
	return err_set(
	    err, EINVAL,
	    "%s is no key of a tunnel: they are protocol, local, remote, group, id, interface, port "
	    "and ttl, each as tunnel.NAME.KEY",
	    p->key);
}

/* Its defaults are in place. Return: whether there is all that it needs */
static bool is_complete(const struct tunnel *t)
{
	if (t->kind == TUNNEL_GRE)
		return t->local.family && t->remote.family;
	/* a group needs no end of ours */
	return !t->remote.family || t->local.family;
}

static int check(const struct tunnel *t, struct err *err)
{
	const struct ip *far = t->remote.family || t->kind == TUNNEL_GRE ? &t->remote : &t->group;

	if (t->local.family && far->family && t->local.family != far->family)
		return err_set(err, EINVAL, "the ends of tunnel %s are of different protocols", t->name);
	return 0;
}

static int read_one(const struct section *s, const char *bridge, struct str name, struct tunnel *t,
		    bool *ret_wanted, struct err *err)
{
	int r = 0;

	*t = (struct tunnel){.id = 1};
	*ret_wanted = false;
	if (!ifname_ok(name) || memchr(name.ptr, '.', name.len) ||
	    snprintf(t->name, sizeof(t->name), "%s-%.*s", bridge, STR_FMT(name)) >= (int)sizeof(t->name))
		return err_set(
		    err, EINVAL,
		    "tunnel \"%.*s\": its link would be %s-%.*s, and names of links have at most 15 "
		    "letters, digits, '-', '_'",
		    STR_FMT(name), bridge, STR_FMT(name));
	for (size_t i = 0; i < s->n && !r; i++) {
		struct str its, key;

		if (split(s->pairs[i].key, &its, &key) && str_eq(its, name))
			r = read_key(t, ret_wanted, key, &s->pairs[i], err);
	}
	if (r < 0)
		return r;
	if (t->kind == TUNNEL_VXLAN && !t->group.family && !t->remote.family)
		ip_parse(STR(GROUP), &t->group);
	if (!t->remote.family && !t->ttl)
		t->ttl = 1;
	*ret_wanted = *ret_wanted && is_complete(t);
	return check(t, err);
}

int network_tunnels_read(const struct config *c, const char *bridge, struct tunnel **ret, size_t *ret_n,
			 struct err *err)
{
	const struct section *s = config_section(c, SECTION_CONFIG);
	struct str name, key, last = STR_NULL;
	int r = 0;

	/* sorted: the keys of one stand together */
	for (size_t i = 0; s && i < s->n && !r; i++) {
		bool is_wanted;

		if (!split(s->pairs[i].key, &name, &key) || (last.len && str_eq(name, last)))
			continue;
		last = name;
		*ret = xrealloc(*ret, (*ret_n + 1) * sizeof(**ret));
		r = read_one(s, bridge, name, *ret + *ret_n, &is_wanted, err);
		*ret_n += r == 0 && is_wanted;
	}
	return r;
}
