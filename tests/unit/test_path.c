/* SPDX-License-Identifier: Apache-2.0 */
/* Paths that others may change: beneath stays beneath, in a root stays in the root; files are replaced whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/fd.h"
#include "engine/base/path.h"

static char base[] = "/tmp/test_path.XXXXXX";
static int dir = -1;

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(base))
		return -1;
	dir = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	mkdirat(dir, "root", 0755);
	mkdirat(dir, "root/sub", 0755);
	mkdirat(dir, "outside", 0755);
	return symlinkat("/outside", dir, "root/abs") || symlinkat("../../../outside", dir, "root/up") ||
	       symlinkat("sub", dir, "root/fine") || symlinkat("nowhere", dir, "root/dangling");
}

static int tear_down(void **state)
{
	static const char *const files[] = {"root/sub/f", "root/file",	   "root/abs", "root/up",
					    "root/fine",  "root/dangling", "f"};
	static const char *const dirs[] = {"root/sub/a/b",   "root/sub/a",   "root/sub",
					   "root/outside/x", "root/outside", "root",
					   "outside",	     "made/it",	     "made"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlinkat(dir, files[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		unlinkat(dir, dirs[i], AT_REMOVEDIR);
	close(dir);
	return rmdir(base);
}

static void test_names(void **state)
{
	static const char *const bad[] = {"", ".", "..", "a/b", "/"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(path_is_name(str_from(bad[i])));
	assert_false(path_is_name((struct str){"a\0b", 3}));
	assert_true(path_is_name(STR("a..b")));
}

static void test_beneath(void **state)
{
	AUTO(fd)
	int root = openat(dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC),
	    ok = path_open(root, "sub", O_RDONLY, 0);

	(void)state;
	assert_true(ok >= 0);
	assert_int_equal(fcntl(ok, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(path_open(root, "../outside", O_RDONLY, 0), -EXDEV);
	assert_int_equal(path_open(root, "/etc", O_RDONLY, 0), -EXDEV);
	assert_int_equal(path_open(root, "fine", O_RDONLY, 0), -ELOOP);
	assert_int_equal(path_open(root, "abs/x", O_RDONLY, 0), -ELOOP);
	assert_int_equal(path_open(root, "none", O_RDONLY, 0), -ENOENT);
}

static void test_in_root(void **state)
{
	AUTO(fd)
	int root = openat(dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC), made = -1, file = -1, link = -1,
	    up = -1;

	(void)state;
	made = path_make_in_root(root, "/sub//a/./b", true);
	assert_true(made >= 0);
	assert_int_equal(faccessat(dir, "root/sub/a/b", F_OK, 0), 0);
	file = path_make_in_root(root, "fine/f", false);
	assert_true(file >= 0);
	close(file);
	file = path_make_in_root(root, "/file//", false);
	assert_true(file >= 0);
	assert_int_equal(faccessat(dir, "root/sub/f", F_OK, 0), 0);
	assert_int_equal(path_make_in_root(root, "fine/f", true), -ENOTDIR);
	assert_int_equal(path_make_in_root(root, "fine/f/g", true), -ENOTDIR);
	assert_int_equal(path_make_in_root(root, "sub", false), -EISDIR);
	assert_int_equal(path_make_in_root(root, "/", true), -EINVAL);
	/* links that lead out end at the root's own /outside, which isn't there yet */
	assert_int_equal(path_make_in_root(root, "abs/x", true), -ENOENT);
	assert_int_equal(path_make_in_root(root, "dangling/x", true), -ENOENT);
	mkdirat(dir, "root/outside", 0755);
	link = path_make_in_root(root, "abs/x", true);
	up = path_make_in_root(root, "up/x", true);
	assert_true(link >= 0 && up >= 0);
	assert_int_equal(faccessat(dir, "root/outside/x", F_OK, 0), 0);
	assert_int_equal(faccessat(dir, "outside/x", F_OK, 0), -1);
}

static void test_files(void **state)
{
	AUTO(free) char *path = xasprintf("%s/made/it", base), *text = NULL, *more = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(path_make_dir(path, 0700), 0);
	assert_int_equal(path_make_dir(path, 0700), 0);
	assert_int_equal(path_replace(dir, "f", STR("one"), 0600, true), 0);
	assert_int_equal(path_replace(dir, "f", STR("three"), 0640, false), 0);
	assert_int_equal(path_read(dir, "f", 5, &text), 5);
	assert_string_equal(text, "three");
	assert_int_equal(path_read(dir, "f", 4, &more), -EFBIG);
	assert_int_equal(fstatat(dir, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(faccessat(dir, "f.new", F_OK, 0), -1);
	assert_int_equal(path_replace(dir, "none/f", STR("x"), 0600, false), -ENOENT);
	assert_int_equal(path_read(dir, "none", 4, &more), -ENOENT);
}

static void test_sealed(void **state)
{
	AUTO(fd) int fd = fd_sealed("test", STR("bytes")), open_one = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct str got;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(fd_map_sealed(fd, 4, &got), -EFBIG);
	assert_int_equal(fd_map_sealed(fd, 5, &got), 0);
	assert_true(str_is(got, "bytes"));
	assert_int_equal(fd_map_sealed(open_one, 5, &got), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names), cmocka_unit_test(test_beneath), cmocka_unit_test(test_in_root),
	    cmocka_unit_test(test_files), cmocka_unit_test(test_sealed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
