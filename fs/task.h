/* SPDX-License-Identifier: Apache-2.0 */
/* A request that may wait: it goes to a job with everything it needs, and the FUSE worker is free. */
#pragma once

#include "engine/model/object.h"
#include "fs/handle.h"
#include "fs/state.h"

#include <fuse3/fuse_lowlevel.h>

struct task {
	struct fs *fs;
	fuse_req_t req;
	struct caller who; /* cancel_fd: the kernel's INTERRUPT, where it is meant */
	struct interrupt *interrupt;
	/* What the operation has; borrowed but for the texts */
	uint64_t ino, to; /* directory, the other directory of a rename */
	char *name, *to_name;
	struct handle *handle;
	struct buf data;
	uint64_t offset;
	unsigned flags;
	struct fuse_file_info fi;
	struct stat attr;
	int to_set;
};

typedef void task_fn(struct task *t);

/** task_new() - for the request that this thread handles */
struct task *task_new(struct fs *fs, fuse_req_t req);
/** task_run() - @fn replies, then the task is freed. On failure it is replied here */
void task_run(struct task *t, task_fn *fn);

/** task_drop() - it was replied to already, without a job */
void task_drop(struct task *t);

/** fs_caller() - who asks; valid until the reply. For what doesn't wait */
struct caller fs_caller(fuse_req_t req);

/** fs_fail() - reply @err, and keep its sentence for the caller and, where there is one, the object */
void fs_fail(struct fs *fs, fuse_req_t req, struct object *o, const struct err *err);
