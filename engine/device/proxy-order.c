/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of proxies, and the form of their messages. Linked by core and helper. */
#include "engine/device/proxy-order.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/parse.h"

/* ---- addresses */

static int wants(struct err *err, const char *what)
{
	return err_set(err, EINVAL, "%s", what);
}

static int parse_path(struct str rest, struct proxy_end *e, struct err *err)
{
	e->is_abstract = rest.len && rest.ptr[0] == '@';
	if (e->is_abstract) {
		rest.ptr++;
		rest.len--;
	}
	if (!rest.len || rest.len > PROXY_PATH_MAX - 1 || memchr(rest.ptr, 0, rest.len))
		return wants(err, "the path of a socket has 1 to 106 bytes");
	memcpy(e->path, rest.ptr, rest.len);
	if (!e->is_abstract &&
	    (e->path[0] != '/' || strstr(e->path, "/../") || e->path[rest.len - 1] == '/' ||
	     (rest.len >= 3 && !strcmp(e->path + rest.len - 3, "/.."))))
		return wants(err, "a unix socket is an absolute path without '..', or @NAME");
	e->n = 1;
	return 0;
}

/* "80,443,8000-8010" */
static int parse_ports(struct str rest, struct proxy_end *e, struct err *err)
{
	struct str piece;

	while (str_next(&rest, ',', &piece)) {
		uint64_t first, last;

		if (parse_range(piece, 1, 65535, &first, &last) < 0)
			return wants(
			    err, "ports are numbers from 1 to 65535, ranges such as 8000-8010, and commas");
		for (; first <= last; first++) {
			if (e->n == PROXY_PORTS_MAX)
				return wants(err, "a proxy has at most 512 ports");
			e->ports[e->n++] = (uint16_t)first;
		}
	}
	return e->n ? 0 : wants(err, "tcp and udp need a port");
}

int proxy_end_parse(struct str text, struct proxy_end *ret, struct err *err)
{
	struct str kind, rest = text;
	size_t colon;

	*ret = (struct proxy_end){0};
	if (!str_next(&rest, ':', &kind))
		return wants(err, "a type and an address are wanted, such as tcp:0.0.0.0:80");
	if (str_is(kind, "unix")) {
		ret->kind = PROXY_UNIX;
		return parse_path(rest, ret, err);
	}
	if (!str_is(kind, "tcp") && !str_is(kind, "udp"))
		return wants(err, "its type is tcp, udp or unix");
	ret->kind = str_is(kind, "tcp") ? PROXY_TCP : PROXY_UDP;
	for (colon = rest.len; colon > 0 && rest.ptr[colon - 1] != ':'; colon--)
		;
	if (!colon)
		return wants(err, "tcp and udp have an address and ports, such as tcp:127.0.0.1:80");
	kind = (struct str){rest.ptr, colon - 1};
	if (kind.len > 2 && kind.ptr[0] == '[' && kind.ptr[kind.len - 1] == ']') {
		kind.ptr++;
		kind.len -= 2;
		if (ip_parse(kind, &ret->ip) < 0 || ret->ip.family != AF_INET6)
			return wants(err, "what stands in brackets is an IPv6 address");
	} else if (ip_parse(kind, &ret->ip) < 0 || ret->ip.family != AF_INET) {
		return wants(err, "its address is an IPv4 one, or an IPv6 one in brackets: no name");
	}
	return parse_ports((struct str){rest.ptr + colon, rest.len - colon}, ret, err);
}

int proxy_ends_check(const struct proxy_end *listen, const struct proxy_end *connect, struct err *err)
{
	if ((listen->kind == PROXY_UDP) != (connect->kind == PROXY_UDP))
		return wants(err, "listen and connect don't go together: udp goes on to udp alone");
	if (connect->n != 1 && connect->n != listen->n)
		return err_set(err, EINVAL,
			       "connect has %zu ports and listen %zu: it has as many, or one for all of them",
			       connect->n, listen->n);
	return 0;
}

/* ---- messages */

static const struct msg_type types[] = {
    {PROXY_START, "start", 8, MSG_MAX_BODY, PROXY_FDS, PROXY_FDS},
    {PROXY_READY, "ready", 0, 0, 0, 0},
    {PROXY_FAILED, "failed", 4, MSG_MAX_BODY, 0, 0},
    {PROXY_ASK, "ask", 0, 0, 0, 0},
    {PROXY_ORDER, "order", 8, MSG_MAX_BODY, 0, 0},
    {PROXY_STOP, "stop", 0, 0, 0, 0},
};

const struct msg_table proxy_table = {"proxy", types, ARRAY_SIZE(types)};

void proxy_order_pack(struct buf *b, const struct proxy_order *o)
{
	const uint32_t numbers[] = {o->says_protocol, o->root_uid, o->root_gid, o->uid,
				    o->gid,	      o->mode,	   o->run_uid,	o->run_gid};

	pack_text(b, o->key);
	pack_text(b, o->listen);
	pack_text(b, o->connect);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		pack_u32(b, numbers[i]);
}

int proxy_order_unpack(const struct msg *msg, struct proxy_order *o)
{
	uint32_t *const numbers[] = {&o->says_protocol, &o->root_uid, &o->root_gid, &o->uid,
				     &o->gid,		&o->mode,     &o->run_uid,  &o->run_gid};
	struct unpack u = {msg->body, msg->len, false};

	*o = (struct proxy_order){.key = unpack_text(&u)};
	o->listen = unpack_text(&u);
	o->connect = unpack_text(&u);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		*numbers[i] = unpack_u32(&u);
	if (unpack_ok(&u) && o->key && o->listen && o->connect)
		return 0;
	proxy_order_done(o);
	return -EBADMSG;
}

void proxy_order_done(struct proxy_order *o)
{
	free(o->key);
	free(o->listen);
	free(o->connect);
	*o = (struct proxy_order){0};
}
