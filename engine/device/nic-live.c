/* SPDX-License-Identifier: Apache-2.0 */
/* Which NICs are attached now, of whatever type, and what all types do alike. Under the instance's token. */
#include "engine/device/nic-live.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/device/owner.h"

static const struct device_owner *the_owner;

void device_owner_set(const struct device_owner *owner)
{
	the_owner = owner;
}

const struct device_owner *device_owner(void)
{
	return the_owner;
}

/* ---- the list */

static struct nic_live **place(struct object *o, const char *device)
{
	struct nic_live **p = the_owner->nics(o);

	while (*p && strcmp((*p)->device, device))
		p = &(*p)->next;
	return p;
}

struct nic_live *nic_live_find(struct object *o, const char *device)
{
	return *place(o, device);
}

struct nic_live *nic_live_add(struct object *o, const char *device, const struct nic_ops *ops,
			      const char host_name[IFNAMSIZ])
{
	struct nic_live *l = xcalloc(1, sizeof(*l)), **head = the_owner->nics(o);

	l->ops = ops;
	l->device = xstrdup(device);
	memcpy(l->host_name, host_name, sizeof(l->host_name));
	l->next = *head;
	*head = l;
	return l;
}

static void live_free(struct nic_live *l)
{
	if (l->ops->done)
		l->ops->done(l);
	free(l->device);
	free(l);
}

void nics_forget(struct object *o)
{
	struct nic_live **head = the_owner->nics(o), *l;

	while ((l = *head)) {
		*head = l->next;
		live_free(l);
	}
}

/* ---- what all do alike */

int nic_netns(struct object *o, int *ret, struct err *err)
{
	int fd = the_owner->netns(o);

	if (fd == -ESRCH)
		return 0;
	if (fd < 0)
		return err_set(err, -fd, "the network namespace can't be opened: %s", strerror(-fd));
	*ret = fd;
	return 1;
}

int nic_unplug(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	struct nic_live **p = place(o, device), *l = *p;
	bool is_gone = false;
	int r;

	(void)effective;
	if (!l)
		return 0;
	r = l->ops->detach(o, l, &is_gone, err);
	if (is_gone || r == 0) {
		*p = l->next;
		live_free(l);
	}
	return r;
}

void nics_detach_all(struct object *o)
{
	struct nic_live *l;

	while ((l = *the_owner->nics(o))) {
		AUTO(free) char *device = xstrdup(l->device);

		/* what can't be removed now is when the next NIC of that name comes */
		if (nic_unplug(o, NULL, device, NULL) < 0 && *the_owner->nics(o) == l) {
			*the_owner->nics(o) = l->next;
			live_free(l);
		}
	}
}

int nic_restore(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	struct nic_live *l = nic_live_find(o, device);

	return l && l->ops->restore ? l->ops->restore(o, effective, l, err) : 0;
}

static bool is_named(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++) {
		const char *device = section_device(&c->sections[i]);
		const char *other = device ? config_device_get(c, device, "name") : NULL;

		if (other && !strcmp(other, name))
			return true;
	}
	return false;
}

int nic_choose_name(const struct config *effective, int netns, char ret[IFNAMSIZ], struct err *err)
{
	AUTO(link_list_done) struct link_list links = {0};
	int r = link_list(netns, &links, err);

	if (r < 0)
		return r;
	for (unsigned n = 0; n <= links.n_links + effective->n; n++) {
		size_t i = 0;

		snprintf(ret, IFNAMSIZ, "eth%u", n);
		while (i < links.n_links && strcmp(links.links[i].name, ret))
			i++;
		if (i == links.n_links && !is_named(effective, ret))
			return 0;
	}
	return err_set(err, EEXIST, "every name of a link is taken inside");
}

int nic_inner_name(const struct config *effective, const char *device, int netns, char ret[IFNAMSIZ],
		   struct err *err)
{
	const char *asked = config_device_get(effective, device, "name");

	if (!asked)
		return nic_choose_name(effective, netns, ret, err);
	snprintf(ret, IFNAMSIZ, "%s", asked);
	return 0;
}

void nic_clear_leftover(const char *host_name)
{
	struct link_info info;

	if (!link_get(NETNS_OWN, host_name, &info, NULL) && !strcmp(info.kind, "veth"))
		nic_detach(host_name, NULL);
}

int nic_check_name(const struct config *effective, const char *device, struct err *err)
{
	const char *name = config_device_get(effective, device, "name");

	for (size_t i = 0; name && i < effective->n; i++) {
		const char *other = section_device(&effective->sections[i]), *its;

		its = other && strcmp(other, device) ? config_device_get(effective, other, "name") : NULL;
		if (its && !strcmp(its, name))
			return err_set(err, EINVAL, "name of %s is \"%s\": %s has it already", device, name,
				       other);
	}
	return 0;
}
