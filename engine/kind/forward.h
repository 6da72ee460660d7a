/* SPDX-License-Identifier: Apache-2.0 */
/* Forwards: networks/NAME/forwards/ADDRESS. */
#pragma once

#include "engine/device/network.h"
#include "engine/model/host.h"

extern const struct kind kind_forward;

/** forward_apply() - the key_apply_fn of target_address and ports */
int forward_apply(struct object *o, const struct config *old, const struct config *new, const char *device,
		  struct err *err);
/** forwards_check() - that the targets of a network's forwards are within what it is to be. Return: 0;
 * -EINVAL */
int forwards_check(struct object *network, const struct network_view *view, struct err *err);
