/* SPDX-License-Identifier: Apache-2.0 */
/* Reads raw.idmap, splits maps around it, and asks subuid(5) whether root may. */
#include "engine/instance/idmap-raw.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/parse.h"
#include "engine/base/path.h"

#define MAX_FILE (1 << 20)
#define ID_MAX (UINT32_MAX - 1)

static bool overlap(uint32_t a, uint32_t n, uint32_t b, uint32_t m)
{
	return (uint64_t)a < (uint64_t)b + m && (uint64_t)b < (uint64_t)a + n;
}

static int wrong(unsigned line, struct str word, const char *why, struct err *err)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	buf_escape(&b, (struct str){word.ptr, MIN(word.len, (size_t)64)});
	return err_set(err, EINVAL, "in line %u has \"%s\", which %s", line, buf_cstr(&b), why);
}

static bool next_word(struct str *line, struct str *ret)
{
	size_t n = 0;

	*line = str_trim(*line);
	while (n < line->len && line->ptr[n] != ' ' && line->ptr[n] != '\t')
		n++;
	*ret = (struct str){line->ptr, n};
	*line = (struct str){line->ptr + n, line->len - n};
	return n > 0;
}

static bool read_range(struct str word, uint32_t *ret_first, uint32_t *ret_count)
{
	struct str first, rest = word;
	uint64_t a, b;

	if (!str_next(&rest, '-', &first) || parse_u64(first, 0, ID_MAX, &a) < 0)
		return false;
	b = a;
	if (first.len < word.len && (parse_u64(rest, 0, ID_MAX, &b) < 0 || b < a))
		return false;
	*ret_first = (uint32_t)a;
	*ret_count = (uint32_t)(b - a + 1);
	return true;
}

static int add(struct id_extent *list, unsigned *n, const struct id_extent *e, unsigned line,
	       struct str whole, struct err *err)
{
	for (unsigned i = 0; i < *n; i++) {
		if (overlap(list[i].inside, list[i].count, e->inside, e->count))
			return wrong(line, whole, "maps an id of the instance that another line maps", err);
		if (overlap(list[i].outside, list[i].count, e->outside, e->count))
			return wrong(line, whole, "maps an id of the host that another line maps", err);
	}
	if (*n == IDMAP_EXTENTS / 3)
		return wrong(line, whole, "is one line too many", err);
	list[(*n)++] = *e;
	return 0;
}

static int read_line(struct str line, unsigned number, struct idmap *ret, struct err *err)
{
	struct str whole = line, kind, host, inside;
	struct id_extent e;
	uint32_t count;
	bool uid, gid;
	int r = 0;

	if (!next_word(&line, &kind) || !next_word(&line, &host) || !next_word(&line, &inside) ||
	    str_trim(line).len)
		return wrong(number, whole, "isn't both, uid or gid, an id of the host, and one inside", err);
	uid = !str_is(kind, "gid");
	gid = !str_is(kind, "uid");
	if (!str_is(kind, "both") && uid && gid)
		return wrong(number, kind, "isn't one of both, uid, gid", err);
	if (!read_range(host, &e.outside, &e.count))
		return wrong(number, host, "is no id and no range of ids such as 1000-1009", err);
	if (!read_range(inside, &e.inside, &count))
		return wrong(number, inside, "is no id and no range of ids such as 1000-1009", err);
	if (count != e.count)
		return wrong(number, whole, "has ranges of different lengths", err);
	if (uid)
		r = add(ret->uid, &ret->n_uid, &e, number, whole, err);
	if (!r && gid)
		r = add(ret->gid, &ret->n_gid, &e, number, whole, err);
	return r;
}

int idmap_raw_parse(struct str text, struct idmap *ret, struct err *err)
{
	struct str line;
	unsigned number = 0;

	*ret = (struct idmap){0};
	while (str_next(&text, '\n', &line)) {
		int r;

		number++;
		line = str_trim(line);
		r = line.len ? read_line(line, number, ret, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- into a map */

static int put(struct id_extent *list, unsigned *n, uint64_t inside, uint64_t outside, uint64_t count)
{
	if (!count)
		return 0;
	if (*n == IDMAP_EXTENTS)
		return -E2BIG;
	list[(*n)++] = (struct id_extent){(uint32_t)inside, (uint32_t)outside, (uint32_t)count};
	return 0;
}

/* Takes the ids inside of @e out of a list, then adds it. */
static int split(struct id_extent *list, unsigned *n, const struct id_extent *e)
{
	struct id_extent old[IDMAP_EXTENTS];
	unsigned n_old = *n;
	int r = 0;

	memcpy(old, list, n_old * sizeof(*old));
	*n = 0;
	for (unsigned i = 0; i < n_old && !r; i++) {
		uint64_t first = old[i].inside, end = first + old[i].count, shift;
		uint64_t cut = MAX(MIN(e->inside, end), first);
		uint64_t cut_end = MAX(MIN((uint64_t)e->inside + e->count, end), cut);

		r = put(list, n, first, old[i].outside, cut - first);
		shift = cut_end - first;
		if (!r)
			r = put(list, n, cut_end, old[i].outside + shift, end - cut_end);
	}
	return r < 0 ? r : put(list, n, e->inside, e->outside, e->count);
}

static int add_all(struct id_extent *list, unsigned *n, const struct id_extent *raw, unsigned n_raw,
		   const char *what, struct err *err)
{
	for (unsigned i = 0; i < n_raw; i++)
		for (unsigned k = 0; k < *n; k++)
			if (overlap(raw[i].outside, raw[i].count, list[k].outside, list[k].count))
				return err_set(
				    err, EINVAL,
				    "raw.idmap maps the host's %s %u, which is among those that the "
				    "instance has anyway, %u to %u",
				    what, raw[i].outside, list[k].outside,
				    list[k].outside + (list[k].count - 1));
	for (unsigned i = 0; i < n_raw; i++)
		if (split(list, n, &raw[i]) < 0)
			return err_set(err, E2BIG, "raw.idmap splits the map into more than %d pieces",
				       IDMAP_EXTENTS);
	return 0;
}

int idmap_raw_add(struct idmap *map, const struct idmap *raw, struct err *err)
{
	int r = add_all(map->uid, &map->n_uid, raw->uid, raw->n_uid, "uid", err);

	return r < 0 ? r : add_all(map->gid, &map->n_gid, raw->gid, raw->n_gid, "gid", err);
}

/* ---- subuid(5) */

/* Whether one entry of root has all of it. Entries that lie side by side count by themselves. */
static bool is_given(struct str text, const struct id_extent *e)
{
	struct str line;

	while (str_next(&text, '\n', &line)) {
		struct str user, first;
		uint64_t base, count;

		line = str_trim(line);
		if (!str_next(&line, ':', &user) || (!str_is(user, "root") && !str_is(user, "0")) ||
		    !str_next(&line, ':', &first) || parse_u64(first, 0, UINT32_MAX, &base) < 0 ||
		    parse_u64(line, 1, UINT32_MAX, &count) < 0)
			continue;
		if (e->outside >= base && (uint64_t)e->outside + e->count <= base + count)
			return true;
	}
	return false;
}

static int allowed(const struct id_extent *list, unsigned n, const char *path, struct err *err)
{
	AUTO(free) char *text = NULL;
	ssize_t len = n ? path_read(AT_FDCWD, path, MAX_FILE, &text) : 0;

	if (len < 0 && len != -ENOENT)
		return err_set(err, (int)-len, "%s can't be read: %s", path, strerror((int)-len));
	for (unsigned i = 0; i < n; i++)
		if (!is_given(str_from(text ? text : ""), &list[i]))
			return err_set(
			    err, EPERM,
			    "raw.idmap maps the id %u of the host, which %s doesn't give to root: a line "
			    "root:%u:%u there does, beside root's range for containers",
			    list[i].outside, path, list[i].outside, list[i].count);
	return 0;
}

int idmap_raw_allowed(const struct idmap *raw, const char *subuid, const char *subgid, struct err *err)
{
	int r = allowed(raw->uid, raw->n_uid, subuid, err);

	return r < 0 ? r : allowed(raw->gid, raw->n_gid, subgid, err);
}
