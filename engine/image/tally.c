/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what an image unpacks to. */
#include "engine/image/tally.h"

#include <errno.h>
#include <inttypes.h>

#define RATIO_FROM (1ULL << 30)

int tally_add(struct tally *t, uint64_t size, struct err *err)
{
	const struct image_limits *l = &t->limits;

	if (++t->entries > l->entries)
		return err_set(err, EFBIG,
			       "the image has more than %" PRIu64 " entries, the most that is taken",
			       l->entries);
	if (size > l->bytes || t->bytes > l->bytes - size)
		return err_set(err, EFBIG,
			       "the image unpacks to more than %" PRIu64 " bytes, the most that is taken",
			       l->bytes);
	t->bytes += size;
	if (t->bytes > RATIO_FROM && t->bytes / l->ratio > t->packed)
		return err_set(err, EFBIG,
			       "the image of %" PRIu64
			       " bytes unpacks to more than %u times its size: that is "
			       "a bomb, not an image",
			       t->packed, l->ratio);
	return 0;
}
