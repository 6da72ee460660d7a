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

static bool has_nic(struct object *o)
{
	AUTO(config_unref) struct config *effective = object_effective(o);

	for (size_t i = 0; i < effective->n; i++) {
		const struct pair *type = section_device(&effective->sections[i])
					      ? section_pair(&effective->sections[i], STR("type"))
					      : NULL;

		if (type && !strcmp(type->value, "nic"))
			return true;
	}
	return false;
}

void instance_await_address(struct object *o, int cancel_fd)
{
	struct instance *in = instance_of(o);
	uint64_t until;

	pthread_mutex_lock(&in->lock);
	until = in->container ? in->since + YOUNG_MS : 0;
	pthread_mutex_unlock(&in->lock);
	if (sys_deadline(0) >= until || !has_nic(o))
		return;
	do {
		AUTO(buf_done) struct buf b = BUF_NULL;

		instance_addresses(o, &b);
		if (b.len || !instance_pid(o))
			return;
	} while (sys_deadline(0) < until && sys_poll_in(cancel_fd, -1, sys_deadline(LOOK_AGAIN_MS)) == 0);
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
	pid_t pid = instance_pid(o);

	return pid ? xasprintf("/proc/%d/root/dev/console", pid) : NULL;
}
