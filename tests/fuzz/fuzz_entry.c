/* SPDX-License-Identifier: Apache-2.0 */
/* Names of tar entries: whatever comes, a path that is returned stays below its directory. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/image/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str name = {(const char *)data, size}, rest, piece;

	for (int source = ENTRY_META; source <= ENTRY_ROOTFS; source++) {
		AUTO(err_done) struct err err = ERR_NULL;
		AUTO(free) char *path = NULL, *again = NULL;
		unsigned depth = 0;
		int r = entry_path(name, source, 16, &path, &err);

		if (r < 0) {
			if (path || !err.text)
				abort();
			continue;
		}
		rest = *path ? str_from(path) : STR_NULL;
		while (str_next(&rest, '/', &piece)) {
			if (!path_is_name(piece))
				abort();
			depth++;
		}
		if (depth > 17 || strlen(path) > ENTRY_MAX_PATH + 7)
			abort();
		if (source == ENTRY_ROOTFS && entry_place(path) != PLACE_ROOT &&
		    entry_place(path) != PLACE_ROOTFS && entry_place(path) != PLACE_NONE)
			abort();
		/* a path is its own path */
		if (*path &&
		    (entry_path(str_from(path), ENTRY_META, 17, &again, NULL) < 0 ||
		     strcmp(path, again) != 0) &&
		    strlen(path) <= ENTRY_MAX_PATH)
			abort();
	}
	return 0;
}
