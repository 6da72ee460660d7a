/* SPDX-License-Identifier: Apache-2.0 */
/* What comes in, what the host itself sends, and what an instance sends to the host's address and so to
 * itself or its neighbour: that needs another source, or the answer would go past the host.
 *
 * The lock is held over transactions: what is known is what the kernel has. Under it comes that of inet.c. */
#include "net/dnat.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "net/inet.h"
#include "net/nft.h"

struct known {
	struct known *next;
	char *key, *text;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct known *all;

static const struct {
	const char *prefix, *type;
} chains[] = {
    {"proxy-in-", "type nat hook prerouting priority dstnat; policy accept;"},
    {"proxy-out-", "type nat hook output priority -100; policy accept;"},
    {"proxy-back-", "type nat hook postrouting priority srcnat - 10; policy accept;"},
};
enum { IN, OUT, BACK };

static bool is_any(const struct ip *ip)
{
	static const unsigned char zero[16];

	return !memcmp(ip->bytes, zero, ip_bits(ip) / 8);
}

static int check(const struct dnat *d, struct err *err)
{
	size_t n = strlen(d->key);

	if (!n || n > 20 || strspn(d->key, "abcdefghijklmnopqrstuvwxyz0123456789") != n)
		return err_set(err, EINVAL, "\"%s\" is no key of rules", d->key);
	if (!ip_bits(&d->listen) || d->listen.family != d->target.family || is_any(&d->target))
		return err_set(err, EINVAL, "the two addresses aren't of one protocol");
	for (size_t i = 0; i < d->n; i++)
		if (!d->ports[i].from || !d->ports[i].to)
			return err_set(err, EINVAL, "0 is no port");
	return d->n ? 0 : err_set(err, EINVAL, "there are no ports");
}

/* Made and emptied, so that it can be removed whether it is there or not. */
static void begin(struct buf *b, const char *key, bool goes)
{
	const char *t = net_table();

	buf_printf(b, "add table inet %s\n", t);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		const char *p = chains[i].prefix;

		buf_printf(b, "add chain inet %s %s%s { %s }\nflush chain inet %s %s%s\n", t, p, key,
			   chains[i].type, t, p, key);
		if (goes)
			buf_printf(b, "delete chain inet %s %s%s\n", t, p, key);
	}
}

static void add_port(struct buf *b, const struct dnat *d, const struct dnat_port *p)
{
	const char *t = net_table(), *ip = d->listen.family == AF_INET ? "ip" : "ip6";
	const char *proto = d->is_udp ? "udp" : "tcp";
	AUTO(buf_done) struct buf to = BUF_NULL, where = BUF_NULL;

	buf_ip(&to, &d->target);
	if (is_any(&d->listen)) {
		buf_printf(&where, "meta nfproto %s fib daddr type local",
			   d->listen.family == AF_INET ? "ipv4" : "ipv6");
	} else {
		buf_printf(&where, "%s daddr ", ip);
		buf_ip(&where, &d->listen);
	}
	for (int i = IN; i <= OUT; i++)
		buf_printf(b, "add rule inet %s %s%s %s %s dport %u dnat %s to %s%s%s:%u\n", t,
			   chains[i].prefix, d->key, where.ptr, proto, p->from, ip,
			   d->listen.family == AF_INET ? "" : "[", to.ptr,
			   d->listen.family == AF_INET ? "" : "]", p->to);
	buf_printf(b, "add rule inet %s %s%s %s saddr %s %s daddr %s %s dport %u masquerade\n", t,
		   chains[BACK].prefix, d->key, ip, to.ptr, ip, to.ptr, proto, p->to);
}

int dnat_text(struct buf *b, const struct dnat *d, struct err *err)
{
	int r = check(d, err);

	if (r < 0)
		return r;
	begin(b, d->key, false);
	for (size_t i = 0; i < d->n; i++)
		add_port(b, d, &d->ports[i]);
	return 0;
}

static void forget(const char *key)
{
	for (struct known **p = &all, *k; (k = *p); p = &k->next)
		if (!key || !strcmp(k->key, key)) {
			*p = k->next;
			free(k->key);
			free(k->text);
			free(k);
			return;
		}
}

int dnat_set(const struct dnat *d, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	int r = dnat_text(&text, d, err);
	struct known *k;

	if (r < 0)
		return r;
	pthread_mutex_lock(&lock);
	r = inet_run(text.ptr, false, err);
	if (r == 0) {
		forget(d->key);
		k = xcalloc(1, sizeof(*k));
		*k = (struct known){all, xstrdup(d->key), buf_take(&text)};
		all = k;
	}
	pthread_mutex_unlock(&lock);
	return r;
}

int dnat_clear(const char *key, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	int r;

	begin(&text, key, true);
	pthread_mutex_lock(&lock);
	forget(key);
	r = inet_run(text.ptr, true, err);
	pthread_mutex_unlock(&lock);
	return r;
}

int dnat_restore(struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	int r = 0;

	pthread_mutex_lock(&lock);
	for (struct known *k = all; k; k = k->next)
		buf_adds(&text, k->text);
	if (text.len)
		r = inet_run(text.ptr, false, err);
	pthread_mutex_unlock(&lock);
	return r;
}

void dnat_forget(void)
{
	pthread_mutex_lock(&lock);
	while (all)
		forget(NULL);
	pthread_mutex_unlock(&lock);
}
