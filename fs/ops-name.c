/* SPDX-License-Identifier: Apache-2.0 */
/* Making, removing and renaming, and changes of attributes: all of them tasks, as all of them may wait. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "engine/base/auto.h"
#include "engine/base/fd.h"
#include "engine/base/sys.h"
#include "fs/ops.h"
#include "fs/tree/setfile.h"

#define PATIENCE_SECONDS 3

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#define RENAME_EXCHANGE (1 << 1)
#endif

static struct task *name_task(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct task *t = task_new(fs_of(req), req);

	t->ino = parent;
	t->name = xstrdup(name);
	return t;
}

/* The directory of a task; replies where there is none. */
static bool find_dir(struct task *t, uint64_t id, struct node *ret)
{
	if (fs_find(t->fs, id, ret) == 0)
		return true;
	fuse_reply_err(t->req, ESTALE);
	return false;
}

static void reply_entry(struct task *t, const struct node *n)
{
	struct fuse_entry_param e;

	if (fs_entry(t->fs, t->req, n, &e) < 0)
		fuse_reply_err(t->req, ENOENT);
	else
		fuse_reply_entry(t->req, &e);
}

/* ---- mkdir */

/* Return: 0; -EPERM the objects in it are another project's */
static int refuse_shared(const struct node *dir, struct err *err)
{
	const struct kind *kind = kind_get(dir->row->kind);
	AUTO(free) char *name = NULL;

	if (dir->o->kind->number != KIND_PROJECT || node_home(dir) == dir->o)
		return 0;
	name = object_name(dir->o);
	if (!kind->feature)
		return err_set(err, EPERM, "%s/ is the same for all projects: it is changed in %s/%s",
			       kind->plural, dir->o->host->mount, kind->plural);
	return err_set(
	    err, EPERM,
	    "project %s has no %s of its own, these are project default's: %s=true in its config/ makes "
	    "the difference, as long as the project is empty",
	    name, kind->plural, kind->feature);
}

static int make_object(struct task *t, const struct node *dir, struct node *ret, struct err *err)
{
	AUTO(object_unref) struct object *o = NULL;
	int r;

	if (dir->row->arg)
		return err_set(err, EPERM, "%s", (const char *)dir->row->arg);
	r = refuse_shared(dir, err);
	if (r < 0)
		return r;
	r = object_create(node_home(dir), kind_get(dir->row->kind), str_from(t->name), &t->who, NULL, 0, &o,
			  err);
	if (r == -EEXIST && t->who.is_lenient) {
		/* made by the core before, which didn't live to say so? */
		o = host_find(node_home(dir), dir->row->kind, str_from(t->name));
		r = o && o->created_by == t->who.unique ? 0 : r;
	}
	if (r < 0)
		return r;
	intent_fresh(t->fs->intents, o, t->who.pid, t->who.uid);
	*ret = node_of(o);
	return 0;
}

static void do_mkdir(struct task *t)
{
	AUTO(node_done) struct node dir = {0}, n = {0};
	AUTO(err_done) struct err err = ERR_NULL;
	int r;

	if (!find_dir(t, t->ino, &dir))
		return;
	if (node_child(&dir, str_from(t->name), &n, NULL) == 0 &&
	    intent_back(t->fs->intents, n.o, t->who.pid, t->who.uid, node_id(&n))) {
		reply_entry(t, &n);
		return;
	}
	if (n.o && n.row->number && t->who.is_lenient) {
		reply_entry(t, &n);
		return;
	}
	if (n.o && !t->who.is_lenient) {
		err_set(&err, EEXIST, "there is a %s already", t->name);
		fs_fail(t->fs, t->req, dir.o, &err);
		return;
	}
	node_done(&n);
	if (dir.via)
		r = node_refuse_view(&dir, &err);
	else if (dir.row->has_objects)
		r = make_object(t, &dir, &n, &err);
	else if (dir.row->ops && dir.row->ops->mkdir)
		r = dir.row->ops->mkdir(&dir, str_from(t->name), &t->who, &n, &err);
	else
		r = err_set(&err, EPERM, "no directory %s can be made here: see /lxd/README", t->name);
	if (r < 0)
		fs_fail(t->fs, t->req, dir.o, &err);
	else
		reply_entry(t, &n);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)mode;
	task_run(name_task(req, parent, name), do_mkdir);
}

/* ---- symlink, mknod, link */

/* cp -r of an instance makes its links, too: where they lead isn't up to it. */
static void copy_link(struct task *t, const struct node *dir)
{
	AUTO(node_done) struct node n = {0};
	AUTO(scratch_unref) struct scratch *x = NULL;
	struct fuse_entry_param e;
	int r;

	if (node_child(dir, str_from(t->name), &n, NULL) == 0) {
		intent_back(t->fs->intents, n.o, t->who.pid, t->who.uid, node_id(&n));
		reply_entry(t, &n);
		return;
	}
	r = scratch_make_link(t->fs->scratches, t->ino, str_from(t->name), t->who.uid, t->who.gid,
			      str_from(t->to_name), &x);
	if (r < 0) {
		fuse_reply_err(t->req, -r);
		return;
	}
	fs_entry_scratch(x, &e);
	fuse_reply_entry(t->req, &e);
}

static void do_symlink(struct task *t)
{
	AUTO(node_done) struct node dir = {0}, n = {0};
	AUTO(err_done) struct err err = ERR_NULL;
	int r;

	if (!find_dir(t, t->ino, &dir))
		return;
	if (intent_is_fresh(t->fs->intents, dir.o, t->who.pid, t->who.uid, 0) && !dir.row->number) {
		copy_link(t, &dir);
		return;
	}
	if (dir.via)
		r = node_refuse_view(&dir, &err);
	else if (dir.row->ops && dir.row->ops->symlink)
		r = dir.row->ops->symlink(&dir, str_from(t->name), str_from(t->to_name), &t->who, &n, &err);
	else
		r = err_set(&err, EPERM, "no symbolic link can be made here: images/aliases/ takes some");
	if (r < 0)
		fs_fail(t->fs, t->req, dir.o, &err);
	else
		reply_entry(t, &n);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct task *t = name_task(req, parent, name);

	t->to_name = xstrdup(target);
	task_run(t, do_symlink);
}

static void refuse(fuse_req_t req, const char *sentence)
{
	AUTO(err_done) struct err err = ERR_NULL;

	err_set(&err, EPERM, "%s", sentence);
	fs_fail(fs_of(req), req, NULL, &err);
}

/* open(2) with O_CREAT comes as create; this is mknod(2), of a regular file too. */
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)rdev;
	refuse(req, "no device nodes, FIFOs or sockets can be made in the tree");
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	(void)ino;
	(void)parent;
	(void)name;
	refuse(req, "no hard links can be made in the tree: a file there is what its name says");
}

/* ---- unlink, rmdir */

static int unlink_node(struct task *t, const struct node *n, struct err *err)
{
	struct intents *intents = t->fs->intents;
	AUTO(free) char *name = node_name(n);
	int r;

	if (n->row->type == NODE_DIR)
		return err_set(err, EISDIR, "%s is a directory", name);
	if (n->via)
		return node_refuse_view(n, err);
	r = intent_goes_on(intents, n->o, t->who.pid, t->who.uid, err);
	if (!r && n->row->ops && n->row->ops->unlink)
		return n->row->ops->unlink(n, &t->who, err);
	/* what goes with its directory: rm -r of a device begins with its `set` */
	if (!r && n->row->ops == &class_set && n->row->parent)
		return 0;
	if (!r && (n->o->kind->number == KIND_SERVER || n->o->kind->number == KIND_PROJECT))
		return err_set(err, EPERM, "%s is part of the tree and can't be removed", name);
	if (!r && n->row->parent)
		return err_set(err, EPERM, "%s is part of its object: it goes when that is removed", name);
	if (!r)
		r = intent_remove(intents, n->o, t->who.pid, t->who.uid, err);
	if (r < 0)
		return r;
	intent_gone(intents, n->o, t->who.pid, t->who.uid, node_id(n));
	return 0;
}

/* What is gone already was removed by the core before, if the request comes again. */
static void remove_child(struct task *t, const struct node *dir,
			 int (*fn)(struct task *t, const struct node *n, struct err *err))
{
	AUTO(node_done) struct node n = {0};
	AUTO(err_done) struct err err = ERR_NULL;
	int r = node_child(dir, str_from(t->name), &n, &err);

	if (r == -ENOENT) {
		fuse_reply_err(t->req, t->who.is_lenient ? 0 : ENOENT);
		return;
	}
	if (!r)
		r = fn(t, &n, &err);
	if (r < 0)
		fs_fail(t->fs, t->req, n.o ? n.o : dir->o, &err);
	else
		fuse_reply_err(t->req, 0);
}

static void do_unlink(struct task *t)
{
	AUTO(node_done) struct node dir = {0};
	struct scratch *x;

	if (!find_dir(t, t->ino, &dir))
		return;
	x = scratch_find(t->fs->scratches, t->ino, str_from(t->name), t->who.uid);
	if (!x) {
		remove_child(t, &dir, unlink_node);
		return;
	}
	scratch_remove(t->fs->scratches, x);
	scratch_unref(x);
	fuse_reply_err(t->req, 0);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	task_run(name_task(req, parent, name), do_unlink);
}

/* ---- removing and renaming whole objects */

/* The kernel holds the directory's lock until we answer, and whoever looks into it waits: give up soon, where
 * something long is going on with the object. */
struct patience {
	struct caller who;
	int timer, both;
};

static void patience_begin(struct patience *p, const struct caller *who)
{
	const struct itimerspec until = {.it_value.tv_sec = PATIENCE_SECONDS};
	struct epoll_event e = {.events = EPOLLIN};

	*p = (struct patience){*who, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC),
			       epoll_create1(EPOLL_CLOEXEC)};
	if (p->timer < 0 || p->both < 0 || timerfd_settime(p->timer, 0, &until, NULL) < 0 ||
	    epoll_ctl(p->both, EPOLL_CTL_ADD, p->timer, &e) < 0 ||
	    epoll_ctl(p->both, EPOLL_CTL_ADD, who->cancel_fd, &e) < 0)
		p->who.may_wait = false;
	else
		p->who.cancel_fd = p->both;
}

static int patience_end(struct patience *p, const struct caller *who, int r, struct err *err)
{
	if ((r == -EINTR || r == -EAGAIN) && sys_poll_in(who->cancel_fd, -1, sys_deadline(0)) != 1)
		err->errnum = EBUSY;
	fd_auto(&p->timer);
	fd_auto(&p->both);
	return r < 0 ? -err->errnum : r;
}

static int remove_object(struct task *t, struct object *o, struct err *err)
{
	struct patience p;

	patience_begin(&p, &t->who);
	return patience_end(&p, &t->who, object_remove(o, &p.who, err), err);
}

static int move_object(struct task *t, struct object *o, struct object *to, struct str name, struct err *err)
{
	struct patience p;

	patience_begin(&p, &t->who);
	return patience_end(&p, &t->who, object_move(o, to, name, &p.who, err), err);
}

static int rmdir_node(struct task *t, const struct node *n, struct err *err)
{
	struct intents *intents = t->fs->intents;
	AUTO(free) char *name = node_name(n);
	int r;

	if (n->row->type != NODE_DIR)
		return err_set(err, ENOTDIR, "%s is no directory", name);
	if (n->via)
		return node_refuse_view(n, err);
	if (!n->row->number)
		return remove_object(t, n->o, err);
	r = intent_goes_on(intents, n->o, t->who.pid, t->who.uid, err);
	if (!r && n->row->ops && n->row->ops->rmdir)
		return n->row->ops->rmdir(n, &t->who, err);
	if (!r)
		return err_set(err, EPERM, "%s is part of its object: it goes when that is removed", name);
	if (r > 0)
		intent_gone(intents, n->o, t->who.pid, t->who.uid, node_id(n));
	return r < 0 ? r : 0;
}

static void do_rmdir(struct task *t)
{
	AUTO(node_done) struct node dir = {0};

	if (find_dir(t, t->ino, &dir))
		remove_child(t, &dir, rmdir_node);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	task_run(name_task(req, parent, name), do_rmdir);
}

/* ---- rename */

static bool key_in(void *arg, struct str name)
{
	return fs_is_key(arg, name);
}

/* What an editor wrote aside becomes the value. */
static int assign_scratch(struct task *t, struct scratch *x, const struct node *to, struct err *err)
{
	AUTO(node_done) struct node n = {0};
	AUTO(buf_done) struct buf text = BUF_NULL;
	struct str name = str_from(t->to_name);
	int r = node_child(to, name, &n, NULL);

	if (r == -ENOENT)
		r = to->row->ops && to->row->ops->may_create
			? to->row->ops->may_create(to, name, &t->who, &n, err)
			: -ENOENT;
	/* another scratch name */
	if (r == -ENOENT && scratch_name_ok(name, key_in, (void *)to)) {
		err_done(err);
		scratch_move(t->fs->scratches, x, t->to, name);
		return 0;
	}
	if (!r) {
		struct access a = node_access(&n);

		if (!node_can_write(&n) || !access_may(&a, &t->who, 2))
			r = err_set(err, EACCES, "%s can't be written by uid %u", t->to_name,
				    (unsigned)t->who.uid);
	}
	if (r == -ENOENT && !err->errnum)
		return err_set(err, EPERM, "no file named %s can be made there: see /lxd/README", t->to_name);
	if (r < 0)
		return -err->errnum;
	scratch_text(x, &text);
	r = n.row->ops->write(&n, buf_str(&text), &t->who, err);
	if (r < 0)
		return r;
	scratch_remove(t->fs->scratches, x);
	/* the kernel thinks that the scratch file has the key's name now */
	notify_entry(t->fs->notifier, t->to, t->to_name);
	notify_inode(t->fs->notifier, node_id(&n));
	return 0;
}

/* vim renames the file to its backup before it writes anew: the backup is a copy, the key stays. */
static int back_up(struct task *t, const struct node *n, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	struct access a = node_access(n);
	struct scratch *x = NULL;
	int r;

	if (!access_may(&a, &t->who, 4))
		return err_set(err, EACCES, "%s can't be read by uid %u, so no copy of it can be made",
			       t->name, (unsigned)t->who.uid);
	r = fs_text(t->fs, t->req, n, &text, err);
	if (r < 0)
		return r;
	r = scratch_make(t->fs->scratches, t->to, str_from(t->to_name), t->who.uid, t->who.gid, 0600, &x);
	if (r < 0)
		return err_set(err, -r, "no backup %s can be made", t->to_name);
	r = scratch_write(x, buf_str(&text), 0);
	if (r < 0)
		scratch_remove(t->fs->scratches, x);
	scratch_unref(x);
	if (r < 0)
		return err_set(err, -r, "%s is too long for a backup: %d bytes are the most", t->name,
			       SCRATCH_MAX_BYTES);
	notify_entry(t->fs->notifier, t->to, t->to_name);
	notify_entry(t->fs->notifier, t->ino, t->name);
	return 0;
}

static bool no_key(void *arg, struct str name)
{
	(void)arg;
	(void)name;
	return false;
}

static int rename_node(struct task *t, const struct node *n, const struct node *to, struct err *err)
{
	AUTO(node_done) struct node there = {0};
	struct str name = str_from(t->to_name);
	bool exists = node_child(to, name, &there, NULL) == 0;

	if (n->via || to->via)
		return node_refuse_view(n->via ? n : to, err);
	if (exists && (!n->row->number || t->flags & RENAME_NOREPLACE))
		return err_set(err, EEXIST, "there is a %s already: nothing is replaced by a rename",
			       t->to_name);
	if (!n->row->number) {
		bool fits = to->row->has_objects && to->row->kind == n->o->kind->number;
		int r = fits ? refuse_shared(to, err) : 0;

		/* not EXDEV, upon which mv would copy it as files and remove it */
		if (t->ino != t->to && (!fits || !n->o->kind->may_move))
			return err_set(err, EPERM, "%s can't be moved to another directory", t->name);
		return r < 0 ? r : move_object(t, n->o, node_home(to), name, err);
	}
	/* a rule may be called 10: that is no editor's file */
	if (!exists && n->row->type == NODE_FILE && !(to->row->section && fs_is_key(to, name)) &&
	    scratch_name_ok(name, no_key, NULL))
		return back_up(t, n, err);
	if (n->row->ops && n->row->ops->rename)
		return n->row->ops->rename(n, to, name, &t->who, err);
	return err_set(err, EPERM, "%s can't be renamed: it is part of the tree", t->name);
}

static void do_rename(struct task *t)
{
	AUTO(node_done) struct node from = {0}, to = {0}, n = {0};
	AUTO(err_done) struct err err = ERR_NULL;
	struct scratch *x;
	int r;

	if (!find_dir(t, t->ino, &from) || !find_dir(t, t->to, &to))
		return;
	x = scratch_find(t->fs->scratches, t->ino, str_from(t->name), t->who.uid);
	if (t->flags & RENAME_EXCHANGE) {
		r = err_set(&err, EINVAL, "two names can't be exchanged here");
	} else if (x) {
		r = assign_scratch(t, x, &to, &err);
	} else {
		r = node_child(&from, str_from(t->name), &n, &err);
		if (r == -ENOENT) {
			/* done by the core before? */
			r = t->who.is_lenient && node_child(&to, str_from(t->to_name), &n, NULL) == 0
				? 0
				: -ENOENT;
			fuse_reply_err(t->req, -r);
			return;
		}
		if (!r)
			r = rename_node(t, &n, &to, &err);
	}
	scratch_unref(x);
	if (r < 0)
		fs_fail(t->fs, t->req, n.o ? n.o : to.o, &err);
	else
		fuse_reply_err(t->req, 0);
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent, const char *newname,
	       unsigned flags)
{
	struct task *t = name_task(req, parent, name);

	t->to = newparent;
	t->to_name = xstrdup(newname);
	t->flags = flags;
	task_run(t, do_rename);
}

/* ---- attributes */

static int set_owner(struct task *t, const struct node *n, struct err *err)
{
	AUTO(free) char *place = node_place(n);
	uid_t uid = t->to_set & FUSE_SET_ATTR_UID ? t->attr.st_uid : (uid_t)-1;
	gid_t gid = t->to_set & FUSE_SET_ATTR_GID ? t->attr.st_gid : (gid_t)-1;
	mode_t mode = t->to_set & FUSE_SET_ATTR_MODE ? t->attr.st_mode & 0777 : (mode_t)-1;

	/* chgrp -R of a project: what it only sees is shown to whom the project belongs */
	if (n->via)
		return mode == (mode_t)-1 ? 0 : node_refuse_view(n, err);
	if (n->row->is_fixed)
		return err_set(err, EPERM, "%s is the same for all: its owner and mode can't be changed",
			       *place ? place : "the root of the tree");
	return object_set_access(n->o, place, node_class_of(n), node_mode(n), uid, gid, mode, &t->who, err);
}

static void do_setattr(struct task *t)
{
	AUTO(node_done) struct node n = {0};
	AUTO(err_done) struct err err = ERR_NULL;
	struct stat st;
	int r = 0;

	if (!find_dir(t, t->ino, &n))
		return;
	if (t->to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID | FUSE_SET_ATTR_MODE))
		r = set_owner(t, &n, &err);
	if (r < 0 || fs_stat(t->fs, t->req, &n, &st) < 0) {
		if (!err.errnum)
			err_set(&err, ENOENT, "it is gone");
		fs_fail(t->fs, t->req, n.o, &err);
		return;
	}
	/* a new owner of the object is the new owner of what is in it, and a key is shown in several places
	 */
	if (t->fs->host->on.changed)
		t->fs->host->on.changed(t->fs->host, n.o, NULL, NULL);
	fuse_reply_attr(t->req, &st, 0);
}

static void set_scratch(fuse_req_t req, fuse_ino_t ino, const struct stat *attr, int to_set)
{
	struct scratch *x = scratch_get(fs_of(req)->scratches, ino);
	struct stat st;
	int r = 0;

	if (!x) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (to_set & FUSE_SET_ATTR_SIZE)
		r = scratch_truncate(x, (uint64_t)attr->st_size);
	scratch_chmod(x, to_set & FUSE_SET_ATTR_UID ? attr->st_uid : (uid_t)-1,
		      to_set & FUSE_SET_ATTR_GID ? attr->st_gid : (gid_t)-1,
		      to_set & FUSE_SET_ATTR_MODE ? attr->st_mode : (mode_t)-1);
	scratch_stat(x, &st);
	scratch_unref(x);
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_attr(req, &st, 0);
}

/* Times are accepted and ignored: they are when a value was set. A truncation to nothing is the first half of
 * an assignment; alone it changes nothing. */
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
	AUTO(node_done) struct node n = {0};
	struct fs *fs = fs_of(req);
	struct task *t;
	struct stat st;

	(void)fi;
	if (ino & SCRATCH_BIT) {
		set_scratch(req, ino, attr, to_set);
		return;
	}
	if (to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID | FUSE_SET_ATTR_MODE)) {
		t = task_new(fs, req);
		t->ino = ino;
		t->attr = *attr;
		t->to_set = to_set;
		task_run(t, do_setattr);
		return;
	}
	if (fs_find(fs, ino, &n) < 0 || fs_stat(fs, req, &n, &st) < 0) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (to_set & FUSE_SET_ATTR_SIZE && attr->st_size && attr->st_size != st.st_size) {
		AUTO(err_done) struct err err = ERR_NULL;

		err_set(&err, EINVAL, "a value is as long as its text: write another one");
		fs_fail(fs, req, n.o, &err);
		return;
	}
	fuse_reply_attr(req, &st, 0);
}
