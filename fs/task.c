/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on their way through a job, and the reply of what failed. */
#include "fs/task.h"

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/job.h"
#include "fs/interrupt.h"
#include "fs/ops.h"
#include "fs/remote.h"
#include "fs/session.h"

static int groups_of(const struct caller *who, gid_t *ret, int max)
{
	return fuse_req_getgroups(who->ctx, max, ret);
}

struct caller fs_caller(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct caller who = {.uid = ctx->uid,
			     .gid = ctx->gid,
			     .pid = remote_process(fs_of(req)->remote, ctx->uid, ctx->pid),
			     .groups = groups_of,
			     .ctx = req,
			     .cancel_fd = -1};

	return who;
}

/* Called by libfuse with the request's lock held: no more than this. */
static void interrupted(fuse_req_t req, void *arg)
{
	struct task *t = arg;

	(void)req;
	interrupt_came(t->interrupt);
}

struct task *task_new(struct fs *fs, fuse_req_t req)
{
	struct task *t = xcalloc(1, sizeof(*t));

	t->fs = fs;
	t->req = req;
	t->who = fs_caller(req);
	t->who.may_wait = true;
	t->who.unique = session_request(&t->who.is_lenient);
	t->interrupt = interrupt_new(fuse_req_ctx(req)->pid);
	t->who.cancel_fd = t->interrupt ? interrupt_fd(t->interrupt) : -1;
	return t;
}

void task_drop(struct task *t)
{
	interrupt_drop(t->interrupt);
	free(t->name);
	free(t->to_name);
	buf_done(&t->data);
	free(t);
}

struct run {
	struct task *task;
	task_fn *fn;
};

static void run(void *arg)
{
	struct run *r = arg;

	r->fn(r->task);
	task_drop(r->task);
	free(r);
}

void task_run(struct task *t, task_fn *fn)
{
	AUTO(err_done) struct err err = ERR_NULL;
	struct run *r = xcalloc(1, sizeof(*r));

	*r = (struct run){t, fn};
	if (t->who.cancel_fd < 0) {
		err_set(&err, ENFILE, "the daemon has no descriptor left");
	} else {
		fuse_req_interrupt_func(t->req, interrupted, t);
		if (!job_start(run, r, &err))
			return;
	}
	fs_fail(t->fs, t->req, NULL, &err);
	task_drop(t);
	free(r);
}

void fs_fail(struct fs *fs, fuse_req_t req, struct object *o, const struct err *err)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	/* ECANCELED is our own word */
	int errnum = err->errnum == ECANCELED ? EINTR : err->errnum;

	failures_note(fs->failures, ctx->uid, ctx->pid, err_text(err));
	if (o && o->kind->number != KIND_SERVER) {
		object_set_error(o, err, ctx->uid);
		pins_drop(fs->pins, o);
	}
	fuse_reply_err(req, errnum ? errnum : EIO);
}
