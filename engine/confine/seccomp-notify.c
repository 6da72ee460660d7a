/* SPDX-License-Identifier: Apache-2.0 */
/* The filter that hands calls of a container to lxdfs-intercept. It stands beside the one that denies, whose
 * answer comes first: what is denied is never asked for. Source: seccomp_unotify(2), seccomp_rule_add(3). */
#include "engine/confine/seccomp.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "engine/base/auto.h"
#include "engine/confine/intercept.h"
#include "engine/confine/seccomp-internal.h"

#define OTHER_MOUNTS (MS_BIND | MS_MOVE | MS_REMOUNT | MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

static int add(scmp_filter_ctx ctx, const char *name, unsigned n, const struct scmp_arg_cmp *args)
{
	int nr = seccomp_syscall_resolve_name(name), r;

	if (nr == __NR_SCMP_ERROR || nr < 0)
		return 0; /* a call that this architecture never had */
	r = seccomp_rule_add_array(ctx, SCMP_ACT_NOTIFY, nr, n, args);
	return r == -EDOM ? 0 : r;
}

/* The devices that are made, whose numbers the kernel has in registers: no others are asked for. */
static int add_mknod(scmp_filter_ctx ctx)
{
	int r = 0;

	for (size_t i = 0; !r && i < intercept_n_devices; i++) {
		uint64_t dev = makedev(intercept_devices[i].major, intercept_devices[i].minor);
		struct scmp_arg_cmp args[] = {SCMP_A1(SCMP_CMP_MASKED_EQ, S_IFMT, S_IFCHR),
					      SCMP_A2(SCMP_CMP_MASKED_EQ, UINT32_MAX, dev)};
		struct scmp_arg_cmp at[] = {SCMP_A2(SCMP_CMP_MASKED_EQ, S_IFMT, S_IFCHR),
					    SCMP_A3(SCMP_CMP_MASKED_EQ, UINT32_MAX, dev)};

		r = add(ctx, "mknod", 2, args);
		if (!r)
			r = add(ctx, "mknodat", 2, at);
	}
	return r;
}

static int add_all(scmp_filter_ctx ctx, unsigned what)
{
	static const char *const setxattrs[] = {"setxattr", "lsetxattr", "fsetxattr"};
	struct scmp_arg_cmp one_byte = SCMP_A3(SCMP_CMP_EQ, 1);
	struct scmp_arg_cmp new_mount = SCMP_A3(SCMP_CMP_MASKED_EQ, OTHER_MOUNTS, 0);
	int r = what & INTERCEPT_MKNOD ? add_mknod(ctx) : 0;

	for (size_t i = 0; !r && what & INTERCEPT_SETXATTR && i < ARRAY_SIZE(setxattrs); i++)
		r = add(ctx, setxattrs[i], 1, &one_byte);
	if (!r && what & INTERCEPT_MOUNT)
		r = add(ctx, "mount", 1, &new_mount);
	/* programs that know the newer calls fall back to mount(2), whose arguments can be looked at */
	if (!r && what & INTERCEPT_MOUNT)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(fsopen), 0);
	if (!r && what & INTERCEPT_SCHED)
		r = add(ctx, "sched_setscheduler", 0, NULL);
	if (!r && what & INTERCEPT_SYSINFO)
		r = add(ctx, "sysinfo", 0, NULL);
	return r;
}

int seccomp_notify_export(unsigned what, int *ret_fd, struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	/* calls of other architectures have arguments of other sizes: the kernel answers them */
	int r = ctx ? seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW) : -EOPNOTSUPP;

	if (!r)
		r = add_all(ctx, what);
	if (!r)
		r = seccomp_write_program(ctx, ret_fd);
	if (ctx)
		seccomp_release(ctx);
	return r < 0 ? err_set(err, -r, "the filter of security.syscalls.intercept.* can't be compiled: %s",
			       strerror(-r))
		     : 0;
}
