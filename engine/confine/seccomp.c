/* SPDX-License-Identifier: Apache-2.0 */
/* The denied system calls as a table, and its compilation. A row here is one attack test.
 * Source: LXC's common.seccomp for the first five; what newer kernels added since. */
#include "engine/confine/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "engine/base/auto.h"

enum who { ALL, PRIVILEGED };

struct denied {
	const char *name;
	int errnum;
	enum who who;
	uint64_t arg1_bits; /* only where these are set in the second argument; 0: always */
};

/* clang-format off */
static const struct denied denied[] = {
	{.name = "kexec_load",        .errnum = ENOSYS},
	{.name = "kexec_file_load",   .errnum = ENOSYS},
	{.name = "open_by_handle_at", .errnum = ENOSYS},
	{.name = "init_module",       .errnum = ENOSYS},
	{.name = "finit_module",      .errnum = ENOSYS},
	{.name = "delete_module",     .errnum = ENOSYS},
	/* would break other users of a network file system that the host mounted */
	{.name = "umount2",           .errnum = EPERM, .arg1_bits = MNT_FORCE},
	{.name = "bpf",               .errnum = ENOSYS, .who = PRIVILEGED},
	{.name = "perf_event_open",   .errnum = ENOSYS, .who = PRIVILEGED},
	{.name = "userfaultfd",       .errnum = ENOSYS, .who = PRIVILEGED},
};

/* Calls of these architectures reach the same kernel code, so the same list holds for them. */
static const uint32_t compat[] = {
#if defined(__x86_64__)
	SCMP_ARCH_X86, SCMP_ARCH_X32,
#elif defined(__aarch64__)
	SCMP_ARCH_ARM,
#else
#error "name the other architectures whose calls this one's kernel takes"
#endif
};
/* clang-format on */

static int add_row(scmp_filter_ctx ctx, const struct denied *d)
{
	int nr = seccomp_syscall_resolve_name(d->name);

	if (nr == __NR_SCMP_ERROR)
		return -ENOENT;
	if (d->arg1_bits)
		return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(d->errnum), nr, 1,
					SCMP_A1(SCMP_CMP_MASKED_EQ, d->arg1_bits, d->arg1_bits));
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(d->errnum), nr, 0);
}

static int fill(scmp_filter_ctx ctx, const struct seccomp_options *o, struct err *err)
{
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));

	for (size_t i = 0; !r && !o->deny_compat && i < ARRAY_SIZE(compat); i++) {
		r = seccomp_arch_add(ctx, compat[i]);
		if (r == -EEXIST)
			r = 0;
	}
	if (r < 0)
		return err_set(err, -r, "the system call filter can't be made for this architecture: %s",
			       strerror(-r));
	for (size_t i = 0; !o->no_default && i < ARRAY_SIZE(denied); i++) {
		if (denied[i].who == PRIVILEGED && !o->privileged)
			continue;
		r = add_row(ctx, &denied[i]);
		if (r < 0)
			return err_set(err, -r, "the system call %s can't be denied: %s", denied[i].name,
				       strerror(-r));
	}
	return 0;
}

int seccomp_export(const struct seccomp_options *options, int *ret_fd, struct err *err)
{
	AUTO(fd) int fd = -EBADF;
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (!ctx)
		return err_set(err, EOPNOTSUPP, "the kernel has no system call filters");
	r = fill(ctx, options, err);
	if (!r) {
		fd = memfd_create("seccomp", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		r = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);
		if (!r &&
		    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
			r = -errno;
		if (r < 0)
			err_set(err, -r, "the system call filter can't be compiled: %s", strerror(-r));
	}
	seccomp_release(ctx);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}
