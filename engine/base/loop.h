/* SPDX-License-Identifier: Apache-2.0 */
/* One thread that watches descriptors and the clock. What it calls must not wait: it starts jobs. */
#pragma once

#include "engine/base/err.h"

#include <stdint.h>

typedef void loop_fn(void *arg);

/** loop_start() - the thread. Return: 0 or a failure */
int loop_start(struct err *err);
void loop_stop(void);
/**
 * loop_add() - call @fn each time @fd is readable or hung up, until loop_del(); from any thread
 *
 * Return: 0; -EEXIST @fd is watched already
 */
int loop_add(int fd, loop_fn *fn, void *arg, struct err *err);
/** loop_del() - no call begins after it returned, unless it is called by @fn itself; before close(2) */
void loop_del(int fd);
/** loop_after() - call @fn once, in @ms; can't be taken back */
int loop_after(uint64_t ms, loop_fn *fn, void *arg, struct err *err);
