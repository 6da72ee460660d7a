/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds of NICs: from keys to net/tc.h. Under the instance's token. */
#include "engine/device/nic-shape.h"

#include "engine/base/auto.h"
#include "engine/device/nic-live.h"

/* limits.max stands for both, whatever they say. */
static struct shape shape_of(const struct config *c, const char *device)
{
	const char *max = config_device_get(c, device, "limits.max");
	const char *in = config_device_get(c, device, "limits.ingress");
	const char *out = config_device_get(c, device, "limits.egress");

	return (struct shape){
	    .to_instance = value_rate(max ? max : in, 0),
	    .from_instance = value_rate(max ? max : out, 0),
	    .priority = (uint32_t)value_int(config_device_get(c, device, "limits.priority"), 0),
	};
}

int nic_shape_set(const struct config *effective, const char *device, const char *host_name, enum shape_at at,
		  struct err *err)
{
	const struct shape shape = shape_of(effective, device);

	return shape_set(host_name, at, &shape, err);
}

int nic_key_limits(struct object *o, const struct config *old, const struct config *new, const char *device,
		   struct err *err)
{
	struct nic_live *l = device ? nic_live_find(o, device) : NULL;
	int r = l ? nic_shape_set(new, device, l->host_name, l->ops->shape_at, err) : 0;

	/* one of several may be in force */
	if (r < 0)
		nic_shape_set(old, device, l->host_name, l->ops->shape_at, NULL);
	return r;
}
