/* SPDX-License-Identifier: Apache-2.0 */
/* Times a filter's way into the kernel and out again: through a key file of lxdfs, and as the same number of
 * set elements through libnftables alone. In turns, in the caller's network namespace. usage: filter ROUNDS
 * COUNT KEYFILE; KEYFILE - times libnftables alone. */
#include "tests/bench/bench.h"

#include <err.h>
#include <fcntl.h>
#include <nftables/libnftables.h>
#include <string.h>
#include <unistd.h>

#define TABLE "bridge lxdfs-bench"

static struct nft_ctx *nft;

static void run(const char *cmd)
{
	if (nft_run_cmd_from_buffer(nft, cmd))
		errx(1, "nft refused: %s: %s", cmd, nft_ctx_get_error_buffer(nft));
}

static void put(const char *file, const char *value)
{
	int fd = open(file, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0660);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		err(1, "%s", file);
	close(fd);
}

int main(int argc, char **argv)
{
	struct side sides[2] = {{.name = "lxdfs"}, {.name = "libnftables"}};
	int rounds, count, first;

	if (argc != 4)
		errx(2, "usage: filter ROUNDS COUNT KEYFILE");
	rounds = (int)strtol(argv[1], NULL, 10);
	count = (int)strtol(argv[2], NULL, 10);
	first = !strcmp(argv[3], "-");
	if (rounds < 1 || rounds > BENCH_ROUNDS || count < 1)
		errx(2, "ROUNDS is 1 to %d, COUNT at least 1", BENCH_ROUNDS);
	nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!nft)
		errx(1, "libnftables gives no context");
	nft_ctx_buffer_error(nft);
	run("add table " TABLE "\n"
	    "add set " TABLE " mac { type ifname . ether_addr; }\n"
	    "add set " TABLE " filtered { type ifname; }\n"
	    "add chain " TABLE " in { type filter hook prerouting priority -300; policy accept; }\n"
	    "add rule " TABLE " in iifname @filtered iifname . ether saddr != @mac drop");
	for (int r = -1; r < rounds; r++) {
		for (int s = first; s < 2; s++) {
			double begin = bench_now();

			for (int c = 0; c < count; c++) {
				if (s == 0) {
					put(argv[3], "true\n");
					put(argv[3], "false\n");
					continue;
				}
				run("add element " TABLE " mac { \"vethbench\" . 00:16:3e:00:00:01 }\n"
				    "add element " TABLE " filtered { \"vethbench\" }");
				run("delete element " TABLE " filtered { \"vethbench\" }\n"
				    "delete element " TABLE " mac { \"vethbench\" . 00:16:3e:00:00:01 }");
			}
			if (r >= 0)
				sides[s].us[sides[s].rounds++] = (bench_now() - begin) / count;
		}
	}
	run("delete table " TABLE);
	nft_ctx_free(nft);
	bench_report("filter on and off", sides + first, 2 - first);
	return 0;
}
