/* SPDX-License-Identifier: Apache-2.0 */
/* Reverse path filter of both protocols by the routing tables, which rp_filter has for IPv4 alone. What comes
 * from a link is dropped unless the host would send the answer to that same link.
 *
 * guard_lock makes one step of removing a link and, with the last, the chain. */
#include "net/guard.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "engine/base/auto.h"
#include "net/inet.h"
#include "net/nft.h"

#define SET "routed"
#define CHAIN "guard"

static pthread_mutex_t guard_lock = PTHREAD_MUTEX_INITIALIZER;

static int quote(struct buf *b, const char *link, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;

	if (buf_nft_ifname(b, link) == 0)
		return 0;
	buf_escape(&shown, str_from(link));
	return err_set(err, EINVAL, "\"%s\" can't be guarded: no link can have that name", buf_cstr(&shown));
}

/* The rules are written anew each time: somebody may have damaged them. Sources 0.x.y.z the look-up leaves
 * out. */
static void chain_text(struct buf *b)
{
	const char *t = net_table();

	buf_printf(b, "add table inet %s\n", t);
	buf_printf(b, "add set inet %s " SET " { type ifname; }\n", t);
	buf_printf(
	    b, "add chain inet %s " CHAIN " { type filter hook prerouting priority raw; policy accept; }\n",
	    t);
	buf_printf(b, "flush chain inet %s " CHAIN "\n", t);
	buf_printf(b, "add rule inet %s " CHAIN " iifname != @" SET " accept\n", t);
	buf_printf(b, "add rule inet %s " CHAIN " ip saddr 0.0.0.0/8 drop\n", t);
	buf_printf(b, "add rule inet %s " CHAIN " fib saddr . iif oif missing drop\n", t);
}

int guard_set(const char *link, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL, name = BUF_NULL;
	int r = quote(&name, link, err);

	if (r < 0)
		return r;
	chain_text(&text);
	buf_printf(&text, "add element inet %s " SET " { %s }\n", net_table(), name.ptr);
	pthread_mutex_lock(&guard_lock);
	r = inet_run(text.ptr, false, err);
	pthread_mutex_unlock(&guard_lock);
	return r;
}

/* With the lock held. Nothing guarded: the chain goes, then the set that it looks at. */
static int clear(const char *quoted, struct err *err)
{
	AUTO(buf_done) struct buf command = BUF_NULL, set = BUF_NULL;
	const char *t = net_table();
	int r;

	buf_printf(&command, "list set inet %s " SET, t);
	r = nft_list(command.ptr, &set, err);
	if (r == -ENOENT) {
		err_done(err);
		return 0;
	}
	if (r < 0)
		return r;
	buf_clear(&command);
	/* added first, so that it is there to be deleted */
	buf_printf(&command, "add element inet %s " SET " { %s }\ndelete element inet %s " SET " { %s }\n", t,
		   quoted, t, quoted);
	r = nft_run(command.ptr, err);
	if (r < 0)
		return r;
	buf_clear(&command);
	buf_clear(&set);
	buf_printf(&command, "list set inet %s " SET, t);
	r = nft_list(command.ptr, &set, err);
	if (r < 0 || strstr(buf_cstr(&set), "elements"))
		return r;
	buf_clear(&command);
	buf_printf(&command,
		   "add chain inet %s " CHAIN "\ndelete chain inet %s " CHAIN "\ndelete set inet %s " SET
		   "\n",
		   t, t, t);
	return inet_run(command.ptr, true, err);
}

int guard_clear(const char *link, struct err *err)
{
	AUTO(buf_done) struct buf name = BUF_NULL;
	int r = quote(&name, link, err);

	if (r < 0)
		return r;
	pthread_mutex_lock(&guard_lock);
	r = clear(name.ptr, err);
	pthread_mutex_unlock(&guard_lock);
	return r;
}
