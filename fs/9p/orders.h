/* SPDX-License-Identifier: Apache-2.0 */
/* What the core says to lxdfs-9p, and hears from it. */
#pragma once

#include "engine/base/auto.h"
#include "engine/base/msg.h"

enum {
	/* u32: view_kind, uid, gid, n, n groups; text: the mount; texts: projects. Descriptor: the client's
	   stream */
	NINEP_SERVE = 1,
	NINEP_SERVING =
	    2, /* answer: the client may talk. u32: pid, told before a byte of the client was read */
	NINEP_FAILED = 3, /* answer: err */
};

#define NINEP_GROUPS_MAX 64
#define NINEP_PROJECTS_MAX 1024

static const struct msg_type ninep_types[] = {
    {NINEP_SERVE, "serve", 24, MSG_MAX_BODY, 1, 1},
    {NINEP_SERVING, "serving", 4, 4, 0, 0},
    {NINEP_FAILED, "failed", 4, MSG_MAX_BODY, 0, 0},
};
static const struct msg_table ninep_table = {"9p", ninep_types, ARRAY_SIZE(ninep_types)};
