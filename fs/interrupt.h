/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel's INTERRUPT means. It comes with the first signal that the caller catches, and only once:
 * also for the end of a shell's background job or a resized terminal, by which nobody means to break anything
 * off. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct interrupt;

/** interrupt_new() - for a request of thread @pid. NULL: no descriptor is left */
struct interrupt *interrupt_new(pid_t pid);
/** interrupt_fd() - readable: the caller wants it broken off */
int interrupt_fd(const struct interrupt *x);
/** interrupt_came() - look, now and as long as the request lasts, whether the caller was told to end. Doesn't
 * wait */
void interrupt_came(struct interrupt *x);
/** interrupt_drop() - the request is over. NULL is accepted */
void interrupt_drop(struct interrupt *x);
