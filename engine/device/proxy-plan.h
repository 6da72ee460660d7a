/* SPDX-License-Identifier: Apache-2.0 */
/* A proxy device worked out from its keys. */
#pragma once

#include "engine/device/proxy-order.h"
#include "engine/model/host.h"
#include "net/dnat.h"

struct proxy_plan {
	struct proxy_end listen, connect;
	char key[20]; /* of its socket and its rules */
	bool is_nat, is_inside /* it listens in the instance */, says_protocol;
	uint32_t uid, gid, mode; /* of a unix socket that it makes, as they are on that side */
	bool has_run_uid, has_run_gid;
	uint32_t run_uid, run_gid; /* as they are where it connects */
	struct dnat_port ports[PROXY_PORTS_MAX];
	struct dnat dnat; /* points into the plan: see proxy_plan_dnat() */
};

/** proxy_plan_make() - reads config alone. Return: 0; -EINVAL */
int proxy_plan_make(struct object *o, const struct config *c, const char *device, struct proxy_plan *ret,
		    struct err *err);
/** proxy_plan_dnat() - its rules; they hold as long as @p stays where it is */
const struct dnat *proxy_plan_dnat(struct proxy_plan *p);
/** proxy_key() - the same for the same device of the same instance, always */
void proxy_key(const struct object *o, const char *device, char ret[20]);
