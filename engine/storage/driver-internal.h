/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers themselves, for the list of them. */
#pragma once

#include "engine/storage/driver.h"

extern const struct storage_driver storage_overlay;
