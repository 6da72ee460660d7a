/* SPDX-License-Identifier: Apache-2.0 */
/* Runs attacks, each in a process of its own, and says of each what came of it.
 * usage: attack [all | control | NAME...]   a line each: NAME reached, or NAME and the errno
 *        attack list                        a line each: NAME, a tab, what it tries
 *        attack marks                       what others shouldn't find: shows it until standard input ends
 *        attack watch SECONDS               attacks whoever enters
 * "control" is for root of the host, outside of any container: what even it doesn't reach tells nothing of a
 * container. ATTACK_MARK names a file that only the host has, ATTACK_NAME what "marks" bears, ATTACK_GROUP a
 * control group and ATTACK_PID a process outside, started as "attack marks attack-victim". */
#include "attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct attack_table *const tables[] = {&attacks_calls,  &attacks_files,  &attacks_devices,
						    &attacks_mounts, &attacks_others, &attacks_entry};

int came_through(long result)
{
	if (result < 0 && (errno == EPERM || errno == EACCES || errno == ENOSYS))
		return -errno;
	return 0;
}

int open_to_write(const char *file)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int read_a_byte(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;
	char byte;

	if (fd < 0)
		return -errno;
	r = (int)read(fd, &byte, 1);
	r = r < 0 ? -errno : r == 0 ? -ENODATA : 0;
	close(fd);
	return r;
}

int list_entries(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int r = -ENODATA;

	if (!d)
		return -errno;
	while (r && (e = readdir(d)))
		if (e->d_name[0] != '.')
			r = 0;
	closedir(d);
	return r;
}

int find_text(const char *file, const char *text)
{
	FILE *f = fopen(file, "re");
	char line[4096];
	int r = -ENODATA;

	if (!f)
		return -errno;
	while (r && fgets(line, sizeof(line), f))
		if (memmem(line, sizeof(line), text, strlen(text)))
			r = 0;
		else
			memset(line, 0, sizeof(line));
	fclose(f);
	return r;
}

int open_any_to_write(const char *root, const char *files)
{
	char path[512];
	int r = -ENOENT;

	while (*files) {
		size_t n = strcspn(files, " ");
		int one;

		snprintf(path, sizeof(path), "%s/%.*s", root, (int)n, files);
		one = open_to_write(path);
		if (!one)
			return 0;
		if (one != -ENOENT)
			r = one;
		files += n + strspn(files + n, " ");
	}
	return r;
}

int has_mark(int dir)
{
	const char *mark = getenv("ATTACK_MARK");

	if (!mark)
		return -ENOENT;
	return faccessat(dir, mark + strspn(mark, "/"), F_OK, 0) < 0 ? -errno : 0;
}

const char *foreign_name(void)
{
	const char *name = getenv("ATTACK_NAME");

	return name ? name : "nobody-is-called-so";
}

const char *foreign_group(void)
{
	const char *name = getenv("ATTACK_GROUP");

	return name ? name : "nobody-is-called-so";
}

bool is_host_root(void)
{
	return find_text("/proc/self/uid_map", "4294967295") == 0;
}

static void run_one(const struct attack *a)
{
	int status = 0, ends[2], r = -ETIMEDOUT;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(10);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		r = a->run(a->what);
		_exit(write(ends[1], &r, sizeof(r)) != sizeof(r));
	}
	close(ends[1]);
	waitpid(pid, &status, 0);
	if (read(ends[0], &r, sizeof(r)) != sizeof(r))
		printf("%s killed by signal %d\n", a->name, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	else
		printf("%s %s\n", a->name, r >= 0 ? "reached" : strerrorname_np(-r));
	close(ends[0]);
}

static bool is_wanted(const char *name, char **names)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

static void run(char **names, bool all, bool is_control)
{
	for (size_t t = 0; t < N_ROWS(tables); t++)
		for (size_t i = 0; i < tables[t]->n; i++) {
			const struct attack *a = &tables[t]->rows[i];

			if (is_control && a->is_unsafe)
				printf("%s (not tried)\n", a->name);
			else if (all || is_wanted(a->name, names))
				run_one(a);
		}
}

/* A process of that name on its command line, an abstract socket, a segment of shared memory and a key. */
static int show_marks(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    shm = shmget(0x41747461, 4096, IPC_CREAT | 0666);
	const char *name = foreign_name();
	char byte;

	strncpy(addr.sun_path + 1, name, sizeof(addr.sun_path) - 2);
	bind(s, (struct sockaddr *)&addr, sizeof(addr));
	listen(s, 1);
	/* -4: the user's keyring */
	syscall(SYS_add_key, "user", name, "secret", 6L, -4L);
	printf("shown\n");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	shmctl(shm, IPC_RMID, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "all";

	umask(077);
	mkdir("/tmp", 01777);
	if (!strcmp(verb, "marks"))
		return show_marks();
	if (!strcmp(verb, "watch") && argc > 2)
		return watch_entering((int)strtol(argv[2], NULL, 10));
	if (strcmp(verb, "list") != 0) {
		run(argv + 1, !strcmp(verb, "all") || !strcmp(verb, "control"), !strcmp(verb, "control"));
		return 0;
	}
	for (size_t t = 0; t < N_ROWS(tables); t++)
		for (size_t i = 0; i < tables[t]->n; i++)
			printf("%s\t%s\n", tables[t]->rows[i].name, tables[t]->rows[i].tries);
	return 0;
}
