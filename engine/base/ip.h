/* SPDX-License-Identifier: Apache-2.0 */
/* MAC and IP addresses, prefixes and names of links as typed values: text becomes one of these before it
 * reaches netlink, nft, dnsmasq or a file. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/str.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

struct mac {
	unsigned char b[6];
};

/* An address of either family; family 0: none. */
struct ip {
	int family; /* AF_INET, AF_INET6 */
	union {
		struct in_addr v4;
		struct in6_addr v6;
		unsigned char bytes[16]; /* network order */
	};
};

/* An address with a prefix length: an interface's address (10.0.0.1/24) or a network (10.0.0.0/24). */
struct ip_net {
	struct ip ip;
	unsigned len; /* 0..32, 0..128 */
};

/** mac_parse() - six pairs of hex digits with ':' or '-' between them. Return: 0; -EINVAL */
int mac_parse(struct str text, struct mac *ret);
/** mac_is_unicast() - may be a NIC's own: not a group address, not all zero */
bool mac_is_unicast(struct mac mac);
/** mac_random() - 00:16:3e and three random bytes, what LXD gives its NICs and bridges */
struct mac mac_random(void);
void buf_mac(struct buf *b, struct mac mac);
static inline bool mac_eq(struct mac a, struct mac b)
{
	return !memcmp(a.b, b.b, sizeof(a.b));
}

/** ip_parse() - an address of either family, as inet_pton(3) reads it. Return: 0; -EINVAL */
int ip_parse(struct str text, struct ip *ret);
/** ip_net_parse() - "10.0.0.1/24"; without a length it is the whole address (/32, /128). Return: 0; -EINVAL
 */
int ip_net_parse(struct str text, struct ip_net *ret);
void buf_ip(struct buf *b, const struct ip *ip);
void buf_ip_net(struct buf *b, const struct ip_net *net);
bool ip_eq(const struct ip *a, const struct ip *b);
/** ip_bits() - 32, 128, 0 for none */
unsigned ip_bits(const struct ip *ip);
/** ip_net_base() - the network of an interface's address: host bits cleared */
struct ip_net ip_net_base(const struct ip_net *net);
/** ip_net_last() - the highest address of the network */
struct ip ip_net_last(const struct ip_net *net);
bool ip_net_has(const struct ip_net *net, const struct ip *ip);
bool ip_net_overlaps(const struct ip_net *a, const struct ip_net *b);
/** ip_eui64() - the address that SLAAC makes of a /64 and a MAC (RFC 4291, appendix A) */
struct ip ip_eui64(const struct ip_net *net, struct mac mac);
/** ip_link_local() - fe80:: and the EUI-64 of a MAC */
struct ip ip_link_local(struct mac mac);

/**
 * ifname_ok() - a name for a link that lxdfs makes or takes orders for
 *
 * 1 to 15 letters, digits, '-', '_', '.'; not "." or "..", no leading '-': such a name is safe in a path, in
 * nft, in a file of dnsmasq and as an argument.
 */
bool ifname_ok(struct str name);

/** dns_label_ok() - a host name without dots: 1 to 63 letters, digits, inner '-' (RFC 1123) */
bool dns_label_ok(struct str name);
/** dns_name_ok() - labels with dots between them, at most 253 characters */
bool dns_name_ok(struct str name);
