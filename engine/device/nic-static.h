/* SPDX-License-Identifier: Apache-2.0 */
/* The IPv4 addresses that are set on NICs of managed networks, of all instances, whether they run or not. */
#pragma once

#include "engine/base/ip.h"
#include "engine/model/host.h"

typedef void nic_static_fn(const struct ip *ip, void *arg);

/**
 * nic_static_each() - call @fn for each that is set on a NIC of @network but one
 * @self, @device: the one that is left out
 *
 * The merged configs of all instances are looked at once after each change of one: a thousand NICs that are
 * found again by a new core would look at a thousand each. @fn is called under a leaf lock.
 */
void nic_static_each(const struct object *self, const char *device, const char *network, nic_static_fn *fn,
		     void *arg);
