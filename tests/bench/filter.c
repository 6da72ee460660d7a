/* SPDX-License-Identifier: Apache-2.0 */
/* Times a filter's way into the kernel and out again: through a key file of lxdfs, and as the same rules in a
 * table of the same size through libnftables alone. In turns, in the caller's network namespace. usage:
 * filter ROUNDS COUNT OTHERS KEYFILE; OTHERS is how many ports are filtered besides, which lxdfs must have
 * too; KEYFILE - times libnftables alone. */
#include "tests/bench/bench.h"

#include <err.h>
#include <fcntl.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TABLE "bridge lxdfs-bench"
#define RULE "add rule " TABLE " port-%1$d "

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

/* What the MAC filter of one port is made of. */
static void port_text(char *to, size_t size, int i)
{
	int n = snprintf(
	    to, size,
	    "add chain " TABLE " port-%1$d\nflush chain " TABLE " port-%1$d\n" RULE
	    "ether saddr != 00:16:3e:00:00:01 drop comment \"00:16:3e:00:00:01 mac\"\n" RULE
	    "meta protocol arp @nh,64,48 != 0x00163e000001 drop\n" RULE
	    "meta protocol ip6 icmpv6 type nd-neighbor-advert @th,192,16 0x0201 @th,208,48 != 0x00163e000001 "
	    "drop\n" RULE
	    "meta protocol ip6 icmpv6 type nd-neighbor-advert @th,256,16 0x0201 @th,272,48 != 0x00163e000001 "
	    "drop\n" RULE "meta protocol ip6 icmpv6 type nd-neighbor-advert @th,320,8 >= 0 drop\n" RULE
	    "meta protocol ip ip frag-off & 0x3fff == 0x2000 udp dport 67 drop\n" RULE
	    "meta protocol ip ip frag-off & 0x1fff == 0 udp dport 67 @th,64,8 1 @th,72,16 != 0x0106 "
	    "drop\n" RULE
	    "meta protocol ip ip frag-off & 0x1fff == 0 udp dport 67 @th,64,8 1 @th,288,48 != 0x00163e000001 "
	    "drop\n" RULE "meta protocol ip6 udp dport 547 exthdr frag exists drop\n" RULE
	    "meta protocol ip6 udp dport 547 @th,64,8 8-9 drop\n" RULE
	    "meta protocol ip6 udp dport 547 @th,64,8 12-13 drop\n"
	    "add element " TABLE " ports { \"bench%1$d\" : jump port-%1$d }\n",
	    i);

	if (n < 0 || (size_t)n >= size)
		errx(1, "a port's text is too long");
}

static void fill(int others)
{
	const size_t each = 2048;
	char *text = malloc((size_t)others * each + 1), *p = text;

	if (!text)
		err(1, "malloc");
	*p = '\0';
	for (int i = 1; i <= others; i++, p += strlen(p))
		port_text(p, each, i);
	if (others)
		run(text);
	free(text);
}

int main(int argc, char **argv)
{
	struct side sides[2] = {{.name = "lxdfs"}, {.name = "libnftables"}};
	int rounds, count, first, others;
	char name[64], text[2048];

	if (argc != 5)
		errx(2, "usage: filter ROUNDS COUNT OTHERS KEYFILE");
	rounds = (int)strtol(argv[1], NULL, 10);
	count = (int)strtol(argv[2], NULL, 10);
	others = (int)strtol(argv[3], NULL, 10);
	first = !strcmp(argv[4], "-");
	if (rounds < 1 || rounds > BENCH_ROUNDS || count < 1 || others < 0)
		errx(2, "ROUNDS is 1 to %d, COUNT at least 1", BENCH_ROUNDS);
	snprintf(name, sizeof(name), "on and off, %d others", others);
	nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!nft)
		errx(1, "libnftables gives no context");
	nft_ctx_buffer_error(nft);
	run("add table " TABLE "\n"
	    "add map " TABLE " ports { type ifname : verdict; }\n"
	    "add chain " TABLE " in { type filter hook prerouting priority -300; policy accept; }\n"
	    "add rule " TABLE " in iifname vmap @ports");
	fill(others);
	port_text(text, sizeof(text), 0);
	for (int r = -1; r < rounds; r++) {
		for (int s = first; s < 2; s++) {
			double begin = bench_now();

			for (int c = 0; c < count; c++) {
				if (s == 0) {
					put(argv[4], "true\n");
					put(argv[4], "false\n");
					continue;
				}
				run(text);
				run("delete element " TABLE " ports { \"bench0\" }\n"
				    "delete chain " TABLE " port-0");
			}
			if (r >= 0)
				sides[s].us[sides[s].rounds++] = (bench_now() - begin) / count;
		}
	}
	run("delete table " TABLE);
	nft_ctx_free(nft);
	bench_report(name, sides + first, 2 - first);
	return 0;
}
