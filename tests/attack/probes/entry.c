/* SPDX-License-Identifier: Apache-2.0 */
/* What a command that was executed in the container has got along, and what its processes lead to. */
#include "attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* CVE-2024-21626. */
static int descriptors(const char *what)
{
	(void)what;
	for (int fd = 3; fd < 1024; fd++) {
		char path[64], to[256];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, to, sizeof(to) - 1);
		/* the pipe to the one that prints is this program's */
		if (n > 0 && memcmp(to, "pipe:", 5) != 0)
			return 0;
	}
	return -ENODATA;
}

static int each_process(int (*look)(const char *dir))
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int r = -ENODATA;

	while (d && r && (e = readdir(d))) {
		char path[280];

		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s", e->d_name);
		if (!look(path))
			r = 0;
	}
	if (d)
		closedir(d);
	return r;
}

/* A directory from which .. leads to the host's root. */
static int leads_out(const char *dir)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	for (int i = 0; i < 64; i++) {
		int up = openat(fd, "..", O_PATH | O_CLOEXEC);

		r = has_mark(fd);
		close(fd);
		if (!r || up < 0)
			return r;
		fd = up;
	}
	close(fd);
	return -ENODATA;
}

static int look_at_files(const char *dir)
{
	char path[340];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/root", dir);
	if (!leads_out(path))
		return 0;
	snprintf(path, sizeof(path), "%s/cwd", dir);
	if (!leads_out(path))
		return 0;
	snprintf(path, sizeof(path), "%s/fd", dir);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%.40s/fd/%.40s", dir, e->d_name);
		if (e->d_name[0] != '.' && !leads_out(path)) {
			closedir(d);
			return 0;
		}
	}
	if (d)
		closedir(d);
	return -ENODATA;
}

static int leading_out(const char *what)
{
	(void)what;
	return each_process(look_at_files);
}

/* CVE-2019-5736: a program from outside that can be written. ETXTBSY: not before it has ended. */
static int look_at_program(const char *dir)
{
	char path[64];
	struct stat st, own;
	int r;

	snprintf(path, sizeof(path), "%.40s/exe", dir);
	if (stat(path, &st) < 0 || stat("/proc/self/exe", &own) < 0 || st.st_dev == own.st_dev)
		return -ENODATA;
	r = open_to_write(path);
	return r == -ETXTBSY ? 0 : r;
}

static int programs(const char *what)
{
	(void)what;
	return each_process(look_at_program);
}

/* Typing into a terminal that belongs to whoever executed the command. */
static int type_in(const char *what)
{
	struct stat st, own;
	int r = -ENOTTY;

	for (int fd = 0; r && fd < 3; fd++)
		if (isatty(fd) && !fstat(fd, &st) && (stat("/dev/pts", &own) < 0 || own.st_dev != st.st_dev))
			r = ioctl(fd, TIOCSTI, what) < 0 ? -errno : 0;
	return r;
}

static int environment(const char *what)
{
	for (char **e = environ; *e; e++)
		if (!strncmp(*e, what, strlen(what)))
			return 0;
	return -ENODATA;
}

/* ---- those who enter, watched */

/* Whether a process still runs a program from outside: nobody's in here, so it can only be one on its way in.
 */
static bool is_foreign(const char *dir)
{
	char path[64];
	struct stat st, own;

	snprintf(path, sizeof(path), "%.40s/exe", dir);
	return stat(path, &st) == 0 && stat("/proc/self/exe", &own) == 0 && st.st_dev != own.st_dev;
}

/* Whether whoever rules it gets no further than from a process of one's own. */
static bool is_confined(const char *dir)
{
	char path[64], line[256];
	unsigned long long bounds = ~0ULL, own = 0;
	int filter = 0;

	for (int i = 0; i < 2; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%.40s/status", i ? "/proc/self" : dir);
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f)) {
			sscanf(line, "CapBnd: %llx", i ? &own : &bounds);
			if (!i)
				sscanf(line, "Seccomp: %d", &filter);
		}
		if (f)
			fclose(f);
	}
	return filter == 2 && !(bounds & ~own);
}

static bool can_overwrite(const char *dir)
{
	char path[64];
	int fd, seals;

	snprintf(path, sizeof(path), "%.40s/exe", dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno != ETXTBSY)
		return false;
	if (fd < 0) /* when it has ended, unless it is sealed */
		fd = open(path, O_RDONLY | O_CLOEXEC);
	seals = fcntl(fd, F_GET_SEALS);
	close(fd);
	return seals < 0 || !(seals & F_SEAL_WRITE);
}

static void attack_entering(pid_t pid, unsigned *n_foreign)
{
	char dir[32], path[64];
	bool was_foreign;

	snprintf(dir, sizeof(dir), "/proc/%d", pid);
	was_foreign = is_foreign(dir);
	*n_foreign += was_foreign;
	if (was_foreign && can_overwrite(dir) && is_foreign(dir))
		printf("reached: the program of %d can be written\n", pid);
	snprintf(path, sizeof(path), "%s/mem", dir);
	if (was_foreign && !open_to_write(path) && !is_confined(dir) && is_foreign(dir))
		printf("reached: the memory of %d, which enters\n", pid);
	if (!look_at_files(dir))
		printf("reached: the host's root by the files of %d\n", pid);
	if (was_foreign && ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) {
		if (!is_confined(dir) && is_foreign(dir))
			printf("reached: %d can be traced while it enters\n", pid);
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
	}
}

int watch_entering(int seconds)
{
	time_t end = time(NULL) + seconds;
	unsigned n_seen = 0, n_foreign = 0;
	pid_t last = getpid();

	printf("watching\n");
	fflush(stdout);
	while (time(NULL) < end)
		/* numbers come one after the other */
		for (pid_t pid = last + 1; pid < last + 64; pid++) {
			if (kill(pid, 0) < 0 && errno == ESRCH)
				continue;
			n_seen++;
			for (int i = 0; i < 50 && kill(pid, 0) == 0; i++)
				attack_entering(pid, &n_foreign);
			last = pid;
			break;
		}
	printf("seen: %u, entering %u times\n", n_seen, n_foreign);
	return 0;
}

static const struct attack rows[] = {
    {"descriptors", "have a descriptor besides stdio (CVE-2024-21626)", descriptors, "", false},
    {"leads-out", "reach the host's root by a process's files", leading_out, "", false},
    {"runtime-program", "write the program that entered (CVE-2019-5736)", programs, "", false},
    {"terminal", "type into the caller's terminal", type_in, "x", false},
    {"environment", "have the engine's environment", environment, "ATTACK_SECRET=", false},
};
const struct attack_table attacks_entry = {rows, N_ROWS(rows)};
