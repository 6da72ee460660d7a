/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for system calls: what is read, and that each refusal names line and word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/mount.h>

#include "engine/base/auto.h"
#include "engine/confine/seccomp-rules.h"
#include "engine/confine/seccomp.h"

static void test_refused(void **state)
{
	/* clang-format off */
	static const struct { enum seccomp_syntax syntax; const char *text, *line, *says; } rows[] = {
		{SECCOMP_DENY, "kexec_laod", "line 1", "is kexec_load meant?"},
		{SECCOMP_DENY, "keyctl errno 38\nbfp\nptrace", "line 2", "\"bfp\", which is no system call: is bpf meant?"},
		{SECCOMP_DENY, "Ptrace", "line 1", "small letters"},
		{SECCOMP_DENY, "\x1b[2J", "line 1", "\\x1b"},
		{SECCOMP_DENY, "ptrace errno", "line 1", "\"errno\", which wants a number"},
		{SECCOMP_DENY, "ptrace errno 4096", "line 1", "\"4096\", which is no error number"},
		{SECCOMP_DENY, "ptrace errno -1", "line 1", "\"-1\", which is no error number"},
		{SECCOMP_DENY, "ptrace reject", "line 1", "\"reject\", which is none of errno N, kill, trap, allow"},
		{SECCOMP_DENY, "ptrace notify", "line 1", "nothing on the host answers"},
		{SECCOMP_DENY, "# a\n\nptrace kill kill", "line 3", "\"kill\""},
		{SECCOMP_DENY, "ioctl kill [1,2]", "line 1", "is no condition"},
		{SECCOMP_DENY, "ioctl kill [6,2,==]", "line 1", "\"6\", which is no argument"},
		{SECCOMP_DENY, "ioctl kill [1,x,==]", "line 1", "\"x\", which is no number"},
		{SECCOMP_DENY, "ioctl kill [1,0x,==]", "line 1", "is no number"},
		{SECCOMP_DENY, "ioctl kill [1,2,=]", "line 1", "\"=\", which is no comparison"},
		{SECCOMP_DENY, "ioctl kill [1,2,==", "line 1", "lacks its ]"},
		{SECCOMP_DENY, "ioctl kill [1,2,&=]", "line 1", "lacks the mask"},
		{SECCOMP_DENY, "ioctl kill [1,2,==,3]", "line 1", "fourth part"},
		{SECCOMP_DENY, "ioctl kill [1,4,&=,3]", "line 1", "no call would match"},
		{SECCOMP_DENY, "ioctl kill [1,2,==,3,4]", "line 1", "is no condition"},
		{SECCOMP_DENY, "ioctl kill [1,2,==] [1,3,==]", "line 1", "second condition of one argument"},
		{SECCOMP_DENY, "ioctl allow [1,2,==]", "line 1", "no effect"},
		{SECCOMP_DENY, "[x86_64]", "line 1", "only raw.seccomp"},
		{SECCOMP_POLICY, "ptrace", "line 1", "begins with a line \"2\""},
		{SECCOMP_POLICY, "1\nwhitelist\n103", "line 1", "\"1\", which isn't the syntax's version"},
		{SECCOMP_POLICY, "2\nlist", "line 2", "denylist or allowlist"},
		{SECCOMP_POLICY, "2\ndenylist maybe", "line 2", "\"maybe\""},
		{SECCOMP_POLICY, "2", "", "has no list"},
		{SECCOMP_POLICY, "", "", "has no list"},
		{SECCOMP_POLICY, "2\ndenylist\n[vax]", "line 3", "\"[vax]\", which is no architecture"},
		{SECCOMP_POLICY, "2\ndenylist\n[", "line 3", "is no architecture"},
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		__attribute__((cleanup(seccomp_rules_done_auto))) struct seccomp_rules rules = {0};
		AUTO(err_done) struct err err = ERR_NULL;
		int r = seccomp_rules_parse(str_from(rows[i].text), rows[i].syntax, &rules, &err);

		if (r != -EINVAL || !strstr(err_text(&err), rows[i].line) ||
		    !strstr(err_text(&err), rows[i].says))
			print_error("row %zu: %d %s\n", i, r, err_text(&err));
		assert_int_equal(r, -EINVAL);
		assert_non_null(strstr(err_text(&err), rows[i].line));
		assert_non_null(strstr(err_text(&err), rows[i].says));
	}
}

static void parse(struct seccomp_rules *rules, enum seccomp_syntax syntax, const char *text)
{
	AUTO(err_done) struct err err = ERR_NULL;

	if (seccomp_rules_parse(str_from(text), syntax, rules, &err) < 0)
		print_error("%s: %s\n", text, err_text(&err));
	assert_int_equal(err.errnum, 0);
}

static void test_read(void **state)
{
	__attribute__((cleanup(seccomp_rules_done_auto))) struct seccomp_rules rules = {0};
	const struct seccomp_rule *r;

	(void)state;
	parse(&rules, SECCOMP_DENY,
	      "keyctl errno 38 # as in a kernel without\n"
	      "\t ptrace\n"
	      "add_key trap\n"
	      "ioctl errno 25 [1,0x5412,==] [2, 3, &=, 7]\n"
	      "reject_force_umount\n"
	      "turn_the_page\n"
	      "frobnicate_everything errno 1\n");
	r = rules.list;
	assert_int_equal(rules.n, 5);
	assert_int_equal(rules.otherwise, SCMP_ACT_ALLOW);
	assert_int_equal(r[0].nr, SCMP_SYS(keyctl));
	assert_int_equal(r[0].action, SCMP_ACT_ERRNO(38));
	assert_int_equal(r[1].nr, SCMP_SYS(ptrace));
	assert_int_equal(r[1].action, SCMP_ACT_KILL_PROCESS);
	assert_int_equal(r[2].action, SCMP_ACT_TRAP);
	assert_int_equal(r[3].n_args, 2);
	assert_true(r[3].args[0].arg == 1 && r[3].args[0].op == SCMP_CMP_EQ &&
		    r[3].args[0].datum_a == 0x5412);
	assert_true(r[3].args[1].arg == 2 && r[3].args[1].op == SCMP_CMP_MASKED_EQ &&
		    r[3].args[1].datum_a == 7 && r[3].args[1].datum_b == 3);
	assert_true(r[4].nr == SCMP_SYS(umount2) && r[4].args[0].datum_b == MNT_FORCE);
	assert_string_equal(buf_cstr(&rules.unknown), "turn_the_page, frobnicate_everything");
}

static void test_replaced(void **state)
{
	__attribute__((cleanup(seccomp_rules_done_auto))) struct seccomp_rules rules = {0};

	(void)state;
	parse(&rules, SECCOMP_DENY,
	      "ptrace errno 1\nioctl errno 1 [1,2,==]\nioctl errno 2 [1,3,==]\nptrace errno 2");
	assert_int_equal(rules.n, 3);
	parse(&rules, SECCOMP_DENY, "ioctl allow\nptrace kill [0,0,==]");
	assert_int_equal(rules.n, 3);
	assert_int_equal(rules.list[0].action, SCMP_ACT_ERRNO(2));
	assert_true(rules.list[1].nr == SCMP_SYS(ioctl) && rules.list[1].action == SCMP_ACT_ALLOW);
}

static void test_policy(void **state)
{
	__attribute__((cleanup(seccomp_rules_done_auto))) struct seccomp_rules deny = {0}, allow = {0};

	(void)state;
	parse(&deny, SECCOMP_POLICY, "2\nblacklist errno 1\nptrace\n[x32]\nkeyctl kill\n[all]\nbpf\n");
	assert_int_equal(deny.otherwise, SCMP_ACT_ALLOW);
	assert_int_equal(deny.list[0].action, SCMP_ACT_ERRNO(1));
	assert_int_equal(deny.list[1].arch, SCMP_ARCH_X32);
	assert_int_equal(deny.list[2].arch, 0);
	parse(&allow, SECCOMP_POLICY, "2\nallowlist errno 1\nexecve\nread kill\n");
	assert_int_equal(allow.otherwise, SCMP_ACT_ERRNO(1));
	assert_int_equal(allow.list[0].action, SCMP_ACT_ALLOW);
	assert_int_equal(allow.list[1].action, SCMP_ACT_KILL_PROCESS);
}

static void test_together(void **state)
{
	/* clang-format off */
	static const struct { struct seccomp_options o; const char *says; } rows[] = {
		{{.deny = "ptrace"}, NULL},
		{{.deny = "ptrace", .no_default = true, .deny_compat = true}, NULL},
		{{.allow = "read\nexecve"}, NULL},
		{{.allow = "read\nexecve\nwrite errno 5"}, NULL},
		{{.raw = "2\ndenylist"}, NULL},
		{{.raw = "2\nallowlist errno 1\n[x86_64]\nexecve\n"}, NULL},
		{{.raw = "2\ndenylist", .deny = "ptrace"}, "security.syscalls.deny besides it"},
		{{.raw = "2\ndenylist", .allow = "execve"}, "security.syscalls.allow besides it"},
		{{.allow = "execve", .deny = "ptrace"}, "security.syscalls.deny besides it"},
		{{.allow = "read"}, "security.syscalls.allow doesn't allow execve"},
		{{.deny = "execve errno 1"}, "security.syscalls.deny doesn't allow execve"},
		{{.raw = "2\nallowlist\nread"}, "raw.seccomp doesn't allow execve"},
		{{.deny = "bfp"}, "security.syscalls.deny in line 1 has \"bfp\""},
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(err_done) struct err err = ERR_NULL;
		AUTO(fd) int fd = -EBADF;
		int r = seccomp_check(&rows[i].o, &err);

		if (rows[i].says ? !strstr(err_text(&err), rows[i].says) : r < 0)
			print_error("row %zu: %d %s\n", i, r, err_text(&err));
		assert_int_equal(r, rows[i].says ? -EINVAL : 0);
		if (rows[i].says)
			assert_non_null(strstr(err_text(&err), rows[i].says));
		else
			assert_int_equal(seccomp_export(&rows[i].o, &fd, NULL, NULL), 0);
	}
}

/* A list of every call that there is compiles for all architectures, or says that it is too long. */
static void test_long(void **state)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	struct seccomp_options o = {0};
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(fd) int fd = -EBADF;
	int r;

	(void)state;
	for (int nr = 0; nr < 500; nr++) {
		AUTO(free) char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), nr);

		if (name && strcmp(name, "execve") != 0)
			buf_printf(&text, "%s errno 1\n", name);
	}
	o.deny = buf_cstr(&text);
	r = seccomp_export(&o, &fd, NULL, &err);
	if (r < 0)
		print_error("%s\n", err_text(&err));
	assert_int_equal(r, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refused), cmocka_unit_test(test_read),     cmocka_unit_test(test_replaced),
	    cmocka_unit_test(test_policy),  cmocka_unit_test(test_together), cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
