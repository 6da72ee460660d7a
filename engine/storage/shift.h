/* SPDX-License-Identifier: Apache-2.0 */
/* Owners on the disk, for a root file system that can't be idmapped: in a container that runs lxdfs itself,
 * on an overlay, on a network file system. There the files carry the ids that the container's have outside,
 * and PATH.ids beside the tree tells which; everywhere else files are unshifted, and there is no such file.
 */
#pragma once

#include "engine/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* As struct id_extent of engine/instance/: which this can't know. */
struct shift_extent {
	uint32_t inside, outside, count;
};
struct shift_map {
	const struct shift_extent *uid, *gid;
	unsigned n_uid, n_gid; /* 0: unshifted */
};

/** shift_is_needed() - whether mounts of that directory can't be idmapped here */
bool shift_is_needed(const char *path);

/**
 * shift_tree() - give all files below @path the owners that a map says
 * @to: none of each: unshifted
 *
 * Nothing is done where they have them already. One that is broken off is brought to its end by the next
 * call. Set-user-ID bits and file capabilities stay. Blocks for as long as the tree is large. Return: 0;
 * -EOVERFLOW a file belongs to an id that the map hasn't
 */
int shift_tree(const char *path, const struct shift_map *to, struct err *err);
