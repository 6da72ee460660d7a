/* SPDX-License-Identifier: Apache-2.0 */
/* Disks of instances: the root (path=/, pool=...) and host directories or files. */
#pragma once

#include "engine/device/mount.h"

int disk_check(struct object *o, const struct config *effective, const char *device, struct err *err);
/** disk_root() - name of the device that is the root; NULL with a sentence where there is none, or two */
const char *disk_root(const struct config *effective, struct err *err);

/** disk_is(), disk_is_root() - is a device a disk; has it path=/ */
bool disk_is(const struct config *effective, const char *device);
bool disk_is_root(const struct config *effective, const char *device);
/** disk_read() - a disk that isn't the root, its source opened. Return: 1; 0 its source isn't there, and it
 * isn't required; a failure */
int disk_read(const struct config *effective, const char *device, struct device_mount *ret, struct err *err);
/** disk_options_check() - key.check of raw.mount.options */
int disk_options_check(const struct key *key, struct str value, struct err *err);
