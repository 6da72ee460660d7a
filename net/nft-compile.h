/* SPDX-License-Identifier: Apache-2.0 */
/* nft's language as the kernel's messages: the part of it that the filters of NICs are written in.
 *
 * libnftables reads all tables, chains and sets of the host before each change: with a thousand filtered NICs
 * that takes far longer than the change, and nothing that is written here asks for it. A text that holds
 * anything else is left to libnftables, so this part may be small; what it makes is compared with what nft
 * makes of the same text in tests/net/33-compile.t. */
#pragma once

#include "engine/base/buf.h"
#include "net/netlink.h"

/* A transaction that is being written; zero-initialise, buf_done(&.m.buf) frees. */
struct nft_batch {
	struct nl_msg m; /* all messages, one behind the other */
	size_t at;	 /* the latest one's place */
	uint32_t n;	 /* how many there are: the number of the next */
};

/**
 * nft_compile() - write commands as one transaction, begin and end included
 * @commands: as for nft_run(), a line each; of tables of the family bridge
 * @ret:      the last but one message, with number n - 2, is the one that the kernel acknowledges
 *
 * Return: 0; -EOPNOTSUPP: only libnftables knows what this means
 */
int nft_compile(const char *commands, struct nft_batch *ret);

/** nft_compile_rule() - what stands behind the chain's name in `add rule`, as attributes of NFT_MSG_NEWRULE.
 * Return: as nft_compile() */
int nft_compile_rule(struct str rule, struct nl_msg *m);

/** nft_word() - the next word of a line, taken off it; one in quotes with them. Empty at the end */
struct str nft_word(struct str *line);
/** nft_put_str(), nft_put_be32() - an attribute: text with a NUL, a number in network order */
void nft_put_str(struct nl_msg *m, uint16_t type, struct str text);
void nft_put_be32(struct nl_msg *m, uint16_t type, uint32_t v);
/** nft_put_verdict() - "accept", "drop", or "jump" with the chain that is the next word of @line, as a nest
 * of @type. Return: 0; -EOPNOTSUPP */
int nft_put_verdict(struct nl_msg *m, uint16_t type, struct str word, struct str *line);
