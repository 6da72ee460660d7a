/* SPDX-License-Identifier: Apache-2.0 */
/* What the C benchmarks share: a clock, medians over interleaved rounds, and one line of result. */
#pragma once

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BENCH_ROUNDS 64 /* at most */

struct side {
	const char *name;
	double us[BENCH_ROUNDS]; /* microseconds an operation, a round */
	int rounds;
};

static inline double bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static inline int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* bench_median() sorts the side's rounds */
static inline double bench_median(struct side *s)
{
	qsort(s->us, (size_t)s->rounds, sizeof(s->us[0]), bench_compare);
	return s->us[s->rounds / 2];
}

/* bench_report() - a line a side: median, quartiles, and its ratio to each of the sides behind it */
static inline void bench_report(const char *what, struct side *sides, int n)
{
	double first = bench_median(&sides[0]);

	for (int i = 0; i < n; i++) {
		double m = bench_median(&sides[i]);

		printf("  %-28s %-22s %9.1f us  [%.1f .. %.1f]", i ? "" : what, sides[i].name, m,
		       sides[i].us[sides[i].rounds / 4], sides[i].us[sides[i].rounds * 3 / 4]);
		if (i)
			printf("   %s is %.2f x this", sides[0].name, first / m);
		putchar('\n');
	}
}

/* bench_write() - as the shell does it: open, truncated or made, and close */
static inline void bench_write(const char *file, const char *text, size_t len)
{
	int fd = open(file, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0660);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		err(1, "write %s", file);
	if (close(fd))
		err(1, "close %s", file);
}

static inline void bench_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd))
		err(1, "fsync %s", path);
	close(fd);
}

/* bench_replace() - a file replaced so that it is on the disk, old or new, whatever happens */
static inline void bench_replace(const char *file, const char *text, size_t len)
{
	char new[4096], dir[4096];
	char *slash;

	snprintf(new, sizeof(new), "%s.new", file);
	snprintf(dir, sizeof(dir), "%s", file);
	slash = strrchr(dir, '/');
	if (!slash)
		errx(2, "%s: wants a directory", file);
	*slash = 0;
	bench_write(new, text, len);
	bench_sync(new);
	if (rename(new, file))
		err(1, "rename %s", new);
	bench_sync(dir);
}
