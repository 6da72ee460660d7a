/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that were rendered a moment ago. */
#include <time.h>

#include "engine/base/auto.h"
#include "engine/base/sys.h"
#include "fs/state.h"

#define PIN_MS 1000
#define PINS 512 /* a power of two; one that falls on another's place replaces it */

struct pin {
	uint64_t id, until;
	struct buf text;
};

struct pins {
	pthread_mutex_t lock;
	struct pin list[PINS];
};

struct pins *pins_new(void)
{
	struct pins *p = xcalloc(1, sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void pins_free(struct pins *p)
{
	for (size_t i = 0; p && i < PINS; i++)
		buf_done(&p->list[i].text);
	free(p);
}

static struct pin *place(struct pins *p, uint64_t id)
{
	return &p->list[(id ^ id >> 28 ^ id >> 36) & (PINS - 1)];
}

int pins_text(struct pins *p, const struct node *n, struct buf *ret, struct err *err)
{
	uint64_t id = node_id(n), now = sys_deadline(0);
	struct pin *pin = place(p, id);
	int r;

	pthread_mutex_lock(&p->lock);
	if (pin->id == id && pin->until > now) {
		buf_add(ret, buf_cstr(&pin->text), pin->text.len);
		pthread_mutex_unlock(&p->lock);
		return 0;
	}
	pthread_mutex_unlock(&p->lock);
	r = n->row->ops->read(n, ret, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&p->lock);
	buf_clear(&pin->text);
	buf_add(&pin->text, buf_cstr(ret), ret->len);
	pin->id = id;
	pin->until = sys_deadline(0) + PIN_MS;
	pthread_mutex_unlock(&p->lock);
	return 0;
}

void pins_drop(struct pins *p, uint64_t id)
{
	struct pin *pin = place(p, id);

	pthread_mutex_lock(&p->lock);
	if (pin->id == id)
		pin->id = 0;
	pthread_mutex_unlock(&p->lock);
}
