/* SPDX-License-Identifier: Apache-2.0 */
/* Proxy entries of the neighbour tables, and probes: ARP (RFC 5227) and neighbour solicitations (RFC 4861)
 * from no address, so that nobody learns anything from them. */
#include "net/neighbour.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <net/ethernet.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/base/auto.h"
#include "engine/base/sys.h"
#include "net/link-internal.h"

#define PROBE_MS 500
#define PROBE_TIMES 2
/* Marks our proxy entries. Of the numbers that rtnetlink(7) leaves to users; only we ask for it. */
#define PROTOCOL 158

static int proxy(int index, const struct ip *ip, bool on, struct err *err)
{
	const struct ndmsg msg = {.ndm_family = (unsigned char)ip->family,
				  .ndm_flags = NTF_PROXY,
				  .ndm_state = NUD_PERMANENT,
				  .ndm_ifindex = index};
	struct nl_msg m = {0};
	int r;

	nl_begin(&m, on ? RTM_NEWNEIGH : RTM_DELNEIGH, on ? NLM_F_CREATE | NLM_F_REPLACE : 0, &msg,
		 sizeof(msg));
	nl_put(&m, NDA_DST, ip->bytes, ip_bits(ip) / 8);
	if (on)
		nl_put_u8(&m, NDA_PROTOCOL, PROTOCOL);
	r = nl_request(&m, NETNS_OWN, err);
	if (on || r != -ENOENT)
		return r;
	err_done(err);
	return 0;
}

int neighbour_proxy(const char *link, const struct ip *ip, bool on, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	int index = link_index(NETNS_OWN, link, err), r;

	if (index < 0)
		return index;
	r = proxy(index, ip, on, err);
	if (r < 0) {
		buf_ip(&text, ip);
		err_prefix(err, "the proxy entry for %s on %s can't be %s: ", buf_cstr(&text), link,
			   on ? "made" : "removed");
	}
	return r;
}

struct astray {
	int but; /* 0: none */
	const struct ip *ips;
	size_t n;
	struct found {
		int index;
		const struct ip *ip;
	} * list;
	size_t n_list;
};

static int visit_proxy(const struct nlmsghdr *h, void *arg, struct err *err)
{
	const struct ndmsg *msg = NLMSG_DATA(h);
	const struct rtattr *attrs[NDA_MAX + 1];
	struct astray *a = arg;

	(void)err;
	if (h->nlmsg_type != RTM_NEWNEIGH || h->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)) ||
	    !(msg->ndm_flags & NTF_PROXY) || msg->ndm_ifindex == a->but)
		return 0;
	nl_attrs((const void *)((const char *)msg + NLMSG_ALIGN(sizeof(*msg))),
		 h->nlmsg_len - NLMSG_LENGTH(sizeof(*msg)), attrs, NDA_MAX);
	if (!attrs[NDA_DST] || !attrs[NDA_PROTOCOL] || RTA_PAYLOAD(attrs[NDA_PROTOCOL]) < 1 ||
	    *(const unsigned char *)RTA_DATA(attrs[NDA_PROTOCOL]) != PROTOCOL)
		return 0;
	for (size_t i = 0; i < a->n; i++) {
		const struct ip *ip = &a->ips[i];
		size_t len = ip_bits(ip) / 8;

		if (ip->family != msg->ndm_family || RTA_PAYLOAD(attrs[NDA_DST]) != len ||
		    memcmp(RTA_DATA(attrs[NDA_DST]), ip->bytes, len) != 0)
			continue;
		a->list = xrealloc(a->list, (a->n_list + 1) * sizeof(*a->list));
		a->list[a->n_list++] = (struct found){msg->ndm_ifindex, ip};
	}
	return 0;
}

int neighbour_proxy_only(const char *but, const struct ip *ips, size_t n, struct err *err)
{
	static const unsigned char families[] = {AF_INET, AF_INET6};
	struct astray a = {.ips = ips, .n = n};
	int r = 0;

	if (but) {
		a.but = link_index(NETNS_OWN, but, NULL);
		if (a.but < 0)
			a.but = 0; /* its entries went with it */
	}
	for (size_t i = 0; i < ARRAY_SIZE(families) && n && !r; i++) {
		const struct ndmsg msg = {.ndm_family = families[i], .ndm_flags = NTF_PROXY};
		struct nl_msg m = {0};

		nl_begin(&m, RTM_GETNEIGH, NLM_F_DUMP, &msg, sizeof(msg));
		r = nl_query(&m, NETNS_OWN, visit_proxy, &a, err);
	}
	for (size_t i = 0; i < a.n_list && !r; i++)
		r = proxy(a.list[i].index, a.list[i].ip, false, err);
	free(a.list);
	return r;
}

/* ---- probes */

/* Offsets from the frame's first byte. */
enum {
	ARP_LEN = 42,
	ARP_SENDER_MAC = 22,
	ARP_SENDER_IP = 28,
	ARP_TARGET_IP = 38,
	IP6_NEXT = 20,
	IP6_SOURCE = 22,
	IP6_DEST = 38,
	ICMP6 = 54,
	ND_TARGET = 62,
	ND_LEN = 78,
};
enum { ICMP6_NS = 135, ICMP6_NA = 136 };

static size_t arp_probe(unsigned char *b, const unsigned char mac[6], const struct ip *ip)
{
	static const unsigned char head[] = {0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1};

	memset(b, 0xff, 6);
	memcpy(b + 6, mac, 6);
	memcpy(b + 12, head, sizeof(head));
	memcpy(b + ARP_SENDER_MAC, mac, 6);
	memset(b + ARP_SENDER_IP, 0, 10);
	memcpy(b + ARP_TARGET_IP, ip->bytes, 4);
	return ARP_LEN;
}

static uint16_t icmp6_checksum(const unsigned char *frame)
{
	uint32_t sum = IPPROTO_ICMPV6 + (ND_LEN - ICMP6);

	for (size_t i = IP6_SOURCE; i < ND_LEN; i += 2)
		sum += (uint32_t)(frame[i] << 8 | frame[i + 1]);
	sum = (sum >> 16) + (sum & 0xffff);
	sum += sum >> 16;
	return (uint16_t)~sum;
}

static size_t nd_probe(unsigned char *b, const unsigned char mac[6], const struct ip *ip)
{
	static const unsigned char group[] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
	uint16_t sum;

	memset(b, 0, ND_LEN);
	/* the solicited-node group of the address */
	memcpy(b + IP6_DEST, group, sizeof(group));
	memcpy(b + IP6_DEST + 13, ip->bytes + 13, 3);
	b[0] = b[1] = 0x33;
	memcpy(b + 2, b + IP6_DEST + 12, 4);
	memcpy(b + 6, mac, 6);
	b[12] = 0x86;
	b[13] = 0xdd;
	b[14] = 0x60;
	b[19] = ND_LEN - ICMP6;
	b[IP6_NEXT] = IPPROTO_ICMPV6;
	b[IP6_NEXT + 1] = 255;
	b[ICMP6] = ICMP6_NS;
	memcpy(b + ND_TARGET, ip->bytes, 16);
	sum = icmp6_checksum(b);
	b[ICMP6 + 2] = (unsigned char)(sum >> 8);
	b[ICMP6 + 3] = (unsigned char)sum;
	return ND_LEN;
}

/* Whether a frame says that its sender has the address; another's probe for it says the same. */
static bool is_claim(const unsigned char *b, size_t n, const struct ip *ip)
{
	static const unsigned char none[16];

	if (n >= ARP_LEN && b[12] == 8 && b[13] == 6)
		return ip->family == AF_INET && !memcmp(b + ARP_SENDER_IP, ip->bytes, 4);
	if (ip->family != AF_INET6 || n < ND_LEN || b[12] != 0x86 || b[13] != 0xdd ||
	    b[IP6_NEXT] != IPPROTO_ICMPV6 || b[IP6_NEXT + 1] != 255)
		return false;
	if (b[ICMP6] == ICMP6_NS && memcmp(b + IP6_SOURCE, none, 16) != 0)
		return !memcmp(b + IP6_SOURCE, ip->bytes, 16);
	return b[ICMP6] == ICMP6_NA && !memcmp(b + ND_TARGET, ip->bytes, 16);
}

static int open_packet(int index, struct err *err)
{
	struct sockaddr_ll sa = {
	    .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = index};
	AUTO(fd) int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_set(err, errno, "no packet socket: %s", strerror(errno));
	return TAKE_FD(fd);
}

static int send_probes(int fd, struct mac mac, const struct ip *ips, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char b[ND_LEN];
		size_t len = (ips[i].family == AF_INET ? arp_probe : nd_probe)(b, mac.b, &ips[i]);

		if (send(fd, b, len, 0) < 0 && errno != EAGAIN)
			return err_set(err, errno, "a probe can't be sent: %s", strerror(errno));
	}
	return 0;
}

/* Until the time is over. */
static int hear(int fd, uint64_t deadline, const struct ip *ips, size_t n, struct err *err)
{
	unsigned char b[128];

	/* looked at each time: others may send without end */
	while (sys_deadline(0) < deadline) {
		struct sockaddr_ll from = {0};
		socklen_t size = sizeof(from);
		ssize_t len = recvfrom(fd, b, sizeof(b), MSG_DONTWAIT, (struct sockaddr *)&from, &size);

		if (len < 0 && errno != EAGAIN)
			return err_set(err, errno, "answers can't be received: %s", strerror(errno));
		if (len < 0) {
			int r = sys_poll_in(fd, -1, deadline);

			if (r < 0)
				return err_set(err, -r, "answers can't be waited for: %s", strerror(-r));
			continue;
		}
		for (size_t i = 0; i < n && from.sll_pkttype != PACKET_OUTGOING; i++) {
			AUTO(buf_done) struct buf ip = BUF_NULL, mac = BUF_NULL;
			struct mac sender;

			if (!is_claim(b, (size_t)len, &ips[i]))
				continue;
			memcpy(sender.b, b + 6, sizeof(sender.b));
			buf_ip(&ip, &ips[i]);
			buf_mac(&mac, sender);
			return err_set(err, EADDRINUSE, "%s is in use: %s answers for it", buf_cstr(&ip),
				       buf_cstr(&mac));
		}
	}
	return 0;
}

int neighbour_probe(const char *link, const struct ip *ips, size_t n, struct err *err)
{
	AUTO(fd) int fd = -EBADF;
	struct link_info info;
	int r = link_get(NETNS_OWN, link, &info, err);

	if (r < 0)
		return r;
	if (!(info.flags & IFF_UP))
		return err_set(err, ENETDOWN, "link %s is down: ip link set %s up", link, link);
	if (info.type != 1 || !info.has_mac)
		return 0; /* no Ethernet: nobody answers for anybody */
	fd = open_packet(info.index, err);
	r = fd < 0 ? fd : 0;
	for (int i = 0; i < PROBE_TIMES && !r; i++) {
		r = send_probes(fd, info.mac, ips, n, err);
		if (!r)
			r = hear(fd, sys_deadline(PROBE_MS / PROBE_TIMES), ips, n, err);
	}
	if (r < 0)
		err_prefix(err, "on link %s: ", link);
	return r;
}
