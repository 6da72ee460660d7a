/* SPDX-License-Identifier: Apache-2.0 */
/* What code could reach that took over a process which a client talks to: goes into its cage as the program
 * does, and tries. Prints a line an attempt: its name, and "reached" or the errno.
 *
 *     caged none PID | 9p PID MOUNT UID GID | tls PID UID GID        PID: a process to attack
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "certs/cage.h"
#include "engine/base/auto.h"
#include "engine/base/sandbox.h"
#include "fs/9p/view.h"

static pid_t victim;

static long try_shadow(void)
{
	return open("/etc/shadow", O_RDONLY | O_CLOEXEC);
}

static long try_proc(void)
{
	return open("/proc/1/status", O_RDONLY | O_CLOEXEC);
}

static long try_above(void)
{
	return open("/../../../etc/passwd", O_RDONLY | O_CLOEXEC);
}

static long try_mount(void)
{
	return mount("x", "/", "tmpfs", 0, NULL) < 0 && errno == EBUSY ? 0
								       : mount("x", "/mnt", "tmpfs", 0, NULL);
}

static long try_root(void)
{
	return setresuid(0, 0, 0);
}

static long try_groups(void)
{
	const gid_t group = 0;

	return setgroups(1, &group);
}

static long try_network(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long try_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* There is no such program: who may execute hears that. */
static long try_execute(void)
{
	char *argv[] = {(char *)"x", NULL};

	return execve("/no/such/program", argv, argv) < 0 && errno == ENOENT ? 0 : -1;
}

static long try_user_namespace(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid;
}

static long try_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid;
}

static long try_kill(void)
{
	return kill(victim, 0);
}

static long try_thread_kill(void)
{
	return syscall(SYS_tgkill, victim, victim, 0);
}

static long try_trace(void)
{
	long r = ptrace(PTRACE_SEIZE, victim, 0, 0);

	if (!r)
		ptrace(PTRACE_DETACH, victim, 0, 0);
	return r;
}

static long try_memory_of_another(void)
{
	return (long)syscall(SYS_process_vm_readv, victim, NULL, 0, NULL, 0, 0);
}

static long try_keys(void)
{
	return syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3, 0);
}

static long try_bpf(void)
{
	union bpf_attr attr = {
	    .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static long try_limits(void)
{
	/* less than there is, which everybody may outside */
	struct rlimit l = {64, 64};

	return setrlimit(RLIMIT_NOFILE, &l);
}

static long try_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long try_address_space(void)
{
	void *p = mmap(NULL, 8UL << 30, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? -1 : 0;
}

static const struct {
	const char *name;
	long (*fn)(void);
} attempts[] = {
    {"user-namespace", try_user_namespace},
    {"shadow", try_shadow},
    {"proc", try_proc},
    {"above", try_above},
    {"groups", try_groups},
    {"network", try_network},
    {"unix-socket", try_unix_socket},
    {"execute", try_execute},
    {"fork", try_fork},
    {"kill", try_kill},
    {"thread-kill", try_thread_kill},
    {"trace", try_trace},
    {"memory-of-another", try_memory_of_another},
    {"keys", try_keys},
    {"bpf", try_bpf},
    {"limits", try_limits},
    {"dumpable", try_dumpable},
    {"address-space", try_address_space},
    {"root", try_root},
    {"mount", try_mount},
};

int main(int argc, char **argv)
{
	struct err err = ERR_NULL;
	int r = argc < 3 ? -EINVAL : 0, root, narrow;

	if (r < 0)
		return 2;
	victim = (pid_t)strtol(argv[2], NULL, 10);
	setvbuf(stdout, NULL, _IONBF, 0);
	if (!strcmp(argv[1], "9p") && argc == 6) {
		struct view v = {.kind = VIEW_ALL, .mount = argv[3]};
		uint32_t gid = (uint32_t)strtoul(argv[5], NULL, 10);

		r = view_enter(&v, &root, &err);
		if (!r)
			r = view_become((uint32_t)strtoul(argv[4], NULL, 10), gid, NULL, 0, &err);
		if (!r)
			r = view_confine(&err);
	} else if (!strcmp(argv[1], "tls") && argc == 5) {
		r = tls_cage_enter((uint32_t)strtoul(argv[3], NULL, 10), (uint32_t)strtoul(argv[4], NULL, 10),
				   &narrow, &err);
		if (!r)
			r = sandbox_filter(narrow);
	}
	if (r < 0) {
		fprintf(stderr, "%s\n", err_text(&err));
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		char line[128];
		int n;

		errno = 0;
		n = attempts[i].fn() >= 0 ? snprintf(line, sizeof(line), "%s reached\n", attempts[i].name)
					  : snprintf(line, sizeof(line), "%s %s\n", attempts[i].name,
						     strerrorname_np(errno) ?: "?");
		(void)!write(1, line, (size_t)n);
	}
	return 0;
}
