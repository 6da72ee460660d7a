/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of containers. AppArmor's profiles as text: what each variant says, which names the denials leave
 * out, what rules of an admin's may be part of one, and that apparmor_parser compiles all of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/spawn.h"
#include "engine/confine/apparmor.h"
#include "engine/confine/selinux.h"

#define NAME "lxdfs-0a1b2c3d-0000-4000-8000-0123456789ab"

/* "PREFIX" is for that file and what is below, "PREFIX[^set]*" for names that go on with none of the set. */
static bool matches(struct str pattern, struct str path)
{
	const char *set = memmem(pattern.ptr, pattern.len, "[^", 2);
	struct str prefix = {pattern.ptr, set ? (size_t)(set - pattern.ptr) : pattern.len};

	if (!str_has_prefix(path, prefix))
		return false;
	if (!set)
		return path.len == prefix.len || path.ptr[prefix.len] == '/';
	return path.len > prefix.len && !memchr(set, path.ptr[prefix.len], strcspn(set, "]"));
}

static bool is_denied(const struct buf *rules, const char *path)
{
	struct str rest = buf_str(rules), line;
	const size_t before = strlen("  deny ");

	while (str_next(&rest, '\n', &line) && line.len) {
		const char *end = memmem(line.ptr, line.len, "{,/**} wkl,", 11);

		if (!str_has_prefix(line, STR("  deny ")) || !end)
			fail_msg("not a rule that is known here: %.*s", STR_FMT(line));
		if (matches((struct str){line.ptr + before, (size_t)(end - line.ptr) - before},
			    str_from(path)))
			return true;
	}
	return false;
}

static void test_deny_but(void **state)
{
	static const char *const names[] = {"domainname", "hostname", "msg*", "sem*", "shm*"};
	/* clang-format off */
	static const struct { const char *path; bool denied; } rows[] = {
		{"/k/hostname", false}, {"/k/domainname", false}, {"/k/msgmax", false}, {"/k/msg", false},
		{"/k/sem", false}, {"/k/shm_rmid_forced", false},
		{"/k/hostnam", true}, {"/k/hostnames", true}, {"/k/h", true}, {"/k/core_pattern", true},
		{"/k/modprobe", true}, {"/k/ms", true}, {"/k/sysrq", true}, {"/k/s", true}, {"/k/sh", true},
		{"/k/random/boot_id", true}, {"/k/keys/maxkeys", true}, {"/k/d/x", true}, {"/k/Hostname", true},
	};
	/* clang-format on */
	AUTO(buf_done) struct buf b = BUF_NULL, all = BUF_NULL;

	(void)state;
	apparmor_deny_but(&b, "/k", names, ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (is_denied(&b, rows[i].path) != rows[i].denied)
			fail_msg("%s is %sdenied by\n%s", rows[i].path, rows[i].denied ? "not " : "",
				 buf_cstr(&b));
	apparmor_deny_but(&all, "/k", NULL, 0);
	assert_string_equal(buf_cstr(&all), "  deny /k/** wkl,\n");
}

static bool says(const struct apparmor_profile *p, const char *rule)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	apparmor_text(p, &b, NULL);
	return strstr(buf_cstr(&b), rule) != NULL;
}

static void test_variants(void **state)
{
	struct apparmor_profile plain = {.name = NAME}, privileged = plain, nested = plain, both = plain,
				own = plain;

	(void)state;
	privileged.privileged = both.privileged = true;
	nested.nesting = both.nesting = own.nesting = own.stacking = true;
	assert_true(says(&plain, "profile \"" NAME "\" flags="));
	assert_true(says(&plain, "signal (send) peer=\"" NAME "\","));
	assert_true(says(&plain, "deny /proc/sysrq-trigger rwkl,"));
	assert_true(says(&plain, "mount fstype=proc -> /proc/,"));
	assert_false(says(&plain, "  mount,\n") || says(&plain, "change_profile"));
	assert_true(says(&privileged, "deny mount fstype=(proc,sysfs),"));
	assert_true(says(&privileged, "debugfs"));
	assert_false(says(&privileged, "mount fstype=proc -> /proc/,"));
	assert_true(says(&nested, "  mount,\n"));
	assert_true(says(&both, "mount fstype=(cgroup,cgroup2,overlay,proc,sysfs),"));
	assert_false(says(&both, "  mount,\n"));
	assert_true(says(&own, "change_profile -> \":" NAME ":*\","));
	assert_true(says(&privileged, "deny /sys/kernel/security/** rwkl,"));
	assert_false(says(&own, "deny /sys/kernel/security/** rwkl,"));
}

static void test_raw(void **state)
{
	/* clang-format off */
	static const struct { const char *raw, *sentence; } rows[] = {
		{"", NULL}, {"deny /x r,", NULL}, {"mount fstype={nfs,nfs4},\n# } a remark\n", NULL},
		{"profile x {\n  /bin/x mr,\n}", NULL}, {"deny \"/a}b\" r,", NULL}, {"deny /a\\}b r,", NULL},
		{"@{HOME}/** r,", NULL},
		{"deny /x r,\n}", "line 2: \"}\" closes"}, {"}\nprofile y {", "line 1: \"}\" closes"},
		{"profile x {", "line 1: the rules end before \"{\""},
		{"deny \"/x\n}", "line 2: \"}\" closes"}, /* no string goes over a line's end */
		{"# x\n  }", "line 2: \"}\" closes"},
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(err_done) struct err err = ERR_NULL;
		int r = apparmor_raw_check(str_from(rows[i].raw), &err);

		if (!rows[i].sentence && r)
			fail_msg("%s: %s", rows[i].raw, err_text(&err));
		if (rows[i].sentence && (r != -EINVAL || strncmp(err_text(&err), rows[i].sentence,
								 strlen(rows[i].sentence)) != 0))
			fail_msg("%s: %d %s, not %s", rows[i].raw, r, err_text(&err), rows[i].sentence);
	}
}

/* What the parser itself says; where it isn't installed nothing is asked. */
static void test_parser(void **state)
{
	AUTO(err_done) struct err err = ERR_NULL;
	struct apparmor_profile p = {.name = NAME};

	(void)state;
	if (access("/sbin/apparmor_parser", X_OK) < 0)
		skip();
	for (int i = 0; i < 8; i++) {
		p.privileged = i & 1;
		p.nesting = i & 2;
		p.stacking = i & 4;
		p.raw = "mount fstype=nfs,";
		if (apparmor_check(&p, &err) < 0)
			fail_msg("variant %d: %s", i, err_text(&err));
	}
	p.raw = "deny /a r,\nfish and chips,\n";
	assert_int_equal(apparmor_check(&p, &err), -EINVAL);
	if (strncmp(err_text(&err), "line 2: apparmor_parser doesn't take it: ", 41) != 0)
		fail_msg("%s", err_text(&err));
	err_done(&err);
	err_done(&err);
	/* a parenthesis that only the parser sees through */
	p.raw = "deny \"/a\n\" r,\n}\nprofile y /bin/y {";
	assert_int_equal(apparmor_check(&p, &err), -EINVAL);
	err_done(&err);
	p.raw = "deny \"/a # }\" r, # \"\n} profile y /bin/y {";
	assert_int_equal(apparmor_check(&p, &err), -EINVAL);
	err_done(&err);
	p.raw = "deny /a\"b r, }\nprofile y /bin/y {";
	assert_int_equal(apparmor_check(&p, &err), -EINVAL);
	err_done(&err);
	p.raw = "profile y {\n  /bin/true mr,\n}\n";
	assert_int_equal(apparmor_check(&p, &err), 0);
	p.raw = "deny /a r";
	assert_int_equal(apparmor_check(&p, &err), -EINVAL);
	assert_memory_equal(err_text(&err), "line 1: ", 8);
}

static void test_dnsmasq(void **state)
{
	AUTO(buf_done) struct buf text = BUF_NULL, words = BUF_NULL;
	char path[] = "/tmp/apparmor.XXXXXX";
	const char *const argv[] = {"apparmor_parser", "-Q", "-K", "-q", path, NULL};
	int fd;

	(void)state;
	apparmor_dnsmasq_text(NAME, "/usr/sbin/dnsmasq", "/run/lxdfs/networks/lxdbr0",
			      "/var/lib/lxdfs/leases", &text);
	assert_non_null(strstr(buf_cstr(&text), "\"/run/lxdfs/networks/lxdbr0/hosts/*\" r,"));
	if (access("/sbin/apparmor_parser", X_OK) < 0)
		skip();
	fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len);
	close(fd);
	if (spawn_run("/sbin/apparmor_parser", argv, 30000, &words, NULL) != 0)
		fail_msg("%s", buf_cstr(&words));
	unlink(path);
}

static void test_selinux(void **state)
{
	/* clang-format off */
	static const struct { const char *uuid, *process; } rows[] = {
		{"00000000-0000-4000-8000-0123456789ab", "system_u:system_r:container_t:s0:c0,c1"},
		{"000003ff-0000-4000-8000-0123456789ab", "system_u:system_r:container_t:s0:c0,c1023"},
		{"000fffff-0000-4000-8000-0123456789ab", "system_u:system_r:container_t:s0:c0,c1023"},
		{"00000803-0000-4000-8000-0123456789ab", "system_u:system_r:container_t:s0:c2,c3"},
		{"ffffffff-0000-4000-8000-0123456789ab", "system_u:system_r:container_t:s0:c0,c1023"},
	};
	/* clang-format on */
	AUTO(free) char *files = selinux_files(rows[3].uuid);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(free) char *process = selinux_process("container_t", rows[i].uuid);

		assert_string_equal(process, rows[i].process);
	}
	assert_string_equal(files, "system_u:object_r:container_file_t:s0:c2,c3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_deny_but), cmocka_unit_test(test_variants), cmocka_unit_test(test_raw),
	    cmocka_unit_test(test_parser),   cmocka_unit_test(test_dnsmasq),  cmocka_unit_test(test_selinux),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
