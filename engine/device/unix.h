/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes of the host in an instance: unix-char and unix-block. */
#pragma once

#include "engine/device/mount.h"

int unix_check(struct object *o, const struct config *effective, const char *device, struct err *err);

/** unix_type() - 'c' or 'b'; 0: @device is none of these */
char unix_type(const struct config *effective, const char *device);
/** unix_awaited() - where on the host a device comes and goes that isn't required; NULL: it isn't such a one
 */
const char *unix_awaited(const struct config *effective, const char *device);
/** unix_read() - what is to be made. Return: 1; 0 the host has no such device, and it isn't required; a
 * failure */
int unix_read(const struct config *effective, const char *device, struct device_mount *ret, struct err *err);
