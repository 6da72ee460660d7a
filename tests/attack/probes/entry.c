/* SPDX-License-Identifier: Apache-2.0 */
/* What a command that was executed in the container has got along, and what its processes lead to. */
#include "attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
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

static const struct attack rows[] = {
    {"descriptors", "have a descriptor besides stdio (CVE-2024-21626)", descriptors, "", false},
    {"leads-out", "reach the host's root by a process's files", leading_out, "", false},
    {"runtime-program", "write the program that entered (CVE-2019-5736)", programs, "", false},
    {"terminal", "type into the caller's terminal", type_in, "x", false},
    {"environment", "have the engine's environment", environment, "ATTACK_SECRET=", false},
};
const struct attack_table attacks_entry = {rows, N_ROWS(rows)};
