/* SPDX-License-Identifier: Apache-2.0 */
/* Links of every kind: read, listed, changed, deleted. See rtnetlink(7). */
#include "net/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/base/auto.h"
#include "net/link-internal.h"
#include "net/netlink.h"

#define LIST_MAX 4096

/* ---- asking for one link by name */

int link_begin(struct nl_msg *m, uint16_t type, const char *name, struct err *err)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};

	if (!*name || strlen(name) >= IFNAMSIZ)
		return err_set(err, ENODEV, "there is no link %s: names have 1 to 15 characters", name);
	nl_begin(m, type, 0, &info, sizeof(info));
	nl_put_text(m, IFLA_IFNAME, name);
	return 0;
}

int link_check_name(const char *name, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;

	if (ifname_ok(str_from(name)))
		return 0;
	buf_escape(&text, str_from(name));
	return err_set(err, EINVAL,
		       "\"%s\" is no name for a link: 1 to 15 letters, digits, '-', '_', '.' make one",
		       buf_cstr(&text));
}

int link_begin_new(struct nl_msg *m, const char *name, struct err *err)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};

	int r = link_check_name(name, err);

	if (r < 0)
		return r;
	nl_begin(m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	nl_put_text(m, IFLA_IFNAME, name);
	return 0;
}

int link_query(int netns_fd, const char *name, nl_visit_fn *visit, void *arg, struct err *err)
{
	struct nl_msg m = {0};
	int r = link_begin(&m, RTM_GETLINK, name, err);

	if (!r)
		r = nl_query(&m, netns_fd, visit, arg, err);
	if (r == -ENODEV)
		return err_set(err, ENODEV, "there is no link %s", name);
	return r;
}

static int visit_index(const struct nlmsghdr *h, void *arg, struct err *err)
{
	(void)err;
	if (h->nlmsg_type == RTM_NEWLINK && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		*(int *)arg = ((const struct ifinfomsg *)NLMSG_DATA(h))->ifi_index;
	return 0;
}

int link_index(int netns_fd, const char *name, struct err *err)
{
	int index = 0, r = link_query(netns_fd, name, visit_index, &index, err);

	if (r < 0)
		return r;
	return index > 0 ? index : err_set(err, ENODEV, "there is no link %s", name);
}

bool nl_text_is(const struct rtattr *a, const char *text)
{
	size_t len = strlen(text);

	/* with its terminator, or without */
	return a && RTA_PAYLOAD(a) >= len && !memcmp(RTA_DATA(a), text, len) &&
	       (RTA_PAYLOAD(a) == len || !((const char *)RTA_DATA(a))[len]);
}

/* ---- reading */

const struct ifinfomsg *link_attrs(const struct nlmsghdr *h, const struct rtattr *attrs[IFLA_MAX + 1],
				   const struct rtattr *info[IFLA_INFO_MAX + 1])
{
	const struct ifinfomsg *msg = NLMSG_DATA(h);
	const struct rtattr *nest;

	if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)))
		return NULL;
	nl_attrs(IFLA_RTA(msg), IFLA_PAYLOAD(h), attrs, IFLA_MAX);
	nest = attrs[IFLA_LINKINFO];
	nl_attrs(nest ? RTA_DATA(nest) : NULL, nest ? RTA_PAYLOAD(nest) : 0, info, IFLA_INFO_MAX);
	return msg;
}

static void copy_name(char to[IFNAMSIZ], const struct rtattr *a)
{
	size_t len = a ? strnlen(RTA_DATA(a), RTA_PAYLOAD(a)) : 0;

	len = MIN(len, IFNAMSIZ - 1);
	if (len)
		memcpy(to, RTA_DATA(a), len);
	to[len] = 0;
}

static int link_read(const struct nlmsghdr *h, struct link_info *ret)
{
	const struct rtattr *attrs[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	const struct ifinfomsg *msg = link_attrs(h, attrs, info);
	struct link_info l = {0};
	struct rtnl_link_stats64 s = {0};

	if (!msg)
		return -EBADMSG;
	l.index = msg->ifi_index;
	l.type = msg->ifi_type;
	l.flags = msg->ifi_flags;
	l.master = (int)nl_u32(attrs[IFLA_MASTER]);
	l.mtu = nl_u32(attrs[IFLA_MTU]);
	l.txqueuelen = nl_u32(attrs[IFLA_TXQLEN]);
	copy_name(l.name, attrs[IFLA_IFNAME]);
	copy_name(l.kind, info[IFLA_INFO_KIND]);
	if (attrs[IFLA_OPERSTATE] && RTA_PAYLOAD(attrs[IFLA_OPERSTATE]) >= 1)
		l.operstate = *(const unsigned char *)RTA_DATA(attrs[IFLA_OPERSTATE]);
	if (attrs[IFLA_ADDRESS] && RTA_PAYLOAD(attrs[IFLA_ADDRESS]) == sizeof(l.mac.b)) {
		memcpy(l.mac.b, RTA_DATA(attrs[IFLA_ADDRESS]), sizeof(l.mac.b));
		l.has_mac = true;
	}
	/* of a VLAN and others IFLA_LINK is the link below, no other end */
	l.below = (int)nl_u32(attrs[IFLA_LINK]);
	if (!strcmp(l.kind, "veth"))
		l.peer = l.below;
	l.below_netns = attrs[IFLA_LINK_NETNSID] ? (int)nl_u32(attrs[IFLA_LINK_NETNSID]) : -1;
	if (attrs[IFLA_STATS64])
		memcpy(&s, RTA_DATA(attrs[IFLA_STATS64]), MIN(sizeof(s), RTA_PAYLOAD(attrs[IFLA_STATS64])));
	l.counters = (struct link_counters){s.rx_bytes,	 s.tx_bytes,  s.rx_packets, s.tx_packets,
					    s.rx_errors, s.tx_errors, s.rx_dropped, s.tx_dropped};
	*ret = l;
	return 0;
}

static int visit_one(const struct nlmsghdr *h, void *arg, struct err *err)
{
	return link_read(h, arg) < 0 ? err_set(err, EBADMSG, "the kernel's answer about a link doesn't read")
				     : 0;
}

int link_get(int netns_fd, const char *name, struct link_info *ret, struct err *err)
{
	struct link_info got = {0};
	int r = link_query(netns_fd, name, visit_one, &got, err);

	if (r < 0)
		return r;
	*ret = got;
	return 0;
}

int link_get_at(int netns_fd, int index, struct link_info *ret, struct err *err)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = index};
	struct link_info got = {0};
	struct nl_msg m = {0};
	int r;

	nl_begin(&m, RTM_GETLINK, 0, &info, sizeof(info));
	r = nl_query(&m, netns_fd, visit_one, &got, err);
	if (r == -ENODEV)
		return err_set(err, ENODEV, "there is no link with index %d", index);
	if (!r)
		*ret = got;
	return r;
}

/* ---- listing */

/* room_for(): one more in an array that doubles. Return: its place, NULL beyond LIST_MAX */
static void *room_for(void *list, size_t *n, size_t size)
{
	char **array = list;

	if (*n == LIST_MAX)
		return NULL;
	if (!(*n & (*n - 1)))
		*array = xrealloc(*array, size * (*n ? *n * 2 : 1));
	return *array + size * (*n)++;
}

static int visit_link(const struct nlmsghdr *h, void *arg, struct err *err)
{
	struct link_list *list = arg;
	struct link_info info, *to;

	(void)err;
	if (link_read(h, &info) < 0)
		return 0;
	to = room_for(&list->links, &list->n_links, sizeof(*to));
	if (!to)
		return -E2BIG;
	*to = info;
	return 0;
}

static int visit_addr(const struct nlmsghdr *h, void *arg, struct err *err)
{
	const struct ifaddrmsg *msg = NLMSG_DATA(h);
	const struct rtattr *attrs[IFA_MAX + 1], *a;
	struct link_list *list = arg;
	struct link_addr *to;
	struct ip ip = {0};

	(void)err;
	if (h->nlmsg_type != RTM_NEWADDR || h->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)))
		return 0;
	nl_attrs(IFA_RTA(msg), IFA_PAYLOAD(h), attrs, IFA_MAX);
	/* IFA_ADDRESS is the other end's where there are two (ifaddrmsg in linux/if_addr.h) */
	a = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS];
	ip.family = msg->ifa_family;
	if (!a || !ip_bits(&ip) || RTA_PAYLOAD(a) != ip_bits(&ip) / 8)
		return 0;
	memcpy(ip.bytes, RTA_DATA(a), RTA_PAYLOAD(a));
	to = room_for(&list->addrs, &list->n_addrs, sizeof(*to));
	if (!to)
		return -E2BIG;
	*to = (struct link_addr){
	    .index = (int)msg->ifa_index,
	    .net = {.ip = ip, .len = MIN(msg->ifa_prefixlen, ip_bits(&ip))},
	    .scope = msg->ifa_scope,
	    .flags = attrs[IFA_FLAGS] ? nl_u32(attrs[IFA_FLAGS]) : msg->ifa_flags,
	};
	return 0;
}

static int list_once(int netns_fd, struct link_list *list, struct err *err)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct ifaddrmsg addr = {.ifa_family = AF_UNSPEC};
	struct nl_msg m = {0};
	int r;

	nl_begin(&m, RTM_GETLINK, NLM_F_DUMP, &info, sizeof(info));
	r = nl_query(&m, netns_fd, visit_link, list, err);
	if (r < 0 && r != -E2BIG)
		return r;
	nl_begin(&m, RTM_GETADDR, NLM_F_DUMP, &addr, sizeof(addr));
	r = nl_query(&m, netns_fd, visit_addr, list, err);
	return r == -E2BIG ? 0 : r;
}

int link_list(int netns_fd, struct link_list *ret, struct err *err)
{
	int r = -EINTR;

	/* who changes links all the time gets a list that isn't of one moment */
	for (int i = 0; i < 4 && r == -EINTR; i++) {
		AUTO(link_list_done) struct link_list list = {0};

		err_done(err);
		r = list_once(netns_fd, &list, err);
		if (r == 0 || (r == -EINTR && i == 3)) {
			err_done(err);
			*ret = list;
			list = (struct link_list){0};
			return 0;
		}
	}
	return r;
}

void link_list_done(struct link_list *list)
{
	free(list->links);
	free(list->addrs);
	*list = (struct link_list){0};
}

const char *link_oper_text(unsigned operstate)
{
	/* IF_OPER_*, RFC 2863 */
	static const char *const texts[] = {"unknown", "notpresent", "down", "lowerlayerdown",
					    "testing", "dormant",    "up"};

	return operstate < ARRAY_SIZE(texts) ? texts[operstate] : "unknown";
}

/* ---- changing */

int link_set(const char *name, const struct link_change *change, struct err *err)
{
	return link_set_in(NETNS_OWN, name, change, err);
}

int link_set_in(int netns_fd, const char *name, const struct link_change *change, struct err *err)
{
	struct nl_msg m = {0};
	int master = 0, r;

	if (change->set & LINK_MASTER && change->master) {
		master = link_index(netns_fd, change->master, err);
		if (master < 0) {
			err_prefix(err, "%s gets no bridge: ", name);
			return master;
		}
	}
	r = link_begin(&m, RTM_NEWLINK, name, err);
	if (r < 0)
		return r;
	if (change->set & LINK_STATE) {
		struct ifinfomsg *info = NLMSG_DATA((struct nlmsghdr *)(void *)m.buf.ptr);

		info->ifi_flags = change->up ? IFF_UP : 0;
		info->ifi_change = IFF_UP;
	}
	if (change->set & LINK_MTU)
		nl_put_u32(&m, IFLA_MTU, change->mtu);
	if (change->set & LINK_TXQUEUELEN)
		nl_put_u32(&m, IFLA_TXQLEN, change->txqueuelen);
	if (change->set & LINK_MASTER)
		nl_put_u32(&m, IFLA_MASTER, (uint32_t)master);
	if (change->set & LINK_MAC)
		nl_put(&m, IFLA_ADDRESS, change->mac.b, sizeof(change->mac.b));
	r = nl_request(&m, netns_fd, err);
	if (r == -ENODEV)
		return err_set(err, ENODEV, "there is no link %s", name);
	if (r < 0)
		err_prefix(err, "link %s can't be changed: ", name);
	return r;
}

int link_delete_in(int netns_fd, const char *name, struct err *err)
{
	struct nl_msg m = {0};
	int r = link_begin(&m, RTM_DELLINK, name, err);

	if (r < 0)
		return r;
	r = nl_request(&m, netns_fd, err);
	if (r == -ENODEV)
		return err_set(err, ENODEV, "there is no link %s", name);
	if (r < 0)
		err_prefix(err, "link %s can't be deleted: ", name);
	return r;
}

int link_delete(const char *name, struct err *err)
{
	return link_delete_in(NETNS_OWN, name, err);
}

void link_random_name(char ret[IFNAMSIZ])
{
	uint32_t number;

	do {
		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			abort();
		snprintf(ret, IFNAMSIZ, "veth%08x", number);
	} while (link_index(NETNS_OWN, ret, NULL) > 0);
}
