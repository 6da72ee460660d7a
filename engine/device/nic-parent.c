/* SPDX-License-Identifier: Apache-2.0 */
/* Counts who needs which VLAN. The lock makes counting, making and removing one step; only net/ is called
 * under it. */
#include "engine/device/nic-parent.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/ip.h"
#include "engine/model/key.h"
#include "net/link.h"

struct held {
	struct held *next;
	char name[IFNAMSIZ];
	unsigned count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct held *all;

static struct held **find(const char *name)
{
	struct held **p = &all;

	while (*p && strcmp((*p)->name, name))
		p = &(*p)->next;
	return p;
}

static int64_t vlan_of(const struct config *c, const char *device)
{
	return value_int(config_device_get(c, device, "vlan"), 0);
}

int nic_parent_name(const struct config *c, const char *device, char ret[IFNAMSIZ], struct err *err)
{
	const char *parent = config_device_get(c, device, "parent");
	int64_t vlan = vlan_of(c, device);
	int n;

	ret[0] = '\0';
	if (!parent)
		return vlan ? err_set(err, EINVAL, "vlan needs parent: the link whose VLAN it is") : 0;
	if (!ifname_ok(str_from(parent)))
		return err_set(err, EINVAL, "parent is \"%s\": no link can have that name", parent);
	n = vlan ? snprintf(ret, IFNAMSIZ, "%s.%u", parent, (unsigned)vlan)
		 : snprintf(ret, IFNAMSIZ, "%s", parent);
	if (n >= IFNAMSIZ)
		return err_set(err, EINVAL,
			       "vlan is %u: its link would be %s.%u, and names of links have at most 15 "
			       "characters: make it under another name and set that as parent",
			       (unsigned)vlan, parent, (unsigned)vlan);
	return 1;
}

/* With the lock held. */
static int make(const char *name, const char *parent, unsigned vlan, struct err *err)
{
	const struct link_change up = {.set = LINK_STATE, .up = true};
	struct link_info info;
	int r = link_get(NETNS_OWN, name, &info, err);

	if (!r && strcmp(info.kind, "vlan") != 0)
		return err_set(err, EEXIST, "link %s is no VLAN, and VLAN %u of %s would be called that",
			       name, vlan, parent);
	if (r != -ENODEV)
		return r;
	err_done(err);
	r = vlan_create(name, parent, vlan, err);
	if (r < 0)
		return r;
	r = link_set(name, &up, err);
	if (r < 0)
		link_delete(name, NULL);
	return r;
}

/* With the lock held. */
static void count(const char *name)
{
	struct held *h = *find(name);

	if (!h) {
		h = xcalloc(1, sizeof(*h));
		snprintf(h->name, sizeof(h->name), "%s", name);
		h->next = all;
		all = h;
	}
	h->count++;
}

int nic_parent_hold(const struct config *c, const char *device, struct err *err)
{
	const char *parent = config_device_get(c, device, "parent");
	unsigned vlan = (unsigned)vlan_of(c, device);
	struct link_info info;
	char name[IFNAMSIZ];
	int r = nic_parent_name(c, device, name, err);

	if (r <= 0)
		return r;
	if (!vlan)
		return link_get(NETNS_OWN, name, &info, err);
	pthread_mutex_lock(&lock);
	r = make(name, parent, vlan, err);
	if (!r)
		count(name);
	pthread_mutex_unlock(&lock);
	return r;
}

void nic_parent_note(const char *name)
{
	pthread_mutex_lock(&lock);
	count(name);
	pthread_mutex_unlock(&lock);
}

void nic_parent_release(const char *name)
{
	struct held **p, *h;

	pthread_mutex_lock(&lock);
	p = find(name);
	h = *p;
	if (h && --h->count == 0) {
		*p = h->next;
		free(h);
		if (vlan_is_ours(name))
			link_delete(name, NULL);
	}
	pthread_mutex_unlock(&lock);
}

void nic_parents_sweep(void)
{
	AUTO(link_list_done) struct link_list links = {0};

	pthread_mutex_lock(&lock);
	if (link_list(NETNS_OWN, &links, NULL) == 0)
		for (size_t i = 0; i < links.n_links; i++) {
			const struct link_info *l = &links.links[i];

			if (!strcmp(l->kind, "vlan") && !*find(l->name) && vlan_is_ours(l->name))
				link_delete(l->name, NULL);
		}
	pthread_mutex_unlock(&lock);
}
