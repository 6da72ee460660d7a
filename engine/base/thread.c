/* SPDX-License-Identifier: Apache-2.0 */
/* Starts threads, small and detached. */
#include "engine/base/thread.h"

#include <limits.h>
#include <pthread.h>

#include "engine/base/auto.h"

int thread_start(void *(*fn)(void *arg), void *arg, size_t stack)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, MAX(stack, (size_t)PTHREAD_STACK_MIN));
	r = pthread_create(&thread, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	return -r;
}
