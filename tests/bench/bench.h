/* SPDX-License-Identifier: Apache-2.0 */
/* What the C benchmarks share: a clock, medians over interleaved rounds, and one line of result. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

		printf("  %-28s %-12s %9.1f us  [%.1f .. %.1f]", i ? "" : what, sides[i].name, m,
		       sides[i].us[sides[i].rounds / 4], sides[i].us[sides[i].rounds * 3 / 4]);
		if (i)
			printf("   %s is %.2f x this", sides[0].name, first / m);
		putchar('\n');
	}
}
