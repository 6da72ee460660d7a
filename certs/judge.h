/* SPDX-License-Identifier: Apache-2.0 */
/* What the core asks of lxdfs-judge, which reads the certificate of a stranger so that the core needn't. */
#pragma once

#include "engine/base/auto.h"
#include "engine/base/msg.h"

enum {
	JUDGE_ASK = 1,	 /* u64: the time; descriptors: sealed DER, authority, revocation list or nothing */
	JUDGE_FOUND = 2, /* answer: u32 of the bits below */
};
enum { JUDGE_SIGNED = 1, JUDGE_REVOKED = 2, JUDGE_USABLE = 4 };

static const struct msg_type judge_types[] = {
    {JUDGE_ASK, "ask", 8, 8, 2, 3},
    {JUDGE_FOUND, "found", 4, 4, 0, 0},
};
static const struct msg_table judge_table = {"judge", judge_types, ARRAY_SIZE(judge_types)};

/** judge_ask() - of who listens on @link. @crl may be empty. Return: 0 or -errno */
int judge_ask(int link, struct str der, struct str ca, struct str crl, int64_t now, struct err *err);

/** judge_look() - what lxdfs-judge does: bits of JUDGE_*. An authority that has a list which doesn't read, or
 * is out of date, has revoked everything */
uint32_t judge_look(struct str der, struct str ca, struct str crl, int64_t now);
