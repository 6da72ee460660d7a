/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that were rendered a moment ago. */
#include <time.h>

#include "engine/base/auto.h"
#include "engine/base/sys.h"
#include "fs/state.h"

#define PIN_MS 1000
#define PINS 512 /* a power of two; one that falls on another's place replaces it */
#define PINNED_MAX (8 * 1024 * 1024)

struct pin {
	uint64_t id, until;
	uint64_t changed; /* when the text was first seen, ns since 1970 */
	enum kind_number kind;
	struct buf text;
};

struct pins {
	pthread_mutex_t lock;
	struct pin list[PINS];
	size_t bytes;
	uint64_t drops;
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

/* The lock is held. */
static void forget(struct pins *p, struct pin *pin)
{
	p->bytes -= pin->text.len;
	buf_done(&pin->text);
	*pin = (struct pin){0};
}

/* Texts that nobody came back for, when there are many bytes of them. */
static void make_room(struct pins *p, uint64_t now)
{
	if (p->bytes <= PINNED_MAX)
		return;
	for (size_t i = 0; i < PINS; i++)
		if (p->list[i].until <= now)
			forget(p, &p->list[i]);
}

static void keep(struct pins *p, struct pin *pin, const struct node *n, struct str text, bool is_old)
{
	uint64_t id = node_id(n), now = sys_deadline(0);

	/* the time of a text is when it began to be so, not when it was looked at */
	if (pin->id != id || !str_eq(buf_str(&pin->text), text)) {
		forget(p, pin);
		buf_add(&pin->text, text.ptr, text.len);
		p->bytes += text.len;
		pin->id = id;
		pin->kind = n->o->kind->number;
		pin->changed = now_ns();
	}
	pin->until = is_old ? now : now + PIN_MS;
	make_room(p, now);
}

int pins_text(struct pins *p, const struct node *n, struct buf *ret, uint64_t *ret_changed, struct err *err)
{
	uint64_t id = node_id(n), unused = 0, drops;
	struct pin *pin = place(p, id);
	size_t begin = ret->len;
	int r;

	ret_changed = ret_changed ? ret_changed : &unused;
	pthread_mutex_lock(&p->lock);
	if (pin->id == id && pin->until > sys_deadline(0)) {
		buf_add(ret, buf_cstr(&pin->text), pin->text.len);
		*ret_changed = pin->changed;
		pthread_mutex_unlock(&p->lock);
		return 0;
	}
	drops = p->drops;
	pthread_mutex_unlock(&p->lock);
	r = n->row->ops->read(n, ret, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&p->lock);
	keep(p, pin, n, (struct str){buf_cstr(ret) + begin, ret->len - begin}, drops != p->drops);
	*ret_changed = pin->changed;
	pthread_mutex_unlock(&p->lock);
	return 0;
}

void pins_drop(struct pins *p, const struct object *o)
{
	pthread_mutex_lock(&p->lock);
	p->drops++;
	for (size_t i = 0; i < PINS; i++) {
		struct pin *pin = &p->list[i];

		/* instances tell nothing of others; all else shows who uses it */
		if (pin->id && (node_id_object(pin->id) == o->id ||
				(pin->kind != KIND_INSTANCE && pin->kind != KIND_EXEC)))
			pin->until = 0;
	}
	pthread_mutex_unlock(&p->lock);
}
