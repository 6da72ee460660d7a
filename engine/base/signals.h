/* SPDX-License-Identifier: Apache-2.0 */
/* Whether somebody who waits in the kernel was told to end. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/** signals_are_meant() - whether a thread has a signal to heed: not the end of a shell's background job or a
 * resized terminal, by which nobody means to break anything off. Who can't be seen may have one */
bool signals_are_meant(pid_t thread);

/** signals_in_status() - the same of what /proc/PID/status holds */
bool signals_in_status(const char *status);
