/* SPDX-License-Identifier: Apache-2.0 */
/* Which ids of the host an instance gets: its map, and that no other has those of an isolated one. */
#pragma once

#include "engine/instance/instance.h"

/**
 * ids_check() - of a config that is to be: whether its ids are free and allowed. Pure
 * @raw_changed: raw.idmap isn't what it was, so root's right to its ids is asked for
 *
 * Return: 0; -EBUSY a range overlaps another instance's, which is named; -ERANGE, -ENOSPC, -EPERM, -EINVAL
 */
int ids_check(struct object *o, const struct config *effective, bool raw_changed, struct err *err);

/**
 * ids_claim() - the map for a start; a range of its own belongs to @o from now on. Under its token
 * @ret_base: first id of that range, IDMAP_ANY: it has none
 *
 * Return: as ids_check()
 */
int ids_claim(struct object *o, const struct config *effective, struct idmap *ret, uint32_t *ret_base,
	      struct err *err);
/** ids_adopt() - what a container that runs has is claimed. Under its token */
void ids_adopt(struct object *o, const struct config *effective, pid_t pid);
/** ids_release() - it doesn't run: what volatile.idmap.base keeps for it stays its own */
void ids_release(struct object *o);
