/* SPDX-License-Identifier: Apache-2.0 */
/* Raw rtnetlink: requests, acknowledgements, dumps. Formats: netlink(7), rtnetlink(7). */
#include "net/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/base/auto.h"

static void nl_pad(struct buf *b)
{
	static const char zero[NLMSG_ALIGNTO];

	buf_add(b, zero, NLMSG_ALIGN(b->len) - b->len);
}

void nl_begin(struct nl_msg *m, uint16_t type, uint16_t flags, const void *fixed, size_t len)
{
	struct nlmsghdr h = {.nlmsg_type = type, .nlmsg_flags = flags | NLM_F_REQUEST | NLM_F_ACK};

	buf_clear(&m->buf);
	buf_add(&m->buf, &h, sizeof(h));
	nl_add(m, fixed, len);
}

void nl_add(struct nl_msg *m, const void *data, size_t len)
{
	buf_add(&m->buf, data, len);
	nl_pad(&m->buf);
}

void nl_put(struct nl_msg *m, uint16_t type, const void *data, size_t len)
{
	struct rtattr a = {.rta_type = type, .rta_len = (unsigned short)RTA_LENGTH(len)};

	buf_add(&m->buf, &a, sizeof(a));
	nl_add(m, data, len);
}

void nl_put_u8(struct nl_msg *m, uint16_t type, uint8_t v)
{
	nl_put(m, type, &v, sizeof(v));
}

void nl_put_u32(struct nl_msg *m, uint16_t type, uint32_t v)
{
	nl_put(m, type, &v, sizeof(v));
}

void nl_put_text(struct nl_msg *m, uint16_t type, const char *text)
{
	nl_put(m, type, text, strlen(text) + 1);
}

size_t nl_nest(struct nl_msg *m, uint16_t type)
{
	size_t place = m->buf.len;

	nl_put(m, type | NLA_F_NESTED, NULL, 0);
	return place;
}

void nl_nest_end(struct nl_msg *m, size_t place)
{
	unsigned short len = (unsigned short)(m->buf.len - place);

	memcpy(m->buf.ptr + place + offsetof(struct rtattr, rta_len), &len, sizeof(len));
}

/* A socket belongs to the namespace in which it was made: the thread goes there for that one call. */
static int socket_in(int netns_fd, int *ret)
{
	AUTO(fd) int own = -EBADF, fd = -EBADF;
	int r = 0;

	if (netns_fd != NETNS_OWN) {
		own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		if (own < 0 || setns(netns_fd, CLONE_NEWNET) < 0)
			return -errno;
	}
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		r = -errno;
	/* a thread that is lost in a container's namespace must not go on */
	if (own >= 0 && setns(own, CLONE_NEWNET) < 0)
		abort();
	if (!r)
		*ret = TAKE_FD(fd);
	return r;
}

static int nl_open(int netns_fd, int *ret, struct err *err)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	AUTO(fd) int fd = -EBADF;
	int one = 1, r = socket_in(netns_fd, &fd);

	if (r < 0)
		return err_set(err, -r, "no netlink socket in the network namespace: %s", strerror(-r));
	/* connected to the kernel it hears nobody else */
	if (connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one)) < 0)
		return err_set(err, errno, "the netlink socket can't be set up: %s", strerror(errno));
	*ret = TAKE_FD(fd);
	return 0;
}

static int nl_send(int fd, struct nl_msg *m, struct err *err)
{
	uint32_t len = (uint32_t)m->buf.len;

	memcpy(m->buf.ptr + offsetof(struct nlmsghdr, nlmsg_len), &len, sizeof(len));
	if (send(fd, m->buf.ptr, m->buf.len, MSG_NOSIGNAL) < 0)
		return err_set(err, errno, "netlink request of %u bytes: %s", len, strerror(errno));
	return 0;
}

/* nl_error(): what an NLMSG_ERROR or the end of a dump says; 0 is an acknowledgement */
static int nl_error(const struct nlmsghdr *h, size_t fixed, struct err *err)
{
	const struct rtattr *attrs[NLMSGERR_ATTR_MSG + 1];
	size_t len = h->nlmsg_len - NLMSG_HDRLEN;
	const char *words = NULL;
	int number = 0;

	if (len < sizeof(number))
		return err_set(err, EBADMSG, "the kernel's answer is cut short");
	memcpy(&number, NLMSG_DATA(h), sizeof(number));
	if (!number)
		return 0;
	if (h->nlmsg_flags & NLM_F_ACK_TLVS && len > fixed) {
		nl_attrs((const struct rtattr *)((const char *)NLMSG_DATA(h) + fixed), len - fixed, attrs,
			 NLMSGERR_ATTR_MSG);
		if (attrs[NLMSGERR_ATTR_MSG] && RTA_PAYLOAD(attrs[NLMSGERR_ATTR_MSG]) &&
		    !((char *)RTA_DATA(attrs[NLMSGERR_ATTR_MSG]))[RTA_PAYLOAD(attrs[NLMSGERR_ATTR_MSG]) - 1])
			words = RTA_DATA(attrs[NLMSGERR_ATTR_MSG]);
	}
	if (words && *words)
		return err_set(err, -number, "%s (%s)", strerror(-number), words);
	return err_set(err, -number, "%s", strerror(-number));
}

/* nl_visit_all(): one datagram. Return: 1 the answer ended, 0 more is to come, negative */
static int nl_visit_all(const void *data, size_t len, nl_visit_fn *visit, void *arg, bool *inconsistent,
			struct err *err)
{
	int r;

	for (const struct nlmsghdr *h = data; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			*inconsistent = true;
		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
			r = nl_error(h,
				     h->nlmsg_type == NLMSG_DONE ? sizeof(int)
								 : NLMSG_ALIGN(sizeof(struct nlmsgerr)),
				     err);
			return r < 0 ? r : 1;
		}
		if (h->nlmsg_type == NLMSG_NOOP || !visit)
			continue;
		r = visit(h, arg, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int nl_talk(int fd, nl_visit_fn *visit, void *arg, struct err *err)
{
	AUTO(free) char *data = NULL;
	bool inconsistent = false;
	ssize_t n;
	int r;

	for (;;) {
		n = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
		if (n > 0) {
			data = xrealloc(data, (size_t)n);
			n = recv(fd, data, (size_t)n, 0);
		}
		if (n <= 0)
			return err_set(err, n ? errno : EIO, "no answer from netlink: %s",
				       strerror(n ? errno : EIO));
		r = nl_visit_all(data, (size_t)n, visit, arg, &inconsistent, err);
		if (r < 0)
			return r;
		if (r > 0 && inconsistent)
			return err_set(err, EINTR, "links changed while they were read: read again");
		if (r > 0)
			return 0;
	}
}

int nl_query(struct nl_msg *m, int netns_fd, nl_visit_fn *visit, void *arg, struct err *err)
{
	AUTO(fd) int fd = -EBADF;
	int r = nl_open(netns_fd, &fd, err);

	if (!r)
		r = nl_send(fd, m, err);
	buf_done(&m->buf);
	return r < 0 ? r : nl_talk(fd, visit, arg, err);
}

int nl_request(struct nl_msg *m, int netns_fd, struct err *err)
{
	return nl_query(m, netns_fd, NULL, NULL, err);
}

void nl_attrs(const struct rtattr *first, size_t len, const struct rtattr **ret, unsigned max)
{
	for (unsigned i = 0; i <= max; i++)
		ret[i] = NULL;
	/* RTA_OK() compares with an int */
	for (const struct rtattr *a = first;
	     len >= sizeof(*a) && a->rta_len >= sizeof(*a) && a->rta_len <= len;) {
		unsigned type = a->rta_type & NLA_TYPE_MASK;
		size_t step = RTA_ALIGN(a->rta_len);

		if (type <= max)
			ret[type] = a;
		if (step >= len)
			break;
		len -= step;
		a = (const struct rtattr *)((const char *)a + step);
	}
}

uint32_t nl_u32(const struct rtattr *a)
{
	uint32_t v = 0;

	if (a && RTA_PAYLOAD(a) >= sizeof(v))
		memcpy(&v, RTA_DATA(a), sizeof(v));
	return v;
}
