/* SPDX-License-Identifier: Apache-2.0 */
/* Files: opened, read, written. What applies a value is a task; errors come back from the write itself. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/loop.h"
#include "engine/base/sys.h"
#include "engine/model/event.h"
#include "fs/noted.h"
#include "fs/ops.h"
#include "fs/tree/setfile.h"

#define UPLOAD_MODE 0600

/* Where it can't be, the handle is freed and the request answered. */
static bool begin_stream(struct fs *fs, fuse_req_t req, struct handle *h)
{
	AUTO(err_done) struct err err = ERR_NULL;

	if (h->node.row->type != NODE_STREAM)
		return true;
	h->reader = event_reader_new(fs->host->events);
	if (h->reader)
		return true;
	handle_free(fs, h);
	err_set(&err, ENFILE, "the daemon has no descriptor left");
	fs_fail(fs, req, NULL, &err);
	return false;
}

/* One that was opened when another core served is opened anew: what was staged then is lost, and what was no
 * file of the tree is gone. NULL: the request was answered. */
static struct handle *handle_of(fuse_req_t req, fuse_ino_t ino, const struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct handle *h = opened_find(fs->opened, fi->fh), *first;
	AUTO(node_done) struct node n = {0};

	if (h)
		return h;
	if (ino & SCRATCH_BIT || fs_find(fs, ino, &n) < 0) {
		fuse_reply_err(req, ESTALE);
		return NULL;
	}
	h = handle_new(&n, fi->flags);
	h->number = fi->fh;
	h->is_not_roots = !(fi->fh & OPENED_BY_ROOT);
	if (!begin_stream(fs, req, h))
		return NULL;
	first = opened_again(fs->opened, fi->fh, h);
	if (first != h)
		handle_free(fs, h);
	return first;
}

static void give_number(fuse_req_t req, struct fs *fs, struct handle *h, struct fuse_file_info *fi)
{
	pthread_mutex_lock(&h->lock);
	h->number = fi->fh = opened_add(fs->opened, h, fuse_req_ctx(req)->uid == 0);
	/* without a note it is as good, but for a crash before it is written */
	if (h->is_pending)
		noted_put(fs, h);
	pthread_mutex_unlock(&h->lock);
}

static void reply_open(fuse_req_t req, struct fs *fs, struct handle *h, struct fuse_file_info *fi)
{
	give_number(req, fs, h, fi);
	fi->direct_io = 1;
	fi->nonseekable = h->reader != NULL;
	/* nothing is staged where nothing is written: a request less */
	fi->noflush = (h->flags & O_ACCMODE) == O_RDONLY;
	/* the caller is gone: there will be no release */
	if (fuse_reply_open(req, fi) == -ENOENT)
		handle_free(fs, opened_take(fs->opened, fi->fh));
}

static void reply_create(fuse_req_t req, struct fs *fs, struct handle *h, const struct fuse_entry_param *e,
			 struct fuse_file_info *fi)
{
	give_number(req, fs, h, fi);
	fi->direct_io = 1;
	if (fuse_reply_create(req, e, fi) == -ENOENT) {
		noted_drop(fs, h);
		handle_free(fs, opened_take(fs->opened, fi->fh));
	}
}

static void open_scratch(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct scratch *x = scratch_get(fs->scratches, ino);
	struct caller who = fs_caller(req);
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(free) char *name = NULL;
	struct handle *h;

	if (!x) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	h = handle_new(NULL, fi->flags);
	name = (fi->flags & O_ACCMODE) == O_RDONLY ? NULL : scratch_image(x);
	if (name && image_upload_new(fs->host->project, str_from(name), &who, &h->upload, &err) < 0) {
		scratch_unref(x);
		handle_free(fs, h);
		fs_fail(fs, req, NULL, &err);
		return;
	}
	h->scratch = x;
	scratch_open(x);
	if (fi->flags & O_TRUNC)
		scratch_truncate(x, 0);
	scratch_unref(x);
	reply_open(req, fs, h, fi);
}

static void open_settled(struct task *t)
{
	t->handle->node.row->ops->settle(&t->handle->node, &t->who);
	pins_drop(t->fs->pins, t->handle->node.o);
	reply_open(t->req, t->fs, t->handle, &t->fi);
}

static struct handle *handle_opened(fuse_req_t req, const struct node *n, int flags)
{
	struct caller who = fs_caller(req);
	struct handle *h = handle_new(n, flags);

	if ((flags & O_ACCMODE) != O_RDONLY)
		handle_keep_caller(h, &who);
	return h;
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	AUTO(node_done) struct node n = {0};
	struct fs *fs = fs_of(req);
	struct handle *h;

	if (ino & SCRATCH_BIT) {
		open_scratch(req, ino, fi);
		return;
	}
	if (fs_find(fs, ino, &n) < 0) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	/* root passes every mode: what has no way to be written is said here */
	if ((fi->flags & O_ACCMODE) != O_RDONLY && !node_can_write(&n)) {
		AUTO(err_done) struct err err = ERR_NULL;
		AUTO(free) char *name = node_name(&n);

		err_set(&err, EACCES, "%s can only be read: lxdfs sets it", name);
		fs_fail(fs, req, n.o, &err);
		return;
	}
	h = handle_opened(req, &n, fi->flags);
	if (!begin_stream(fs, req, h))
		return;
	if (n.row->ops && n.row->ops->settle && (fi->flags & O_ACCMODE) != O_WRONLY) {
		struct task *t = task_new(fs, req);

		t->handle = h;
		t->fi = *fi;
		task_run(t, open_settled);
		return;
	}
	reply_open(req, fs, h, fi);
}

/* ---- create */

bool fs_is_key(const struct node *dir, struct str name)
{
	const struct caller who = {.cancel_fd = -1, .is_core = true};
	AUTO(node_done) struct node n = {0};

	if (node_child(dir, name, &n, NULL) == 0)
		return true;
	return dir->row->ops && dir->row->ops->may_create &&
	       dir->row->ops->may_create(dir, name, &who, &n, NULL) != -ENOENT;
}

static bool is_key_of(void *arg, struct str name)
{
	return fs_is_key(arg, name);
}

/* Of what cp -r and tar make anew in an object, that which isn't configuration but state: taken, and nothing
 * comes of it. */
static void create_nothing(fuse_req_t req, const struct node *dir, const char *name, mode_t mode,
			   struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	AUTO(scratch_unref) struct scratch *x = NULL;
	struct fuse_entry_param e;
	struct handle *h;
	int r = scratch_make(fs->scratches, node_id(dir), str_from(name), ctx->uid, ctx->gid, mode, &x);

	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	h = handle_new(NULL, fi->flags);
	h->scratch = x;
	scratch_open(x);
	scratch_remove(fs->scratches, x);
	fs_entry_scratch(x, &e);
	reply_create(req, fs, h, &e, fi);
}

static bool is_config(const struct node *n)
{
	return node_can_write(n) && (n->row->ops->key || n->row->ops == &class_set);
}

/* What is there, but not for this caller, who made the object or removes it: open it. */
static void create_existing(fuse_req_t req, const struct node *dir, const struct node *n, const char *name,
			    mode_t mode, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct caller who = fs_caller(req);
	AUTO(err_done) struct err err = ERR_NULL;
	struct access a = node_access(n);
	struct fuse_entry_param e;
	bool anew = intent_is_fresh(fs->intents, n->o, who.pid, who.uid, node_id(n)) ||
		    intent_is_gone(fs->intents, n->o, who.pid, who.uid, node_id(n));

	if (anew && n->row->type == NODE_FILE && !is_config(n)) {
		intent_back(fs->intents, n->o, who.pid, who.uid, node_id(n));
		create_nothing(req, dir, name, mode, fi);
		return;
	}
	if (n->row->type != NODE_FILE || !node_can_write(n) || !access_may(&a, &who, 2)) {
		err_set(&err, EACCES, "%s can't be written by uid %u", name, (unsigned)who.uid);
		fs_fail(fs, req, n->o, &err);
		return;
	}
	intent_back(fs->intents, n->o, who.pid, who.uid, node_id(n));
	if (fs_entry(fs, req, n, &e) < 0)
		fuse_reply_err(req, ENOENT);
	else
		reply_create(req, fs, handle_opened(req, n, fi->flags), &e, fi);
}

static void create_key(fuse_req_t req, const struct node *n, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct handle *h = handle_opened(req, n, fi->flags);
	struct fuse_entry_param e;

	pending_add(fs->pendings, n);
	h->is_pending = true;
	fs_entry(fs, req, n, &e);
	/* nothing is there before the write: don't let a create without one be remembered */
	e.entry_timeout = e.attr_timeout = 0;
	reply_create(req, fs, h, &e, fi);
}

static int make_upload(struct fs *fs, const struct node *dir, struct str name, const struct caller *who,
		       struct handle *h, struct err *err)
{
	(void)dir;
	return image_upload_new(fs->host->project, name, who, &h->upload, err);
}

static void create_scratch(fuse_req_t req, const struct node *dir, const char *name, mode_t mode,
			   struct fuse_file_info *fi, struct err *why)
{
	struct fs *fs = fs_of(req);
	struct caller who = fs_caller(req);
	struct fuse_entry_param e;
	struct scratch *x = NULL;
	struct handle *h;
	int r;

	if (!dir->row->takes_images && (!dir->row->ops || !dir->row->ops->may_create ||
					!scratch_name_ok(str_from(name), is_key_of, (void *)dir))) {
		if (!why->errnum)
			err_set(why, EPERM, "no file named %s can be made here: see /lxd/README", name);
		fs_fail(fs, req, dir->o, why);
		return;
	}
	h = handle_new(NULL, fi->flags);
	r = dir->row->takes_images ? make_upload(fs, dir, str_from(name), &who, h, why) : 0;
	if (!r) {
		r = scratch_make(fs->scratches, node_id(dir), str_from(name), who.uid, who.gid,
				 dir->row->takes_images ? UPLOAD_MODE : mode, &x);
		if (r < 0)
			err_set(why, -r, "a scratch file %s can't be made: %s", name,
				r == -EEXIST ? "another user has one of that name" : "there are too many");
	}
	if (r < 0) {
		handle_free(fs, h);
		fs_fail(fs, req, dir->o, why);
		return;
	}
	h->scratch = x;
	if (h->upload)
		scratch_set_size(x, 0);
	scratch_open(x);
	fs_entry_scratch(x, &e);
	scratch_unref(x);
	reply_create(req, fs, h, &e, fi);
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	AUTO(node_done) struct node dir = {0}, n = {0};
	AUTO(err_done) struct err err = ERR_NULL;
	struct fs *fs = fs_of(req);
	struct caller who = fs_caller(req);
	int r = fs_find(fs, parent, &dir);

	if (r < 0) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (node_child(&dir, str_from(name), &n, NULL) == 0) {
		create_existing(req, &dir, &n, name, mode, fi);
		return;
	}
	r = dir.row->ops && dir.row->ops->may_create
		? dir.row->ops->may_create(&dir, str_from(name), &who, &n, &err)
		: -ENOENT;
	/* what lxdfs sets by itself, and directories that list what runs */
	if ((r == -EPERM || (r == -ENOENT && (!dir.row->ops || !dir.row->ops->may_create))) &&
	    dir.row->number && intent_is_fresh(fs->intents, dir.o, who.pid, who.uid, 0))
		create_nothing(req, &dir, name, mode, fi);
	else if (r == 0)
		create_key(req, &n, fi);
	else if (r == -ENOENT)
		create_scratch(req, &dir, name, mode, fi, &err);
	else
		fs_fail(fs, req, dir.o, &err);
}

/* ---- read */

/* What was taken from the ring and is more than the reader has room for stays in the handle: bash reads byte
 * by byte. false: there is nothing to read */
static bool reply_events(fuse_req_t req, struct handle *h, size_t size)
{
	AUTO(buf_done) struct buf b = BUF_NULL;
	size_t n;

	pthread_mutex_lock(&h->lock);
	if (!h->text.len)
		event_reader_take(h->reader, &h->text, size);
	n = MIN(size, h->text.len);
	buf_add(&b, buf_cstr(&h->text), n);
	if (n) {
		memmove(h->text.ptr, h->text.ptr + n, h->text.len - n);
		h->text.len -= n;
	}
	pthread_mutex_unlock(&h->lock);
	if (!n)
		return false;
	/* the handle may be closed from here on */
	fuse_reply_buf(req, buf_cstr(&b), n);
	return true;
}

/* Blocks until something happens; a job. */
static void read_events(struct task *t)
{
	int r = 1;

	while (r == 1 && !reply_events(t->req, t->handle, t->offset))
		r = sys_poll_in(event_reader_fd(t->handle->reader), t->who.cancel_fd, UINT64_MAX);
	if (r != 1)
		fuse_reply_err(t->req, EINTR);
}

static void start_read_events(fuse_req_t req, struct handle *h, size_t size)
{
	struct task *t;

	if (h->flags & O_NONBLOCK) {
		if (!reply_events(req, h, size))
			fuse_reply_err(req, EAGAIN);
		return;
	}
	t = task_new(fs_of(req), req);
	t->handle = h;
	t->offset = size;
	task_run(t, read_events);
}

static void reply_part(fuse_req_t req, const struct buf *b, size_t size, off_t off)
{
	if ((size_t)off >= b->len)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(req, b->ptr + off, MIN(size, b->len - (size_t)off));
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	AUTO(err_done) struct err err = ERR_NULL;
	struct handle *h = handle_of(req, ino, fi);
	int r = 0;

	if (!h)
		return;
	if (h->reader) {
		start_read_events(req, h, size);
		return;
	}
	if (h->scratch) {
		AUTO(buf_done) struct buf b = BUF_NULL;

		scratch_text(h->scratch, &b);
		reply_part(req, &b, size, off);
		return;
	}
	pthread_mutex_lock(&h->lock);
	if (!h->has_text) {
		r = fs_text(fs_of(req), req, &h->node, &h->text, &err);
		h->has_text = r >= 0;
	}
	if (r >= 0)
		reply_part(req, &h->text, size, off);
	else
		fs_fail(fs_of(req), req, h->node.o, &err);
	pthread_mutex_unlock(&h->lock);
}

/* ---- write */

static void after_write(struct fs *fs, struct handle *h)
{
	uint64_t id = node_id(&h->node);

	pthread_mutex_lock(&h->lock);
	h->has_text = false;
	buf_clear(&h->text);
	pthread_mutex_unlock(&h->lock);
	pins_drop(fs->pins, h->node.o);
	notify_inode(fs->notifier, id);
}

/* Others who look it up meanwhile get another id where this may wait. */
static int call_write(struct task *t, struct err *err)
{
	struct node *n = &t->handle->node;
	int r;

	if (n->row->is_own_when_busy)
		pending_add(t->fs->pendings, n);
	r = n->row->ops->write(n, buf_str(&t->data), &t->who, err);
	if (n->row->is_own_when_busy)
		pending_del(t->fs->pendings, node_id(n));
	return r;
}

static void apply_write(struct task *t)
{
	struct handle *h = t->handle;
	AUTO(err_done) struct err err = ERR_NULL;

	if (call_write(t, &err) < 0) {
		pthread_mutex_lock(&h->lock);
		handle_refused(h, t->offset, &err);
		pthread_mutex_unlock(&h->lock);
		fs_fail(t->fs, t->req, h->node.o, &err);
		return;
	}
	pthread_mutex_lock(&h->lock);
	handle_taken(h);
	pthread_mutex_unlock(&h->lock);
	after_write(t->fs, h);
	fuse_reply_write(t->req, t->offset);
}

/* Bytes elsewhere than in the tree: a scratch file, an image. */
static void write_scratch(fuse_req_t req, struct handle *h, struct str bytes, off_t off)
{
	AUTO(err_done) struct err err = ERR_NULL;
	int r;

	if (h->upload) {
		r = image_upload_write(h->upload, bytes, (uint64_t)off, &err);
		scratch_set_size(h->scratch, image_upload_size(h->upload));
		pthread_mutex_lock(&h->lock);
		h->is_dirty = h->is_dirty || r == 0;
		pthread_mutex_unlock(&h->lock);
	} else {
		r = scratch_write(h->scratch, bytes, (uint64_t)off);
		if (r < 0)
			err_set(&err, -r, "a file here has at most %d bytes", SCRATCH_MAX_BYTES);
	}
	if (r < 0)
		fs_fail(fs_of(req), req, NULL, &err);
	else
		fuse_reply_write(req, bytes.len);
}

static size_t size_now(fuse_req_t req, struct handle *h, off_t off)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	if (off || h->flags & O_APPEND)
		fs_text(fs_of(req), req, &h->node, &b, NULL);
	return b.len;
}

/* What was taken back since it was opened is taken back. */
static int may_still_write(const struct handle *h, const struct caller *who, struct err *err)
{
	struct access a = node_access(&h->node);

	if (access_may(&a, who, 2))
		return 0;
	return err_set(err, EACCES, "uid %u may not write this file any more", (unsigned)who->uid);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size, off_t off,
	      struct fuse_file_info *fi)
{
	AUTO(err_done) struct err err = ERR_NULL;
	struct fs *fs = fs_of(req);
	struct handle *h = handle_of(req, ino, fi); /* without one the request is answered, and gone */
	struct str text = {bytes, size};
	struct task *t;
	enum write_way way;
	bool is_line;
	size_t now;
	int r;

	if (!h)
		return;
	if (h->scratch) {
		write_scratch(req, h, text, off);
		return;
	}
	way = handle_way(h);
	if (handle_is_refused(h, &err)) {
		fs_fail(fs, req, h->node.o, &err);
		return;
	}
	now = size_now(req, h, off);
	t = task_new(fs, req);
	t->handle = h;
	t->offset = size;
	r = handle_speak(h, &t->who, &err);
	if (r >= 0)
		r = may_still_write(h, &t->who, &err);
	pthread_mutex_lock(&h->lock);
	if (r >= 0)
		r = handle_stage(h, text, (uint64_t)off, now, &err);
	if (r >= 0)
		r = handle_staged(h, &t->data, &err);
	is_line = handle_is_line(h);
	pthread_mutex_unlock(&h->lock);
	if (r >= 0 && way == WRITE_STAGED && !is_line) {
		if (h->node.row->ops->check)
			r = h->node.row->ops->check(&h->node, buf_str(&t->data), &t->who, &err);
		if (r >= 0) {
			pthread_mutex_lock(&h->lock);
			r = noted_put(fs, h);
			pthread_mutex_unlock(&h->lock);
			if (r < 0)
				err_set(&err, -r, "what was written can't be kept in %s: %s", fs->host->run,
					strerror(-r));
		}
		if (r >= 0) {
			fuse_reply_write(req, size);
			task_drop(t);
			return;
		}
	}
	if (r >= 0) {
		task_run(t, apply_write);
		return;
	}
	pthread_mutex_lock(&h->lock);
	handle_refused(h, size, &err);
	pthread_mutex_unlock(&h->lock);
	fs_fail(fs, req, h->node.o, &err);
	task_drop(t);
}

/* ---- what was staged is taken */

static void finish_upload(struct task *t)
{
	AUTO(object_unref) struct object *image = NULL;
	AUTO(err_done) struct err err = ERR_NULL;

	int r = image_upload_finish(t->handle->upload, &t->who, &image, &err);

	/* whatever it was, it isn't a file here any more; once there is a reply the handle may be gone */
	scratch_remove(t->fs->scratches, t->handle->scratch);
	if (r < 0)
		fs_fail(t->fs, t->req, NULL, &err);
	else
		fuse_reply_err(t->req, 0);
}

static void apply_staged(struct task *t)
{
	struct handle *h = t->handle;
	AUTO(err_done) struct err err = ERR_NULL;
	int r = h->node.row->ops->write(&h->node, buf_str(&t->data), &t->who, &err);

	noted_drop(t->fs, h);
	after_write(t->fs, h);
	if (r < 0)
		fs_fail(t->fs, t->req, h->node.o, &err);
	else
		fuse_reply_err(t->req, 0);
}

static void commit(fuse_req_t req, struct handle *h)
{
	AUTO(err_done) struct err err = ERR_NULL;
	struct task *t;
	bool dirty;
	int r = 0;

	if (handle_is_refused(h, &err)) {
		pthread_mutex_lock(&h->lock);
		err_done(&h->refusal);
		pthread_mutex_unlock(&h->lock);
		fs_fail(fs_of(req), req, h->node.o, &err);
		return;
	}
	pthread_mutex_lock(&h->lock);
	dirty = h->is_dirty && (h->upload || (h->node.o && handle_way(h) == WRITE_STAGED));
	h->is_dirty = false;
	if (!dirty) {
		pthread_mutex_unlock(&h->lock);
		fuse_reply_err(req, 0);
		return;
	}
	t = task_new(fs_of(req), req);
	t->handle = h;
	/* what is staged was written by who may */
	r = handle_speak(h, &t->who, &err);
	if (!h->upload) {
		r = r < 0 ? r : handle_staged(h, &t->data, &err);
		handle_taken(h);
	}
	pthread_mutex_unlock(&h->lock);
	if (r >= 0) {
		task_run(t, h->upload ? finish_upload : apply_staged);
		return;
	}
	fs_fail(t->fs, req, h->node.o, &err);
	task_drop(t);
}

/* What another core was given and hadn't applied is noted, see fs/noted.h, but for the bytes of a scratch
 * file or an image: nobody may believe that those were taken. */
static void commit_of(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h = opened_find(fs_of(req)->opened, fi->fh);

	if (h)
		commit(req, h);
	else
		fuse_reply_err(req, ino & SCRATCH_BIT ? EIO : 0);
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	commit_of(req, ino, fi);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	const struct handle *h = opened_find(fs_of(req)->opened, fi->fh);

	(void)datasync;
	/* an image is complete when it is closed, not when some of it is to be on the disk */
	if (h && h->upload)
		fuse_reply_err(req, 0);
	else
		commit_of(req, ino, fi);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h = opened_take(fs_of(req)->opened, fi->fh);

	(void)ino;
	if (h) {
		noted_drop(fs_of(req), h);
		handle_free(fs_of(req), h);
	}
	fuse_reply_err(req, 0);
}

/* ---- poll */

/* In the loop's thread. */
static void wake(void *arg)
{
	struct handle *h = arg;
	struct fuse_pollhandle *ph;

	pthread_mutex_lock(&h->lock);
	ph = TAKE(h->poll);
	loop_del(event_reader_fd(h->reader));
	h->is_watched = false;
	pthread_mutex_unlock(&h->lock);
	if (ph)
		fuse_lowlevel_notify_poll(ph);
	if (ph)
		fuse_pollhandle_destroy(ph);
}

static bool has_events(struct handle *h)
{
	bool has;

	pthread_mutex_lock(&h->lock);
	has = h->text.len || sys_poll_in(event_reader_fd(h->reader), -1, sys_deadline(0)) == 1;
	pthread_mutex_unlock(&h->lock);
	return has;
}

/* Streams alone make somebody wait; all else can be read and written at once. */
void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
	struct handle *h = handle_of(req, ino, fi);
	unsigned events = POLLIN | POLLOUT;

	if (!h) {
		if (ph)
			fuse_pollhandle_destroy(ph);
		return;
	}
	if (h->reader && !has_events(h))
		events = 0;
	if (!events && ph) {
		/* one for each open file, however often it is asked */
		pthread_mutex_lock(&h->lock);
		if (h->poll)
			fuse_pollhandle_destroy(h->poll);
		h->poll = TAKE(ph);
		if (!h->is_watched)
			h->is_watched = loop_add(event_reader_fd(h->reader), wake, h, NULL) == 0;
		pthread_mutex_unlock(&h->lock);
	}
	if (ph)
		fuse_pollhandle_destroy(ph);
	fuse_reply_poll(req, events);
}
