/* SPDX-License-Identifier: Apache-2.0 */
/* The instance's side of devices that come and go. */
#include "engine/instance/mounted.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "engine/base/auto.h"

int instance_mount_of(const struct device_mount *d, const struct idmap *map, struct container_mount *ret,
		      struct err *err)
{
	*ret = (struct container_mount){
	    .source_fd = d->source,
	    .target = d->path,
	    .flags = (d->readonly ? CONTAINER_MOUNT_READONLY : 0) |
		     (d->recursive ? CONTAINER_MOUNT_RECURSIVE : 0) | (d->shift ? CONTAINER_MOUNT_SHIFT : 0) |
		     (d->follows ? CONTAINER_MOUNT_SLAVE : 0),
	    .attrs = d->attrs,
	    .node = d->node,
	    .major = d->major,
	    .minor = d->minor,
	    .mode = d->mode,
	    .uid = d->uid,
	    .gid = d->gid,
	};
	if (!d->node || idmap_is_privileged(map))
		return 0;
	if (idmap_outside(map->uid, map->n_uid, d->uid, &ret->uid) < 0)
		return err_set(err, EINVAL, "uid of %s is %u, which isn't among the ids of the instance",
			       d->device, d->uid);
	if (idmap_outside(map->gid, map->n_gid, d->gid, &ret->gid) < 0)
		return err_set(err, EINVAL, "gid of %s is %u, which isn't among the ids of the instance",
			       d->device, d->gid);
	return 0;
}

static void add_nodes(struct cgroup_limits *l, const struct device_node *nodes, size_t n,
		      struct cgroup_device **ret_list)
{
	size_t n_own;
	const struct cgroup_device *own = cgroup_default_devices(&n_own);
	struct cgroup_device *list = xcalloc(n_own + n, sizeof(*list));

	memcpy(list, own, n_own * sizeof(*list));
	for (size_t i = 0; i < n; i++)
		list[n_own + i] =
		    (struct cgroup_device){nodes[i].type, (int)nodes[i].major, (int)nodes[i].minor, "rw"};
	l->fields |= CGROUP_DEVICES;
	l->devices = *ret_list = list;
	l->n_devices = n_own + n;
}

void instance_add_devices(const struct device_mounts *m, struct cgroup_limits *l,
			  struct cgroup_device **ret_list)
{
	struct device_node *nodes = NULL;
	size_t n = device_mounts_nodes(m, &nodes);

	add_nodes(l, nodes, n, ret_list);
	free(nodes);
}

static int owner_netns(struct object *o)
{
	struct instance *in = instance_of(o);
	int fd;

	if (in->starting_netns >= 0) {
		fd = fcntl(in->starting_netns, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? -errno : fd;
	}
	return in->container ? container_netns(in->container) : -ESRCH;
}

static struct nic_live **owner_nics(struct object *o)
{
	return &instance_of(o)->nics;
}

static int owner_mount(struct object *o, const struct device_mount *d, struct err *err)
{
	struct container *c = instance_running_held(o);
	struct container_mount m;
	struct idmap map;
	int r = c ? container_idmap(c, &map, err) : -ESRCH;

	if (!r)
		r = instance_mount_of(d, &map, &m, err);
	return r < 0 ? r : container_mount(&instances_of(o)->env, c, &m, err);
}

static int owner_unmount(struct object *o, const struct device_mount *d, struct err *err)
{
	struct container *c = instance_running_held(o);
	struct mount_id id = {d->type, d->id_device, d->id_inode};

	return c ? container_unmount(&instances_of(o)->env, c, d->path, &id, err) : -ESRCH;
}

static int owner_allow(struct object *o, const struct device_node *nodes, size_t n, struct err *err)
{
	struct container *c = instance_running_held(o);
	struct cgroup_limits l = {0};
	struct cgroup_device *list = NULL;
	bool privileged = true;
	int r = c ? container_is_privileged(c, &privileged) : -ESRCH;

	if (r < 0)
		return r;
	add_nodes(&l, nodes, n, &list);
	r = cgroup_set(container_cgroup(c), &l, err);
	free(list);
	/* as at its start */
	if ((r == -EPERM || r == -EOPNOTSUPP) && !privileged) {
		err_done(err);
		return 0;
	}
	return r;
}

const struct device_owner instance_device_owner = {
    .netns = owner_netns,
    .pid = instance_pid,
    .nics = owner_nics,
    .mount = owner_mount,
    .unmount = owner_unmount,
    .allow = owner_allow,
};
