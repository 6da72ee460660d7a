/* SPDX-License-Identifier: Apache-2.0 */
/* The capabilities that reach beyond a privileged container, as a table. */
#include "engine/confine/caps.h"

#include <linux/capability.h>

#include "engine/base/auto.h"

/* clang-format off */
static const struct { int cap; bool nested_too; } dropped[] = {
	{CAP_SYS_MODULE, true},     /* kernel code */
	{CAP_SYS_RAWIO, true},      /* /dev/mem, I/O ports */
	{CAP_SYS_TIME, true},       /* the host's clock */
	{CAP_MAC_OVERRIDE, true},
	{CAP_MAC_ADMIN, true},
	{CAP_WAKE_ALARM, true},     /* wakes the host */
	{CAP_BLOCK_SUSPEND, true},
	{CAP_SYSLOG, false},        /* the host's kernel log */
};
/* clang-format on */

uint64_t caps_dropped(bool privileged, bool nesting)
{
	uint64_t bits = 0;

	for (size_t i = 0; privileged && i < ARRAY_SIZE(dropped); i++)
		if (!nesting || dropped[i].nested_too)
			bits |= 1ULL << dropped[i].cap;
	return bits;
}
