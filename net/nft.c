/* SPDX-License-Identifier: Apache-2.0 */
/* Runs libnftables for the rest of net/, and watches who else changes the ruleset.
 *
 * nft_lock protects the one context, whose functions use global state of the library. It is a leaf: nothing
 * is called under it but the library.
 */
#include "net/nft.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/base/auto.h"
#include "engine/base/str.h"
#include "net/nft-compile.h"

/* What a burst of somebody else's changes may take before news are lost; memory is used only while it lasts.
 */
enum { WATCH_BUFFER = 1 << 20 };

static char table_name[32] = "lxdfs";

static pthread_mutex_t nft_lock = PTHREAD_MUTEX_INITIALIZER;
static struct nft_ctx *nft; /* made at first use, kept for the life of the process */
static int nft_fd = -EBADF; /* the context's own socket; borrowed from it */
/* The context's address on netlink: the kernel names it in the news of each change that the context made. */
static atomic_uint nft_portid;
static atomic_uint n_changes; /* that others made */

void net_init(const char *table)
{
	size_t n = strlen(table);

	if (!n || n >= sizeof(table_name))
		abort();
	for (size_t i = 0; i < n; i++) {
		char c = table[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!is_letter && (i == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '_')))
			abort();
	}
	memcpy(table_name, table, n + 1);
}

const char *net_table(void)
{
	return table_name;
}

/* The address of a netfilter socket, -1 where @fd is something else. */
static int64_t netfilter_portid(int fd)
{
	struct sockaddr_nl sa = {0};
	int domain = -1, protocol = -1;
	socklen_t n = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0 || domain != AF_NETLINK)
		return -1;
	n = sizeof(protocol);
	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &n) < 0 || protocol != NETLINK_NETFILTER)
		return -1;
	n = sizeof(sa);
	return getsockname(fd, (struct sockaddr *)&sa, &n) < 0 ? -1 : (int64_t)sa.nl_pid;
}

/* The library doesn't tell its socket. It is the one netfilter socket that has no address yet: ours get
 * theirs when they are made, and nobody else in the process uses this protocol. It gets an address now, and
 * is closed on exec, which the library leaves out. */
static int find_socket(void)
{
	const struct sockaddr_nl any = {.nl_family = AF_NETLINK};
	AUTO(closedir) DIR *dir = opendir("/proc/self/fd");
	const struct dirent *d;

	while (dir && (d = readdir(dir))) {
		int fd = (int)strtol(d->d_name, NULL, 10);

		if (netfilter_portid(fd) != 0)
			continue;
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
		    bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
			return -errno;
		nft_fd = fd;
		atomic_store(&nft_portid, (unsigned)netfilter_portid(fd));
		return 0;
	}
	return dir ? -ENOENT : -errno;
}

/* With the lock held. */
static int nft_open(struct err *err)
{
	int r;

	if (nft)
		return 0;
	nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!nft)
		return err_set(err, ENOMEM,
			       "libnftables gave no context, which needs a netlink socket and memory");
	r = find_socket();
	if (r < 0 || nft_ctx_buffer_output(nft) || nft_ctx_buffer_error(nft)) {
		nft_ctx_free(TAKE(nft));
		return err_set(err, r < 0 ? -r : ENOMEM, "libnftables can't be used: %s",
			       r < 0 ? strerror(-r) : "no memory for its buffers");
	}
	return 0;
}

/* The kernel's errno is known only by its text. */
static int errno_of(const char *line)
{
	static const int known[] = {ENOENT, EEXIST, EBUSY, EPERM};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strstr(line, strerror(known[i])))
			return known[i];
	return EINVAL;
}

static int fail(const char *said, struct err *err)
{
	AUTO(buf_done) struct buf line = BUF_NULL;
	const char *end = said + strcspn(said, "\n"), *error = strstr(said, "Error: ");

	if (error && error < end) /* "netlink: Error: " is one way to begin */
		said = error + 7;
	buf_escape(&line, (struct str){said, (size_t)(end - said)});
	return err_set(err, errno_of(buf_cstr(&line)), "nftables refused a change: %s",
		       line.len ? line.ptr : "it gave no reason");
}

/* With the lock held. Return: 0 the transaction is in force; else nothing of it is */
static int send_batch(const struct nft_batch *b)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	_Alignas(struct nlmsghdr) char bytes[8192];
	const uint32_t last = b->n - 2;
	int size = 0, r = -EIO;
	socklen_t n_size = sizeof(size);
	ssize_t n;

	/* FORCE needs CAP_NET_ADMIN over the host, which the change needs as well. The kernel doubles it. */
	if (getsockopt(nft_fd, SOL_SOCKET, SO_SNDBUF, &size, &n_size) < 0 || b->m.buf.len > INT_MAX / 2)
		return -EMSGSIZE;
	if ((size_t)size / 2 < b->m.buf.len) {
		size = (int)b->m.buf.len;
		(void)setsockopt(nft_fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	}
	if (sendto(nft_fd, b->m.buf.ptr, b->m.buf.len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) <
	    0)
		return -errno;
	/* The kernel has answered when it returns: of each message that it refused, and of the last. */
	while ((n = recv(nft_fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		const struct nlmsghdr *h = (const void *)bytes;

		for (size_t left = (size_t)n; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			const struct nlmsgerr *e = NLMSG_DATA(h);

			if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)))
				continue;
			if (e->error || (h->nlmsg_seq == last && r == -EIO))
				r = e->error;
		}
	}
	return r;
}

/* What the kernel refuses is said again through libnftables, which knows the reason as a sentence. */
static bool run_compiled(const char *commands)
{
	struct nft_batch b = {0};
	bool is_done;

	if (nft_compile(commands, &b) < 0)
		return false;
	is_done = send_batch(&b) == 0;
	buf_done(&b.m.buf);
	return is_done;
}

static int run(const char *commands, struct buf *out, unsigned flags, struct err *err)
{
	int r;

	pthread_mutex_lock(&nft_lock);
	r = nft_open(err);
	if (r == 0 && (out || !run_compiled(commands))) {
		nft_ctx_output_set_flags(nft, flags);
		/* Both buffers are emptied at the start of each run. */
		if (nft_run_cmd_from_buffer(nft, commands) != 0)
			r = fail(nft_ctx_get_error_buffer(nft), err);
		else if (out)
			buf_adds(out, nft_ctx_get_output_buffer(nft));
	}
	pthread_mutex_unlock(&nft_lock);
	return r;
}

int nft_run(const char *commands, struct err *err)
{
	return run(commands, NULL, 0, err);
}

int nft_list(const char *command, struct buf *out, struct err *err)
{
	return run(command, out, 0, err);
}

int nft_list_terse(const char *command, struct buf *out, struct err *err)
{
	return run(command, out, NFT_CTX_OUTPUT_TERSE, err);
}

int buf_nft_ifname(struct buf *b, const char *name)
{
	size_t n = strlen(name);

	if (!n || n >= IFNAMSIZ || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (name[i] <= ' ' || name[i] > '~' || strchr("\"\\*/:", name[i]))
			return -EINVAL;
	buf_printf(b, "\"%s\"", name);
	return 0;
}

void buf_nft_chain(struct buf *b, const char *prefix, const char *name)
{
	buf_adds(b, prefix);
	for (; *name; name++) {
		char c = *name;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		    c == '.')
			buf_addc(b, c);
		else
			buf_printf(b, "_%02x", (unsigned char)c);
	}
}

/* ---- who else changes the ruleset */

/* Drops what the context's own changes cause where it would be queued: they wake nobody, and thousands of
 * them can't push out the news that matter. The kernel never puts news of two senders into one packet. */
static int ignore_own(int fd)
{
	/* classic BPF loads are big-endian, the header isn't */
	const struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(atomic_load(&nft_portid)), 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	    BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	const struct sock_fprog prog = {ARRAY_SIZE(code), (struct sock_filter *)code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ? -errno : 0;
}

int nft_watch(struct err *err)
{
	const struct sockaddr_nl any = {.nl_family = AF_NETLINK};
	const int group = NFNLGRP_NFTABLES, size = WATCH_BUFFER;
	AUTO(fd) int fd = -EBADF;
	int r;

	pthread_mutex_lock(&nft_lock);
	r = nft_open(err);
	/* Under the lock: a context that another thread is making must find its own socket, not this one. */
	if (r == 0)
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
		r = -errno;
	pthread_mutex_unlock(&nft_lock);
	if (err && err->errnum)
		return r;
	if (fd < 0)
		r = -errno;
	if (r == 0)
		r = ignore_own(fd);
	/* FORCE needs CAP_NET_ADMIN over the host; without it the usual size has to do. */
	if (r == 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (r == 0 && setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		r = -errno;
	if (r < 0)
		return err_set(err, -r, "changes of the nftables ruleset can't be watched: %s", strerror(-r));
	return TAKE_FD(fd);
}

/* Whether one piece of news is about a table of ours. In each of the kernel's messages that belong to a
 * table, attribute 1 is its name. */
static bool is_ours(const struct nlmsghdr *h)
{
	const struct nfgenmsg *g = NLMSG_DATA(h);
	const char *p = (const char *)g + NLMSG_ALIGN(sizeof(*g));
	const char *end = (const char *)h + h->nlmsg_len;

	if (NFNL_SUBSYS_ID(h->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(*g)) || NFNL_MSG_TYPE(h->nlmsg_type) == NFT_MSG_NEWGEN ||
	    h->nlmsg_pid == atomic_load(&nft_portid) ||
	    (g->nfgen_family != NFPROTO_BRIDGE && g->nfgen_family != NFPROTO_INET))
		return false;
	while (end - p >= (ptrdiff_t)sizeof(struct nlattr)) {
		const struct nlattr *a = (const void *)p;
		size_t n = strlen(table_name) + 1;

		if (a->nla_len < sizeof(*a) || a->nla_len > end - p)
			return true; /* not understood: assume the worst */
		if ((a->nla_type & NLA_TYPE_MASK) == NFTA_TABLE_NAME)
			return a->nla_len == NLA_HDRLEN + n && !memcmp(p + NLA_HDRLEN, table_name, n);
		p += NLA_ALIGN(a->nla_len);
	}
	return false;
}

unsigned nft_changes(void)
{
	return atomic_load(&n_changes);
}

static int read_news(int fd)
{
	_Alignas(struct nlmsghdr) char bytes[32768];
	int found = 0;

	for (;;) {
		struct sockaddr_nl from = {0};
		struct iovec iov = {bytes, sizeof(bytes)};
		struct msghdr m = {
		    .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
		const struct nlmsghdr *h = (const void *)bytes;

		if (n < 0 && errno == EAGAIN)
			return found;
		if (n < 0 && errno != ENOBUFS)
			return 1; /* a socket that is no use any more */
		if (n < 0 || (m.msg_flags & MSG_TRUNC)) {
			found = 1; /* news were lost */
			continue;
		}
		if (from.nl_pid != 0) /* only the kernel tells the truth */
			continue;
		for (size_t left = (size_t)n; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
			found |= is_ours(h);
	}
}

int nft_watch_read(int fd)
{
	int r = read_news(fd);

	if (r)
		atomic_fetch_add(&n_changes, 1);
	return r;
}
