/* SPDX-License-Identifier: Apache-2.0 */
/* The list of storage drivers. */
#include "engine/storage/driver.h"

#include <errno.h>
#include <stdio.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/base/path.h"
#include "engine/storage/driver-internal.h"

static const struct storage_driver *const drivers[] = {&storage_dir, &storage_overlay};

const struct storage_driver *storage_driver_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (!strcmp(drivers[i]->name, name))
			return drivers[i];
	return NULL;
}

const char *const *storage_driver_names(void)
{
	static const char *const names[] = {"dir", "overlay", NULL};

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

/* The name goes at once, the files may take their time: a crash leaves what the pool's start removes. */
int storage_destroy(const char *pool_dir, const char *uuid, struct err *err)
{
	AUTO(free) char *volume = xasprintf("%s/%s", pool_dir, uuid);
	AUTO(free) char *gone = xasprintf("%s/.gone-%s", pool_dir, uuid);
	int r;

	if (rename(volume, gone) < 0 && errno != ENOENT)
		return err_set(err, errno, "%s can't be removed: %s", volume, strerror(errno));
	r = path_remove_tree(gone);
	return r < 0 ? err_set(err, -r, "%s can't be removed: %s", gone, strerror(-r)) : 0;
}
