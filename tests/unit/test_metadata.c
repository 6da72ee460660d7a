/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of an image: metadata.yaml, names of entries, limits, and what the core takes from its helper. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/base/auto.h"
#include "engine/image/entry.h"
#include "engine/image/metadata.h"
#include "engine/image/order.h"
#include "engine/image/seen.h"
#include "engine/image/tally.h"
#include "engine/image/text.h"

static void metadata_taken(void **state)
{
	static const char text[] = "# an image\n"
				   "architecture: x86_64\n"
				   "creation_date: 1700000000\n"
				   "expiry_date: 0\n"
				   "properties:\n"
				   "  release: 12\n"
				   "  os.name: \"Debian \\u2603\"\n"
				   "  description: |\n"
				   "    first\n"
				   "    second\n"
				   "  empty:\n"
				   "templates:\n"
				   "  /etc/hosts: {when: [create], properties: {deep: [[1]]}}\n"
				   "unknown: [1, {a: b}]\n";
	AUTO(image_info_done) struct image_info info = IMAGE_INFO_NULL;
	AUTO(err_done) struct err err = ERR_NULL;

	(void)state;
	assert_int_equal(metadata_parse(str_from(text), &info, &err), 0);
	assert_string_equal(info.architecture, "x86_64");
	assert_int_equal(info.created_at, 1700000000);
	assert_int_equal(info.expires_at, 0);
	assert_string_equal(info.properties[0], "description=first second");
	assert_string_equal(info.properties[1], "empty=");
	assert_string_equal(info.properties[2], "os.name=Debian \xe2\x98\x83");
	assert_string_equal(info.properties[3], "release=12");
	assert_null(info.properties[4]);
}

static void metadata_refused(void **state)
{
	/* clang-format off */
	static const struct { const char *text; int errnum; const char *said; } rows[] = {
		{"", EINVAL, "is empty"},
		{"# nothing\n", EINVAL, "is empty"},
		{"text", EINVAL, "must be a map"},
		{"[a]", EINVAL, "must be a map"},
		{"creation_date: 1", EINVAL, "doesn't say for which architecture"},
		{"architecture: [x]", EINVAL, "architecture must be a name"},
		{"architecture: X86", EINVAL, "architecture must be a name"},
		{"architecture: ''", EINVAL, "architecture must be a name"},
		{"architecture: x\narchitecture: x", EINVAL, "line 2: architecture is there twice"},
		{"creation_date: -1", EINVAL, "creation_date must be a number"},
		{"creation_date: 1.5", EINVAL, "creation_date must be a number"},
		{"creation_date: ''", EINVAL, "creation_date must be a number"},
		{"expiry_date: 99999999999999999999999999", EINVAL, "expiry_date must be a number"},
		{"expiry_date: {}", EINVAL, "expiry_date must be a number"},
		{"properties: [a]", EINVAL, "must be a map of names"},
		{"properties: text", EINVAL, "must be a map of names"},
		{"properties: {a: [b]}", EINVAL, "the property \"a\" must be a text"},
		{"properties: {[a]: b}", EINVAL, "name must be a text"},
		{"properties: {../a: b}", EINVAL, "\"../a\" isn't"},
		{"properties: {'a\nb': b}", EINVAL, "a property's name"},
		{"properties: {'': b}", EINVAL, "a property's name"},
		{"properties: {a: 1, a: 2}", EINVAL, "a property is there twice"},
		{"properties: {a: \"\\x1b[31m\"}", EINVAL, "must be printable"},
		{"properties: {a: \"x\\0y\"}", EINVAL, "holds a NUL"},
		{"properties: {a: \"\\u202e\"}", EINVAL, "must be printable"},
		{"a: &x 1", EINVAL, "anchors aren't taken"},
		{"a: &x [1]", EINVAL, "anchors aren't taken"},
		{"a: &x {b: c}", EINVAL, "anchors aren't taken"},
		{"a: *x", EINVAL, "aliases aren't taken"},
		{"a: [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]", EINVAL, "nested deeper"},
		{"architecture: x\n---\na: b", EINVAL, "must be one document"},
		{"a: [", EINVAL, "did not find"},
		{"a: \xff", EINVAL, "line 1: "},
		{"a: b: c", EINVAL, "line 1: "},
	};
	/* clang-format on */
	AUTO(free) char *large = xcalloc(1, IMAGE_MAX_YAML + 1);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(err_done) struct err err = ERR_NULL;
		struct image_info info = IMAGE_INFO_NULL;

		assert_int_equal(metadata_parse(str_from(rows[i].text), &info, &err), -rows[i].errnum);
		if (!strstr(err.text, rows[i].said))
			fail_msg("\"%s\": said %s", rows[i].text, err.text);
		assert_null(info.properties);
	}
	assert_int_equal(metadata_parse((struct str){large, IMAGE_MAX_YAML + 1}, NULL, NULL), -EFBIG);
}

static void metadata_bounded(void **state)
{
	AUTO(buf_done) struct buf many = BUF_NULL, full = BUF_NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	struct image_info info = IMAGE_INFO_NULL;

	(void)state;
	buf_adds(&many, "architecture: x\nproperties:\n");
	for (int i = 0; i <= IMAGE_MAX_PROPERTIES; i++)
		buf_printf(&many, "  p%d: x\n", i);
	assert_int_equal(metadata_parse(buf_str(&many), &info, &err), -EFBIG);
	buf_adds(&full, "architecture: x\nproperties:\n");
	for (int i = 0; i < 5; i++)
		buf_printf(&full, "  p%d: %02000d\n", i, 0);
	assert_int_equal(metadata_parse(buf_str(&full), &info, &err), -EFBIG);
	buf_clear(&full);
	buf_printf(&full, "architecture: x\nproperties: {a: %0*d}", IMAGE_MAX_TEXT + 1, 0);
	assert_int_equal(metadata_parse(buf_str(&full), &info, &err), -EINVAL);
}

static void text_rows(void **state)
{
	(void)state;
	assert_true(image_text_ok(STR("plain \xc3\xbc \xf0\x9f\x98\x80")));
	assert_true(image_text_ok(STR("")));
	assert_false(image_text_ok(STR("a\nb")));
	assert_false(image_text_ok(STR("\x7f")));
	assert_false(image_text_ok(STR("\xc2\x85")));	  /* a C1 control */
	assert_false(image_text_ok(STR("\xc0\xaf")));	  /* overlong */
	assert_false(image_text_ok(STR("\xe0\x80\xaf"))); /* overlong */
	assert_false(image_text_ok(STR("\xed\xa0\x80"))); /* surrogate */
	assert_false(image_text_ok(STR("\xf4\x90\x80\x80")));
	assert_false(image_text_ok(STR("\xe2\x98")));
	assert_false(image_text_ok(STR("\x80")));
	assert_true(image_property_name_ok(STR("image.os-Name_1")));
	assert_false(image_property_name_ok(STR(".hidden")));
	assert_false(image_property_name_ok(STR("a/b")));
	assert_false(image_property_name_ok((struct str){"a\0b", 3}));
	assert_true(image_property_compare("a=2", "a=1") == 0);
	assert_true(image_property_compare("a=2", "ab=1") < 0);
	assert_true(image_property_compare("b=", "ab=") > 0);
}

static void entry_rows(void **state)
{
	/* clang-format off */
	static const struct { const char *name; enum entry_source source; const char *path; enum entry_place place; } good[] = {
		{"metadata.yaml", ENTRY_META, "metadata.yaml", PLACE_METADATA},
		{"./metadata.yaml", ENTRY_META, "metadata.yaml", PLACE_METADATA},
		{"metadata.yaml/x", ENTRY_META, "metadata.yaml/x", PLACE_NONE},
		{"metadata.yaml", ENTRY_ROOTFS, "rootfs/metadata.yaml", PLACE_ROOTFS},
		{".", ENTRY_META, "", PLACE_NONE},
		{"./", ENTRY_ROOTFS, "rootfs", PLACE_ROOT},
		{"rootfs/", ENTRY_META, "rootfs", PLACE_ROOT},
		{"rootfs//a/./b/", ENTRY_META, "rootfs/a/b", PLACE_ROOTFS},
		{"rootfs2/a", ENTRY_META, "rootfs2/a", PLACE_NONE},
		{"rootfs/dev", ENTRY_META, "rootfs/dev", PLACE_ROOTFS},
		{"rootfs/dev/null", ENTRY_META, "rootfs/dev/null", PLACE_NONE},
		{"dev//null", ENTRY_ROOTFS, "rootfs/dev/null", PLACE_NONE},
		{"templates", ENTRY_META, "templates", PLACE_TEMPLATES},
		{"templates/a", ENTRY_META, "templates/a", PLACE_TEMPLATES},
		{"a/..b/...", ENTRY_META, "a/..b/...", PLACE_NONE},
	};
	static const struct { const char *name; int errnum; } bad[] = {
		{"", EINVAL}, {"/", EINVAL}, {"/a", EINVAL}, {"..", EINVAL}, {"a/..", EINVAL},
		{"a/../b", EINVAL}, {"./../b", EINVAL}, {"a/b/c/d/e", EFBIG},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		AUTO(free) char *path = NULL;

		assert_int_equal(entry_path(str_from(good[i].name), good[i].source, 4, &path, NULL), 0);
		assert_string_equal(path, good[i].path);
		assert_int_equal(entry_place(path), good[i].place);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO(err_done) struct err err = ERR_NULL;
		char *path = NULL;

		assert_int_equal(entry_path(str_from(bad[i].name), ENTRY_META, 4, &path, &err),
				 -bad[i].errnum);
		assert_null(path);
	}
}

static void entry_quoted(void **state)
{
	AUTO(free) char *quoted = entry_quote(STR("a\nb\033[31m"));

	(void)state;
	assert_string_equal(quoted, "\"a\\x0ab\\x1b[31m\"");
}

static void seen_remembers(void **state)
{
	struct seen s = {0};
	char path[32];

	(void)state;
	assert_int_equal(seen_get(&s, "a", 1), SEEN_NOTHING);
	for (int i = 0; i < 5000; i++) {
		snprintf(path, sizeof(path), "rootfs/%d", i);
		seen_put(&s, path, strlen(path), 1 + i % 3);
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(path, sizeof(path), "rootfs/%d", i);
		assert_int_equal(seen_get(&s, path, strlen(path)), 1 + i % 3);
	}
	assert_int_equal(seen_get(&s, "rootfs/5000", 11), SEEN_NOTHING);
	seen_put(&s, "rootfs/1", 8, SEEN_FILE);
	assert_int_equal(seen_get(&s, "rootfs/1", 8), SEEN_FILE);
	assert_int_equal(s.used, 5000);
	seen_done(&s);
}

static void tally_limits(void **state)
{
	struct tally t = {.limits = image_limits_or_default(NULL), .packed = 1000};

	(void)state;
	assert_int_equal(tally_add(&t, 1ULL << 30, NULL), 0);
	assert_int_equal(tally_add(&t, 1, NULL), -EFBIG); /* the ratio counts from here on */
	t.packed = 1ULL << 30;
	assert_int_equal(tally_add(&t, UINT64_MAX, NULL), -EFBIG);
	assert_int_equal(tally_add(&t, (64ULL << 30) - t.bytes, NULL), 0);
	assert_int_equal(tally_add(&t, 1, NULL), -EFBIG);
	t.entries = t.limits.entries;
	assert_int_equal(tally_add(&t, 0, NULL), -EFBIG);
}

/* What a helper that was taken over could answer. */
static void answers_checked(void **state)
{
	static const char *const unsorted[] = {"b=1", "a=1", NULL}, *const twice[] = {"a=1", "a=2", NULL},
				 *const nameless[] = {"=1", NULL}, *const slash[] = {"a/b=1", NULL},
				 *const bare[] = {"a", NULL}, *const control[] = {"a=\033", NULL},
				 *const fine[] = {"a=", "b=1", NULL};
	struct image_info good = {
	    .part = IMAGE_UNIFIED, .architecture = (char *)"x86_64", .properties = (char **)fine};
	struct image_info rows[12];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		rows[i] = good;
	n++; /* the first is good */
	rows[n++].properties = (char **)unsorted;
	rows[n++].properties = (char **)twice;
	rows[n++].properties = (char **)nameless;
	rows[n++].properties = (char **)slash;
	rows[n++].properties = (char **)bare;
	rows[n++].properties = (char **)control;
	rows[n++].part = 0;
	rows[n++].part = IMAGE_ROOTFS;
	rows[n++].architecture = NULL;
	rows[n++].architecture = (char *)"../x";
	rows[n++].created_at = IMAGE_MAX_TIME + 1;
	assert_int_equal(n, ARRAY_SIZE(rows));
	for (size_t i = 0; i < n; i++) {
		AUTO(image_info_done) struct image_info came = IMAGE_INFO_NULL;
		AUTO(buf_done) struct buf body = BUF_NULL;
		struct msg m = MSG_NULL;

		image_info_pack(&body, &rows[i]);
		m.body = (unsigned char *)body.ptr;
		m.len = (uint32_t)body.len;
		assert_int_equal(image_info_unpack(&m, &came, NULL), i ? -EBADMSG : 0);
		m.len--;
		image_info_done(&came);
		assert_int_equal(image_info_unpack(&m, &came, NULL), -EBADMSG);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(metadata_taken),	cmocka_unit_test(metadata_refused),
	    cmocka_unit_test(metadata_bounded), cmocka_unit_test(text_rows),
	    cmocka_unit_test(entry_rows),	cmocka_unit_test(entry_quoted),
	    cmocka_unit_test(seen_remembers),	cmocka_unit_test(tally_limits),
	    cmocka_unit_test(answers_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
