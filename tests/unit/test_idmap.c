/* SPDX-License-Identifier: Apache-2.0 */
/* The host's range from its files, and the allocation of isolated ranges as a property of random runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/str.h"
#include "engine/instance/idmap-raw.h"
#include "engine/instance/idmap.h"

static char dir[] = "/tmp/test_idmap.XXXXXX";

static char *file(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f;

	unlink(path);
	if (text) {
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(text, f);
		fclose(f);
	}
	return path;
}

static void test_range(void **state)
{
	/* clang-format off */
	static const struct { const char *uid, *gid; int r; struct idmap_range want; const char *text; } rows[] = {
		{NULL, NULL, 0, {1000000, 1000000000, 1000000, 1000000000}, NULL},
		{"", "joe:5:70000\n", 0, {1000000, 1000000000, 1000000, 1000000000}, NULL},
		{"root:100000:65536\n", "root:200000:65536", 0, {100000, 65536, 200000, 65536}, NULL},
		{"root:1:65536\nlxd:300000:70000\n", "lxd:300000:70000", 0, {300000, 70000, 300000, 70000}, NULL},
		{"lxd:1:10\nlxd:400000:65536\n", "lxd:400000:65536", 0, {400000, 65536, 400000, 65536}, NULL},
		{"lxd:100000:65535\n", "lxd:1:65536\n", -EINVAL, {0}, "no range of at least 65536"},
		{"lxd:x:65536\n", "lxd:1:65536\n", -EINVAL, {0}, "no range"},
		{"lxd:0:65536\n", "lxd:1:65536\n", -EINVAL, {0}, "no range"},
		{"lxd:4294967000:65536\n", "lxd:1:65536\n", -EINVAL, {0}, "no range"},
		{"lxd:99999999999:65536\n", "lxd:1:65536\n", -EINVAL, {0}, "no range"},
		{"lxd:1:65536\n", NULL, -EINVAL, {0}, "both or neither"},
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(free) char *uid = file("subuid", rows[i].uid), *gid = file("subgid", rows[i].gid);
		AUTO(err_done) struct err err = ERR_NULL;
		struct idmap_range got = {0};

		assert_int_equal(idmap_range_read(uid, gid, &got, &err), rows[i].r);
		if (rows[i].r)
			assert_non_null(strstr(err_text(&err), rows[i].text));
		else
			assert_memory_equal(&got, &rows[i].want, sizeof(got));
	}
	free(file("subuid", NULL));
	free(file("subgid", NULL));
}

static void test_maps(void **state)
{
	struct idmap_range range = {100000, 65536, 200000, 70000};
	struct idmap map, none = {0};
	AUTO(free) char *text = NULL;
	uint32_t id;

	(void)state;
	idmap_shared(&range, &map);
	text = idmap_text(map.gid, map.n_gid);
	assert_string_equal(text, "0 200000 70000\n");
	assert_int_equal(idmap_outside(map.uid, map.n_uid, 65535, &id), 0);
	assert_int_equal(id, 165535);
	assert_int_equal(idmap_outside(map.uid, map.n_uid, 65536, &id), -ENOENT);
	assert_true(idmap_is_privileged(&none));
	assert_false(idmap_is_privileged(&map));
}

static void test_refused(void **state)
{
	struct idmap_range range = {1000000, 3 * 65536, 1000000, 3 * 65536};
	struct idmap_pool *pool = idmap_pool_new(&range);
	AUTO(err_done) struct err err = ERR_NULL;
	uint32_t base;

	(void)state;
	assert_int_equal(idmap_alloc(pool, "a", 65535, IDMAP_ANY, &base, &err), -EINVAL);
	assert_int_equal(idmap_alloc(pool, "a", 65536, 1000000, &base, &err), -ERANGE);
	assert_int_equal(idmap_alloc(pool, "a", 65536, 1000000 + 2 * 65536 + 1, &base, &err), -ERANGE);
	assert_int_equal(idmap_alloc(pool, "a", 3 * 65536, IDMAP_ANY, &base, &err), -ENOSPC);
	assert_int_equal(idmap_alloc(pool, "a", 65536, IDMAP_ANY, &base, &err), 0);
	assert_int_equal(base, 1065536);
	assert_int_equal(idmap_alloc(pool, "a", 65536, IDMAP_ANY, &base, &err), -EEXIST);
	assert_int_equal(idmap_alloc(pool, "b", 65536, 1065537, &base, &err), -EBUSY);
	assert_non_null(strstr(err_text(&err), "overlap those of a"));
	assert_int_equal(idmap_alloc(pool, "b", 65536, IDMAP_ANY, &base, &err), 0);
	assert_int_equal(idmap_alloc(pool, "c", 65536, IDMAP_ANY, &base, &err), -ENOSPC);
	idmap_release(pool, "a");
	idmap_release(pool, "nobody");
	assert_int_equal(idmap_alloc(pool, "c", 65536, IDMAP_ANY, &base, &err), 0);
	assert_int_equal(base, 1065536);
	idmap_pool_free(pool);
}

/* Whatever is created and deleted in whatever order: ranges lie in the host's, above the shared ids, and
 * never overlap; and what is refused for lack of room really has none. */
static void test_property(void **state)
{
	enum { OWNERS = 40, STEPS = 20000 };
	struct idmap_range range = {1000000, 30 * 65536, 1010000, 31 * 65536};
	uint32_t first = 1010000 + 65536, end = 1000000 + 30 * 65536;
	struct idmap_pool *pool = idmap_pool_new(&range);
	struct {
		uint32_t base, count;
	} has[OWNERS] = {0};

	(void)state;
	srandom(4);
	for (int step = 0; step < STEPS; step++) {
		size_t who = (size_t)random() % OWNERS;
		uint32_t want = 65536 + (uint32_t)random() % 100000, base = 0, fixed = IDMAP_ANY;
		char owner[16];
		bool fits_somewhere = false, overlaps = false;
		int r;

		snprintf(owner, sizeof(owner), "c%zu", who);
		if (has[who].count) {
			idmap_release(pool, owner);
			has[who].count = 0;
			continue;
		}
		if (random() % 4 == 0)
			fixed = first + (uint32_t)random() % (end - first);
		r = idmap_alloc(pool, owner, want, fixed, &base, NULL);
		/* a gap begins at the first id or behind a range */
		for (int i = -1; i < OWNERS; i++) {
			uint32_t at = i < 0 ? first : has[i].base + has[i].count;
			bool is_free = (i < 0 || has[i].count) && (uint64_t)at + want <= end;

			for (int k = 0; is_free && k < OWNERS; k++)
				is_free = !has[k].count || at + want <= has[k].base ||
					  at >= has[k].base + has[k].count;
			fits_somewhere = fits_somewhere || is_free;
		}
		for (int k = 0; k < OWNERS; k++)
			overlaps = overlaps || (has[k].count && fixed < has[k].base + has[k].count &&
						fixed + want > has[k].base);
		if (fixed == IDMAP_ANY)
			assert_int_equal(r, fits_somewhere ? 0 : -ENOSPC);
		else
			assert_int_equal(r, (uint64_t)fixed + want > end ? -ERANGE : overlaps ? -EBUSY : 0);
		if (r)
			continue;
		assert_true(base >= first && (uint64_t)base + want <= end &&
			    (fixed == IDMAP_ANY || base == fixed));
		for (int k = 0; k < OWNERS; k++)
			assert_true(!has[k].count || base + want <= has[k].base ||
				    base >= has[k].base + has[k].count);
		has[who].base = base;
		has[who].count = want;
	}
	idmap_pool_free(pool);
}

static void test_raw_refused(void **state)
{
	/* clang-format off */
	static const char *const rows[][2] = {
		{"1000 1000", "isn't both, uid or gid"},
		{"both 1000", "isn't both, uid or gid"},
		{"both 1000 1000 1", "isn't both, uid or gid"},
		{"all 1000 1000", "\"all\""},
		{"both x 1000", "\"x\", which is no id"},
		{"both 1000 -1", "\"-1\", which is no id"},
		{"both 1009-1000 0-9", "\"1009-1000\""},
		{"both 4294967295 0", "is no id"},
		{"both 1000-1009 1000-1008", "different lengths"},
		{"both 1000-1009 1000", "different lengths"},
		{"uid 1 1\ngid 1 1\nboth 1 2", "in line 3 has \"both 1 2\", which maps an id of the host"},
		{"uid 1-9 1-9\nuid 20 9", "in line 2 has \"uid 20 9\", which maps an id of the instance"},
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(err_done) struct err err = ERR_NULL;
		struct idmap map;

		assert_int_equal(idmap_raw_parse(str_from(rows[i][0]), &map, &err), -EINVAL);
		if (!strstr(err_text(&err), rows[i][1]))
			print_error("row %zu: %s\n", i, err_text(&err));
		assert_non_null(strstr(err_text(&err), rows[i][1]));
	}
}

static void test_raw_split(void **state)
{
	/* clang-format off */
	static const char *const rows[][2] = {
		{"uid 1000 1000", "0 100000 1000\n1001 101001 64535\n1000 1000 1\n"},
		{"uid 5-6 0-1", "2 100002 65534\n0 5 2\n"},
		{"uid 7 65535", "0 100000 65535\n65535 7 1\n"},
		{"uid 7 65536", "0 100000 65536\n65536 7 1\n"},
		{"uid 50-59 65530-65539", "0 100000 65530\n65530 50 10\n"},
		{"uid 1-65536 0-65535", "0 1 65536\n"},
		{"uid 10 10\nuid 12 11", "0 100000 10\n12 100012 65524\n10 10 1\n11 12 1\n"},
		{"gid 10 10", "0 100000 65536\n"},
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct idmap map, raw;
		AUTO(free) char *text = NULL;

		idmap_own(100000, 65536, &map);
		assert_int_equal(idmap_raw_parse(str_from(rows[i][0]), &raw, NULL), 0);
		assert_int_equal(idmap_raw_add(&map, &raw, NULL), 0);
		text = idmap_text(map.uid, map.n_uid);
		assert_string_equal(text, rows[i][1]);
	}
}

/* No id inside is mapped twice, none outside either, every one is still mapped, and raw's are what they say.
 */
static void test_raw_property(void **state)
{
	(void)state;
	srandom(5);
	for (int run = 0; run < 2000; run++) {
		struct idmap map, one;

		idmap_own(100000, 65536, &map);
		for (int i = 0; i < 30; i++) {
			AUTO(free) char *line = NULL;
			unsigned n = 1 + (unsigned)random() % 20, host = (unsigned)random() % 99000;
			unsigned inside = (unsigned)random() % 70000;
			uint32_t out;
			int r;

			line = xasprintf("uid %u-%u %u-%u", host, host + n - 1, inside, inside + n - 1);
			assert_int_equal(idmap_raw_parse(str_from(line), &one, NULL), 0);
			r = idmap_raw_add(&map, &one, NULL);
			if (r == -E2BIG)
				break;
			if (r == 0) {
				assert_int_equal(idmap_outside(map.uid, map.n_uid, inside, &out), 0);
				assert_int_equal(out, host);
			}
			for (unsigned a = 0; a < map.n_uid; a++)
				for (unsigned b = 0; b < a; b++) {
					const struct id_extent *x = &map.uid[a], *y = &map.uid[b];

					assert_true(x->inside >= y->inside + y->count ||
						    y->inside >= x->inside + x->count);
					assert_true(x->outside >= y->outside + y->count ||
						    y->outside >= x->outside + x->count);
				}
			for (unsigned id = 0; id < 65536; id += 97)
				assert_int_equal(idmap_outside(map.uid, map.n_uid, id, &out), 0);
		}
	}
}

static void test_raw_clash(void **state)
{
	AUTO(err_done) struct err err = ERR_NULL;
	struct idmap map, raw;

	(void)state;
	idmap_own(100000, 65536, &map);
	assert_int_equal(idmap_raw_parse(STR("gid 100005 5"), &raw, NULL), 0);
	assert_int_equal(idmap_raw_add(&map, &raw, &err), -EINVAL);
	assert_non_null(strstr(err_text(&err), "the host's gid 100005, which is among those"));
}

static void test_raw_allowed(void **state)
{
	AUTO(free) char *uids = file("uids", "lxd:1:9\nroot:1000000:65536\nroot:1000:10\n");
	AUTO(free) char *gids = file("gids", NULL);
	AUTO(err_done) struct err err = ERR_NULL;
	struct idmap raw;

	(void)state;
	assert_int_equal(idmap_raw_parse(STR("uid 1000-1009 0-9"), &raw, NULL), 0);
	assert_int_equal(idmap_raw_allowed(&raw, uids, gids, &err), 0);
	assert_int_equal(idmap_raw_parse(STR("uid 1000-1010 0-10"), &raw, NULL), 0);
	assert_int_equal(idmap_raw_allowed(&raw, uids, gids, &err), -EPERM);
	assert_non_null(strstr(err_text(&err), "a line root:1000:11"));
	assert_int_equal(idmap_raw_parse(STR("both 1000 0"), &raw, NULL), 0);
	assert_int_equal(idmap_raw_allowed(&raw, uids, gids, &err), -EPERM);
	assert_non_null(strstr(err_text(&err), "/gids"));
	unlink(uids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_range),	 cmocka_unit_test(test_maps),
	    cmocka_unit_test(test_refused),	 cmocka_unit_test(test_property),
	    cmocka_unit_test(test_raw_refused),	 cmocka_unit_test(test_raw_split),
	    cmocka_unit_test(test_raw_property), cmocka_unit_test(test_raw_clash),
	    cmocka_unit_test(test_raw_allowed),
	};
	int r;

	if (!mkdtemp(dir))
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return r;
}
