/* SPDX-License-Identifier: Apache-2.0 */
/* The list of storage drivers. */
#include "engine/storage/driver.h"

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/storage/driver-internal.h"

static const struct storage_driver *const drivers[] = {&storage_overlay};

const struct storage_driver *storage_driver_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (!strcmp(drivers[i]->name, name))
			return drivers[i];
	return NULL;
}

const char *const *storage_driver_names(void)
{
	static const char *const names[] = {"overlay", NULL};

	_Static_assert(ARRAY_SIZE(names) == ARRAY_SIZE(drivers) + 1, "each driver has its name in the list");
	return names;
}

void storage_root_done(struct storage_root *r)
{
	texts_free(r->lower);
	free(r->layer);
	free(r->rootfs);
	*r = (struct storage_root){0};
}
