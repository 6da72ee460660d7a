/* SPDX-License-Identifier: Apache-2.0 */
/* What this process has told the kernel of each port, so that all of it can be said again at once, and ports
 * that wait to be told together.
 *
 * The lock is held over the transaction: what is known is what the kernel has, and whoever changes or clears
 * a port has the last word over one that waits. Under it comes the leaf of nft.c.
 */
#include "net/filter-internal.h"

#include <pthread.h>
#include <stdlib.h>

#include "engine/base/auto.h"

struct known {
	struct filter_port port; /* name and allowed are its own */
	bool waits;		 /* the kernel hasn't been told; without flags only then */
};

static struct {
	pthread_mutex_t lock;
	struct known *list;
	size_t n, size;
	unsigned n_batches;
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void forget(const char *name)
{
	for (size_t i = 0; i < known.n; i++) {
		if (strcmp(known.list[i].port.name, name) != 0)
			continue;
		free((char *)known.list[i].port.name);
		free((struct ip_net *)known.list[i].port.allowed);
		known.list[i] = known.list[--known.n];
		return;
	}
}

static void remember(const struct filter_port *port, bool waits)
{
	struct known k = {.port = *port, .waits = waits};
	struct ip_net *allowed;

	forget(port->name);
	if (!(port->flags & FILTER_ANY) && !waits)
		return;
	allowed = xcalloc(port->n_allowed + 1, sizeof(*allowed));
	for (size_t i = 0; i < port->n_allowed; i++)
		allowed[i] = port->allowed[i];
	k.port.name = xstrdup(port->name);
	k.port.allowed = allowed;
	if (known.n == known.size) {
		known.size = known.size ? 2 * known.size : 16;
		known.list = xrealloc(known.list, known.size * sizeof(*known.list));
	}
	known.list[known.n++] = k;
}

/* What the kernel was told of a port: nothing may be there that a former process left. */
static unsigned was(const char *name)
{
	for (size_t i = 0; i < known.n; i++)
		if (!strcmp(known.list[i].port.name, name))
			return known.list[i].waits ? FILTER_UNKNOWN : known.list[i].port.flags;
	return FILTER_UNKNOWN;
}

static int set_now(const struct filter_port *ports, size_t n, struct err *err)
{
	struct filter_step *steps = xcalloc(n + 1, sizeof(*steps));
	int r;

	for (size_t i = 0; i < n; i++)
		steps[i] = (struct filter_step){ports[i], was(ports[i].name)};
	r = filter_apply(steps, n, err);
	free(steps);
	for (size_t i = 0; r == 0 && i < n; i++)
		remember(&ports[i], false);
	return r;
}

int filter_set(const struct filter_port *ports, size_t n, struct err *err)
{
	int r;

	pthread_mutex_lock(&known.lock);
	r = set_now(ports, n, err);
	pthread_mutex_unlock(&known.lock);
	return r;
}

int filter_set_later(const struct filter_port *port, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	int r;

	pthread_mutex_lock(&known.lock);
	if (!known.n_batches) {
		r = set_now(port, 1, err);
	} else {
		r = filter_text(&text, port, 1, err);
		if (r == 0)
			remember(port, true);
	}
	pthread_mutex_unlock(&known.lock);
	return r;
}

void filter_batch_begin(void)
{
	pthread_mutex_lock(&known.lock);
	known.n_batches++;
	pthread_mutex_unlock(&known.lock);
}

/* With the lock held: all at once or, where the kernel refuses that, one by one; the first failure counts. */
static int tell(bool all, struct err *err)
{
	struct filter_step *steps = xcalloc(known.n + 1, sizeof(*steps));
	size_t n = 0;
	int r;

	for (size_t i = 0; i < known.n; i++)
		if (all || known.list[i].waits)
			steps[n++] = (struct filter_step){known.list[i].port, FILTER_UNKNOWN};
	r = filter_apply(steps, n, NULL);
	if (r < 0) {
		r = 0;
		for (size_t i = 0; i < n; i++) {
			AUTO(err_done) struct err own = ERR_NULL;

			if (filter_apply(&steps[i], 1, &own) < 0 && r == 0) {
				err_prefix(&own, "filter of %s: ", steps[i].port.name);
				r = err_move(err, &own);
			}
		}
	}
	free(steps);
	for (size_t i = known.n; i-- > 0;) {
		known.list[i].waits = false;
		if (!(known.list[i].port.flags & FILTER_ANY))
			forget(known.list[i].port.name);
	}
	return r;
}

int filter_batch_end(struct err *err)
{
	int r;

	pthread_mutex_lock(&known.lock);
	known.n_batches--;
	r = tell(false, err);
	pthread_mutex_unlock(&known.lock);
	return r;
}

int filter_restore(struct err *err)
{
	int r;

	pthread_mutex_lock(&known.lock);
	r = tell(true, err);
	pthread_mutex_unlock(&known.lock);
	return r;
}

int filter_clear(const char *name, struct err *err)
{
	int r;

	pthread_mutex_lock(&known.lock);
	r = filter_remove(name, was(name), err);
	if (r == 0)
		forget(name);
	pthread_mutex_unlock(&known.lock);
	return r;
}

int filter_teardown(struct err *err)
{
	int r;

	pthread_mutex_lock(&known.lock);
	while (known.n)
		forget(known.list[known.n - 1].port.name);
	free(known.list);
	known.list = NULL;
	known.size = 0;
	r = filter_drop_table(err);
	pthread_mutex_unlock(&known.lock);
	return r;
}
