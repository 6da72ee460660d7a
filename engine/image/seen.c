/* SPDX-License-Identifier: Apache-2.0 */
/* A set of hashed paths with open addressing. */
#include "engine/image/seen.h"

#include <stdlib.h>

#include "engine/base/str.h"

static uint64_t hash(const char *path, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)path[i]) * 0x100000001b3ULL;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	h ^= h >> 32;
	return h & ~3ULL;
}

/* The slot that holds this hash, or the free one where it goes. */
static size_t find(const uint64_t *slots, size_t cap, uint64_t h)
{
	size_t i = (h >> 2) & (cap - 1);

	while (slots[i] && (slots[i] & ~3ULL) != h)
		i = (i + 1) & (cap - 1);
	return i;
}

enum seen_kind seen_get(const struct seen *s, const char *path, size_t len)
{
	return s->cap ? (enum seen_kind)(s->slots[find(s->slots, s->cap, hash(path, len))] & 3)
		      : SEEN_NOTHING;
}

static void grow(struct seen *s)
{
	size_t cap = s->cap ? s->cap * 2 : 1024;
	uint64_t *slots = xcalloc(cap, sizeof(*slots));

	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i])
			slots[find(slots, cap, s->slots[i] & ~3ULL)] = s->slots[i];
	free(s->slots);
	s->slots = slots;
	s->cap = cap;
}

void seen_put(struct seen *s, const char *path, size_t len, enum seen_kind kind)
{
	uint64_t h = hash(path, len);
	size_t i;

	if (s->used * 2 >= s->cap)
		grow(s);
	i = find(s->slots, s->cap, h);
	if (!s->slots[i])
		s->used++;
	s->slots[i] = h | kind;
}

void seen_done(struct seen *s)
{
	free(s->slots);
	*s = (struct seen){0};
}
