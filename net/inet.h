/* SPDX-License-Identifier: Apache-2.0 */
/* Table `inet lxdfs`, which several files of net/ have chains in: made with the first, gone with the last. */
#pragma once

#include "engine/base/err.h"

#include <stdbool.h>

/**
 * inet_run() - commands that change the table, as nft_run()
 * @may_empty: the last chain may have gone: then so does the table
 */
int inet_run(const char *commands, bool may_empty, struct err *err);
/** inet_teardown() - remove the table with everything in it */
int inet_teardown(struct err *err);
