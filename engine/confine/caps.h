/* SPDX-License-Identifier: Apache-2.0 */
/* Which capabilities a container never has. engine/base/sandbox.h takes them away. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * caps_dropped() - what a container loses, for container_spec and exec_spec
 *
 * Return: bits 1 << CAP_X; none in a user namespace of its own
 * Source: LXC's common.conf, and capabilities(7) for what it leaves
 */
uint64_t caps_dropped(bool privileged, bool nesting);
