/* SPDX-License-Identifier: Apache-2.0 */
/* Priorities of instances at the host's start and end. */
#include "engine/instance/order.h"

#include <string.h>

#include "engine/base/auto.h"

bool order_wants_start(const struct config *effective, bool first_of_boot)
{
	const char *wish = config_get(effective, SECTION_CONFIG, "boot.autostart");
	const char *power = config_get(effective, SECTION_CONFIG, "volatile.last_state.power");

	if (!first_of_boot)
		return false;
	return wish ? value_bool(wish) : power && strcmp(power, "STOPPED") != 0;
}

static int compare(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return x->o->id < y->o->id ? -1 : x->o->id > y->o->id;
}

void order_start(struct ordered *list, size_t n)
{
	if (n)
		qsort(list, n, sizeof(*list), compare);
}

struct ordered order_of_start(struct object *o, const struct config *effective)
{
	int64_t delay = value_int(config_get(effective, SECTION_CONFIG, "boot.autostart.delay"), 0);

	return (struct ordered){
	    .o = o,
	    .priority = value_int(config_get(effective, SECTION_CONFIG, "boot.autostart.priority"), 0),
	    .delay_ms = delay > 0 ? (uint64_t)MIN(delay, 86400) * 1000 : 0,
	};
}

struct ordered order_of_stop(struct object *o, const struct config *effective)
{
	return (struct ordered){
	    .o = o, .priority = value_int(config_get(effective, SECTION_CONFIG, "boot.stop.priority"), 0)};
}
