/* SPDX-License-Identifier: Apache-2.0 */
/* Times open, read or write, close of one small file on several filesystems, in turns.
 * usage: key read|write ROUNDS COUNT NAME=FILE...; the first is compared with each of the others. A side
 * named fsync replaces its file durably: what a write that promises to be on the disk can't go below. */
#include "tests/bench/bench.h"

#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define SIDES 8

static void read_once(const char *file)
{
	char text[4096];
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	/* as cat does: until the end was seen */
	if (fd < 0 || read(fd, text, sizeof(text)) <= 0 || read(fd, text, sizeof(text)) != 0)
		err(1, "read %s", file);
	close(fd);
}

int main(int argc, char **argv)
{
	struct side sides[SIDES] = {0};
	const char *file[SIDES];
	/* two values, so that a write always changes something; both of the same length */
	static const char *const value[] = {"100\n", "200\n"};
	int n = argc - 4, rounds, count;
	bool writes;

	if (argc < 5 || n > SIDES)
		errx(2, "usage: key read|write ROUNDS COUNT NAME=FILE...");
	writes = !strcmp(argv[1], "write");
	rounds = (int)strtol(argv[2], NULL, 10);
	count = (int)strtol(argv[3], NULL, 10);
	if (rounds < 1 || rounds > BENCH_ROUNDS || count < 1)
		errx(2, "ROUNDS is 1 to %d, COUNT at least 1", BENCH_ROUNDS);
	for (int i = 0; i < n; i++) {
		char *eq = strchr(argv[i + 4], '=');

		if (!eq)
			errx(2, "%s is not NAME=FILE", argv[i + 4]);
		*eq = 0;
		sides[i].name = argv[i + 4];
		file[i] = eq + 1;
		bench_write(file[i], value[0], strlen(value[0]));
	}
	/* the first round warms up and isn't counted */
	for (int r = -1; r < rounds; r++) {
		for (int i = 0; i < n; i++) {
			double begin = bench_now();

			for (int c = 0; c < count; c++) {
				if (writes && !strcmp(sides[i].name, "fsync"))
					bench_replace(file[i], value[(c + 1) % 2], strlen(value[0]));
				else if (writes)
					bench_write(file[i], value[(c + 1) % 2], strlen(value[0]));
				else
					read_once(file[i]);
			}
			if (r >= 0)
				sides[i].us[sides[i].rounds++] = (bench_now() - begin) / count;
		}
	}
	bench_report(writes ? "key write" : "key read", sides, n);
	return 0;
}
