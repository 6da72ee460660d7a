/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts that would undo what hides or protects files, and ways out of the root. */
#include "attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AT "/tmp/attack-mount"

/* What is tried on mounts is tried in a copy of them, where that can be had. */
static void own_mounts(void)
{
	if (!unshare(CLONE_NEWNS))
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	mkdir(AT, 0700);
}

static int ruling(const char *root)
{
	return open_any_to_write(root, strstr(root, "/sys") ? RULING_SYS : RULING_PROC);
}

static int done(int r)
{
	umount2(AT, MNT_DETACH);
	return r;
}

static int remount(const char *what)
{
	own_mounts();
	if (mount(NULL, what, NULL, MS_REMOUNT | MS_BIND, NULL) < 0)
		return -errno;
	if (!strcmp(what, "/proc/sys"))
		return open_to_write("/proc/sys/kernel/core_pattern");
	return ruling(what);
}

static int uncover(const char *what)
{
	own_mounts();
	if (umount2(what, MNT_DETACH) < 0)
		return -errno;
	return *what && !strcmp(what, "/proc/kcore") ? read_a_byte(what)
						     : open_to_write("/proc/sys/kernel/core_pattern");
}

static int fresh(const char *type)
{
	own_mounts();
	if (mount(type, AT, type, 0, NULL) < 0)
		return -errno;
	return done(open_any_to_write(AT, !strcmp(type, "proc") ? RULING_PROC : RULING_SYS));
}

/* The same by the newer calls, which a filter may have forgotten. */
static int fresh_by_fd(const char *type)
{
	int fs, tree, r = -ENOENT;

	own_mounts();
	fs = fsopen(type, FSOPEN_CLOEXEC);
	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	tree = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (tree < 0)
		return -errno;
	if (openat(tree, "sys/kernel/core_pattern", O_WRONLY | O_CLOEXEC) >= 0 ||
	    openat(tree, "power/state", O_WRONLY | O_CLOEXEC) >= 0)
		return 0;
	r = -errno;
	return r;
}

/* A copy of /proc without what lies over it. */
static int clone_uncovered(const char *what)
{
	int tree;

	own_mounts();
	tree = open_tree(AT_FDCWD, what, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return -errno;
	return openat(tree, "sys/kernel/core_pattern", O_WRONLY | O_CLOEXEC) < 0 ? -errno : 0;
}

static int bind_uncovered(const char *what)
{
	own_mounts();
	if (mount(what, AT, NULL, MS_BIND, NULL) < 0)
		return -errno;
	return done(open_to_write(AT "/sys/kernel/core_pattern"));
}

static int make_writable(const char *what)
{
	struct mount_attr attr = {.attr_clr = MOUNT_ATTR_RDONLY};

	own_mounts();
	if (mount_setattr(AT_FDCWD, what, 0, &attr, sizeof(attr)) < 0)
		return -errno;
	return strstr(what, "proc") ? open_to_write("/proc/sys/kernel/core_pattern") : ruling(what);
}

/* A file system of the kernel's own: mounted, and with something in it. */
static int kernel_fs(const char *type)
{
	own_mounts();
	if (mount(type, AT, type, 0, NULL) < 0)
		return -errno;
	return done(list_entries(AT));
}

/* By flags that a filter or a profile may take for something else than a new mount. */
static int kernel_fs_as(const char *how)
{
	unsigned long flags = !strcmp(how, "magic")	 ? MS_MGC_VAL
			      : !strcmp(how, "readonly") ? MS_RDONLY
			      : !strcmp(how, "silent")	 ? MS_SILENT
							 : MS_NOSUID | MS_NODEV | MS_NOEXEC;

	own_mounts();
	if (mount("debug", AT, "debugfs", flags, NULL) < 0)
		return -errno;
	return done(list_entries(AT));
}

/* What protects a file, moved away from it. */
static int move_away(const char *what)
{
	own_mounts();
	if (mount(what, AT, NULL, MS_MOVE, NULL) < 0)
		return -errno;
	return open_to_write("/proc/sys/kernel/core_pattern");
}

static int bind_all(const char *what)
{
	own_mounts();
	if (mount(what, AT, NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	umount2(AT "/proc/sys", MNT_DETACH);
	return done(open_to_write(AT "/proc/sys/kernel/core_pattern"));
}

/* Since Linux 6.7 a user namespace has formats of its own. */
static int formats(const char *type)
{
	int r;

	own_mounts();
	if (mount(type, AT, type, 0, NULL) < 0)
		return -errno;
	r = open_to_write(AT "/register");
	return done(r || is_host_root() ? r : -ENODATA);
}

/* CVE-2022-0492. */
static int release_agent(const char *group)
{
	DIR *d = opendir("/sys/fs/cgroup");
	struct dirent *e;
	int r = -ENOENT;

	if (!strcmp(group, "found")) {
		char path[512];

		while (d && r && (e = readdir(d))) {
			snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/release_agent", e->d_name);
			r = open_to_write(path);
		}
		return r;
	}
	own_mounts();
	if (mount("c", AT, "cgroup", 0, group) < 0)
		return -errno;
	return done(open_to_write(AT "/release_agent"));
}

static int release_agent_option(const char *group)
{
	char options[128];

	own_mounts();
	/* the empty program: none */
	snprintf(options, sizeof(options), "%s,release_agent=", group);
	if (mount("c", AT, "cgroup", 0, options) < 0)
		return -errno;
	return done(access(AT "/release_agent", W_OK) < 0 ? -errno : 0);
}

static int all_groups(const char *type)
{
	char path[256];

	own_mounts();
	if (mount("c", AT, type, 0, !strcmp(type, "cgroup") ? "pids" : NULL) < 0)
		return -errno;
	snprintf(path, sizeof(path), AT "/%s", foreign_group());
	return done(access(path, F_OK) < 0 ? -errno : 0);
}

/* ---- out of the root */

static int dots(const char *what)
{
	int fd = open("/", O_PATH | O_CLOEXEC);

	(void)what;
	for (int i = 0; i < 64; i++) {
		int up = openat(fd, "..", O_PATH | O_CLOEXEC);

		if (up < 0)
			return -errno;
		close(fd);
		fd = up;
	}
	return has_mark(fd);
}

static int chroot_twice(const char *what)
{
	int fd = open("/", O_PATH | O_CLOEXEC);

	(void)what;
	mkdir("/tmp/attack-root", 0700);
	if (chroot("/tmp/attack-root") < 0 || fchdir(fd) < 0)
		return -errno;
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			return -errno;
	if (chroot(".") < 0)
		return -errno;
	return has_mark(AT_FDCWD);
}

/* What lies below the root's mount. */
static int uncover_root(const char *what)
{
	(void)what;
	own_mounts();
	if (umount2("/", MNT_DETACH) < 0)
		return -errno;
	return chdir("/") < 0 ? -errno : has_mark(AT_FDCWD);
}

static int pivot_twice(const char *what)
{
	(void)what;
	own_mounts();
	if (syscall(SYS_pivot_root, "/", "/") < 0 || umount2("/", MNT_DETACH) < 0)
		return -errno;
	return chdir("/") < 0 ? -errno : has_mark(AT_FDCWD);
}

static const struct attack rows[] = {
    {"remount-proc-sys", "make /proc/sys writable", remount, "/proc/sys", false},
    {"remount-sys", "make /sys writable", remount, "/sys", false},
    {"setattr-proc-sys", "make /proc/sys writable by mount_setattr", make_writable, "/proc/sys", false},
    {"setattr-sys", "make /sys writable by mount_setattr", make_writable, "/sys", false},
    {"uncover-proc-sys", "take away what protects /proc/sys", uncover, "/proc/sys", false},
    {"uncover-kcore", "take away what hides /proc/kcore", uncover, "/proc/kcore", false},
    {"clone-proc", "copy /proc without what protects it", clone_uncovered, "/proc", false},
    {"bind-proc", "bind /proc without what protects it", bind_uncovered, "/proc", false},
    {"bind-root", "bind all, and take away what protects /proc/sys", bind_all, "/", false},
    {"move-proc-sys", "move away what protects /proc/sys", move_away, "/proc/sys", false},
    {"fresh-proc", "mount a /proc, and write there", fresh, "proc", false},
    {"fresh-sys", "mount a /sys, and write there", fresh, "sysfs", false},
    {"fsopen-proc", "the same /proc by fsopen", fresh_by_fd, "proc", false},
    {"fsopen-sys", "the same /sys by fsopen", fresh_by_fd, "sysfs", false},
    {"mount-debugfs", "mount debugfs", kernel_fs, "debugfs", false},
    {"debugfs-magic", "mount it with flags of old", kernel_fs_as, "magic", false},
    {"debugfs-readonly", "mount it read-only", kernel_fs_as, "readonly", false},
    {"debugfs-silent", "mount it silently", kernel_fs_as, "silent", false},
    {"debugfs-nosuid", "mount it without rights of its own", kernel_fs_as, "nosuid", false},
    {"mount-tracefs", "mount tracefs", kernel_fs, "tracefs", false},
    {"mount-securityfs", "mount securityfs", kernel_fs, "securityfs", false},
    {"mount-configfs", "mount configfs", kernel_fs, "configfs", false},
    {"mount-pstore", "mount crashes of the host", kernel_fs, "pstore", false},
    {"mount-efivarfs", "mount variables of the firmware", kernel_fs, "efivarfs", false},
    {"mount-binfmt", "have the host run a program for a format", formats, "binfmt_misc", false},
    {"release_agent", "have the host run a program at a group's end", release_agent, "found", false},
    {"release_agent-memory", "the same, in a mount of its own", release_agent, "memory", false},
    {"release_agent-named", "the same, in a hierarchy of its own", release_agent, "none,name=attack", false},
    {"release_agent-option", "the same, as an option of a mount", release_agent_option, "pids", false},
    {"cgroup-all", "see control groups of others in a mount", all_groups, "cgroup", false},
    {"cgroup2-all", "see them in the unified hierarchy", all_groups, "cgroup2", false},
    {"dots", "leave the root by ..", dots, "", false},
    {"chroot", "leave the root by a second chroot", chroot_twice, "", false},
    {"umount-root", "find the host below the root", uncover_root, "", false},
    {"pivot_root", "find the host below, by pivot_root", pivot_twice, "", false},
};
const struct attack_table attacks_mounts = {rows, N_ROWS(rows)};
