/* SPDX-License-Identifier: Apache-2.0 */
/* Times a filter's way into the kernel and out again: through a key file of lxdfs, and as the same rules in
 * a table with the same other ports through libnftables alone, without and with the state on the disk. In
 * turns. usage: filter ROUNDS COUNT NAME BASE ON OFF KEYFILE STATE; BASE, ON and OFF are files of nft's
 * commands, STATE is a file beside lxdfs's own that is replaced; KEYFILE - leaves lxdfs out. */
#include "tests/bench/bench.h"

#include <nftables/libnftables.h>
#include <sched.h>

enum { LXDFS, TRANSACTION, DURABLE, SIDES };

static struct nft_ctx *nft;
static char state[1024]; /* as much as an instance's */

static char *text_of(const char *file)
{
	FILE *f = fopen(file, "re");
	char *text = NULL;
	size_t size = 0;

	/* up to the end: no file of nft's commands holds a NUL */
	if (!f || getdelim(&text, &size, '\0', f) < 0)
		err(1, "%s", file);
	fclose(f);
	return text;
}

static void run(const char *cmd)
{
	if (nft_run_cmd_from_buffer(nft, cmd))
		errx(1, "nft refused: %.80s: %s", cmd, nft_ctx_get_error_buffer(nft));
}

static void turn(int side, const char *on, const char *off, char **argv)
{
	if (side == LXDFS) {
		bench_write(argv[7], "true\n", 5);
		bench_write(argv[7], "false\n", 6);
		return;
	}
	run(on);
	if (side == DURABLE)
		bench_replace(argv[8], state, sizeof(state));
	run(off);
	if (side == DURABLE)
		bench_replace(argv[8], state, sizeof(state));
}

int main(int argc, char **argv)
{
	struct side sides[SIDES] = {
	    {.name = "lxdfs"}, {.name = "libnftables"}, {.name = "libnftables and disk"}};
	int rounds, count, first;
	char *base, *on, *off;

	if (argc != 9)
		errx(2, "usage: filter ROUNDS COUNT NAME BASE ON OFF KEYFILE STATE");
	rounds = (int)strtol(argv[1], NULL, 10);
	count = (int)strtol(argv[2], NULL, 10);
	first = !strcmp(argv[7], "-") ? TRANSACTION : LXDFS;
	if (rounds < 1 || rounds > BENCH_ROUNDS || count < 1)
		errx(2, "ROUNDS is 1 to %d, COUNT at least 1", BENCH_ROUNDS);
	base = text_of(argv[4]);
	on = text_of(argv[5]);
	off = text_of(argv[6]);
	memset(state, 'x', sizeof(state));
	/* libnftables reads all tables that there are: not those of lxdfs */
	if (unshare(CLONE_NEWNET))
		err(1, "a network namespace");
	nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!nft)
		errx(1, "libnftables gives no context");
	nft_ctx_buffer_error(nft);
	run(base);
	for (int r = -1; r < rounds; r++) {
		for (int s = first; s < SIDES; s++) {
			double begin = bench_now();

			for (int c = 0; c < count; c++)
				turn(s, on, off, argv);
			if (r >= 0)
				sides[s].us[sides[s].rounds++] = (bench_now() - begin) / count;
		}
	}
	nft_ctx_free(nft);
	free(base);
	free(on);
	free(off);
	bench_report(argv[3], sides + first, SIDES - first);
	return 0;
}
