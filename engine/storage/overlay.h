/* SPDX-License-Identifier: Apache-2.0 */
/* Root file systems from layers: idmapped mounts over directories that are unshifted on disk. */
#pragma once

#include "engine/base/err.h"

#include <stdbool.h>

/**
 * overlay_layer_make() - make an instance's own layer: DIR (0700) with upper/ and work/ in it
 * @lower: image directory, whose root's mode and owner upper/ takes over
 *
 * What is there already stays. Return: 0 or a failure; a half-made layer is completed by the next call
 */
int overlay_layer_make(const char *dir, const char *lower, struct err *err);

/**
 * overlay_tree() - a private copy of the mount at a directory, nowhere attached
 * @userns: ids are mapped as in this user namespace; -1: not at all
 *
 * Return: a mount descriptor, or a failure: -EOPNOTSUPP the file system can't be idmapped
 * Source: open_tree(2), mount_setattr(2)
 */
int overlay_tree(const char *dir, int userns, struct err *err);

/**
 * overlay_idmap() - map the ids of a detached mount
 * @tree:   from open_tree(2) with OPEN_TREE_CLONE
 * @userns: by whose map
 * @recursive: with all that is mounted in it
 * @what:   for the sentence
 */
int overlay_idmap(int tree, int userns, bool recursive, const char *what, struct err *err);

/**
 * overlay_mount() - layers made one tree, nowhere attached
 * @lower:  NULL-terminated directories, topmost first
 * @layer:  as made by overlay_layer_make()
 * @userns: ids are mapped as in this user namespace, -1 for none
 * @uid, @gid: host ids of the container's root: what overlayfs itself creates belongs to them
 * @context: of SELinux for all files in it; NULL: what they have
 * @scratch: a directory over which this mount namespace, which must be the caller's alone, gets a tmpfs for
 * the moment
 *
 * For a single-threaded process: takes on @uid and @gid as file system ids meanwhile, keeping its
 * capabilities. Return: a mount descriptor, or a failure
 */
int overlay_mount(const char *const *lower, const char *layer, int userns, unsigned uid, unsigned gid,
		  const char *context, const char *scratch, struct err *err);
