/* SPDX-License-Identifier: Apache-2.0 */
/* MAC and IP addresses, prefixes and names of links: read, written and compared. */
#include "engine/base/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* isalnum() asks the locale */
static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* ---- MAC */

int mac_parse(struct str text, struct mac *ret)
{
	struct mac mac;

	if (text.len != 17)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(mac.b); i++) {
		const char *p = text.ptr + 3 * i;
		int high = hex(p[0]), low = hex(p[1]);

		if (high < 0 || low < 0 || (i && p[-1] != ':' && p[-1] != '-'))
			return -EINVAL;
		mac.b[i] = (unsigned char)(high << 4 | low);
	}
	*ret = mac;
	return 0;
}

bool mac_is_unicast(struct mac mac)
{
	static const struct mac zero;

	return !(mac.b[0] & 1) && !mac_eq(mac, zero);
}

struct mac mac_random(void)
{
	struct mac mac = {{0x00, 0x16, 0x3e}};

	/* so few bytes are never cut short; without the kernel's random numbers nothing here is safe */
	if (getrandom(mac.b + 3, 3, 0) != 3)
		abort();
	return mac;
}

void buf_mac(struct buf *b, struct mac mac)
{
	buf_printf(b, "%02x:%02x:%02x:%02x:%02x:%02x", mac.b[0], mac.b[1], mac.b[2], mac.b[3], mac.b[4],
		   mac.b[5]);
}

/* ---- IP */

int ip_parse(struct str text, struct ip *ret)
{
	char copy[INET6_ADDRSTRLEN];
	struct ip ip = {0};

	if (!text.len || text.len >= sizeof(copy) || memchr(text.ptr, 0, text.len))
		return -EINVAL;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = 0;
	ip.family = memchr(copy, ':', text.len) ? AF_INET6 : AF_INET;
	if (inet_pton(ip.family, copy, ip.bytes) != 1)
		return -EINVAL;
	*ret = ip;
	return 0;
}

int ip_net_parse(struct str text, struct ip_net *ret)
{
	const char *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
	struct str address = text;
	struct ip_net net;

	if (slash)
		address.len = (size_t)(slash - text.ptr);
	if (ip_parse(address, &net.ip) < 0)
		return -EINVAL;
	net.len = ip_bits(&net.ip);
	if (slash) {
		struct str len = {slash + 1, text.len - address.len - 1};
		unsigned v = 0;

		/* one way to write each length: "08" is none */
		if (!len.len || len.len > 3 || (len.len > 1 && len.ptr[0] == '0'))
			return -EINVAL;
		for (size_t i = 0; i < len.len; i++) {
			if (!is_digit(len.ptr[i]))
				return -EINVAL;
			v = v * 10 + (unsigned)(len.ptr[i] - '0');
		}
		if (v > net.len)
			return -EINVAL;
		net.len = v;
	}
	*ret = net;
	return 0;
}

void buf_ip(struct buf *b, const struct ip *ip)
{
	char text[INET6_ADDRSTRLEN];

	if (ip->family && inet_ntop(ip->family, ip->bytes, text, sizeof(text)))
		buf_adds(b, text);
}

void buf_ip_net(struct buf *b, const struct ip_net *net)
{
	buf_ip(b, &net->ip);
	buf_printf(b, "/%u", net->len);
}

static size_t ip_bytes(const struct ip *ip)
{
	return ip_bits(ip) / 8;
}

bool ip_eq(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, ip_bytes(a));
}

unsigned ip_bits(const struct ip *ip)
{
	switch (ip->family) {
	case AF_INET:
		return 32;
	case AF_INET6:
		return 128;
	default:
		return 0;
	}
}

/* host_mask(): the bits of byte @i that lie behind a prefix of @len bits */
static unsigned char host_mask(unsigned len, size_t i)
{
	if (len >= 8 * (i + 1))
		return 0;
	if (len <= 8 * i)
		return 0xff;
	return (unsigned char)(0xff >> (len - 8 * i));
}

struct ip_net ip_net_base(const struct ip_net *net)
{
	struct ip_net base = *net;

	for (size_t i = 0; i < ip_bytes(&net->ip); i++)
		base.ip.bytes[i] &= (unsigned char)~host_mask(net->len, i);
	return base;
}

struct ip ip_net_last(const struct ip_net *net)
{
	struct ip last = net->ip;

	for (size_t i = 0; i < ip_bytes(&net->ip); i++)
		last.bytes[i] |= host_mask(net->len, i);
	return last;
}

bool ip_net_has(const struct ip_net *net, const struct ip *ip)
{
	if (!ip->family || net->ip.family != ip->family)
		return false;
	for (size_t i = 0; i < ip_bytes(ip); i++)
		if ((net->ip.bytes[i] ^ ip->bytes[i]) & (unsigned char)~host_mask(net->len, i))
			return false;
	return true;
}

bool ip_net_overlaps(const struct ip_net *a, const struct ip_net *b)
{
	/* of two networks that overlap the wider one holds the other whole */
	return a->len <= b->len ? ip_net_has(a, &b->ip) : ip_net_has(b, &a->ip);
}

struct ip ip_eui64(const struct ip_net *net, struct mac mac)
{
	struct ip ip = net->ip;
	unsigned char *id = ip.bytes + 8;

	memcpy(id, mac.b, 3);
	id[0] ^= 2; /* the universal bit is inverted */
	id[3] = 0xff;
	id[4] = 0xfe;
	memcpy(id + 5, mac.b + 3, 3);
	return ip;
}

struct ip ip_link_local(struct mac mac)
{
	struct ip_net net = {.ip = {.family = AF_INET6, .bytes = {0xfe, 0x80}}, .len = 64};

	return ip_eui64(&net, mac);
}

/* ---- names */

bool ifname_ok(struct str name)
{
	if (!name.len || name.len > 15 || name.ptr[0] == '-' || str_is(name, ".") || str_is(name, ".."))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!is_alnum(c) && c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

bool dns_label_ok(struct str name)
{
	if (!name.len || name.len > 63 || name.ptr[0] == '-' || name.ptr[name.len - 1] == '-')
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!is_alnum(name.ptr[i]) && name.ptr[i] != '-')
			return false;
	return true;
}

bool dns_name_ok(struct str name)
{
	struct str label;

	if (!name.len || name.len > 253)
		return false;
	while (str_next(&name, '.', &label))
		if (!dns_label_ok(label))
			return false;
	return true;
}
