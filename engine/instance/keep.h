/* SPDX-License-Identifier: Apache-2.0 */
/* What an instance keeps from start to start: volatile.* keys and when it was last used. */
#pragma once

#include "engine/model/host.h"

struct keep {
	struct change *changes, *before;
	char **texts; /* that they point to */
	size_t n, n_texts;
};

/**
 * keep_commit() - note, on the disk, all that a start gives: MACs and host names of NICs, id range, image,
 * that it runs. Under the token
 * @idmap_base: IDMAP_ANY: it has no range of its own
 */
int keep_commit(struct keep *k, struct object *o, const struct config *effective, uint32_t idmap_base,
		struct err *err);
/** keep_undo() - the start failed: as before */
void keep_undo(struct keep *k, struct object *o);
void keep_done_auto(struct keep *k);
