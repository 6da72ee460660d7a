/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and making files: what there is, keys that aren't set yet, scratch files, images that are copied
 * in. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/model/event.h"
#include "fs/noted.h"
#include "fs/ops.h"
#include "fs/tree/setfile.h"

#define UPLOAD_MODE 0600

/* A stream, or a descriptor that is read from. Where it can't be, the handle is freed and the request
 * answered. */
static bool begin_bytes(struct fs *fs, fuse_req_t req, struct handle *h)
{
	AUTO(err_done) struct err err = ERR_NULL;

	if (h->node.row->ops && h->node.row->ops->open) {
		h->fd = h->node.row->ops->open(&h->node);
		if (h->fd >= 0)
			return true;
		handle_free(fs, h);
		fuse_reply_err(req, ESTALE);
		return false;
	}
	if (h->node.row->type != NODE_STREAM)
		return true;
	h->reader =
	    event_reader_new(fs->host->events, h->node.o->kind->number == KIND_PROJECT ? h->node.o->id : 0);
	if (h->reader)
		return true;
	handle_free(fs, h);
	err_set(&err, ENFILE, "the daemon has no descriptor left");
	fs_fail(fs, req, NULL, &err);
	return false;
}

struct handle *fs_handle(fuse_req_t req, fuse_ino_t ino, const struct fuse_file_info *fi)
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
	if (!begin_bytes(fs, req, h))
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

/* Whose images an image's file is copied into; referenced. */
static struct object *scratch_project(struct fs *fs, struct scratch *x)
{
	AUTO(node_done) struct node dir = {0};

	return object_ref(fs_find(fs, scratch_dir(x), &dir) == 0 ? node_home(&dir) : fs->host->project);
}

static void open_scratch(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct scratch *x = scratch_get(fs->scratches, ino);
	struct caller who = fs_caller(req);
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(object_unref) struct object *project = NULL;
	AUTO(free) char *name = NULL;
	struct handle *h;

	if (!x) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	h = handle_new(NULL, fi->flags);
	name = (fi->flags & O_ACCMODE) == O_RDONLY ? NULL : scratch_image(x);
	project = scratch_project(fs, x);
	if (name && image_upload_new(project, str_from(name), &who, &h->upload, &err) < 0) {
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

		if (node_refuse_view(&n, &err) == 0)
			err_set(&err, EACCES, "%s can only be read: lxdfs sets it", name);
		fs_fail(fs, req, n.o, &err);
		return;
	}
	h = handle_opened(req, &n, fi->flags);
	if (!begin_bytes(fs, req, h))
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

/* What is there as soon as it is made. */
static void do_make(struct task *t)
{
	AUTO(node_done) struct node dir = {0}, n = {0};
	AUTO(err_done) struct err err = ERR_NULL;
	struct fuse_entry_param e;
	int r = fs_find(t->fs, t->ino, &dir) < 0 ? -ESTALE : 0;

	if (!r)
		r = dir.row->ops->may_create(&dir, str_from(t->name), &t->who, &n, &err);
	if (!r)
		r = n.row->ops->make(&n, &t->who, &err);
	if (r < 0) {
		if (!err.errnum)
			err_set(&err, -r, "%s can't be made: %s", t->name, strerror(-r));
		fs_fail(t->fs, t->req, dir.o, &err);
		return;
	}
	if (fs_entry(t->fs, t->req, &n, &e) < 0)
		fuse_reply_err(t->req, ENOENT);
	else
		reply_create(t->req, t->fs, handle_opened(t->req, &n, t->fi.flags), &e, &t->fi);
}

static void make_file(fuse_req_t req, fuse_ino_t parent, const char *name, const struct fuse_file_info *fi)
{
	struct task *t = task_new(fs_of(req), req);

	t->ino = parent;
	t->name = xstrdup(name);
	t->fi = *fi;
	task_run(t, do_make);
}

static int make_upload(struct fs *fs, const struct node *dir, struct str name, const struct caller *who,
		       struct handle *h, struct err *err)
{
	struct object *project = node_home(dir);

	(void)fs;
	if (dir->o->kind->number == KIND_PROJECT && project != dir->o)
		return err_set(err, EPERM,
			       "this project has no images of its own, these are project default's: "
			       "features.images=true in its config/ makes the difference");
	return image_upload_new(project, name, who, &h->upload, err);
}

/* Where files are replaced: directories of keys. In an object's own, which has description and the like, what
 * is called as one of them, or as sed calls its files. */
static bool takes_scratch(const struct node *dir, struct str name)
{
	const struct key_table *props = dir->row->number ? NULL : kind_tables(dir->o->kind)->props;
	bool takes = dir->row->ops && dir->row->ops->may_create;

	if (!dir->row->ops && props)
		takes = name.len == strlen("sedXXXXXX") && str_has_prefix(name, STR("sed"));
	for (size_t i = 0; !takes && !dir->row->ops && props && i < props->n; i++)
		takes = memmem(name.ptr, name.len, props->keys[i].name, strlen(props->keys[i].name)) != NULL;
	return takes;
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

	if (!dir->row->takes_images && (!takes_scratch(dir, str_from(name)) ||
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
	if (dir.via) {
		node_refuse_view(&dir, &err);
		fs_fail(fs, req, dir.o, &err);
		return;
	}
	r = dir.row->ops && dir.row->ops->may_create
		? dir.row->ops->may_create(&dir, str_from(name), &who, &n, &err)
		: -ENOENT;
	/* what lxdfs sets by itself, and directories that list what runs */
	if ((r == -EPERM || (r == -ENOENT && (!dir.row->ops || !dir.row->ops->may_create))) &&
	    dir.row->number && intent_is_fresh(fs->intents, dir.o, who.pid, who.uid, 0))
		create_nothing(req, &dir, name, mode, fi);
	else if (r == 0 && n.row->ops->make)
		make_file(req, parent, name, fi);
	else if (r == 0)
		create_key(req, &n, fi);
	else if (r == -ENOENT)
		create_scratch(req, &dir, name, mode, fi, &err);
	else
		fs_fail(fs, req, dir.o, &err);
}
