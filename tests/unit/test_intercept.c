/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of containers, read from registers and memory: what is done, what is left to the kernel, what fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "engine/base/auto.h"
#include "engine/confine/caller.h"
#include "engine/confine/intercept.h"

#ifdef __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif
#define ALL (INTERCEPT_MKNOD | INTERCEPT_SETXATTR | INTERCEPT_MOUNT | INTERCEPT_SCHED | INTERCEPT_SYSINFO)

/* The caller's memory: from address 4096 on. */
struct memory {
	char bytes[3 * 4096];
	size_t len;
	unsigned reads, gone_after; /* 0: it stays */
};

static int read_memory(void *ctx, uint64_t address, void *to, size_t len, size_t *ret)
{
	struct memory *m = ctx;

	if (m->gone_after && ++m->reads > m->gone_after)
		return -ESRCH;
	if (address < 4096 || address - 4096 >= m->len)
		return -EFAULT;
	*ret = MIN(len, m->len - (address - 4096));
	memcpy(to, m->bytes + (address - 4096), *ret);
	return 0;
}

static bool fs_known(void *ctx, const char *fs)
{
	(void)ctx;
	return !strcmp(fs, "ext4");
}

static uint64_t put(struct memory *m, const void *bytes, size_t len)
{
	uint64_t at = m->len + 4096;

	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
	return at;
}

static uint64_t put_text(struct memory *m, const char *text)
{
	return put(m, text, strlen(text) + 1);
}

static void test_mknod(void **state)
{
	/* clang-format off */
	static const struct { mode_t mode; uint64_t dev; const char *path; unsigned what; int r; } rows[] = {
		{S_IFCHR | 0600, 0x103, "/a", INTERCEPT_MKNOD, 0},
		{S_IFCHR | 0600, 0xffffffff00000103, "/a", INTERCEPT_MKNOD, 0}, /* of which the kernel takes half */
		{S_IFCHR, 0, "a", INTERCEPT_MKNOD, 0},
		{S_IFCHR, 0x501, "a", INTERCEPT_MKNOD, 0},
		{S_IFCHR, 0x101, "a", 0, 0},
		{S_IFCHR, 0x100103, "a", 0, 0}, /* minor 259 */
		{S_IFCHR, 0x10103, "a", 0, 0},	/* major 257 */
		{S_IFBLK, 0x103, "a", 0, 0},
		{S_IFREG, 0x103, "a", 0, 0},
		{S_IFIFO, 0, "a", 0, 0},
		{S_IFCHR, 0x103, "", 0, -ENOENT},
		{S_IFCHR, 0x103, NULL, 0, -EFAULT},
	};
	/* clang-format on */
	static struct intercept_call c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct memory m = {.len = 0};
		uint64_t path = rows[i].path ? put_text(&m, rows[i].path) : 0;
		struct seccomp_data at = {SYS_mknodat, ARCH, 0, {7, path, rows[i].mode, rows[i].dev, 0, 0}};

		if (intercept_parse(&at, ALL, NULL, read_memory, &m, &c) != rows[i].r ||
		    c.what != rows[i].what)
			fail_msg("row %zu: what %u", i, c.what);
		assert_int_equal(c.what ? c.dirfd : 7, 7);
		assert_int_equal(intercept_parse(&at, ALL & ~INTERCEPT_MKNOD, NULL, read_memory, &m, &c), 0);
		assert_int_equal(c.what, 0);
		at.arch = AUDIT_ARCH_I386;
		assert_int_equal(intercept_parse(&at, ALL, NULL, read_memory, &m, &c), 0);
		assert_int_equal(c.what, 0);
	}
}

static void test_setxattr(void **state)
{
	static struct intercept_call c;
	struct memory m = {.len = 0};
	uint64_t path = put_text(&m, "/dir"), name = put_text(&m, "trusted.overlay.opaque"),
		 y = put(&m, "yx", 2), longer = put_text(&m, "trusted.overlay.opaquer"),
		 user = put_text(&m, "user.x");
	/* clang-format off */
	const struct { uint64_t arg[5]; unsigned what; int r; } rows[] = {
		{{path, name, y, 1, 0}, INTERCEPT_SETXATTR, 0},
		{{path, name, y, 1, 1}, INTERCEPT_SETXATTR, 0},
		{{path, name, y, 1, 4}, 0, 0},
		{{path, name, y, 2, 0}, 0, 0},
		{{path, name, y + 1, 1, 0}, 0, 0},
		{{path, longer, y, 1, 0}, 0, 0},
		{{path, user, y, 1, 0}, 0, 0},
		{{path, 0, y, 1, 0}, 0, 0},
		{{path, name, 0, 1, 0}, 0, -EFAULT},
		{{0, name, y, 1, 0}, 0, -EFAULT},
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct seccomp_data d = {SYS_lsetxattr, ARCH, 0, {0}};

		memcpy(d.args, rows[i].arg, sizeof(rows[i].arg));
		if (intercept_parse(&d, ALL, NULL, read_memory, &m, &c) != rows[i].r ||
		    c.what != rows[i].what)
			fail_msg("row %zu: what %u", i, c.what);
		assert_false(c.follow);
	}
	/* each read may be the last: nobody waits any more */
	for (unsigned n = 1; n <= 2; n++) {
		struct seccomp_data d = {SYS_setxattr, ARCH, 0, {path, name, y, 1, 0, 0}};

		m.reads = 0;
		m.gone_after = n;
		assert_int_equal(intercept_parse(&d, ALL, NULL, read_memory, &m, &c), -ESRCH);
		assert_int_equal(c.what, 0);
	}
}

static void test_mount(void **state)
{
	static struct intercept_call c;
	struct memory m = {.len = 0};
	uint64_t dev = put_text(&m, "/dev/x"), at = put_text(&m, "/mnt"), ext4 = put_text(&m, "ext4"),
		 xfs = put_text(&m, "xfs"), options = put_text(&m, "noload");
	/* clang-format off */
	const struct { uint64_t arg[5]; unsigned what; int r; } rows[] = {
		{{dev, at, ext4, 0, 0}, INTERCEPT_MOUNT, 0},
		{{dev, at, ext4, 0xC0ED0001, options}, INTERCEPT_MOUNT, 0},
		{{dev, at, ext4, MS_BIND, 0}, 0, 0},
		{{dev, at, ext4, MS_REMOUNT, 0}, 0, 0},
		{{dev, at, ext4, MS_MOVE, 0}, 0, 0},
		{{dev, at, ext4, MS_PRIVATE, 0}, 0, 0},
		{{dev, at, xfs, 0, 0}, 0, 0},
		{{dev, at, 0, 0, 0}, 0, 0},
		{{0, at, ext4, 0, 0}, 0, 0},
		{{dev, 1, ext4, 0, 0}, 0, -EFAULT},
		{{dev, at, ext4, 0, 1}, 0, -EFAULT},
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct seccomp_data d = {SYS_mount, ARCH, 0, {0}};

		memcpy(d.args, rows[i].arg, sizeof(rows[i].arg));
		if (intercept_parse(&d, ALL, fs_known, read_memory, &m, &c) != rows[i].r ||
		    c.what != rows[i].what)
			fail_msg("row %zu: what %u", i, c.what);
		if (c.what)
			assert_int_equal(c.mount_flags & ~1ULL, 0);
	}
}

static void test_options(void **state)
{
	/* clang-format off */
	static const struct { const char *fs, *text; int n; } rows[] = {
		{"ext4", "", 1}, {"xfs", "", 0}, {"ext4", "noload", 2}, {"ext4", "errors=remount-ro", 1},
		{"ext4", ",noload,,acl,", 3}, {"btrfs", "subvol=a-1", 1},
		{"ext4", "errors=panic", -EINVAL}, {"ext4", "errors=continue", -EINVAL},
		{"ext4", "journal_path=/dev/sda", -EINVAL}, {"ext4", "journal_dev=0x801", -EINVAL},
		{"xfs", "logdev=/dev/sda", -EINVAL}, {"btrfs", "device=/dev/sda", -EINVAL}, {"btrfs", "subvol=../x", -EINVAL},
		{"vfat", "uid=0", -EINVAL}, {"ext4", "context=x", -EINVAL}, {"ext4", "noload=1", -EINVAL},
		{"ext4", "acl\nro", -EINVAL}, {"btrfs", "subvol=", -EINVAL}, {"ext4", "=", -EINVAL},
		{"btrfs", "subvol=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", -EINVAL},
	};
	/* clang-format on */
	struct intercept_option o[INTERCEPT_OPTIONS];
	AUTO(buf_done) struct buf many = BUF_NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (intercept_options(rows[i].fs, rows[i].text, o) != rows[i].n)
			fail_msg("%s %s", rows[i].fs, rows[i].text);
	for (int i = 0; i < 1000; i++)
		buf_adds(&many, "acl,");
	assert_int_equal(intercept_options("ext4", buf_cstr(&many), o), -EINVAL);
}

static void test_fuse(void **state)
{
	/* clang-format off */
	static const struct { const char *line, *fs, *program; } rows[] = {
		{"ext4=fuse2fs", "ext4", "fuse2fs"}, {"ext4 = /usr/bin/fuse2fs ", NULL, "/usr/bin/fuse2fs"},
		{"ext4=fuse2fs", "ext3", NULL}, {"ext4", NULL, NULL}, {"=x", NULL, NULL}, {"ext4=", NULL, NULL},
		{"ext4=a b", NULL, NULL}, {"ext4=$(x)", NULL, NULL}, {"e/4=x", NULL, NULL},
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(free) char *got = intercept_fuse(str_from(rows[i].line), rows[i].fs);

		if (!got != !rows[i].program || (got && strcmp(got, rows[i].program) != 0))
			fail_msg("%s: %s", rows[i].line, got ? got : "none");
	}
}

static void test_ids(void **state)
{
	static const char good[] =
	    "Name:\tUid:\t0\nUmask:\t0027\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n"
	    "NSpid:\t100\t7\nCapEff:\t0000000008000000\n";
	AUTO(buf_done) struct buf many = BUF_NULL;
	struct caller_ids ids;

	(void)state;
	assert_int_equal(caller_ids_parse(good, &ids), 0);
	assert_int_equal(ids.ruid, 1);
	assert_int_equal(ids.euid, 2);
	assert_int_equal(ids.fsuid, 4);
	assert_int_equal(ids.fsgid, 8);
	assert_int_equal(ids.n_groups, 2);
	assert_int_equal(ids.groups[1], 10);
	assert_int_equal(ids.umask, 027);
	assert_int_equal(ids.pid, 7);
	assert_int_equal(ids.caps, 1ULL << 27);
	assert_int_equal(caller_ids_parse("", &ids), -EINVAL);
	assert_int_equal(caller_ids_parse("Uid:\t1\t2\t3\n", &ids), -EINVAL);
	buf_adds(&many, "Groups:\t");
	for (int i = 0; i < CALLER_GROUPS + 1; i++)
		buf_printf(&many, "%d ", i);
	assert_int_equal(caller_ids_parse(buf_cstr(&many), &ids), -E2BIG);
}

static void test_tables(void **state)
{
	(void)state;
	assert_true(intercept_device_ok(S_IFCHR, makedev(1, 3)));
	assert_false(intercept_device_ok(S_IFBLK, makedev(1, 3)));
	assert_false(intercept_device_ok(S_IFCHR, makedev(1, 1)));
	assert_true(intercept_fs_ok(STR("ext4")));
	/* what looks up paths, addresses or descriptors that it is given */
	for (const char *const *p =
		 (const char *const[]){"overlay", "nfs", "cifs", "9p", "fuse", "proc", "tmpfs", "", NULL};
	     *p; p++)
		assert_false(intercept_fs_ok(str_from(*p)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_mknod),   cmocka_unit_test(test_setxattr), cmocka_unit_test(test_mount),
	    cmocka_unit_test(test_options), cmocka_unit_test(test_fuse),     cmocka_unit_test(test_ids),
	    cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
