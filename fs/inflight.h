/* SPDX-License-Identifier: Apache-2.0 */
/* What must outlive a core: the kernel's INIT, its answer, and which requests are in somebody's hands. A
 * memfd that the keeper makes and every core maps.
 *
 * A reader lets the kernel put a request's header straight into its desk here. inflight_note() moves the
 * number from there into the table, where the reply finds it. A core that is killed leaves each unanswered
 * request in a desk or in the table or, for an instant, in both. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/str.h"

#include <linux/fuse.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define INFLIGHT_DESKS 256  /* readers at most */
#define INFLIGHT_SLOTS 8192 /* requests waiting at once; what finds no slot isn't noted */
#define INFLIGHT_INIT 512   /* bytes of an INIT request or its answer */

/* The set high bit of a number says that the request is sent once more (fuse.h has it from 7.40 on) */
#define INFLIGHT_RESENT (UINT64_C(1) << 63)

struct inflight {
	uint32_t magic;
	uint32_t init_len;
	uint32_t answer_len; /* 0: no core has come that far */
	atomic_uint is_answered;
	_Alignas(8) unsigned char init[INFLIGHT_INIT];
	_Alignas(8) unsigned char answer[INFLIGHT_INIT];
	struct {
		_Alignas(64) struct fuse_in_header header;
	} desk[INFLIGHT_DESKS];
	_Atomic uint64_t slot[INFLIGHT_SLOTS]; /* number of the request; bit 0 says that it only looks */
};

/** inflight_make() - shared memory that knows @init. Return: descriptor or -errno */
int inflight_make(struct str init, struct err *err);

/** inflight_map() - @fd stays open. Return: 0; -EINVAL: something else */
int inflight_map(int fd, struct inflight **ret, struct err *err);

/** inflight_unmap() - NULL is accepted */
void inflight_unmap(struct inflight *f);

static inline void inflight_unmap_auto(struct inflight **f)
{
	inflight_unmap(*f);
}

/** inflight_note() - what the kernel has put on a desk is in the table now, and the desk empty */
void inflight_note(struct inflight *f, unsigned desk);

/** inflight_clear() - that request was answered */
void inflight_clear(struct inflight *f, uint64_t unique);

/** inflight_can_resend() - the kernel said so in its INIT */
bool inflight_can_resend(const struct inflight *f);

/**
 * inflight_settle() - deal with what the core before was given and never answered; before anybody reads
 * @fuse:    the mount's descriptor
 * @suspect: answer those that were sent twice already with EIO instead of letting them come a third time
 *
 * Return: how many requests there were, which come again or have failed; -errno
 */
int inflight_settle(struct inflight *f, int fuse, bool suspect, struct err *err);
