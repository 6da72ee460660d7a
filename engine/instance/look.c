/* SPDX-License-Identifier: Apache-2.0 */
/* What can be seen of a running instance, asked of the kernel each time. Under the leaf lock alone, so that a
 * start or stop under way holds up no reader. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/sys.h"
#include "engine/device/network.h"
#include "engine/instance/instance.h"

pid_t instance_pid(struct object *o)
{
	struct instance *in = instance_of(o);
	pid_t pid;

	pthread_mutex_lock(&in->lock);
	pid = in->container ? container_pid(in->container) : 0;
	pthread_mutex_unlock(&in->lock);
	return pid;
}

int instance_processes(struct object *o)
{
	struct instance *in = instance_of(o);
	int n;

	pthread_mutex_lock(&in->lock);
	n = in->container ? cgroup_pids(container_cgroup(in->container), NULL) : 0;
	pthread_mutex_unlock(&in->lock);
	return n < 0 ? 0 : n;
}

int instance_usage(struct object *o, struct cgroup_usage *ret)
{
	struct instance *in = instance_of(o);
	int r;

	pthread_mutex_lock(&in->lock);
	r = in->container ? cgroup_usage(container_cgroup(in->container), ret) : -ESRCH;
	pthread_mutex_unlock(&in->lock);
	return r;
}

static int open_netns(struct object *o)
{
	struct instance *in = instance_of(o);
	int fd;

	pthread_mutex_lock(&in->lock);
	fd = in->container ? container_netns(in->container) : -ESRCH;
	pthread_mutex_unlock(&in->lock);
	return fd;
}

int instance_links(struct object *o, struct link_list *ret, struct err *err)
{
	AUTO(fd) int netns = open_netns(o);

	if (netns < 0)
		return err_set(err, ESRCH, "it isn't running");
	return link_list(netns, ret, err);
}

static const struct link_info *link_of(const struct link_list *links, int index)
{
	for (size_t i = 0; i < links->n_links; i++)
		if (links->links[i].index == index)
			return &links->links[i];
	return NULL;
}

void instance_addresses(struct object *o, struct buf *b)
{
	AUTO(link_list_done) struct link_list links = {0};

	if (instance_links(o, &links, NULL) < 0)
		return;
	for (size_t i = 0; i < links.n_addrs; i++) {
		const struct link_addr *a = &links.addrs[i];
		const struct link_info *l = link_of(&links, a->index);

		if (!l || l->flags & IFF_LOOPBACK || a->scope != RT_SCOPE_UNIVERSE)
			continue;
		/* whoever is root inside chose the name */
		buf_escape(b, str_from(l->name));
		buf_addc(b, ' ');
		buf_ip(b, &a->net.ip);
		buf_addc(b, '\n');
	}
}

#define YOUNG_MS 1500
#define LOOK_AGAIN_MS 15

/* What its NICs will get by themselves: 0 nothing, AF_INET by DHCP, else AF_INET6. */
static int family_to_come(struct object *o)
{
	AUTO(config_unref) struct config *effective = object_effective(o);
	int family = 0;

	for (size_t i = 0; i < effective->n && family != AF_INET; i++) {
		const struct section *s = &effective->sections[i];
		const struct pair *network = section_device(s) ? section_pair(s, STR("network")) : NULL;
		struct network_view view;

		if (!network || network_view_of(o->host, network->value, &view, NULL) < 0)
			continue;
		if (view.dhcp4)
			family = AF_INET;
		else if (view.v6.ip.family)
			family = AF_INET6;
	}
	return family;
}

/* Whether an address of a family, or of any where IPv6 is all that comes, is there. */
static bool has_address(struct object *o, int family)
{
	AUTO(link_list_done) struct link_list links = {0};

	if (instance_links(o, &links, NULL) < 0)
		return true;
	for (size_t i = 0; i < links.n_addrs; i++) {
		const struct link_info *l = link_of(&links, links.addrs[i].index);

		if (l && !(l->flags & IFF_LOOPBACK) && links.addrs[i].scope == RT_SCOPE_UNIVERSE &&
		    (family == AF_INET6 || links.addrs[i].net.ip.family == family))
			return true;
	}
	return false;
}

void instance_await_address(struct object *o, int cancel_fd)
{
	struct instance *in = instance_of(o);
	uint64_t until;
	int family;

	pthread_mutex_lock(&in->lock);
	until = in->container ? in->since + YOUNG_MS : 0;
	pthread_mutex_unlock(&in->lock);
	family = sys_deadline(0) < until ? family_to_come(o) : 0;
	while (family && !has_address(o, family) && sys_deadline(0) < until &&
	       sys_poll_in(cancel_fd, -1, sys_deadline(LOOK_AGAIN_MS)) == 0)
		;
}

char *instance_root_path(struct object *o)
{
	pid_t pid = instance_pid(o);

	return pid ? xasprintf("/proc/%d/root", pid) : instances_of(o)->stopped_path(o);
}

char *instance_log_path(struct object *o)
{
	return xasprintf("%s/logs/%s/console.log", o->host->state, o->uuid);
}

char *instance_console_path(struct object *o)
{
	struct instance *in = instance_of(o);
	char *path;

	pthread_mutex_lock(&in->lock);
	path = in->container ? container_console_path(in->container) : NULL;
	pthread_mutex_unlock(&in->lock);
	return path;
}
