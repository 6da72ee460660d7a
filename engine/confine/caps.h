/* SPDX-License-Identifier: Apache-2.0 */
/* Which capabilities a container never has, and taking them away for good. Links no library: helpers use it
 * too. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** caps_dropped() - bits (1 << CAP_X) that a container loses; none in a user namespace of its own */
uint64_t caps_dropped(bool privileged, bool nesting);

/** caps_drop() - remove from bounding, effective, permitted, inheritable and ambient set of this thread.
 * Return: 0 or -errno */
int caps_drop(uint64_t bits);
