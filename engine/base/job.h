/* SPDX-License-Identifier: Apache-2.0 */
/* Threads for what takes long: whatever waits for a process, a peer or a person. */
#pragma once

#include "engine/base/err.h"

#define JOBS_MAX 512

typedef void job_fn(void *arg);

/** job_start() - run @fn in a thread of its own kind. Return: 0; -EAGAIN too many wait already */
int job_start(job_fn *fn, void *arg, struct err *err);
/** job_wait_all() - until none runs; for the daemon's end */
void job_wait_all(void);
