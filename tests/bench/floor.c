/* SPDX-License-Identifier: Apache-2.0 */
/* The floor of a container's life: clone3 into all namespaces, id maps, pivot_root, exec of the image's
 * program, kill, wait. No cgroup, network, seccomp, overlay, console: what no container engine can go below.
 * usage: floor ROOTFS FIRST-ID PROGRAM; one life a line that comes in, and the microseconds it took go out.
 */
#include "tests/bench/bench.h"

#include <err.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "%s", file);
	close(fd);
}

static _Noreturn void child(const char *rootfs, char *program, int go)
{
	char *argv[] = {program, NULL};
	char byte;

	if (read(go, &byte, 1) != 1 || setgid(0) || setuid(0))
		err(1, "wait for the id map");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL))
		err(1, "bind %s", rootfs);
	/* while the host's is still in sight: the kernel gives a user namespace no /proc that shows more than
	 * that */
	if (chdir(rootfs) || mount("proc", "proc", "proc", 0, NULL))
		err(1, "mount %s/proc", rootfs);
	if (syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
		err(1, "pivot_root");
	execv(program, argv);
	err(1, "%s", program);
}

static void life(const char *rootfs, const char *map, char *program)
{
	struct clone_args args = {
	    .flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC |
		     CLONE_NEWCGROUP,
	    .exit_signal = SIGCHLD,
	};
	char file[64], byte;
	int go[2], done[2], status;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) || pipe2(done, O_CLOEXEC))
		err(1, "pipe");
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		err(1, "clone3");
	if (!pid) {
		close(go[1]);
		close(done[0]);
		child(rootfs, program, go[0]);
	}
	close(go[0]);
	close(done[1]);
	snprintf(file, sizeof(file), "/proc/%d/uid_map", pid);
	put(file, map);
	snprintf(file, sizeof(file), "/proc/%d/gid_map", pid);
	put(file, map);
	if (write(go[1], "x", 1) != 1)
		err(1, "go");
	/* closed by the exec */
	while (read(done[0], &byte, 1) > 0)
		;
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		errx(1, "the program ended by itself: is %s one that stays?", program);
	close(go[1]);
	close(done[0]);
}

int main(int argc, char **argv)
{
	char map[64], line[64];

	if (argc != 4)
		errx(2, "usage: floor ROOTFS FIRST-ID PROGRAM");
	snprintf(map, sizeof(map), "0 %s 65536", argv[2]);
	while (fgets(line, sizeof(line), stdin)) {
		double begin = bench_now();

		life(argv[1], map, argv[3]);
		printf("%.0f\n", bench_now() - begin);
		fflush(stdout);
	}
	return 0;
}
