/* SPDX-License-Identifier: Apache-2.0 */
/* What lxdfs-intercept gives up before it hears the first call. */
#pragma once

#include "engine/base/err.h"

/** intercept_cage() - capabilities beyond intercept_caps(), namespaces it has no use for, other system calls.
 * @what: enum intercept_what, or-ed. Return: 0 or a failure */
int intercept_cage(unsigned what, struct err *err);
