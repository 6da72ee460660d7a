/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes of the host that come and go: who has one that isn't required hears of it. */
#pragma once

#include "engine/model/host.h"

/** appear_fn - in a job, with the object's token held, of an object that is live */
typedef void appear_fn(struct object *o, const char *device);

/**
 * appear_watch() - call @fn when a path of the host comes to be or is gone, until appear_drop()
 *
 * What is on the way to it may be missing as well. Of changes before it returns nothing is heard: look then.
 * Return: 0; -EMFILE the kernel has no watch left
 * Source: inotify(7)
 */
int appear_watch(struct object *o, const char *device, const char *path, appear_fn *fn, struct err *err);
/** appear_drop() - forget it; @device NULL: all of the object's */
void appear_drop(const struct object *o, const char *device);
