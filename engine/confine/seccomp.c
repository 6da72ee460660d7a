/* SPDX-License-Identifier: Apache-2.0 */
/* The denied system calls as a table, and its compilation. A row here is one attack test.
 * Source: LXC's common.seccomp for the first five; what newer kernels added since. */
#include "engine/confine/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "engine/base/auto.h"
#include "engine/confine/seccomp-internal.h"
#include "engine/confine/seccomp-rules.h"

enum who {
	ALL,
	PRIVILEGED,
	PRIVILEGED_ALONE, /* without nesting */
	PRIVILEGED_BARE,  /* and without AppArmor */
};

struct denied {
	const char *name;
	int errnum;
	enum who who;
	unsigned arg; /* only where this argument, masked, has the value; mask 0: always */
	uint64_t mask, value;
};

/* linux/nsfs.h of 6.12: from a mount namespace to the next of all that the caller has rights over, which for
 * root without a user namespace are the host's. The kernel takes 32 bits of the argument. */
#define NS_MNT_GET_NEXT 0x8010b70b
#define NS_MNT_GET_PREV 0x8010b70c

/* Flags of mount(2) that make it do something else than mount a file system. Source: path_mount() of Linux */
#define LOW_MOUNTS (MS_REMOUNT | MS_BIND | MS_MOVE)
#define OTHER_MOUNTS (LOW_MOUNTS | MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

/* clang-format off */
static const struct denied denied[] = {
	{.name = "kexec_load",        .errnum = ENOSYS},
	{.name = "kexec_file_load",   .errnum = ENOSYS},
	{.name = "open_by_handle_at", .errnum = ENOSYS},
	{.name = "init_module",       .errnum = ENOSYS},
	{.name = "finit_module",      .errnum = ENOSYS},
	{.name = "delete_module",     .errnum = ENOSYS},
	/* would break other users of a network file system that the host mounted */
	{.name = "umount2",           .errnum = EPERM, .arg = 1, .mask = MNT_FORCE, .value = MNT_FORCE},
	{.name = "bpf",               .errnum = ENOSYS, .who = PRIVILEGED},
	{.name = "perf_event_open",   .errnum = ENOSYS, .who = PRIVILEGED},
	{.name = "userfaultfd",       .errnum = ENOSYS, .who = PRIVILEGED},
	/* keyrings go by user namespace and id: a privileged root's are those of the host's root */
	{.name = "add_key",           .errnum = ENOSYS, .who = PRIVILEGED},
	{.name = "keyctl",            .errnum = ENOSYS, .who = PRIVILEGED},
	{.name = "request_key",       .errnum = ENOSYS, .who = PRIVILEGED},
	{.name = "swapon",            .errnum = ENOSYS, .who = PRIVILEGED},
	{.name = "swapoff",           .errnum = ENOSYS, .who = PRIVILEGED},
	{.name = "ioctl",             .errnum = ENOTTY, .who = PRIVILEGED, .arg = 1, .mask = UINT32_MAX, .value = NS_MNT_GET_NEXT},
	{.name = "ioctl",             .errnum = ENOTTY, .who = PRIVILEGED, .arg = 1, .mask = UINT32_MAX, .value = NS_MNT_GET_PREV},
	/* the host's kernel log: in older kernels CAP_SYS_ADMIN stood for CAP_SYSLOG there */
	{.name = "syslog",            .errnum = EPERM, .who = PRIVILEGED_ALONE},
	/* options of a file system as a whole, which the host may have mounted too: not of its mount here */
	{.name = "mount",             .errnum = EPERM, .who = PRIVILEGED_ALONE,
	 .arg = 3, .mask = MS_REMOUNT | MS_BIND, .value = MS_REMOUNT},
	/* systemd fails services whose sandbox it can begin but not finish, for want of a /proc, and starts without
	 * one where it can't begin it */
	{.name = "unshare",           .errnum = EPERM, .who = PRIVILEGED_ALONE,
	 .arg = 0, .mask = CLONE_NEWNS | CLONE_NEWUSER, .value = CLONE_NEWNS},
	/* the other way to mount, which AppArmor doesn't see before Linux 6.7; programs fall back to mount(2) */
	{.name = "fsopen",            .errnum = ENOSYS, .who = PRIVILEGED_ALONE},
	{.name = "fspick",            .errnum = ENOSYS, .who = PRIVILEGED_ALONE},
	{.name = "fsconfig",          .errnum = ENOSYS, .who = PRIVILEGED_ALONE},
	{.name = "fsmount",           .errnum = ENOSYS, .who = PRIVILEGED_ALONE},
	{.name = "open_tree",         .errnum = ENOSYS, .who = PRIVILEGED_ALONE},
	{.name = "move_mount",        .errnum = ENOSYS, .who = PRIVILEGED_ALONE},
	{.name = "mount_setattr",     .errnum = ENOSYS, .who = PRIVILEGED_ALONE},
	/* Another file system: a /proc without masks, debugfs, the host's registry of binary formats. The kernel
	 * leaves a magic number of old out of the flags, and what it has in common with them. */
	{.name = "mount",             .errnum = EPERM, .who = PRIVILEGED_BARE,
	 .arg = 3, .mask = OTHER_MOUNTS, .value = 0},
	{.name = "mount",             .errnum = EPERM, .who = PRIVILEGED_BARE,
	 .arg = 3, .mask = MS_MGC_MSK | LOW_MOUNTS, .value = MS_MGC_VAL},
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

/* Filters of the kernel have at most so many instructions (BPF_MAXINSNS). */
#define MAX_PROGRAM (4096 * 8)

static bool is_for(enum who who, const struct seccomp_options *o)
{
	switch (who) {
	case ALL:
		return true;
	case PRIVILEGED:
		return o->privileged;
	case PRIVILEGED_ALONE:
		return o->privileged && !o->nesting;
	case PRIVILEGED_BARE:
		return o->privileged && !o->nesting && o->no_profile;
	}
	return true;
}

static void add_defaults(struct seccomp_rules *rules, const struct seccomp_options *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(denied); i++) {
		const struct denied *d = &denied[i];
		struct seccomp_rule rule = {
		    .nr = seccomp_syscall_resolve_name(d->name),
		    .action = SCMP_ACT_ERRNO((uint32_t)d->errnum),
		    .args = {{d->arg, SCMP_CMP_MASKED_EQ, d->mask, d->value}},
		    .n_args = d->mask ? 1 : 0,
		};

		if (is_for(d->who, o))
			seccomp_rules_add(rules, &rule);
	}
}

static int read_texts(const struct seccomp_options *o, struct seccomp_rules *rules, struct err *err)
{
	struct err why = ERR_NULL;
	const char *key = NULL;
	int r = 0;

	rules->otherwise = SCMP_ACT_ALLOW;
	if (o->raw) {
		key = "raw.seccomp";
		r = seccomp_rules_parse(str_from(o->raw), SECCOMP_POLICY, rules, &why);
	} else if (o->allow) {
		key = "security.syscalls.allow";
		r = seccomp_rules_parse(str_from(o->allow), SECCOMP_ALLOW, rules, &why);
	} else {
		if (!o->no_default)
			add_defaults(rules, o);
		key = "security.syscalls.deny";
		if (o->deny)
			r = seccomp_rules_parse(str_from(o->deny), SECCOMP_DENY, rules, &why);
	}
	if (r < 0) {
		err_prefix(&why, "%s ", key);
		return err_move(err, &why);
	}
	return 0;
}

/* Whether all programs would be killed or refused at their first step. */
static bool runs_nothing(const struct seccomp_rules *rules)
{
	int execve = seccomp_syscall_resolve_name("execve");
	bool denied_here = rules->otherwise != SCMP_ACT_ALLOW;

	for (size_t i = 0; i < rules->n; i++)
		if (rules->list[i].nr == execve && rules->list[i].arch == 0)
			denied_here = rules->list[i].action != SCMP_ACT_ALLOW && !rules->list[i].n_args;
		else if (rules->list[i].nr == execve)
			return false;
	return denied_here;
}

int seccomp_check(const struct seccomp_options *o, struct err *err)
{
	__attribute__((cleanup(seccomp_rules_done_auto))) struct seccomp_rules rules = {0};
	int r;

	if (o->raw && (o->allow || o->deny))
		return err_set(
		    err, EINVAL,
		    "raw.seccomp is the whole policy: security.syscalls.%s besides it would mean nothing",
		    o->allow ? "allow" : "deny");
	if (o->allow && o->deny)
		return err_set(
		    err, EINVAL,
		    "security.syscalls.allow denies all that it doesn't name: security.syscalls.deny "
		    "besides it would mean nothing");
	r = read_texts(o, &rules, err);
	if (!r && runs_nothing(&rules))
		return err_set(err, EINVAL,
			       "%s doesn't allow execve: not even the instance's init would start",
			       o->raw	  ? "raw.seccomp"
			       : o->allow ? "security.syscalls.allow"
					  : "security.syscalls.deny");
	return r;
}

static int add_rule(scmp_filter_ctx ctx, const struct seccomp_rules *rules, const struct seccomp_rule *rule)
{
	int r;

	/* what happens anyway is no rule: libseccomp takes none */
	if (rule->action == rules->otherwise)
		return 0;
	r = seccomp_rule_add_array(ctx, rule->action, rule->nr, rule->n_args, rule->args);
	/* -EEXIST: another rule covers it already; -EDOM: this architecture has no such call */
	return r == -EEXIST || r == -EDOM ? 0 : r;
}

/* The filter of one architecture. Return: NULL, and errno as @ret_r */
static scmp_filter_ctx filter_of(uint32_t arch, const struct seccomp_rules *rules, int *ret_r)
{
	scmp_filter_ctx ctx = seccomp_init(rules->otherwise);
	uint32_t native = seccomp_arch_native();
	int r = ctx ? seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)) : -EOPNOTSUPP;

	if (!r && arch != native) {
		r = seccomp_arch_add(ctx, arch);
		if (!r)
			r = seccomp_arch_remove(ctx, native);
	}
	for (size_t i = 0; !r && i < rules->n; i++)
		if (rules->list[i].arch == 0 || rules->list[i].arch == arch)
			r = add_rule(ctx, rules, &rules->list[i]);
	*ret_r = r;
	if (r < 0 && ctx) {
		seccomp_release(ctx);
		ctx = NULL;
	}
	return ctx;
}

static int merge(scmp_filter_ctx all, uint32_t arch, const struct seccomp_rules *rules)
{
	int r = 0;
	scmp_filter_ctx one = filter_of(arch, rules, &r);

	if (!one)
		return r;
	r = seccomp_merge(all, one);
	/* merged, it is released with the other */
	if (r < 0)
		seccomp_release(one);
	return r;
}

int seccomp_write_program(scmp_filter_ctx ctx, int *ret_fd)
{
	AUTO(fd) int fd = memfd_create("seccomp", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;
	int r = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);

	if (!r && fstat(fd, &st) < 0)
		r = -errno;
	if (!r && st.st_size > MAX_PROGRAM)
		r = -E2BIG;
	if (!r && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		r = -errno;
	if (!r)
		*ret_fd = TAKE_FD(fd);
	return r;
}

int seccomp_export(const struct seccomp_options *o, int *ret_fd, struct buf *ret_unknown, struct err *err)
{
	__attribute__((cleanup(seccomp_rules_done_auto))) struct seccomp_rules rules = {0};
	scmp_filter_ctx ctx;
	int r = read_texts(o, &rules, err);

	if (r < 0)
		return r;
	ctx = filter_of(seccomp_arch_native(), &rules, &r);
	for (size_t i = 0; !r && !o->deny_compat && i < ARRAY_SIZE(compat); i++)
		r = merge(ctx, compat[i], &rules);
	if (!r)
		r = seccomp_write_program(ctx, ret_fd);
	if (ctx)
		seccomp_release(ctx);
	if (r == -E2BIG)
		return err_set(err, E2BIG, "the system call filter has more rules than the kernel takes");
	if (r < 0)
		return err_set(err, -r, "the system call filter can't be compiled: %s", strerror(-r));
	if (ret_unknown)
		buf_add(ret_unknown, buf_cstr(&rules.unknown), rules.unknown.len);
	return 0;
}
