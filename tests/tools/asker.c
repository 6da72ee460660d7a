/* SPDX-License-Identifier: Apache-2.0 */
/* Runs inside a container, static and alone in its image, and makes calls that the host may do for it: one a
 * verb, with its outcome on standard output. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static void say(const char *what, long r)
{
	printf("%s %s\n", what, r >= 0 ? "reached" : strerrorname_np(errno));
}

static char *page; /* nothing is mapped after it */

static int race(const char *dir);

/* On the host: a file of it, as a mount in the namespace of @pid. */
static int give(const char *pid, const char *file, const char *target)
{
	int tree = open_tree(AT_FDCWD, file, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), ns, at;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/mnt", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (tree < 0 || setns(ns, CLONE_NEWNS) < 0 || (at = open(target, O_PATH | O_CLOEXEC)) < 0 ||
	    move_mount(tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0) {
		perror(file);
		return 1;
	}
	return 0;
}

static int intercepted(const char *what, const char *path)
{
	static char longer[9000];
	struct sysinfo info = {0};
	struct sched_param param = {.sched_priority =
					path && *path != '/' ? (int)strtol(path, NULL, 10) : 10};
	unsigned major, minor;
	char node[512];

	page = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (!strcmp(what, "race") && path)
		return race(path);
	if (sscanf(what, "mknod-%u:%u", &major, &minor) == 2 && path)
		say(what, mknod(path, S_IFCHR | 0666, makedev(major, minor)));
	else if (sscanf(what, "block-%u:%u", &major, &minor) == 2 && path)
		say(what, mknod(path, S_IFBLK | 0666, makedev(major, minor)));
	else if (!strcmp(what, "setxattr") && path)
		say(what, setxattr(path, "trusted.overlay.opaque", "y", 1, 0));
	else if (!strcmp(what, "setxattr-other") && path)
		say(what, setxattr(path, "trusted.overlay.metacopy", "y", 1, 0));
	else if (!strcmp(what, "fsetxattr") && path)
		say(what, fsetxattr(open(path, O_RDONLY | O_CLOEXEC), "trusted.overlay.opaque", "y", 1, 0));
	else if (!strcmp(what, "fifo"))
		say(what, sched_setscheduler(0, SCHED_FIFO, &param));
	else if (!strcmp(what, "fifo-1"))
		say(what, sched_setscheduler(1, SCHED_FIFO, &param));
	else if (!strcmp(what, "fifo-host"))
		say(what, sched_setscheduler(param.sched_priority, SCHED_RR, &(struct sched_param){1}));
	else if (!strcmp(what, "sysinfo")) {
		sysinfo(&info);
		printf("%llu %llu %ld %u\n", (unsigned long long)info.totalram * info.mem_unit,
		       (unsigned long long)info.freeram * info.mem_unit, info.uptime, info.procs);
	} else if (!strcmp(what, "bad")) {
		/* pointers that lead nowhere, or out of what is mapped */
		memset(page, 'x', 4096);
		say("mknod-null", syscall(SYS_mknodat, AT_FDCWD, NULL, S_IFCHR, makedev(1, 3)));
		say("mknod-kernel", syscall(SYS_mknodat, AT_FDCWD, -4096L, S_IFCHR, makedev(1, 3)));
		say("mknod-edge", syscall(SYS_mknodat, AT_FDCWD, page + 4090, S_IFCHR, makedev(1, 3)));
		say("mknod-long", syscall(SYS_mknodat, AT_FDCWD, memset(longer, 'x', sizeof(longer)), S_IFCHR,
					  makedev(1, 3)));
		say("mknod-empty", syscall(SYS_mknodat, AT_FDCWD, "", S_IFCHR, makedev(1, 3)));
		say("mknod-dots", syscall(SYS_mknodat, AT_FDCWD, "/tmp/..", S_IFCHR, makedev(1, 3)));
		say("mknod-badfd", syscall(SYS_mknodat, 999, "x", S_IFCHR, makedev(1, 3)));
		say("mknod-file", syscall(SYS_mknodat, AT_FDCWD, "/bin/probe/x", S_IFCHR, makedev(1, 3)));
		say("sysinfo-null", syscall(SYS_sysinfo, NULL));
		say("sysinfo-kernel", syscall(SYS_sysinfo, -4096L));
		say("sysinfo-edge", syscall(SYS_sysinfo, page + 4090));
		memset(page, 'x', 4096); /* what was written before the end */
		say("sched-null", syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, NULL));
		say("sched-kernel", syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, -4096L));
		say("sched-negative", syscall(SYS_sched_setscheduler, -1, SCHED_FIFO, &param));
		say("setxattr-null", syscall(SYS_setxattr, "/tmp", "trusted.overlay.opaque", NULL, 1, 0));
		say("setxattr-name", syscall(SYS_setxattr, "/tmp", page + 4090, "y", 1, 0));
		say("mount-null", syscall(SYS_mount, "/dev/null", "/tmp", NULL, 0, NULL));
		say("mount-kernel", syscall(SYS_mount, -4096L, "/tmp", "ext4", 0, NULL));
		say("mount-type", syscall(SYS_mount, "/dev/null", "/tmp", page + 4090, 0, NULL));
	} else if (!strcmp(what, "nested")) {
		/* whoever makes a user namespace is root there, and no more than before here */
		snprintf(node, sizeof(node), "%s/nested", path ? path : "/tmp");
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			say("unshare", -1);
		say("mknod-nested", mknod(node, S_IFCHR | 0666, makedev(1, 3)));
		say("fifo-nested", sched_setscheduler(0, SCHED_FIFO, &param));
		say("setxattr-nested", setxattr("/tmp", "trusted.overlay.opaque", "y", 1, 0));
	} else if (!strcmp(what, "mntns")) {
		/* a mount namespace of its own: what is made lands there, not where init looks */
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("none", "/mnt", "tmpfs", 0, NULL) < 0)
			say("unshare", -1);
		say("mknod-mntns", mknod("/mnt/own", S_IFCHR | 0666, makedev(0, 0)));
		say("is-here", access("/mnt/own", F_OK));
	}
	return 0;
}

/* One thread changes the path and the link on its way while others make calls with it, and some are killed in
 * them: whatever is made is made where the container's own eyes lead. */
static int race(const char *dir)
{
	char link[256];
	pid_t child[4];
	char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t n = strlen(dir);

	snprintf(link, sizeof(link), "%s/link", dir);
	for (int i = 0; i < 4; i++) {
		child[i] = fork();
		while (child[i] == 0)
			syscall(SYS_mknodat, AT_FDCWD, shared, S_IFCHR | 0666, makedev(1, 3));
	}
	for (int i = 0; i < 3000; i++) {
		snprintf(shared, 4096,
			 i & 1 ? "%s/link/../../../../../../etc/raced-by-asker" : "%s/link/made-by-asker",
			 dir);
		shared[n + 1 + (size_t)i % 5] ^= (char)(i & 2 ? 'a' : 0);
		unlink(link);
		if (symlink(i & 1 ? "/proc/1/root" : i & 2 ? "/proc/self/root/.." : "..", link) < 0)
			break;
		if (i % 100 == 0) {
			kill(child[i / 100 % 4], SIGKILL);
			waitpid(child[i / 100 % 4], NULL, 0);
			child[i / 100 % 4] = fork();
			while (child[i / 100 % 4] == 0)
				syscall(SYS_mknodat, AT_FDCWD, shared, S_IFCHR | 0666, makedev(1, 3));
		}
	}
	for (int i = 0; i < 4; i++) {
		kill(child[i], SIGKILL);
		waitpid(child[i], NULL, 0);
	}
	printf("raced\n");
	return 0;
}

/* A FUSE file system whose only server waits for its own answer, and can't be killed: does the container end?
 */
static void *ask_itself(void *path)
{
	struct stat st;

	printf("waits\n");
	fflush(stdout);
	stat(path, &st);
	return NULL;
}

static int selfish(const char *dir)
{
	static struct {
		struct fuse_in_header head;
		char body[65536];
	} in;
	struct {
		struct fuse_out_header head;
		struct fuse_init_out init;
	} out = {.head = {.len = sizeof(out)}, .init = {.major = 7, .minor = 31, .max_write = 4096}};
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[128];
	pthread_t other;

	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	mkdir(dir, 0755);
	if (fd < 0 || mount("selfish", dir, "fuse", 0, options) < 0 || read(fd, &in, sizeof(in)) <= 0) {
		say("fuse", -1);
		return 1;
	}
	out.head.unique = in.head.unique;
	if (write(fd, &out, sizeof(out)) < 0 || pthread_create(&other, NULL, ask_itself, (void *)dir))
		say("init", -1);
	/* taken, and never answered */
	if (read(fd, &in, sizeof(in)) > 0)
		printf("taken\n");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (!strcmp(verb, "mount") && argc > 4)
		say(verb, mount(argv[2], argv[3], argv[4], argc > 5 ? strtoul(argv[5], NULL, 0) : 0,
				argc > 6 ? argv[6] : NULL));
	else if (!strcmp(verb, "selfish") && argc > 2)
		return selfish(argv[2]);
	else if (!strcmp(verb, "give") && argc > 4)
		return give(argv[2], argv[3], argv[4]);
	else
		return intercepted(verb, argc > 2 ? argv[2] : NULL);
	return 0;
}
