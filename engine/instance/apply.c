/* SPDX-License-Identifier: Apache-2.0 */
/* Limits that change while an instance runs. */
#include "engine/instance/apply.h"

#include "engine/instance/instance.h"
#include "engine/instance/limits.h"

static int set(struct object *o, struct container *c, struct cgroup_limits *l, struct err *err)
{
	limits_supported(instances_of(o)->env.cgroups, l);
	return cgroup_set(container_cgroup(c), l, err);
}

int instance_apply_memory(struct object *o, const struct config *old, const struct config *new,
			  const char *device, struct err *err)
{
	struct container *c = instance_running_held(o);
	struct cgroup_limits l = {0};
	int r = limits_memory(new, limits_host_memory(), &l, err);

	(void)old;
	(void)device;
	return r < 0 || !c ? r : set(o, c, &l, err);
}

int instance_apply_cpu(struct object *o, const struct config *old, const struct config *new,
		       const char *device, struct err *err)
{
	struct container *c = instance_running_held(o);
	struct cgroup_limits l = {0};
	int r = limits_cpu(new, &l, err);

	(void)old;
	(void)device;
	return r < 0 || !c ? r : set(o, c, &l, err);
}

int instance_apply_processes(struct object *o, const struct config *old, const struct config *new,
			     const char *device, struct err *err)
{
	struct container *c = instance_running_held(o);
	struct cgroup_limits l = {0};
	int r = limits_processes(new, &l, err);

	(void)old;
	(void)device;
	return r < 0 || !c ? r : set(o, c, &l, err);
}

int server_apply_hide_names(struct object *o, const struct config *old, const struct config *new,
			    const char *device, struct err *err)
{
	const char *key = config_get(new, SECTION_CONFIG, "lxdfs.hide_names");

	(void)old;
	(void)device;
	(void)err;
	if (!key || value_bool(key))
		instance_hide_names(o->host);
	return 0;
}
