/* SPDX-License-Identifier: Apache-2.0 */
/* Disks of instances: the root (path=/, pool=...) and host directories or files. */
#pragma once

#include "engine/model/kind.h"

int disk_check(struct object *o, const struct config *effective, const char *device, struct err *err);
int disk_attach(struct object *o, const struct config *effective, const char *device, struct err *err);
int disk_detach(struct object *o, const struct config *effective, const char *device, struct err *err);
/** disk_root() - name of the device that is the root; NULL with a sentence where there is none, or two */
const char *disk_root(const struct config *effective, struct err *err);
