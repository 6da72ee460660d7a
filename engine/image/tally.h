/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what an image unpacks to, and says when it is too much. */
#pragma once

#include "engine/base/err.h"
#include "engine/image/import.h"

#include <stdint.h>

struct tally {
	struct image_limits limits;
	uint64_t packed; /* bytes of the files */
	uint64_t bytes, entries;
};

/**
 * tally_add() - count one more entry, before anything of it is written
 * @size: bytes it says it has; holes count
 *
 * Return: 0; -EFBIG beyond a limit
 */
int tally_add(struct tally *t, uint64_t size, struct err *err);
