/* SPDX-License-Identifier: Apache-2.0 */
/* Leases given back in a client's name: DHCPRELEASE (RFC 2131) and RELEASE (RFC 8415), which is the only way
 * to make dnsmasq forget a lease while it runs. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "net/dnsmasq.h"
#include "net/leases.h"

/* A socket whose packets seem to come from the bridge, also those to an address of this host: DHCP's server
 * hears nothing else. */
static int open_on(const char *bridge, int family, struct err *err)
{
	AUTO(fd) int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, bridge, (socklen_t)strlen(bridge)) < 0)
		return err_set(err, errno, "no socket on bridge %s: %s", bridge, strerror(errno));
	return TAKE_FD(fd);
}

static int random_id(unsigned char *to, size_t n)
{
	return getrandom(to, n, 0) == (ssize_t)n ? 0 : -EIO;
}

static int send_to(int fd, const struct buf *b, const void *to, socklen_t len, const char *bridge,
		   struct err *err)
{
	if (sendto(fd, b->ptr, b->len, MSG_NOSIGNAL, to, len) < 0)
		return err_set(err, errno, "a lease on bridge %s can't be given back: %s", bridge,
			       strerror(errno));
	return 0;
}

static int release4(const char *bridge, const struct ip *server, const struct lease *lease, struct err *err)
{
	/* fields up to the hardware address, RFC 2131 figure 1; then the cookie and options */
	unsigned char packet[300] = {1, 1, 6};
	unsigned char *p = packet + 236;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(67), .sin_addr = server->v4};
	AUTO(buf_done) struct buf b = BUF_NULL;
	AUTO(fd) int fd = open_on(bridge, AF_INET, err);

	if (fd < 0)
		return fd;
	if (random_id(packet + 4, 4) < 0)
		return err_set(err, EIO, "no random numbers");
	memcpy(packet + 12, lease->ip.bytes, 4);
	memcpy(packet + 28, lease->mac.b, 6);
	memcpy(p, "\x63\x82\x53\x63\x35\x01\x07\x36\x04", 9); /* message type 7, server identifier */
	memcpy(p + 9, server->bytes, 4);
	p[13] = 255;
	buf_add(&b, packet, sizeof(packet));
	return send_to(fd, &b, &to, sizeof(to), bridge, err);
}

/* ---- DHCPv6: ids that leases_parse() has no need for are read from the file again */

static void put_u16(struct buf *b, size_t v)
{
	buf_addc(b, (char)(v >> 8));
	buf_addc(b, (char)v);
}

static void put_u32(struct buf *b, uint32_t v)
{
	put_u16(b, v >> 16);
	put_u16(b, v & 0xffff);
}

/* put_duid(): "00:01:ab" as an option. Return: 0; -EINVAL */
static int put_duid(struct buf *b, unsigned option, struct str text)
{
	put_u16(b, option);
	put_u16(b, (text.len + 1) / 3);
	if (text.len % 3 != 2 || text.len > 3 * 130)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i += 3) {
		int v = 0;

		for (size_t j = i; j < i + 2; j++) {
			char c = text.ptr[j];

			if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
				return -EINVAL;
			v = v * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
		}
		buf_addc(b, (char)v);
	}
	return 0;
}

static int put_release6(struct buf *b, struct str server, struct str client, struct str iaid,
			const struct ip *ip)
{
	unsigned char id[3];
	uint64_t number = 0;

	if (random_id(id, sizeof(id)) < 0 || !iaid.len || iaid.len > 10)
		return -EINVAL;
	for (size_t i = 0; i < iaid.len; i++) {
		if (iaid.ptr[i] < '0' || iaid.ptr[i] > '9')
			return -EINVAL;
		number = number * 10 + (uint64_t)(iaid.ptr[i] - '0');
	}
	buf_addc(b, 8); /* RELEASE */
	buf_add(b, id, sizeof(id));
	if (put_duid(b, 1, client) < 0 || put_duid(b, 2, server) < 0)
		return -EINVAL;
	put_u16(b, 3); /* IA_NA: id, two times, its address with two times */
	put_u16(b, 12 + 28);
	put_u32(b, (uint32_t)number);
	put_u32(b, 0);
	put_u32(b, 0);
	put_u16(b, 5);
	put_u16(b, 24);
	buf_add(b, ip->bytes, 16);
	put_u32(b, 0);
	put_u32(b, 0);
	return 0;
}

/* release6(): the lease of that address, if the file @text has it */
static int release6(const char *bridge, struct str text, const struct lease *lease, struct err *err)
{
	/* All_DHCP_Relay_Agents_and_Servers: a server is to refuse this to its own address */
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(547)};
	AUTO(buf_done) struct buf b = BUF_NULL;
	struct str line, field[5], server = STR_NULL;
	AUTO(fd) int fd = -EBADF;
	struct ip ip;

	while (str_next(&text, '\n', &line)) {
		size_t n = 0;

		if (str_has_prefix(line, STR("duid "))) {
			server = (struct str){line.ptr + 5, line.len - 5};
			continue;
		}
		while (n < ARRAY_SIZE(field) && str_next(&line, ' ', &field[n]))
			n++;
		if (n < ARRAY_SIZE(field) || ip_parse(field[2], &ip) < 0 || !ip_eq(&ip, &lease->ip))
			continue;
		if (put_release6(&b, server, field[4], field[1], &ip) < 0)
			return 0; /* not an address that DHCPv6 gave */
		fd = open_on(bridge, AF_INET6, err);
		if (fd < 0)
			return fd;
		inet_pton(AF_INET6, "ff02::1:2", &to.sin6_addr);
		to.sin6_scope_id = if_nametoindex(bridge);
		return send_to(fd, &b, &to, sizeof(to), bridge, err);
	}
	return 0;
}

/* DNS makes no difference between small letters and others */
static bool is_of(const struct lease *lease, const struct dnsmasq_host *host)
{
	if (lease->ip.family == AF_INET6 && host->v6.family && ip_eq(&lease->ip, &host->v6))
		return true;
	return (lease->has_mac && mac_eq(lease->mac, host->mac)) ||
	       (host->name && host->name[0] && !strcasecmp(lease->name, host->name));
}

int dnsmasq_release(const char *bridge, const struct ip *server, const char *lease_dir,
		    const struct dnsmasq_host *host, struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/dnsmasq.leases", lease_dir);
	AUTO(leases_done) struct leases leases = {0};
	AUTO(free) char *text = NULL;
	ssize_t n = path_read(AT_FDCWD, path, LEASES_MAX_BYTES, &text);
	struct str content;
	int r = 0;

	if (n == -ENOENT)
		return 0;
	if (n < 0)
		return err_set(err, (int)-n, "%s can't be read: %s", path, strerror((int)-n));
	content = (struct str){text, (size_t)n};
	leases_parse(content, &leases);
	for (size_t i = 0; i < leases.n && !r; i++) {
		const struct lease *l = &leases.list[i];

		if (!is_of(l, host))
			continue;
		if (l->ip.family == AF_INET6)
			r = release6(bridge, content, l, err);
		else if (server->family == AF_INET)
			r = release4(bridge, server, l, err);
	}
	return r;
}
