/* SPDX-License-Identifier: Apache-2.0 */
/* Names of images and of halves of them, and trees that are removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/kind/image-internal.h"

#define FP "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_stem(void **state)
{
	static const struct {
		const char *name, *want;
	} rows[] = {
	    {"x.tar.xz", "x"},
	    {"x.rootfs", "x"},
	    {"x.squashfs", "x"},
	    {"x.rootfs.tar.gz", "x"},
	    {"debian-12.tar.zst", "debian-12"},
	    {"debian-12.root.squashfs", "debian-12"},
	    {"meta-" FP ".tar.xz", FP},
	    {FP ".squashfs", FP},
	    {FP ".rootfs", FP},
	    {FP, FP},
	    {"lxd.tar.xz", ""},
	    {"incus.tar.xz", ""},
	    {"metadata.tar.xz", ""},
	    {"rootfs.squashfs", ""},
	    {"root.tar.xz", ""},
	    {".tar", ".tar"},
	    {"", ""},
	    {"a", "a"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(free) char *stem = image_stem(str_from(rows[i].name));

		assert_string_equal(stem, rows[i].want);
	}
}

static void test_fingerprint(void **state)
{
	(void)state;
	assert_true(image_is_fingerprint(STR(FP)));
	assert_false(image_is_fingerprint(STR(FP "0")));
	assert_false(image_is_fingerprint(STR("0123")));
	assert_false(image_is_fingerprint(STR("")));
	assert_false(
	    image_is_fingerprint(STR("0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef")));
	assert_int_equal(kind_image.check_name(STR("../x"), NULL), -EINVAL);
}

/* Links are removed, not followed; what lies deeper than there are descriptors goes too. */
static void test_remove(void **state)
{
	char base[] = "/tmp/lxdfs-test.XXXXXX";
	AUTO(free) char *top = NULL, *outside = NULL, *link = NULL, *file = NULL;
	AUTO(fd) int fd = -EBADF;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(base));
	top = xasprintf("%s/top", base);
	outside = xasprintf("%s/outside", base);
	link = xasprintf("%s/link", top);
	file = xasprintf("%s/kept", outside);
	assert_int_equal(path_remove_tree(top), 0);
	assert_int_equal(mkdir(top, 0700) | mkdir(outside, 0700) | symlink(outside, link), 0);
	close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 500; i++) {
		int next;

		assert_int_equal(mkdirat(fd, "a-directory-with-a-long-name", 0700), 0);
		next = openat(fd, "a-directory-with-a-long-name", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	assert_int_equal(path_remove_tree(link), -ENOTDIR);
	assert_int_equal(path_remove_tree(top), 0);
	assert_int_equal(lstat(top, &st), -1);
	assert_int_equal(lstat(file, &st), 0);
	assert_int_equal(path_remove_tree(base), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stem),
	    cmocka_unit_test(test_fingerprint),
	    cmocka_unit_test(test_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
