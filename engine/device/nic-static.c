/* SPDX-License-Identifier: Apache-2.0 */
/* The lock protects the list. It comes before the registry and the configs of others, which are looked at
 * under it. */
#include "engine/device/nic-static.h"

#include <pthread.h>
#include <string.h>

#include "engine/base/auto.h"

struct entry {
	uint32_t instance;
	char *device, *network;
	struct ip ip;
};

static struct {
	pthread_mutex_t lock;
	struct entry *list;
	size_t n, size;
	const struct host *host; /* whose they are; NULL: of none yet */
	unsigned long at;	 /* its changes when they were read */
} set = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void add(const struct object *o, const struct config *c, const char *device)
{
	const char *type = config_device_get(c, device, "type");
	const char *network = config_device_get(c, device, "network");
	const char *text = config_device_get(c, device, "ipv4.address");
	struct ip ip;

	if (!type || strcmp(type, "nic") != 0 || !network || !text || ip_parse(str_from(text), &ip) < 0)
		return;
	if (set.n == set.size) {
		set.size = set.size ? 2 * set.size : 16;
		set.list = xrealloc(set.list, set.size * sizeof(*set.list));
	}
	set.list[set.n++] = (struct entry){o->id, xstrdup(device), xstrdup(network), ip};
}

static void read_all(struct host *h)
{
	AUTO(objects_free) struct object **all = host_every(h, KIND_INSTANCE);

	while (set.n) {
		free(set.list[--set.n].device);
		free(set.list[set.n].network);
	}
	for (size_t i = 0; all && all[i]; i++) {
		AUTO(config_unref) struct config *c = object_effective(all[i]);

		for (size_t k = 0; k < c->n; k++) {
			const char *device = section_device(&c->sections[k]);

			if (device)
				add(all[i], c, device);
		}
	}
}

void nic_static_each(const struct object *self, const char *device, const char *network, nic_static_fn *fn,
		     void *arg)
{
	/* before the look: a change that comes during it is seen the next time */
	const unsigned long now = atomic_load(&self->host->changes);

	pthread_mutex_lock(&set.lock);
	if (set.host != self->host || set.at != now)
		read_all(self->host);
	set.host = self->host;
	set.at = now;
	for (size_t i = 0; i < set.n; i++) {
		const struct entry *e = &set.list[i];

		if (!strcmp(e->network, network) && !(e->instance == self->id && !strcmp(e->device, device)))
			fn(&e->ip, arg);
	}
	pthread_mutex_unlock(&set.lock);
}
