/* SPDX-License-Identifier: Apache-2.0 */
/* The one walk over all other NICs, for what may be only one's. */
#pragma once

#include "engine/model/kind.h"

/**
 * nic_other_fn - one of the others
 * @c:        the effective config that has it
 * @device:   its name there
 * @instance: whose it is; NULL: of the instance that asks
 *
 * Return: 0 to go on, else the walk ends with that
 */
typedef int nic_other_fn(const struct config *c, const char *device, const char *instance, void *arg,
			 struct err *err);

/**
 * nic_each_other() - call @fn for every NIC but one
 * @effective: of @o, perhaps not in force yet
 *
 * Of a profile only its own are looked at: others may replace them. Return: 0, or what @fn returned
 */
int nic_each_other(struct object *o, const struct config *effective, const char *device, nic_other_fn *fn,
		   void *arg, struct err *err);

/** nic_is_taken() - the sentence: KEY of DEVICE is "VALUE": OTHER of INSTANCE has it already. @where: may be
 * NULL. Return: -EINVAL */
int nic_is_taken(const char *key, const char *device, const char *value, const char *other,
		 const char *instance, const char *where, struct err *err);
