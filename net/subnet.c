/* SPDX-License-Identifier: Apache-2.0 */
/* Free private networks for new bridges: random ones, until one overlaps nothing of this host. */
#include "net/subnet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/base/auto.h"
#include "net/link.h"

#define TRIES 1000

static const struct ip_net *find_overlap(const struct ip_net *net, const struct ip_net *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ip_net_overlaps(net, &list[i]))
			return &list[i];
	return NULL;
}

/* @net: the bridge's address; @random_bytes of it from the second on are chosen */
static int subnet_free(struct ip_net net, size_t random_bytes, const struct ip_net *taken, size_t n_taken,
		       struct ip_net *ret, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	struct ip_net_list used = {0};
	int r = route_networks(net.ip.family, &used, err);
	size_t i;

	if (r < 0)
		return r;
	for (i = 0; i < TRIES; i++) {
		if (getrandom(net.ip.bytes + (net.ip.family == AF_INET ? 1 : 2), random_bytes, 0) !=
		    (ssize_t)random_bytes)
			abort();
		if (!find_overlap(&net, used.nets, used.n) && !find_overlap(&net, taken, n_taken))
			break;
	}
	free(used.nets);
	if (i == TRIES) {
		buf_ip_net(&text, &net);
		return err_set(err, EADDRINUSE,
			       "no free network was found in %d tries, the last was %s: choose an address "
			       "by hand",
			       TRIES, buf_cstr(&text));
	}
	*ret = net;
	return 0;
}

int subnet_free4(const struct ip_net *taken, size_t n_taken, struct ip_net *ret, struct err *err)
{
	struct ip_net net = {.ip = {.family = AF_INET, .bytes = {10, 0, 0, 1}}, .len = 24};

	return subnet_free(net, 2, taken, n_taken, ret, err);
}

int subnet_free6(const struct ip_net *taken, size_t n_taken, struct ip_net *ret, struct err *err)
{
	struct ip_net net = {.ip = {.family = AF_INET6, .bytes = {0xfd, 0x42}}, .len = 64};

	net.ip.bytes[15] = 1;
	return subnet_free(net, 6, taken, n_taken, ret, err);
}

int subnet_check(const struct ip_net *net, const struct ip_net *taken, size_t n_taken, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL, other = BUF_NULL;
	struct ip_net_list used = {0};
	const struct ip_net *overlap;
	bool is_host = true;
	int r = route_networks(net->ip.family, &used, err);

	if (r < 0)
		return r;
	overlap = find_overlap(net, used.nets, used.n);
	if (!overlap) {
		overlap = find_overlap(net, taken, n_taken);
		is_host = false;
	}
	if (overlap) {
		buf_ip_net(&text, net);
		buf_ip_net(&other, overlap);
		r = err_set(
		    err, EADDRINUSE, "network %s overlaps %s, which %s", buf_cstr(&text), buf_cstr(&other),
		    is_host ? "this host uses: see `ip route show table all`" : "another network has");
	}
	free(used.nets);
	return r;
}
