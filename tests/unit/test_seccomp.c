/* SPDX-License-Identifier: Apache-2.0 */
/* The filter as the kernel runs it: loaded in a child, each row of each kind of container asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/sandbox.h"
#include "engine/confine/caps.h"
#include "engine/confine/seccomp.h"

#define X32 0x40000000
#define KILLED 1000
#define M ((long)"/none")

/* The errno of a call with arguments that the kernel itself refuses in another way. */
static int outcome(const struct seccomp_options *o, long nr, long a, long b, long d)
{
	int fd = -EBADF, status;
	pid_t pid;

	assert_int_equal(seccomp_export(o, &fd, NULL, NULL), 0);
	pid = (pid_t)syscall(SYS_fork);
	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || sandbox_filter(fd) < 0)
			_exit(255);
		errno = 0;
		/* before a function that doesn't return, AddressSanitizer asks the kernel for its signal
		 * stack */
		syscall(SYS_exit_group, syscall(nr, a, b, 0, d, 0) < 0 ? errno : 0);
	}
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? KILLED : -1;
	assert_int_not_equal(WEXITSTATUS(status), 255);
	return WEXITSTATUS(status);
}

static void test_filter(void **state)
{
	static const struct seccomp_options
	    deny = {.deny = "getppid errno 5\nsocket errno 6 [0,1,==]\nopen_by_handle_at allow"},
	    both = {.deny = "sethostname errno 5"},
	    allow = {.allow = "execve\nexit_group\ngetpid\ngetppid errno 7\n"
			      "getuid errno 8"},
	    raw = {.raw = "2\ndenylist errno 9\ngetppid\n[x32]\ngetuid\n"},
	    raw_allow = {.raw = "2\nallowlist errno 9\nexecve\nexit_group\n"};
	static const struct seccomp_options plain = {0}, privileged = {.privileged = true},
					    nested = {.privileged = true, .nesting = true},
					    bare = {.privileged = true, .no_profile = true},
					    none = {.no_default = true}, strict = {.deny_compat = true};
	/* clang-format off */
	static const struct { const struct seccomp_options *o; long nr, a, b; int want; } rows[] = {
		{&plain, SYS_open_by_handle_at, -1, 0, ENOSYS},
		{&none, SYS_open_by_handle_at, -1, 0, EFAULT},
		{&plain, SYS_kexec_file_load, -1, -1, ENOSYS},
		{&plain, SYS_kexec_load, 0, 17, ENOSYS},
		{&plain, SYS_init_module, 0, 0, ENOSYS},
		{&plain, SYS_finit_module, -1, 0, ENOSYS},
		{&plain, SYS_delete_module, 0, 0, ENOSYS},
		{&plain, SYS_umount2, (long)"/none", MNT_FORCE, EPERM},
		{&plain, SYS_umount2, (long)"/none", MNT_FORCE | MNT_DETACH, EPERM},
		{&plain, SYS_umount2, (long)"/none", MNT_DETACH, ENOENT},
		{&none, SYS_umount2, (long)"/none", MNT_FORCE, ENOENT},
		{&plain, SYS_bpf, -1, 0, EINVAL},
		{&privileged, SYS_syslog, -1, 0, EPERM},
		{&nested, SYS_syslog, -1, 0, EINVAL},
		{&privileged, SYS_bpf, -1, 0, ENOSYS},
		{&privileged, SYS_userfaultfd, -1, 0, ENOSYS},
		{&privileged, SYS_perf_event_open, 0, -1, ENOSYS},
		{&privileged, SYS_open_by_handle_at, -1, 0, ENOSYS},
		{&bare, SYS_unshare, CLONE_NEWNS, 0, EPERM},
		{&bare, SYS_unshare, CLONE_NEWNS | CLONE_NEWNET, 0, EPERM},
		{&privileged, SYS_unshare, CLONE_NEWNS, 0, EPERM},
		{&nested, SYS_unshare, CLONE_NEWNS, 0, 0},
		{&privileged, SYS_fsopen, 0, -1, ENOSYS},
		{&privileged, SYS_open_tree, -1, 0, ENOSYS},
		{&privileged, SYS_mount_setattr, -1, 0, ENOSYS},
		{&nested, SYS_fsopen, 0, -1, EINVAL},
		{&plain, SYS_getppid, 0, 0, 0},
		{&strict, SYS_getppid, 0, 0, 0},
		{&strict, SYS_getppid | X32, 0, 0, ENOSYS},
		{&strict, SYS_open_by_handle_at, -1, 0, ENOSYS},
		{&plain, SYS_open_by_handle_at | X32, -1, 0, ENOSYS},
		{&deny, SYS_getppid, 0, 0, 5},
		{&deny, SYS_getppid | X32, 0, 0, 5},
		{&deny, SYS_socket, 1, -1, 6},
		{&deny, SYS_socket, 2, -1, EINVAL},
		{&deny, SYS_open_by_handle_at, -1, 0, EFAULT},
		{&deny, SYS_init_module, 0, 0, ENOSYS},
		{&both, SYS_sethostname, 0, -1, 5},
		{&allow, SYS_getpid, 0, 0, 0},
		{&allow, SYS_getppid, 0, 0, 7},
		{&allow, SYS_getuid, 0, 0, 8},
		{&allow, SYS_getgid, 0, 0, KILLED},
		{&raw, SYS_getppid, 0, 0, 9},
		{&raw, SYS_getuid, 0, 0, 0},
		{&raw, SYS_getuid | X32, 0, 0, 9},
		{&raw, SYS_open_by_handle_at, -1, 0, EFAULT},
		{&raw_allow, SYS_getpid, 0, 0, 9},
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int got = outcome(rows[i].o, rows[i].nr, rows[i].a, rows[i].b, 0);

		if (got != rows[i].want)
			print_error("row %zu: %s, wanted %s\n", i, strerror(got), strerror(rows[i].want));
		assert_int_equal(got, rows[i].want);
	}
}

/* What kind of mount it is, by its flags alone. */
static void test_mounts(void **state)
{
	static const struct seccomp_options plain = {.no_profile = true}, privileged = {.privileged = true},
					    bare = {.privileged = true, .no_profile = true},
					    nested = {
						.privileged = true, .nesting = true, .no_profile = true};
	/* clang-format off */
	static const struct { const struct seccomp_options *o; long flags; int want; } rows[] = {
		{&privileged, MS_REMOUNT, EPERM},
		{&privileged, MS_REMOUNT | MS_RDONLY, EPERM},
		{&privileged, MS_REMOUNT | MS_BIND | MS_RDONLY, ENOENT},
		{&privileged, 0, ENOENT},
		{&privileged, MS_MGC_VAL, ENOENT},
		{&bare, 0, EPERM},
		{&bare, MS_RDONLY | MS_NOSUID | MS_SILENT, EPERM},
		{&bare, (long)MS_MGC_VAL, EPERM},
		{&bare, (long)MS_MGC_VAL | MS_NOSUID, EPERM},
		{&bare, MS_REMOUNT, EPERM},
		{&bare, MS_BIND, ENOENT},
		{&bare, (long)MS_MGC_VAL | MS_BIND, ENOENT},
		{&bare, MS_MOVE, ENOENT},
		{&bare, MS_REC | MS_PRIVATE, ENOENT},
		{&bare, MS_SLAVE, ENOENT},
		{&nested, 0, ENOENT},
		{&plain, 0, ENOENT},
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int got = outcome(rows[i].o, SYS_mount, M, M, rows[i].flags);

		if (got != rows[i].want)
			print_error("row %zu: %s, wanted %s\n", i, strerror(got), strerror(rows[i].want));
		assert_int_equal(got, rows[i].want);
	}
	assert_int_equal(outcome(&bare, SYS_mount | X32, M, M, 0), EPERM);
}

static void test_caps(void **state)
{
	(void)state;
	assert_true(caps_dropped(false, false) == 0 && caps_dropped(false, true) == 0);
	assert_true(caps_dropped(true, false) & 1ULL << CAP_SYS_MODULE);
	assert_true(caps_dropped(true, false) & 1ULL << CAP_SYSLOG);
	assert_false(caps_dropped(true, true) & 1ULL << CAP_SYSLOG);
	assert_true(caps_dropped(true, true) & 1ULL << CAP_SYS_TIME);
	assert_false(caps_dropped(true, false) & 1ULL << CAP_SYS_ADMIN);
	assert_false(caps_dropped(true, false) & 1ULL << CAP_SYS_BOOT);
}

static void test_drop(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = (pid_t)syscall(SYS_fork);
	if (pid == 0) {
		if (sandbox_drop_caps(1ULL << CAP_SYS_TIME) < 0 ||
		    prctl(PR_CAPBSET_READ, CAP_SYS_TIME) != 0 || prctl(PR_CAPBSET_READ, CAP_CHOWN) != 1)
			_exit(1);
		if (sandbox_lock_down() < 0 || prctl(PR_CAPBSET_READ, CAP_CHOWN) != 0 ||
		    !prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
			_exit(2);
		_exit(sethostname("x", 1) == 0 ? 3 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_filter),
	    cmocka_unit_test(test_mounts),
	    cmocka_unit_test(test_caps),
	    cmocka_unit_test(test_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
