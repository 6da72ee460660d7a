/* SPDX-License-Identifier: Apache-2.0 */
/* What the core and lxdfs-unpack say to each other. */
#pragma once

#include "engine/base/msg.h"
#include "engine/image/import.h"

#include <stdbool.h>

/* Of orders and answers; whoever changes a body counts it up. */
#define UNPACK_ORDER 1

enum unpack_msg {
	UNPACK_PROBE = 1,    /* core: look into it; descriptors: meta, rootfs if there is one */
	UNPACK_WRITE = 2,    /* core: unpack it; descriptors: directory, meta, rootfs if there is one */
	UNPACK_STARTED = 16, /* helper: works; descriptor: its pidfd, whose death ends everything of it */
	UNPACK_INFO = 17,    /* helper: what was found */
	UNPACK_DONE = 18,    /* helper: all is in the directory */
	UNPACK_FAILED = 19,  /* helper: a struct err */
};
extern const struct msg_table unpack_table;

/** image_limits_or_default() - with the defaults where a field is 0; @l may be NULL */
struct image_limits image_limits_or_default(const struct image_limits *l);

void unpack_order_pack(struct buf *b, const struct image_limits *l);
/** unpack_order_unpack() - Return: 0 or -EBADMSG */
int unpack_order_unpack(const struct msg *m, struct image_limits *ret, struct err *err);

void image_info_pack(struct buf *b, const struct image_info *info);
/**
 * image_info_unpack() - what the helper says, checked against every bound that import.h gives
 *
 * Fingerprint and size stay empty: they are the core's. Return: 0 or -EBADMSG
 */
int image_info_unpack(const struct msg *m, struct image_info *ret, struct err *err);
