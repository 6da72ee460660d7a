/* SPDX-License-Identifier: Apache-2.0 */
/* Where TLS is spoken: nothing of the host to see, no network but the sockets that are open, no rights. */
#pragma once

#include "engine/base/err.h"

#include <stdint.h>

/**
 * tls_cage_enter() - go in for good
 * @ret_narrow: the filter that a process takes on besides, by sandbox_filter(), when it has one connection
 * and starts no other; NULL for none
 *
 * The process must be root. Return: 0 or -errno
 */
int tls_cage_enter(uint32_t uid, uint32_t gid, int *ret_narrow, struct err *err);
