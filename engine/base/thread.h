/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that nobody waits for. */
#pragma once

#include <stddef.h>

/** thread_start() - run @fn in a detached thread with a stack of @stack bytes, or the least that there may
 * be. Return: 0 or -errno */
int thread_start(void *(*fn)(void *arg), void *arg, size_t stack);
