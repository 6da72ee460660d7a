/* SPDX-License-Identifier: Apache-2.0 */
/* What is done for containers as tables, and calls read from registers and memory that the caller may change
 * at any moment. Source: mknod(2), setxattr(2), mount(2), sched(7), seccomp_unotify(2), the kernel's
 * overlayfs.rst. */
#include "engine/confine/intercept.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "engine/base/auto.h"
#include "engine/base/parse.h"

#define PAGE 4096
#define OPAQUE "trusted.overlay.opaque"
/* What no new mount of a file system has: another kind of call. */
#define OTHER_MOUNTS (MS_BIND | MS_MOVE | MS_REMOUNT | MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "name this machine's AUDIT_ARCH"
#endif

/* clang-format off */
const struct intercept_device intercept_devices[] = {
	{0, 0}, /* a whiteout: no device, the mark of a removed file in a layer */
	{1, 3}, /* null */
	{1, 5}, /* zero */
	{1, 7}, /* full */
	{1, 8}, /* random */
	{1, 9}, /* urandom */
	{5, 0}, /* tty */
	{5, 1}, /* console */
};
const size_t intercept_n_devices = ARRAY_SIZE(intercept_devices);

/* File systems of one block device. Others take paths, addresses or descriptors as options, which would be looked up
 * with the host's eyes. */
static const struct fs {
	const char *name;
	const char *always; /* an option that is always given */
	const char *value;
} file_systems[] = {
	{.name = "btrfs"},
	{.name = "erofs"},
	{.name = "exfat"},
	/* the image itself may say that the kernel shall panic where it is damaged */
	{.name = "ext2", .always = "errors", .value = "remount-ro"},
	{.name = "ext3", .always = "errors", .value = "remount-ro"},
	{.name = "ext4", .always = "errors", .value = "remount-ro"},
	{.name = "f2fs"},
	{.name = "iso9660"},
	{.name = "msdos", .always = "errors", .value = "remount-ro"},
	{.name = "ntfs3"},
	{.name = "squashfs"},
	{.name = "udf"},
	{.name = "vfat", .always = "errors", .value = "remount-ro"},
	{.name = "xfs"},
};

/* Options that name no file, device or id of the host and change nothing beyond this mount. "NAME=" takes a word. */
static const char *const harmless[] = {
	"acl", "noacl", "user_xattr", "nouser_xattr", "barrier", "nobarrier", "delalloc", "nodelalloc", "noload",
	"norecovery", "nouuid", "discard", "nodiscard", "inode64", "inode32", "compress=", "subvol=", "ro", "rw",
	"iocharset=", "codepage=", "shortname=", "utf8", "quiet", "norock", "nojoliet", "lazytime", "nolazytime",
};
/* clang-format on */

bool intercept_device_ok(mode_t mode, dev_t dev)
{
	for (size_t i = 0; (mode & S_IFMT) == S_IFCHR && i < ARRAY_SIZE(intercept_devices); i++)
		if (dev == makedev(intercept_devices[i].major, intercept_devices[i].minor))
			return true;
	return false;
}

static const struct fs *fs_find(struct str name)
{
	for (size_t i = 0; i < ARRAY_SIZE(file_systems); i++)
		if (str_is(name, file_systems[i].name))
			return &file_systems[i];
	return NULL;
}

bool intercept_fs_ok(struct str name)
{
	return fs_find(name) != NULL;
}

void intercept_fs_names(struct buf *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(file_systems); i++)
		buf_printf(b, "%s%s", i ? ", " : "", file_systems[i].name);
}

/* ---- options */

static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!((s.ptr[i] | 0x20) >= 'a' && (s.ptr[i] | 0x20) <= 'z') &&
		    !(s.ptr[i] >= '0' && s.ptr[i] <= '9') && s.ptr[i] != '-' && s.ptr[i] != '_' &&
		    s.ptr[i] != ':' && s.ptr[i] != '@')
			return false;
	return s.len > 0;
}

static bool is_harmless(struct str name, bool has_value)
{
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
		struct str h = str_from(harmless[i]);
		bool wants_value = h.ptr[h.len - 1] == '=';

		h.len -= wants_value ? 1 : 0;
		if (str_eq(name, h) && wants_value == has_value)
			return true;
	}
	return false;
}

static void set_option(struct intercept_option *o, struct str name, struct str value)
{
	memset(o, 0, sizeof(*o));
	memcpy(o->name, name.ptr, name.len);
	if (value.len)
		memcpy(o->value, value.ptr, value.len);
}

int intercept_options(const char *fs, const char *text, struct intercept_option *ret)
{
	const struct fs *f = fs_find(str_from(fs));
	struct str rest = str_from(text), piece;
	int n = 0;

	while (str_next(&rest, ',', &piece)) {
		struct str value = piece, name;
		bool has_value = memchr(piece.ptr, '=', piece.len) != NULL;

		if (!piece.len)
			continue;
		str_next(&value, '=', &name);
		if (!has_value)
			value = STR_NULL;
		/* what is given always may be asked for, too */
		if (f && f->always && str_is(name, f->always) && str_is(value, f->value))
			continue;
		if (!is_harmless(name, has_value) || (has_value && !is_word(value)) ||
		    n + 1 >= INTERCEPT_OPTIONS || name.len >= sizeof(ret->name) ||
		    value.len >= sizeof(ret->value))
			return -EINVAL;
		set_option(&ret[n++], name, value);
	}
	if (f && f->always)
		set_option(&ret[n++], str_from(f->always), str_from(f->value));
	return n;
}

char *intercept_fuse(struct str line, const char *fs)
{
	struct str name, program = str_trim(line);

	if (!memchr(program.ptr, '=', program.len))
		return NULL;
	str_next(&program, '=', &name);
	name = str_trim(name);
	program = str_trim(program);
	if (!is_word(name) || !program.len || name.len >= sizeof(((struct intercept_call *)0)->fs))
		return NULL;
	for (size_t i = 0; i < program.len; i++)
		if (!is_word((struct str){program.ptr + i, 1}) && !strchr("./+", program.ptr[i]))
			return NULL;
	return !fs || str_is(name, fs) ? str_dup(program) : NULL;
}

/* ---- the caller's memory */

/* A text up to its NUL, page by page: what follows it may not be mapped. */
static int read_text(intercept_read_fn *read, void *ctx, uint64_t address, char *to, size_t size,
		     int too_long)
{
	size_t n = 0;

	while (n < size) {
		size_t want = MIN(size - n, PAGE - (address + n) % PAGE), got = 0;
		int r = read(ctx, address + n, to + n, want, &got);
		const char *end;

		if (r < 0)
			return r;
		if (got > want || got == 0)
			return -EFAULT;
		end = memchr(to + n, 0, got);
		if (end)
			return 0;
		n += got;
	}
	return too_long;
}

static int read_whole(intercept_read_fn *read, void *ctx, uint64_t address, void *to, size_t size)
{
	size_t got = 0;
	int r = read(ctx, address, to, size, &got);

	return r < 0 ? r : got != size ? -EFAULT : 0;
}

/* Options: a page at most, shorter where less is mapped; none is fine. Source: copy_mount_options() of the
 * kernel. */
static int read_options(intercept_read_fn *read, void *ctx, uint64_t address, char *to, size_t size)
{
	int r;

	to[0] = 0;
	if (!address)
		return 0;
	r = read_text(read, ctx, address, to, size, -EINVAL);
	to[size - 1] = 0;
	return r;
}

/* ---- calls */

/* Of mode and dev the kernel takes 32 bits, whatever else is in the registers. */
static int parse_mknod(int dirfd, uint64_t path, uint64_t mode, uint32_t dev, intercept_read_fn *read,
		       void *ctx, struct intercept_call *ret)
{
	int r;

	ret->mode = (mode_t)mode;
	/* as new_decode_dev() of the kernel, in which user space hands it over */
	ret->dev = makedev((dev & 0xfff00) >> 8, (dev & 0xff) | ((dev >> 12) & 0xfff00));
	ret->dirfd = dirfd;
	if (!intercept_device_ok(ret->mode, ret->dev))
		return 0;
	r = read_text(read, ctx, path, ret->path, sizeof(ret->path), -ENAMETOOLONG);
	if (!r && !ret->path[0])
		r = -ENOENT;
	if (!r)
		ret->what = INTERCEPT_MKNOD;
	return r;
}

static int parse_setxattr(const struct seccomp_data *d, intercept_read_fn *read, void *ctx,
			  struct intercept_call *ret)
{
	char name[sizeof(OPAQUE)] = "";
	int r;

	ret->xattr_flags = (int)d->args[4];
	if (d->args[3] != 1 || ret->xattr_flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return 0;
	r = read_text(read, ctx, d->args[1], name, sizeof(name), 0);
	if (r == -EFAULT)
		return 0; /* the kernel says so itself, perhaps of another argument first */
	if (r < 0 || memcmp(name, OPAQUE, sizeof(name)) != 0)
		return r;
	r = read_whole(read, ctx, d->args[2], &ret->xattr_value, 1);
	if (!r && ret->xattr_value != 'y')
		return 0;
	if (!r && d->nr == SYS_fsetxattr)
		ret->dirfd = (int)d->args[0];
	else if (!r)
		r = read_text(read, ctx, d->args[0], ret->path, sizeof(ret->path), -ENAMETOOLONG);
	if (!r && d->nr != SYS_fsetxattr && !ret->path[0])
		r = -ENOENT;
	ret->follow = d->nr == SYS_setxattr;
	if (!r)
		ret->what = INTERCEPT_SETXATTR;
	return r;
}

static int parse_mount(const struct seccomp_data *d, bool (*fs_known)(void *, const char *),
		       intercept_read_fn *read, void *ctx, struct intercept_call *ret)
{
	int r;

	ret->mount_flags = d->args[3];
	/* programs of old times pass this along */
	if ((ret->mount_flags & MS_MGC_MSK) == MS_MGC_VAL)
		ret->mount_flags &= ~MS_MGC_MSK;
	if (ret->mount_flags & OTHER_MOUNTS || !d->args[0] || !d->args[2])
		return 0;
	r = read_text(read, ctx, d->args[2], ret->fs, sizeof(ret->fs), 1);
	if (r == 1 || r == -EFAULT)
		return 0;
	if (r < 0)
		return r;
	if (!fs_known || !fs_known(ctx, ret->fs))
		return 0;
	r = read_text(read, ctx, d->args[0], ret->source, sizeof(ret->source), -ENAMETOOLONG);
	if (!r)
		r = read_text(read, ctx, d->args[1], ret->path, sizeof(ret->path), -ENAMETOOLONG);
	if (!r)
		r = read_options(read, ctx, d->args[4], ret->options, sizeof(ret->options));
	if (!r && (!ret->path[0] || !ret->source[0]))
		r = -ENOENT;
	ret->follow = true;
	if (!r)
		ret->what = INTERCEPT_MOUNT;
	return r;
}

static int parse_sched(const struct seccomp_data *d, intercept_read_fn *read, void *ctx,
		       struct intercept_call *ret)
{
	struct sched_param param = {0};
	int r;

	ret->pid = (pid_t)d->args[0];
	ret->policy = (int)d->args[1];
	if (ret->pid < 0 || !d->args[2])
		return 0;
	r = read_whole(read, ctx, d->args[2], &param, sizeof(param));
	ret->priority = param.sched_priority;
	if (!r)
		ret->what = INTERCEPT_SCHED;
	return r;
}

static int parse(const struct seccomp_data *d, unsigned what, bool (*fs_known)(void *, const char *),
		 intercept_read_fn *read, void *ctx, struct intercept_call *ret)
{
	switch (d->nr) {
#ifdef SYS_mknod
	case SYS_mknod:
		if (what & INTERCEPT_MKNOD)
			return parse_mknod(AT_FDCWD, d->args[0], d->args[1], (uint32_t)d->args[2], read, ctx,
					   ret);
		break;
#endif
	case SYS_mknodat:
		if (what & INTERCEPT_MKNOD)
			return parse_mknod((int)d->args[0], d->args[1], d->args[2], (uint32_t)d->args[3],
					   read, ctx, ret);
		break;
	case SYS_setxattr:
	case SYS_lsetxattr:
	case SYS_fsetxattr:
		if (what & INTERCEPT_SETXATTR)
			return parse_setxattr(d, read, ctx, ret);
		break;
	case SYS_mount:
		if (what & INTERCEPT_MOUNT)
			return parse_mount(d, fs_known, read, ctx, ret);
		break;
	case SYS_sched_setscheduler:
		if (what & INTERCEPT_SCHED)
			return parse_sched(d, read, ctx, ret);
		break;
	case SYS_sysinfo:
		ret->address = d->args[0];
		ret->what = what & INTERCEPT_SYSINFO;
		break;
	default:
		break;
	}
	return 0;
}

int intercept_parse(const struct seccomp_data *d, unsigned what, bool (*fs_known)(void *, const char *),
		    intercept_read_fn *read, void *ctx, struct intercept_call *ret)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->dirfd = AT_FDCWD;
	/* pointers of other architectures' calls may be of another size */
	if (d->arch != ARCH)
		return 0;
	r = parse(d, what, fs_known, read, ctx, ret);
	/* half of a call is none */
	if (r < 0 || !ret->what)
		memset(ret, 0, sizeof(*ret));
	return r;
}
