/* SPDX-License-Identifier: Apache-2.0 */
/* In which order instances are started with the host, and stopped with it. */
#pragma once

#include "engine/model/host.h"

/* One of many. */
struct ordered {
	struct object *o; /* borrowed */
	int64_t priority;
	uint64_t delay_ms; /* to wait after its start */
};

/** order_wants_start() - @first_of_boot: boot.autostart says so, or, where it isn't set, it ran when the host
 * went down; else nothing is started */
bool order_wants_start(const struct config *effective, bool first_of_boot);
/** order_start() - highest boot.autostart.priority first, then as they were made */
void order_start(struct ordered *list, size_t n);
/** order_of_start(), order_of_stop() - an entry from its effective config */
struct ordered order_of_start(struct object *o, const struct config *effective);
struct ordered order_of_stop(struct object *o, const struct config *effective);
