/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of answers share: each function answers one message, and is named in the table of answer.c.
 */
#pragma once

#include <errno.h>

#include "engine/base/path.h"
#include "fs/9p/session.h"

/** Return: 0 with q->r filled; -errno is the answer; after -EINTR it is called again unless nobody waits */
typedef int answer_fn(struct session *s, struct request *q);

answer_fn answer_lopen, answer_lcreate, answer_read, answer_write, answer_readdir, answer_fsync, answer_lock,
    answer_getlock, answer_clunk;
answer_fn answer_setattr, answer_mkdir, answer_rename, answer_renameat, answer_unlinkat, answer_remove;

/* A system call again where a signal ended it that was meant for an earlier request. */
#define CALL(q, call)                                                                                        \
	({                                                                                                   \
		__auto_type call_ = (call);                                                                  \
		while (call_ < 0 && errno == EINTR && request_may_go_on(q))                                  \
			call_ = (call);                                                                      \
		call_ < 0 ? -errno : call_;                                                                  \
	})

/** name_check() - a name that something is made, removed or found under. Return: 0; -EINVAL; -ENAMETOOLONG */
static inline int name_check(struct str name)
{
	if (name.len > 255)
		return -ENAMETOOLONG;
	return path_is_name(name) ? 0 : -EINVAL;
}

static inline uint8_t qid_type(mode_t mode)
{
	return S_ISDIR(mode) ? P9_QID_DIR : S_ISLNK(mode) ? P9_QID_SYMLINK : P9_QID_FILE;
}

/** qid_of() - nothing may be kept of it: version 0 */
static inline struct p9_qid qid_of(const struct statx *st)
{
	return (struct p9_qid){.type = qid_type(st->stx_mode), .path = st->stx_ino};
}
