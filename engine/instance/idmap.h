/* SPDX-License-Identifier: Apache-2.0 */
/* Host ids for containers: the host's range from subuid and subgid, and ranges of their own for isolated
 * containers, which overlap neither each other nor the shared map's low ids. */
#pragma once

#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDMAP_ANY UINT32_MAX
#define IDMAP_MIN 65536u /* ids that every container gets at least */
#define IDMAP_EXTENTS 96 /* what fits in the one write that the kernel takes */

struct id_extent {
	uint32_t inside, outside, count;
};

/* Both lists empty: no user namespace, a privileged container. */
struct idmap {
	struct id_extent uid[IDMAP_EXTENTS], gid[IDMAP_EXTENTS];
	unsigned n_uid, n_gid;
};

/* What the host gives. */
struct idmap_range {
	uint32_t uid, uid_count;
	uint32_t gid, gid_count;
};

/**
 * idmap_range_read() - the host's range: first entry of at least 65536 ids for user lxd, else for root
 * @subuid, @subgid: paths of the files, normally /etc/subuid and /etc/subgid
 *
 * Where neither file has an entry for either user (or doesn't exist), 1000000:1000000000.
 * Return: 0; -EINVAL there are entries, but none is usable
 * Source: subuid(5), subgid(5)
 */
int idmap_range_read(const char *subuid, const char *subgid, struct idmap_range *ret, struct err *err);

/**
 * idmap_range_within() - what of a range there is in a user namespace, that of lxdfs itself
 * @uid_map, @gid_map: paths of the files, normally below /proc/self
 *
 * Return: 0; -EINVAL fewer than 65536 ids of it
 */
int idmap_range_within(struct idmap_range *range, const char *uid_map, const char *gid_map, struct err *err);

/** idmap_shared() - the whole range as one map: what containers without a range of their own have */
void idmap_shared(const struct idmap_range *range, struct idmap *ret);

/** idmap_own() - @count ids from @base on, uids and gids alike */
void idmap_own(uint32_t base, uint32_t count, struct idmap *ret);

/** idmap_is_privileged() - it maps nothing: no user namespace */
bool idmap_is_privileged(const struct idmap *map);

/** idmap_outside() - host id of an id inside. Return: 0; -ENOENT it isn't mapped */
int idmap_outside(const struct id_extent *extents, unsigned n, uint32_t inside, uint32_t *ret);

/**
 * idmap_text() - the kernel's form, for uid_map, gid_map and the container's own view
 * Return: text, to be freed
 */
char *idmap_text(const struct id_extent *extents, unsigned n);

/* The isolated ranges in use. A lock inside: leaf, held for moments. */
struct idmap_pool;

struct idmap_pool *idmap_pool_new(const struct idmap_range *range);
void idmap_pool_free(struct idmap_pool *pool);

/**
 * idmap_alloc() - reserve a range of host ids for one isolated container
 * @owner: its uuid, for sentences and idmap_release(); one range per owner (-EEXIST)
 * @want:  ids needed, 65536..2^31
 * @fixed: first host id asked for, or IDMAP_ANY: the lowest gap
 * @ret:   first id of [base, base + want); at or above the host's base + 65536, the same for uids and gids
 *
 * Return: 0; -EBUSY @fixed overlaps (err names the other); -ERANGE @fixed lies outside the host's range;
 * -ENOSPC no gap of that size
 */
int idmap_alloc(struct idmap_pool *pool, const char *owner, uint32_t want, uint32_t fixed, uint32_t *ret,
		struct err *err);

/** idmap_release() - give an owner's range back; one without is no error */
void idmap_release(struct idmap_pool *pool, const char *owner);
