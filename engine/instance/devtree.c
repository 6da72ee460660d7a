/* SPDX-License-Identifier: Apache-2.0 */
/* /dev, /proc, /sys of a container, mounted by descriptors: nothing in the image can lead a mount elsewhere.
 */
#include "engine/instance/devtree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/base/sandbox.h"
#include "engine/base/str.h"
#include "engine/instance/wire.h"

#define TTY_GID 5

/* clang-format off */
static const struct node { const char *name; bool optional; } nodes[] = {
	{"null", false}, {"zero", false}, {"full", false}, {"random", false}, {"urandom", false}, {"tty", false},
	{"fuse", true}, {"net/tun", true},
};

static const struct { const char *name, *to; } links[] = {
	{"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},
};
/* clang-format on */

/* SELinux' context for what is mounted here; this process makes one container. */
static const char *files_context;

void devtree_context(const char *context)
{
	files_context = context;
}

/* A new mount of a file system. @options: "key", "value", ... NULL; a value of "" is a flag. */
static int new_mount(const char *type, const char *const *options, unsigned attrs)
{
	AUTO(fd) int fs = fsopen(type, FSOPEN_CLOEXEC);
	int mnt;

	if (fs < 0)
		return -errno;
	for (; options && options[0]; options += 2) {
		int r = *options[1] ? fsconfig(fs, FSCONFIG_SET_STRING, options[0], options[1], 0)
				    : fsconfig(fs, FSCONFIG_SET_FLAG, options[0], NULL, 0);

		if (r < 0)
			return -errno;
	}
	if (files_context && (!strcmp(type, "tmpfs") || !strcmp(type, "devpts")) &&
	    fsconfig(fs, FSCONFIG_SET_STRING, "context", files_context, 0) < 0)
		return -errno;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, attrs);
	return mnt < 0 ? -errno : mnt;
}

static int attach(int mnt, int dirfd, const char *name)
{
	AUTO(fd) int target = path_make_in_root(dirfd, name, true);

	if (target < 0)
		return target;
	return move_mount(mnt, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ? -errno
												      : 0;
}

/* Return: the mount's descriptor, attached, or a failure */
static int mount_at(const char *type, const char *const *options, unsigned attrs, int dirfd, const char *name,
		    struct err *err)
{
	AUTO(fd) int mnt = new_mount(type, options, attrs);
	int r;

	if (mnt < 0)
		return err_set(err, -mnt, "the container's /%s (%s) can't be made: %s", name, type,
			       strerror(-mnt));
	r = attach(mnt, dirfd, name);
	if (r < 0)
		return err_set(err, -r, "the container's /%s (%s) can't be mounted: %s", name, type,
			       strerror(-r));
	return TAKE_FD(mnt);
}

static int bind_node(int dev, const struct node *node, struct err *err)
{
	AUTO(free) char *path = xasprintf("/dev/%s", node->name);
	AUTO(fd) int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), target = -EBADF;
	int r;

	if (tree < 0 && node->optional && (errno == ENOENT || errno == EACCES))
		return 0;
	if (tree < 0)
		return err_set(err, errno, "the host's %s can't be shared: %s", path, strerror(errno));
	target = path_make_in_root(dev, node->name, false);
	r = target;
	if (r >= 0 && move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		r = -errno;
	if (r < 0)
		return err_set(err, -r, "the container's %s can't be made: %s", path, strerror(-r));
	return 0;
}

/* Root of a privileged container owns what the host's root owns: a node of the host's, bound, could be given
 * another mode or owner for the whole host, as udev and systemd-tmpfiles inside do. It has nodes of its own.
 * Return: -EPERM where no nodes can be made, in a user namespace around lxdfs */
static int make_node(int dev, const struct node *node, struct err *err)
{
	AUTO(free) char *path = xasprintf("/dev/%s", node->name), *dir = xstrdup(node->name);
	char *slash = strrchr(dir, '/');
	struct stat st;

	if (stat(path, &st) < 0)
		return node->optional && errno == ENOENT
			   ? 0
			   : err_set(err, errno, "the host's %s can't be looked at: %s", path,
				     strerror(errno));
	if (slash)
		*slash = 0;
	if ((slash && mkdirat(dev, dir, 0755) < 0 && errno != EEXIST) ||
	    mknodat(dev, node->name, S_IFCHR | 0666, st.st_rdev) < 0)
		return err_set(err, errno, "the container's %s can't be made: %s", path, strerror(errno));
	return 0;
}

/* The console: a pty of the container's own devpts, so that nothing of the host's terminals is in it. */
static int make_console(int dev, int pts, int *ret_master, int *ret_slave)
{
	AUTO(fd) int master = openat(pts, "ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	AUTO(fd) int slave = -EBADF, tree = -EBADF, target = -EBADF;
	AUTO(free) char *name = NULL;
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	int unlock = 0;
	unsigned number;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0 || ioctl(master, TIOCGPTN, &number) < 0)
		return -errno;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || ioctl(slave, TIOCSWINSZ, &size) < 0)
		return -errno;
	name = xasprintf("%u", number);
	tree = open_tree(pts, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	target = path_make_in_root(dev, "console", false);
	if (tree < 0 || target < 0 ||
	    move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -errno;
	*ret_master = TAKE_FD(master);
	*ret_slave = TAKE_FD(slave);
	return 0;
}

int devtree_mount(int root, bool privileged, int *ret_master, int *ret_slave, struct err *err)
{
	static const char *const dev_options[] = {"mode", "755", "size", "500k", NULL};
	static const char *const pts_options[] = {"gid", "5",	"mode", "620", "ptmxmode",
						  "666", "max", "1024", NULL};
	static const char *const shm_options[] = {"mode", "1777", NULL};
	AUTO(fd)
	int dev = mount_at("tmpfs", dev_options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, root, "dev", err);
	AUTO(fd) int pts = -EBADF, shm = -EBADF, mqueue = -EBADF;
	int r;

	_Static_assert(TTY_GID == 5, "gid above");
	if (dev < 0)
		return dev;
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		r = privileged ? make_node(dev, &nodes[i], err) : -EPERM;
		if (r == -EPERM)
			r = bind_node(dev, &nodes[i], err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (symlinkat(links[i].to, dev, links[i].name) < 0)
			return err_set(err, errno, "the container's /dev/%s can't be made: %s", links[i].name,
				       strerror(errno));
	pts = mount_at("devpts", pts_options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, dev, "pts", err);
	if (pts < 0)
		return err_prefix(err, "/dev: ");
	shm = mount_at("tmpfs", shm_options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, dev, "shm", err);
	if (shm < 0)
		return err_prefix(err, "/dev: ");
	mqueue = mount_at("mqueue", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, dev,
			  "mqueue", err);
	if (mqueue < 0 && mqueue != -ENODEV) /* a kernel without POSIX message queues */
		return err_prefix(err, "/dev: ");
	err_done(err);
	r = make_console(dev, pts, ret_master, ret_slave);
	return r < 0 ? err_set(err, -r, "the container's console can't be made: %s", strerror(-r)) : 0;
}

/* "memory", "cpu,cpuacct", "none,name=systemd" as pairs for new_mount(). */
static int mount_hierarchy(int dir, const struct wire_hierarchy *h, unsigned attrs, struct err *err)
{
	AUTO(free) char *text = xstrdup(h->opts ? h->opts : "");
	const char *options[33] = {NULL};
	size_t n = 0;
	char *rest = text, *o;

	while ((o = strsep(&rest, ",")) && n + 3 < ARRAY_SIZE(options)) {
		char *value = strchr(o, '=');

		if (!*o)
			continue;
		if (value)
			*value++ = 0;
		options[n++] = o;
		options[n++] = value ? value : "";
	}
	return mount_at(h->opts ? "cgroup" : "cgroup2", options, attrs, dir,
			*h->dir ? h->dir : "sys/fs/cgroup", err);
}

/* cpu -> cpu,cpuacct, as hosts have it */
static void link_parts(int dir, const char *name)
{
	struct str rest = str_from(name), part;

	if (!strchr(name, ','))
		return;
	while (str_next(&rest, ',', &part)) {
		AUTO(free) char *link = str_dup(part);

		if (path_is_name(part) && symlinkat(name, dir, link) < 0 && errno != EEXIST)
			return; /* a convenience */
	}
}

static int mount_groups(int root, const struct wire_hierarchy *groups, size_t n, struct err *err)
{
	static const char *const options[] = {"mode", "755", "size", "64k", NULL};
	unsigned attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	AUTO(fd) int top = -EBADF;

	if (n == 1 && !groups[0].opts) {
		struct wire_hierarchy only = {(char *)"", NULL};

		top = mount_hierarchy(root, &only, attrs, err);
		return top < 0 ? top : 0;
	}
	top = mount_at("tmpfs", options, attrs, root, "sys/fs/cgroup", err);
	if (top < 0)
		return top;
	for (size_t i = 0; i < n; i++) {
		AUTO(fd) int mnt = -EBADF;

		if (!path_is_name(str_from(groups[i].dir)))
			continue; /* the host has it at a place of its own */
		mnt = mount_hierarchy(top, &groups[i], attrs, err);
		if (mnt < 0)
			return err_prefix(err, "/sys/fs/cgroup: ");
		link_parts(top, groups[i].dir);
	}
	return 0;
}

int devtree_mount_kernel(int root, const struct wire_hierarchy *cgroups, size_t n_cgroups, struct err *err)
{
	unsigned attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	AUTO(fd) int proc = mount_at("proc", NULL, attrs, root, "proc", err), sys = -EBADF;

	if (proc < 0)
		return proc;
	sys = mount_at("sysfs", NULL, attrs, root, "sys", err);
	if (sys < 0)
		return sys;
	return mount_groups(root, cgroups, n_cgroups, err);
}

/* Return: 0 also where the image has no such directory, or a link there, and where the kernel has no such
 * type */
static int mount_below(int root, const char *type, const char *const *options, unsigned attrs,
		       const char *name, struct err *err)
{
	AUTO(fd) int dir = path_open(root, name, O_PATH | O_DIRECTORY, 0), mnt = -EBADF;

	if (dir < 0)
		return 0;
	mnt = mount_at(type, options, attrs, root, name, err);
	if (mnt != -ENODEV)
		return mnt < 0 ? mnt : 0;
	err_done(err);
	return 0;
}

int devtree_mount_run(int root, struct err *err)
{
	static const char *const run_options[] = {"mode", "755", NULL};
	static const char *const lock_options[] = {"mode", "1777", "size", "5m", NULL};
	unsigned attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	AUTO(fd) int run = -EBADF;
	int r = mount_below(root, "tmpfs", run_options, attrs, "run", err);

	if (r < 0)
		return r;
	run = path_open(root, "run", O_PATH | O_DIRECTORY, 0);
	if (run < 0 || mkdirat(run, "lock", 0755) < 0)
		return 0;
	return mount_below(run, "tmpfs", lock_options, attrs | MOUNT_ATTR_NOEXEC, "lock", err);
}

int devtree_mount_huge(int root, struct err *err)
{
	AUTO(fd) int dev = path_open(root, "dev", O_PATH | O_DIRECTORY, 0);

	/* nobody mounts it in a user namespace, as lxdfs in a container is in */
	if (dev < 0 || sandbox_is_namespaced() || mkdirat(dev, "hugepages", 0755) < 0)
		return 0;
	return mount_below(dev, "hugetlbfs", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, "hugepages", err);
}

int devtree_mount_security(int root, struct err *err)
{
	AUTO(fd) int tree = open_tree(AT_FDCWD, "/sys/kernel/security", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	AUTO(fd) int target = path_open(root, "sys/kernel/security", O_PATH | O_DIRECTORY, 0);

	if (tree < 0 || target < 0)
		return err_set(err, tree < 0 ? errno : -target,
			       "the kernel's /sys/kernel/security can't be opened for the container");
	if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(err, errno, "the container's /sys/kernel/security can't be mounted: %s",
			       strerror(errno));
	return 0;
}
