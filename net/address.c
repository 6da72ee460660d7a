/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of links. */
#include <errno.h>
#include <linux/if_addr.h>

#include "engine/base/auto.h"
#include "net/link-internal.h"
#include "net/link.h"
#include "net/netlink.h"

static int address_change(int netns_fd, uint16_t type, uint16_t flags, uint32_t ifa_flags, const char *link,
			  const struct ip_net *net, struct err *err)
{
	struct ifaddrmsg msg = {.ifa_family = (unsigned char)net->ip.family,
				.ifa_prefixlen = (unsigned char)net->len};
	size_t len = ip_bits(&net->ip) / 8;
	struct nl_msg m = {0};
	struct ip last = ip_net_last(net);
	int index;

	if (!len || net->len > ip_bits(&net->ip))
		return err_set(err, EINVAL, "no address was given for link %s", link);
	index = link_index(netns_fd, link, err);
	if (index < 0)
		return index;
	msg.ifa_index = (unsigned)index;
	nl_begin(&m, type, flags, &msg, sizeof(msg));
	nl_put(&m, IFA_LOCAL, net->ip.bytes, len);
	nl_put(&m, IFA_ADDRESS, net->ip.bytes, len);
	/* RFC 3021: a network of two addresses has no broadcast */
	if (net->ip.family == AF_INET && net->len < 31)
		nl_put(&m, IFA_BROADCAST, last.bytes, len);
	if (ifa_flags)
		nl_put_u32(&m, IFA_FLAGS, ifa_flags);
	return nl_request(&m, netns_fd, err);
}

static int add(int netns_fd, const char *link, const struct ip_net *net, uint32_t flags, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	int r = address_change(netns_fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, flags, link, net, err);

	if (r == 0)
		return 0;
	buf_ip_net(&text, net);
	if (r == -EEXIST)
		return err_set(err, EEXIST, "link %s has address %s already", link, buf_cstr(&text));
	err_prefix(err, "address %s can't be given to %s: ", buf_cstr(&text), link);
	return r;
}

int address_add(int netns_fd, const char *link, const struct ip_net *net, struct err *err)
{
	return add(netns_fd, link, net, 0, err);
}

int address_add_sure(int netns_fd, const char *link, const struct ip_net *net, struct err *err)
{
	return add(netns_fd, link, net, net->ip.family == AF_INET6 ? IFA_F_NODAD : 0, err);
}

int address_del(int netns_fd, const char *link, const struct ip_net *net, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	int r = address_change(netns_fd, RTM_DELADDR, 0, 0, link, net, err);

	if (r == 0)
		return 0;
	buf_ip_net(&text, net);
	if (r == -EADDRNOTAVAIL)
		return err_set(err, EADDRNOTAVAIL, "link %s has no address %s", link, buf_cstr(&text));
	err_prefix(err, "address %s can't be taken from %s: ", buf_cstr(&text), link);
	return r;
}
