/* SPDX-License-Identifier: Apache-2.0 */
/* What the core says to lxdfs-notify. */
#pragma once

#include "engine/base/auto.h"
#include "engine/base/msg.h"

enum {
	NOTIFY_BEGIN = 1, /* text: the mount; descriptors: of FUSE, and the keeper's pidfd */
	NOTIFY_ENTRY = 2, /* u64: a directory's node; text: a name that the kernel is to forget */
	NOTIFY_ECHO = 3,  /* text: a path in the mount, to be touched for who watches it */
};

static const struct msg_type notify_types[] = {
    {NOTIFY_BEGIN, "begin", 4, MSG_MAX_BODY, 2, 2},
    {NOTIFY_ENTRY, "entry", 12, 1024, 0, 0},
    {NOTIFY_ECHO, "echo", 4, MSG_MAX_BODY, 0, 0},
};
static const struct msg_table notify_table = {"notify", notify_types, ARRAY_SIZE(notify_types)};
