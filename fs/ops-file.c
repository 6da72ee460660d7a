/* SPDX-License-Identifier: Apache-2.0 */
/* Open files: read, written, closed. What applies a value is a task; errors come back from the write itself.
 */
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

/* As much as is asked for, wherever: nothing of the file is held here. */
static void reply_bytes(fuse_req_t req, int fd, size_t size, off_t off)
{
	AUTO(free) char *to = malloc(size);
	size_t have = 0;
	ssize_t n = 1;

	if (!to) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	while (have < size && n > 0) {
		n = pread(fd, to + have, size - have, off + (off_t)have);
		if (n > 0)
			have += (size_t)n;
	}
	if (n < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_buf(req, to, have);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	AUTO(err_done) struct err err = ERR_NULL;
	struct handle *h = fs_handle(req, ino, fi);
	int r = 0;

	if (!h)
		return;
	if (h->reader) {
		start_read_events(req, h, size);
		return;
	}
	if (h->fd >= 0) {
		reply_bytes(req, h->fd, size, off);
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
		if (r == -EFBIG)
			err_set(&err, EFBIG, "a file here has at most %d bytes", SCRATCH_MAX_BYTES);
		else if (r < 0)
			err_set(&err, -r,
				"all files beside keys have at most %d bytes together: wait a minute",
				SCRATCHES_MAX_BYTES);
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
	struct handle *h = fs_handle(req, ino, fi); /* without one the request is answered, and gone */
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
	struct handle *h = fs_handle(req, ino, fi);
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
