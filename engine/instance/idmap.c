/* SPDX-License-Identifier: Apache-2.0 */
/* Id maps, the host's range, and the pool of isolated ranges. The pool's lock protects its sorted list. */
#include "engine/instance/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/path.h"
#include "engine/base/str.h"

#define DEFAULT_BASE 1000000u
#define DEFAULT_COUNT 1000000000u
#define MAX_FILE (1 << 20)
#define MAX_WANT (1u << 31)

struct used {
	uint32_t base, count;
	char *owner;
};

struct idmap_pool {
	pthread_mutex_t lock;
	uint32_t base;
	uint64_t end;	   /* one past the last id */
	struct used *used; /* sorted by base */
	size_t n;
};

static bool id_parse(struct str s, uint32_t *ret)
{
	uint64_t v = 0;

	if (!s.len || s.len > 10)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.ptr[i] - '0');
	}
	*ret = (uint32_t)v;
	return v < UINT32_MAX;
}

/* First usable entry of a user. Return: 1 found, 0 it has none at all, -EINVAL none is usable */
static int range_find(struct str text, const char *user, uint32_t *base, uint32_t *count)
{
	bool has_some = false;
	struct str line;

	while (str_next(&text, '\n', &line)) {
		struct str name, first;
		uint32_t b, c;

		line = str_trim(line);
		if (!str_next(&line, ':', &name) || !str_is(name, user))
			continue;
		has_some = true;
		if (!str_next(&line, ':', &first) || !id_parse(first, &b) || !id_parse(line, &c))
			continue;
		if (b == 0 || c < IDMAP_MIN || (uint64_t)b + c >= UINT32_MAX)
			continue;
		*base = b;
		*count = c;
		return 1;
	}
	return has_some ? -EINVAL : 0;
}

static int file_read(const char *path, char **ret, struct err *err)
{
	ssize_t n = path_read(AT_FDCWD, path, MAX_FILE, ret);

	if (n == -ENOENT) {
		*ret = xstrdup("");
		return 0;
	}
	return n < 0 ? err_set(err, (int)-n, "%s can't be read: %s", path, strerror((int)-n)) : 0;
}

static int range_of(const char *path, const char *text, uint32_t *base, uint32_t *count, struct err *err)
{
	static const char *const users[] = {"lxd", "root"};

	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		int r = range_find(str_from(text), users[i], base, count);

		if (r < 0)
			return err_set(
			    err, EINVAL,
			    "%s gives %s no range of at least %u ids: %s:1000000:1000000000 would do", path,
			    users[i], IDMAP_MIN, users[i]);
		if (r)
			return 1;
	}
	return 0;
}

/* The part of a range that one extent of a map has. */
static int within(const char *path, const char *what, uint32_t *base, uint32_t *count, struct err *err)
{
	AUTO(free) char *text = NULL;
	struct str rest, line;
	uint64_t best = 0, end = (uint64_t)*base + *count;

	if (path_read(AT_FDCWD, path, MAX_FILE, &text) < 0)
		return 0;
	rest = str_from(text);
	while (str_next(&rest, '\n', &line)) {
		AUTO(free) char *copy = str_dup(line);
		unsigned first, outside, n;
		uint64_t last;

		if (sscanf(copy, "%u %u %u", &first, &outside, &n) != 3)
			continue;
		last = MIN(end, (uint64_t)first + n);
		if (*base >= first && last > *base)
			best = MAX(best, last - *base);
	}
	if (best >= IDMAP_MIN) {
		*count = (uint32_t)best;
		return 0;
	}
	return err_set(err, EINVAL,
		       "the ids for containers begin at %u, but of those the user namespace that lxdfs is in "
		       "has %llu: see its "
		       "%s. Give /etc/subuid and /etc/subgid a range of %u that it has, or the container "
		       "that this is more "
		       "ids (security.idmap.size)",
		       *base, (unsigned long long)best, what, IDMAP_MIN);
}

int idmap_range_read(const char *subuid, const char *subgid, struct idmap_range *ret, struct err *err)
{
	AUTO(free) char *uids = NULL, *gids = NULL;
	struct idmap_range range = {DEFAULT_BASE, DEFAULT_COUNT, DEFAULT_BASE, DEFAULT_COUNT};
	int r = file_read(subuid, &uids, err), u, g;

	if (!r)
		r = file_read(subgid, &gids, err);
	if (r < 0)
		return r;
	u = range_of(subuid, uids, &range.uid, &range.uid_count, err);
	if (u < 0)
		return u;
	g = range_of(subgid, gids, &range.gid, &range.gid_count, err);
	if (g < 0)
		return g;
	if (u != g)
		return err_set(err, EINVAL,
			       "%s has a range for containers, %s has none: both or neither must",
			       u ? subuid : subgid, u ? subgid : subuid);
	*ret = range;
	return 0;
}

int idmap_range_within(struct idmap_range *range, const char *uid_map, const char *gid_map, struct err *err)
{
	int r = within(uid_map, "uid_map", &range->uid, &range->uid_count, err);

	return r < 0 ? r : within(gid_map, "gid_map", &range->gid, &range->gid_count, err);
}

void idmap_shared(const struct idmap_range *range, struct idmap *ret)
{
	*ret = (struct idmap){.n_uid = 1, .n_gid = 1};
	ret->uid[0] = (struct id_extent){0, range->uid, range->uid_count};
	ret->gid[0] = (struct id_extent){0, range->gid, range->gid_count};
}

void idmap_own(uint32_t base, uint32_t count, struct idmap *ret)
{
	*ret = (struct idmap){.n_uid = 1, .n_gid = 1};
	ret->uid[0] = ret->gid[0] = (struct id_extent){0, base, count};
}

bool idmap_is_privileged(const struct idmap *map)
{
	return !map->n_uid && !map->n_gid;
}

int idmap_outside(const struct id_extent *extents, unsigned n, uint32_t inside, uint32_t *ret)
{
	for (unsigned i = 0; i < n; i++) {
		if (inside < extents[i].inside || inside - extents[i].inside >= extents[i].count)
			continue;
		*ret = extents[i].outside + (inside - extents[i].inside);
		return 0;
	}
	return -ENOENT;
}

char *idmap_text(const struct id_extent *extents, unsigned n)
{
	struct buf b = BUF_NULL;

	for (unsigned i = 0; i < n; i++)
		buf_printf(&b, "%u %u %u\n", extents[i].inside, extents[i].outside, extents[i].count);
	return b.ptr ? buf_take(&b) : xstrdup("");
}

struct idmap_pool *idmap_pool_new(const struct idmap_range *range)
{
	struct idmap_pool *pool = xcalloc(1, sizeof(*pool));
	uint32_t base = MAX(range->uid, range->gid);
	uint64_t end = MIN((uint64_t)range->uid + range->uid_count, (uint64_t)range->gid + range->gid_count);

	pthread_mutex_init(&pool->lock, NULL);
	/* the first ids are what containers on the shared map really use */
	pool->base = base + IDMAP_MIN;
	pool->end = MAX(end, (uint64_t)pool->base);
	return pool;
}

void idmap_pool_free(struct idmap_pool *pool)
{
	if (!pool)
		return;
	for (size_t i = 0; i < pool->n; i++)
		free(pool->used[i].owner);
	free(pool->used);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

/* Where a range would go in the sorted list. Return: index, or -EBUSY with the other one in @ret_other */
static ssize_t fits(const struct idmap_pool *pool, uint32_t base, uint32_t want, size_t *ret_other)
{
	size_t i = 0;

	while (i < pool->n && pool->used[i].base < base)
		i++;
	if (i > 0 && (uint64_t)pool->used[i - 1].base + pool->used[i - 1].count > base) {
		*ret_other = i - 1;
		return -EBUSY;
	}
	if (i < pool->n && (uint64_t)base + want > pool->used[i].base) {
		*ret_other = i;
		return -EBUSY;
	}
	return (ssize_t)i;
}

static int place_find(const struct idmap_pool *pool, uint32_t want, uint32_t fixed, uint32_t *ret_base,
		      size_t *ret_at, struct err *err)
{
	uint64_t base = pool->base;
	size_t other, i;
	ssize_t at;

	if (fixed != IDMAP_ANY) {
		if (fixed < pool->base || (uint64_t)fixed + want > pool->end)
			return err_set(
			    err, ERANGE,
			    "the ids %u to %llu aren't among those for isolated containers, %u to %llu",
			    fixed, (unsigned long long)fixed + want - 1, pool->base,
			    (unsigned long long)pool->end - 1);
		at = fits(pool, fixed, want, &other);
		if (at < 0)
			return err_set(err, EBUSY, "the ids from %u on overlap those of %s, %u to %u", fixed,
				       pool->used[other].owner, pool->used[other].base,
				       pool->used[other].base + (pool->used[other].count - 1));
		*ret_base = fixed;
		*ret_at = (size_t)at;
		return 0;
	}
	for (i = 0; i < pool->n && pool->used[i].base - base < want; i++)
		base = (uint64_t)pool->used[i].base + pool->used[i].count;
	if (base + want > pool->end)
		return err_set(err, ENOSPC,
			       "no %u ids in a row are left: make the range of root in /etc/subuid and "
			       "/etc/subgid larger",
			       want);
	*ret_base = (uint32_t)base;
	*ret_at = i;
	return 0;
}

static int alloc_locked(struct idmap_pool *pool, const char *owner, uint32_t want, uint32_t fixed,
			uint32_t *ret, struct err *err)
{
	uint32_t base = 0;
	size_t at = 0;
	int r;

	for (size_t i = 0; i < pool->n; i++)
		if (!strcmp(pool->used[i].owner, owner))
			return err_set(err, EEXIST, "%s already has the ids from %u on", owner,
				       pool->used[i].base);
	r = place_find(pool, want, fixed, &base, &at, err);
	if (r < 0)
		return r;
	pool->used = xrealloc(pool->used, (pool->n + 1) * sizeof(*pool->used));
	memmove(pool->used + at + 1, pool->used + at, (pool->n - at) * sizeof(*pool->used));
	pool->used[at] = (struct used){base, want, xstrdup(owner)};
	pool->n++;
	*ret = base;
	return 0;
}

int idmap_alloc(struct idmap_pool *pool, const char *owner, uint32_t want, uint32_t fixed, uint32_t *ret,
		struct err *err)
{
	int r;

	if (want < IDMAP_MIN || want > MAX_WANT)
		return err_set(err, EINVAL, "%u ids: a container gets %u to %u", want, IDMAP_MIN, MAX_WANT);
	pthread_mutex_lock(&pool->lock);
	r = alloc_locked(pool, owner, want, fixed, ret, err);
	pthread_mutex_unlock(&pool->lock);
	return r;
}

void idmap_release(struct idmap_pool *pool, const char *owner)
{
	pthread_mutex_lock(&pool->lock);
	for (size_t i = 0; i < pool->n; i++) {
		if (strcmp(pool->used[i].owner, owner))
			continue;
		free(pool->used[i].owner);
		pool->n--;
		memmove(pool->used + i, pool->used + i + 1, (pool->n - i) * sizeof(*pool->used));
		break;
	}
	pthread_mutex_unlock(&pool->lock);
}
