/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of sorted pairs, counted and immutable once published. */
#include "engine/model/config.h"

#include <time.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

char **texts_split(const char *lines)
{
	struct str rest = str_from(lines), line;
	char **list = xcalloc(1, sizeof(*list));
	size_t n = 0;

	while (str_next(&rest, '\n', &line)) {
		line = str_trim(line);
		if (!line.len)
			continue;
		list = xrealloc(list, (n + 2) * sizeof(*list));
		list[n++] = str_dup(line);
		list[n] = NULL;
	}
	return list;
}

struct config *config_new(void)
{
	struct config *c = xcalloc(1, sizeof(*c));

	c->refs = 1;
	return c;
}

struct config *config_ref(const struct config *c)
{
	struct config *mine = (struct config *)c;

	atomic_fetch_add_explicit(&mine->refs, 1, memory_order_relaxed);
	return mine;
}

static void section_done(struct section *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->pairs[i].key);
		free(s->pairs[i].value);
	}
	free(s->pairs);
	free(s->name);
}

void config_unref(struct config *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < c->n; i++)
		section_done(&c->sections[i]);
	free(c->sections);
	texts_free(c->origins);
	free(c);
}

/* ---- look-up */

/* Where a key is, or belongs, among sorted elements; *ret_found tells which. */
static size_t place_of(const void *base, size_t n, size_t size,
		       int (*compare)(const void *elem, struct str key), struct str key, bool *ret_found)
{
	size_t lo = 0, hi = n;

	*ret_found = false;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int r = compare((const char *)base + mid * size, key);

		if (r == 0) {
			*ret_found = true;
			return mid;
		}
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int text_compare(const char *a, struct str b)
{
	int r = strncmp(a, b.ptr, b.len);

	return r ? r : a[b.len] != 0;
}

static int section_compare(const void *elem, struct str name)
{
	return text_compare(((const struct section *)elem)->name, name);
}

static int pair_compare(const void *elem, struct str key)
{
	return text_compare(((const struct pair *)elem)->key, key);
}

static size_t section_place(const struct config *c, const char *name, bool *ret_found)
{
	return place_of(c->sections, c->n, sizeof(*c->sections), section_compare, str_from(name), ret_found);
}

static size_t pair_place(const struct section *s, struct str key, bool *ret_found)
{
	return place_of(s->pairs, s->n, sizeof(*s->pairs), pair_compare, key, ret_found);
}

const struct section *config_section(const struct config *c, const char *name)
{
	bool found;
	size_t i = section_place(c, name, &found);

	return found ? &c->sections[i] : NULL;
}

const struct pair *section_pair(const struct section *s, struct str key)
{
	bool found = false;
	size_t i = s ? pair_place(s, key, &found) : 0;

	return found ? &s->pairs[i] : NULL;
}

const struct pair *config_pair(const struct config *c, const char *section, const char *key)
{
	return section_pair(config_section(c, section), str_from(key));
}

const char *config_get(const struct config *c, const char *section, const char *key)
{
	const struct pair *p = config_pair(c, section, key);

	return p ? p->value : NULL;
}

const struct section *config_device(const struct config *c, const char *device)
{
	AUTO(free) char *name = xasprintf(SECTION_DEVICES "%s", device);

	return config_section(c, name);
}

const char *config_device_get(const struct config *c, const char *device, const char *key)
{
	const struct pair *p = section_pair(config_device(c, device), str_from(key));

	return p ? p->value : NULL;
}

const char *section_device(const struct section *s)
{
	size_t n = strlen(SECTION_DEVICES);

	return strncmp(s->name, SECTION_DEVICES, n) ? NULL : s->name + n;
}

static bool section_same(const struct section *a, const struct section *b)
{
	if (strcmp(a->name, b->name) || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->pairs[i].key, b->pairs[i].key) || strcmp(a->pairs[i].value, b->pairs[i].value))
			return false;
	return true;
}

bool config_same(const struct config *a, const struct config *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!section_same(&a->sections[i], &b->sections[i]))
			return false;
	return true;
}

/* ---- change */

static struct section *section_make(struct config *c, const char *name, uint64_t mtime)
{
	bool found;
	size_t i = section_place(c, name, &found);

	if (found)
		return &c->sections[i];
	c->sections = xrealloc(c->sections, (c->n + 1) * sizeof(*c->sections));
	memmove(c->sections + i + 1, c->sections + i, (c->n - i) * sizeof(*c->sections));
	c->n++;
	c->sections[i] = (struct section){.name = xstrdup(name), .mtime = mtime};
	return &c->sections[i];
}

void config_add_section(struct config *c, const char *section, uint64_t mtime)
{
	section_make(c, section, mtime);
}

static void pair_remove(struct section *s, size_t i)
{
	free(s->pairs[i].key);
	free(s->pairs[i].value);
	s->n--;
	memmove(s->pairs + i, s->pairs + i + 1, (s->n - i) * sizeof(*s->pairs));
}

static struct pair *pair_set(struct section *s, struct str key, const char *value, uint64_t mtime)
{
	bool found;
	size_t i = pair_place(s, key, &found);
	struct pair *p;

	if (!found) {
		s->pairs = xrealloc(s->pairs, (s->n + 1) * sizeof(*s->pairs));
		memmove(s->pairs + i + 1, s->pairs + i, (s->n - i) * sizeof(*s->pairs));
		s->n++;
		s->pairs[i] = (struct pair){.key = str_dup(key)};
	}
	p = &s->pairs[i];
	free(p->value);
	p->value = xstrdup(value);
	p->mtime = mtime;
	p->origin = NULL;
	return p;
}

void config_set(struct config *c, const char *section, const char *key, const char *value, uint64_t mtime)
{
	struct section *s;
	bool found;
	size_t i;

	if (!value) {
		s = (struct section *)config_section(c, section);
		i = s ? pair_place(s, str_from(key), &found) : 0;
		if (s && found) {
			pair_remove(s, i);
			s->mtime = mtime;
		}
		return;
	}
	s = section_make(c, section, mtime);
	s->mtime = mtime;
	pair_set(s, str_from(key), value, mtime);
}

bool config_drop_section(struct config *c, const char *section)
{
	bool found;
	size_t i = section_place(c, section, &found);

	if (!found)
		return false;
	section_done(&c->sections[i]);
	c->n--;
	memmove(c->sections + i, c->sections + i + 1, (c->n - i) * sizeof(*c->sections));
	return true;
}

static void section_add(struct config *to, const struct section *from, const char *origin)
{
	struct section *s = section_make(to, from->name, from->mtime);

	s->mtime = MAX(s->mtime, from->mtime);
	for (size_t i = 0; i < from->n; i++)
		pair_set(s, str_from(from->pairs[i].key), from->pairs[i].value, from->pairs[i].mtime)
		    ->origin = origin;
}

struct config *config_copy(const struct config *c)
{
	struct config *copy = config_new();

	for (size_t i = 0; i < c->n; i++)
		section_add(copy, &c->sections[i], NULL);
	return copy;
}

/* ---- layers */

static void layer_add(struct config *to, const struct config *layer, const char *origin)
{
	for (size_t i = 0; i < layer->n; i++) {
		const struct section *s = &layer->sections[i];
		const char *device = section_device(s);

		if (!device && strcmp(s->name, SECTION_CONFIG))
			continue;
		if (device && section_pair(s, STR("type")))
			config_drop_section(to, s->name);
		section_add(to, s, origin);
	}
}

struct config *config_merge(const struct config *own, const struct config *const *layers,
			    const char *const *names, size_t n)
{
	const struct section *props = config_section(own, SECTION_PROPS);
	struct config *c = config_new();

	c->origins = xcalloc(n + 1, sizeof(*c->origins));
	for (size_t i = 0; i < n; i++) {
		c->origins[i] = xstrdup(names[i]);
		layer_add(c, layers[i], c->origins[i]);
	}
	if (props)
		section_add(c, props, NULL);
	layer_add(c, own, NULL);
	return c;
}
