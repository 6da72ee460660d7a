/* SPDX-License-Identifier: Apache-2.0 */
/* Scratch files: which names are some, whose they are; and how an open file takes what is written to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>

#include "engine/base/auto.h"
#include "fs/handle.h"

static bool is_key(void *arg, struct str name)
{
	(void)arg;
	return str_is(name, "limits.memory") || str_is(name, "hwaddr");
}

static void names_of_tools_and_of_typists(void **state)
{
	static const char *const scratch[] = {
	    "sedAbC123",
	    "seda1b2c3",
	    ".limits.memory.Xy12Zz",
	    ".limits.memory.swp",
	    "limits.memory~",
	    "4913",
	    "5036",
	    "limits.memoryAbCdEf",
	    "hwaddrabcdef",
	    "XXabcdef",
	    "tmp.abcdef",
	    "d2utmpAb12Cd",
	    "#limits.memory#",
	    ".#limits.memory",
	    "limits.memory.bak",
	    "limits.memory.orig",
	    "limits.memory.tmp",
	    "limits.memory.new",
	    "+~hwaddr.x",
	    ".x",
	};
	static const char *const typed[] = {
	    "limits.memroy",   "limits.memory2",  "limits.cpus",	"hwadr",   "hwaddrr", "mtuu",
	    "boot.autostart9", "security.nestin", "limits.memoryAbCde", "parentx", "type1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scratch); i++)
		if (!scratch_name_ok(str_from(scratch[i]), is_key, NULL))
			fail_msg("%s should be a scratch file", scratch[i]);
	for (size_t i = 0; i < ARRAY_SIZE(typed); i++)
		if (scratch_name_ok(str_from(typed[i]), is_key, NULL))
			fail_msg("%s should be a misspelt key", typed[i]);
}

static void they_are_their_makers(void **state)
{
	struct scratches *s = scratches_new();
	struct scratch *x = NULL, *other = NULL, *found;
	AUTO(buf_done) struct buf b = BUF_NULL;
	struct stat st;

	(void)state;
	assert_int_equal(scratch_make(s, 7, STR(".x"), 1000, 1000, 0600, &x), 0);
	assert_true(scratch_id(x) & SCRATCH_BIT);
	assert_int_equal(scratch_make(s, 7, STR(".x"), 1001, 1001, 0600, &other), -EEXIST);
	assert_int_equal(scratch_make(s, 8, STR(".x"), 1001, 1001, 0600, &other), 0);
	assert_null(scratch_find(s, 7, STR(".x"), 1001));
	found = scratch_find(s, 7, STR(".x"), 0);
	assert_ptr_equal(found, x);
	scratch_unref(found);
	assert_int_equal(scratch_write(x, STR("world"), 6), 0);
	assert_int_equal(scratch_write(x, STR("hello"), 0), 0);
	scratch_text(x, &b);
	assert_memory_equal(buf_cstr(&b), "hello\0world", 11);
	assert_int_equal(scratch_write(x, STR("x"), SCRATCH_MAX_BYTES), -EFBIG);
	assert_int_equal(scratch_truncate(x, SCRATCH_MAX_BYTES + 1), -EFBIG);
	assert_int_equal(scratch_truncate(x, 5), 0);
	scratch_stat(x, &st);
	assert_int_equal(st.st_size, 5);
	assert_int_equal(st.st_uid, 1000);
	/* renamed over another, which loses its name but lives as long as it is held */
	scratch_move(s, x, 8, STR(".x"));
	scratch_stat(other, &st);
	assert_int_equal(st.st_nlink, 0);
	found = scratch_find(s, 8, STR(".x"), 1000);
	assert_ptr_equal(found, x);
	scratch_unref(found);
	scratch_remove(s, x);
	assert_null(scratch_find(s, 8, STR(".x"), 1000));
	scratch_unref(x);
	scratch_unref(other);
	scratches_free(s);
}

static void they_are_bounded(void **state)
{
	AUTO(free) char *megabyte = xcalloc(1, SCRATCH_MAX_BYTES);
	const struct str bytes = {megabyte, SCRATCH_MAX_BYTES};
	struct scratches *s = scratches_new();
	struct scratch *x = NULL, *last = NULL;
	int made = 0, written = 0, r = 0;

	(void)state;
	for (; made < 2000; made++) {
		AUTO(free) char *name = xasprintf(".%d", made);

		if (scratch_make(s, 7, str_from(name), 1000, 1000, 0600, &x) < 0)
			break;
		if (!r) {
			r = scratch_write(x, bytes, 0);
			written += !r;
			scratch_unref(last);
			last = TAKE(x);
		}
		scratch_unref(x);
		x = NULL;
	}
	assert_int_equal(written, SCRATCHES_MAX_BYTES / SCRATCH_MAX_BYTES);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(made, 512);
	/* others still can; what is given back can be had again */
	assert_int_equal(scratch_make(s, 7, STR(".roots"), 0, 0, 0600, &x), 0);
	assert_int_equal(scratch_write(x, STR("x"), 0), -ENOSPC);
	scratch_unref(last);
	last = scratch_find(s, 7, STR(".0"), 1000);
	assert_int_equal(scratch_truncate(last, 0), 0);
	assert_int_equal(scratch_write(x, bytes, 0), 0);
	assert_int_equal(scratch_truncate(last, 1), -ENOSPC);
	scratch_unref(last);
	scratch_unref(x);
	scratches_free(s);
}

/* ---- writes of one open file */

static const char *now = "";

static int read_now(const struct node *n, struct buf *b, struct err *err)
{
	(void)n;
	(void)err;
	buf_adds(b, now);
	return 0;
}

static const struct node_class scalar = {.read = read_now};
static const struct node_class list = {.read = read_now, .is_list = true};
static const struct node_class staged = {.read = read_now, .is_staged = true};

struct piece {
	const char *text;
	int offset;
	const char *want; /* what is to be applied then; NULL: refused */
};

/* Applied after each piece, as the filesystem does; of one that is staged only looked at. */
static void write_all(const struct node_class *class, int flags, const struct piece *p, size_t n)
{
	const struct node_row row = {.number = 1, .type = NODE_FILE, .name = "x", .ops = class};
	struct handle *h = handle_new(NULL, flags);

	h->node.row = &row;
	for (size_t i = 0; i < n; i++) {
		AUTO(buf_done) struct buf b = BUF_NULL;
		AUTO(err_done) struct err err = ERR_NULL;
		int r = handle_stage(h, str_from(p[i].text), (uint64_t)p[i].offset, strlen(now), &err);

		if (!r)
			r = handle_staged(h, &b, &err);
		if (!p[i].want) {
			assert_true(r < 0 && err.text);
			handle_refused(h, strlen(p[i].text), &err);
			continue;
		}
		if (r < 0)
			fail_msg("\"%s\" at %d: %s", p[i].text, p[i].offset, err_text(&err));
		assert_string_equal(buf_cstr(&b), p[i].want);
		if (class != &staged)
			handle_taken(h);
	}
	h->node.row = NULL;
	handle_free(NULL, h);
}

#define WRITE(class, flags, ...)                                                                             \
	write_all(class, flags, (const struct piece[]){__VA_ARGS__},                                         \
		  ARRAY_SIZE(((const struct piece[]){__VA_ARGS__})))

static void a_scalar_is_assigned(void **state)
{
	(void)state;
	now = "old\n";
	WRITE(&scalar, O_WRONLY, {"new\n", 0, "new\n"});
	WRITE(&scalar, O_WRONLY, {"one\n", 0, "one\n"}, {"two\n", 4, "two\n"}, {"three\n", 8, "three\n"});
	WRITE(&scalar, O_WRONLY, {"in ", 0, "in "}, {"pieces", 3, "in pieces"}, {"\n", 9, "in pieces\n"});
	WRITE(&scalar, O_WRONLY, {"again\n", 0, "again\n"}, {"and again\n", 0, "and again\n"});
	WRITE(&scalar, O_WRONLY | O_APPEND, {"new\n", 4, "new\n"}, {"newer\n", 8, "newer\n"});
	WRITE(&scalar, O_WRONLY, {"at the end\n", 4, "at the end\n"});
	WRITE(&scalar, O_WRONLY, {"x\n", 2, NULL}, {"x\n", 100, NULL}, {"good\n", 0, "good\n"});
}

static void a_list_grows(void **state)
{
	(void)state;
	now = "a\nb\n";
	WRITE(&list, O_WRONLY, {"x\n", 0, "x\n"}, {"y\n", 2, "x\ny\n"}, {"z\n", 4, "x\ny\nz\n"});
	WRITE(&list, O_WRONLY | O_APPEND, {"c\n", 4, "a\nb\nc\n"}, {"d\n", 6, "a\nb\nd\n"});
	/* what the kernel thinks of the size doesn't matter */
	WRITE(&list, O_WRONLY | O_APPEND, {"c\n", 0, "a\nb\nc\n"}, {"d\n", 99, "a\nb\nd\n"});
	WRITE(&list, O_WRONLY, {"c\n", 4, "a\nb\nc\n"});
	WRITE(&list, O_WRONLY, {"c\n", 3, NULL}, {"c\n", 5, NULL});
}

static void what_is_staged_is_whole(void **state)
{
	(void)state;
	now = "k=1\n";
	WRITE(&staged, O_WRONLY, {"a=1\n", 0, "a=1\n"}, {"b=2\n", 4, "a=1\nb=2\n"});
	WRITE(&staged, O_WRONLY, {"a=1\nb=2\n", 0, "a=1\nb=2\n"}, {"c=3\n", 4, "a=1\nc=3\n"});
	WRITE(&staged, O_WRONLY | O_APPEND, {"a=1\n", 4, "a=1\n"}, {"b=2\n", 8, "a=1\nb=2\n"});
	WRITE(&staged, O_WRONLY, {"a=1\n", 0, "a=1\n"}, {"b=2\n", 9, NULL});
}

static void what_was_refused_stays_refused_until_the_flush(void **state)
{
	const struct node_row row = {.number = 1, .type = NODE_FILE, .name = "x", .ops = &staged};
	struct handle *h = handle_new(NULL, O_WRONLY);
	AUTO(err_done) struct err err = ERR_NULL, again = ERR_NULL;

	(void)state;
	h->node.row = &row;
	assert_false(handle_is_refused(h, &again));
	assert_int_equal(handle_stage(h, STR("a=1\n"), 0, 0, &err), 0);
	err_set(&err, EINVAL, "no line");
	handle_refused(h, 4, &err);
	assert_true(handle_is_refused(h, &again));
	assert_string_equal(err_text(&again), "no line");
	assert_false(h->is_dirty);
	h->node.row = NULL;
	handle_free(NULL, h);
}

static void there_is_a_most(void **state)
{
	const struct node_row row = {.number = 1, .type = NODE_FILE, .name = "x", .ops = &staged};
	struct handle *h = handle_new(NULL, O_WRONLY);
	AUTO(free) char *many = xcalloc(1, 1 << 20);

	(void)state;
	h->node.row = &row;
	assert_int_equal(handle_stage(h, (struct str){many, 1 << 20}, 0, 0, NULL), 0);
	assert_int_equal(handle_stage(h, STR("x"), 1 << 20, 0, NULL), -EFBIG);
	h->node.row = NULL;
	handle_free(NULL, h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_of_tools_and_of_typists),
	    cmocka_unit_test(they_are_their_makers),
	    cmocka_unit_test(they_are_bounded),
	    cmocka_unit_test(a_scalar_is_assigned),
	    cmocka_unit_test(a_list_grows),
	    cmocka_unit_test(what_is_staged_is_whole),
	    cmocka_unit_test(what_was_refused_stays_refused_until_the_flush),
	    cmocka_unit_test(there_is_a_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
