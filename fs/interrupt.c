/* SPDX-License-Identifier: Apache-2.0 */
/* Looks again and again which signals a caller has pending. */
#include "fs/interrupt.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/loop.h"
#include "engine/base/signals.h"
#include "engine/base/str.h"

#define AGAIN_MS 100

struct interrupt {
	atomic_int refs; /* the request's, and the look's that is due */
	atomic_bool is_over, is_looking;
	int event;
	pid_t pid;
};

struct interrupt *interrupt_new(pid_t pid)
{
	struct interrupt *x;
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (event < 0)
		return NULL;
	x = xcalloc(1, sizeof(*x));
	x->event = event;
	x->pid = pid;
	atomic_init(&x->refs, 1);
	return x;
}

int interrupt_fd(const struct interrupt *x)
{
	return x->event;
}

static void unref(struct interrupt *x)
{
	if (atomic_fetch_sub(&x->refs, 1) != 1)
		return;
	close(x->event);
	free(x);
}

void interrupt_drop(struct interrupt *x)
{
	if (!x)
		return;
	atomic_store(&x->is_over, true);
	unref(x);
}

/* Has a reference. The kernel tells of no second signal, so it is looked for. */
static void look(void *arg)
{
	struct interrupt *x = arg;

	if (atomic_load(&x->is_over)) {
		unref(x);
		return;
	}
	if (!signals_are_meant(x->pid) && loop_after(AGAIN_MS, look, x, NULL) >= 0)
		return;
	eventfd_write(x->event, 1);
	unref(x);
}

void interrupt_came(struct interrupt *x)
{
	if (atomic_exchange(&x->is_looking, true))
		return;
	atomic_fetch_add(&x->refs, 1);
	if (loop_after(0, look, x, NULL) < 0)
		look(x);
}
