/* SPDX-License-Identifier: Apache-2.0 */
/* inet_lock keeps the table from being removed, as its last chain goes, while another is made in it. Under it
 * comes the leaf of nft.c. */
#include "net/inet.h"

#include <pthread.h>
#include <string.h>

#include "engine/base/auto.h"
#include "net/nft.h"

static pthread_mutex_t inet_lock = PTHREAD_MUTEX_INITIALIZER;

/* With the lock held: an empty table goes. */
static int prune(struct err *err)
{
	AUTO(buf_done) struct buf command = BUF_NULL, text = BUF_NULL;
	int r;

	buf_printf(&command, "list table inet %s", net_table());
	r = nft_list(command.ptr, &text, err);
	if (r < 0 || strstr(buf_cstr(&text), "chain "))
		return r;
	buf_clear(&command);
	buf_printf(&command, "delete table inet %s\n", net_table());
	return nft_run(command.ptr, err);
}

int inet_run(const char *commands, bool may_empty, struct err *err)
{
	int r;

	pthread_mutex_lock(&inet_lock);
	r = nft_run(commands, err);
	if (r == 0 && may_empty)
		r = prune(err);
	pthread_mutex_unlock(&inet_lock);
	return r;
}

int inet_teardown(struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;

	buf_printf(&text, "add table inet %s\ndelete table inet %s\n", net_table(), net_table());
	return inet_run(text.ptr, false, err);
}
