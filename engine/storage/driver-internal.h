/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers themselves, for the list of them, and what they share. */
#pragma once

#include "engine/storage/driver.h"

extern const struct storage_driver storage_overlay, storage_dir;

/** storage_destroy() - of drivers whose volumes are directories POOL/UUID */
int storage_destroy(const char *pool_dir, const char *uuid, struct err *err);
