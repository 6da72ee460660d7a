/* SPDX-License-Identifier: Apache-2.0 */
/* NICs without a bridge that may send only from addresses which the host routes to them: one chain in table
 * `inet lxdfs`, before connection tracking, and a set of links. */
#pragma once

#include "engine/base/err.h"

/** guard_set() - from now on, also before the link exists; the chain is made when first needed. Return: 0;
 * -EINVAL no name of a link */
int guard_set(const char *link, struct err *err);
/** guard_clear() - none there is no failure; the chain goes with the last */
int guard_clear(const char *link, struct err *err);
