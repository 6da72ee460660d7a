/* SPDX-License-Identifier: Apache-2.0 */
/* Looking: names, attributes, lists. Nothing here waits. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "engine/base/auto.h"
#include "fs/ops.h"
#include "fs/remote.h"
#include "fs/syscall.h"
#include "fs/tree/setfile.h"

static int no_text(const struct node *n, struct buf *b, struct err *err)
{
	(void)n;
	(void)b;
	(void)err;
	return 0;
}

/* Its text is the caller's, which a class isn't told of: fs_text() knows. */
const struct node_class class_last_error = {.read = no_text};

bool fs_is_error_file(const struct node *n)
{
	return n->row->ops == &class_last_error;
}

int fs_find(struct fs *fs, uint64_t id, struct node *ret)
{
	if (node_find(fs->host, id, ret) == 0)
		return 0;
	return pending_find(fs->pendings, id, ret) ? 0 : -ESTALE;
}

static int text_of(struct fs *fs, fuse_req_t req, const struct node *n, struct buf *b, uint64_t *ret_changed,
		   struct err *err)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	*ret_changed = 0;
	if (fs_is_error_file(n)) {
		*ret_changed = failures_read(fs->failures, ctx->uid, ctx->pid, b);
		return 0;
	}
	if (n->row->ops == &class_set) {
		struct caller who = fs_caller(req);

		setfile_text(n, &who, b);
		return 0;
	}
	/* write-only files read as nothing: grep -r and tar mustn't fail */
	if (!n->row->ops || !n->row->ops->read)
		return 0;
	return n->row->is_live ? pins_text(fs->pins, n, b, ret_changed, err) : n->row->ops->read(n, b, err);
}

int fs_text(struct fs *fs, fuse_req_t req, const struct node *n, struct buf *b, struct err *err)
{
	uint64_t changed;

	return text_of(fs, req, n, b, &changed, err);
}

int fs_stat(struct fs *fs, fuse_req_t req, const struct node *n, struct stat *ret)
{
	AUTO(buf_done) struct buf b = BUF_NULL;
	uint64_t changed = 0;

	if (n->row->type == NODE_FILE)
		text_of(fs, req, n, &b, &changed, NULL);
	if (n->row->ops && n->row->ops->open) {
		AUTO(fd) int fd = n->row->ops->open(n);
		struct stat st;

		if (fd < 0 || fstat(fd, &st) < 0)
			return -ESTALE;
		return node_stat(n, (size_t)st.st_size, changed, ret);
	}
	return node_stat(n, b.len, changed, ret);
}

static double keep(const struct node *n)
{
	return n->row->is_live || n->row->is_public ? 0 : FS_TIMEOUT;
}

int fs_entry(struct fs *fs, fuse_req_t req, const struct node *n, struct fuse_entry_param *ret)
{
	*ret = (struct fuse_entry_param){.ino = node_id(n), .generation = 1};
	ret->attr_timeout = keep(n);
	if (n->row->is_each_own || (n->row->is_own_when_busy && pending_has(fs->pendings, ret->ino)))
		ret->ino = node_own_id(n);
	/* a symlink may come and go with what it points to */
	ret->entry_timeout =
	    n->row->type == NODE_LINK || n->row->is_each_own || n->row->is_own_when_busy || n->row->is_public
		? 0
		: FS_TIMEOUT;
	return fs_stat(fs, req, n, &ret->attr);
}

void fs_entry_scratch(struct scratch *x, struct fuse_entry_param *ret)
{
	*ret = (struct fuse_entry_param){.ino = scratch_id(x), .generation = 1};
	scratch_stat(x, &ret->attr);
}

/* What its caller removed with the object around it, or is about to make in a new one. */
static bool is_hidden_from(struct fs *fs, fuse_req_t req, const struct node *n)
{
	uid_t uid = fuse_req_ctx(req)->uid;
	pid_t pid = remote_process(fs_of(req)->remote, uid, fuse_req_ctx(req)->pid);
	AUTO(free) char *name = node_name(n);
	uint64_t id = node_id(n);
	enum making m;

	if (!n->row->number)
		return false;
	if (intent_is_gone(fs->intents, n->o, pid, uid, id))
		return true;
	if (!intent_is_fresh(fs->intents, n->o, pid, uid, id))
		return false;
	/* of the thread itself */
	m = syscall_makes(fuse_req_ctx(req)->pid, name);
	return n->row->type == NODE_DIR	   ? m == MAKING_DIR
	       : n->row->type == NODE_LINK ? m == MAKING_LINK
					   : m == MAKING_FILE;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	AUTO(node_done) struct node dir = {0}, n = {0};
	struct fs *fs = fs_of(req);
	struct fuse_entry_param e;
	struct scratch *x;

	if (fs_find(fs, parent, &dir) < 0) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (node_child(&dir, str_from(name), &n, NULL) == 0 && !is_hidden_from(fs, req, &n) &&
	    fs_entry(fs, req, &n, &e) == 0) {
		fuse_reply_entry(req, &e);
		return;
	}
	x = scratch_find(fs->scratches, parent, str_from(name), fuse_req_ctx(req)->uid);
	if (!x) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	fs_entry_scratch(x, &e);
	fuse_reply_entry(req, &e);
	scratch_unref(x);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	AUTO(node_done) struct node n = {0};
	struct fs *fs = fs_of(req);
	struct stat st;

	(void)fi;
	if (ino & SCRATCH_BIT) {
		struct scratch *x = scratch_get(fs->scratches, ino);

		if (!x) {
			fuse_reply_err(req, ESTALE);
			return;
		}
		scratch_stat(x, &st);
		scratch_unref(x);
		fuse_reply_attr(req, &st, 0);
		return;
	}
	if (fs_find(fs, ino, &n) < 0 || fs_stat(fs, req, &n, &st) < 0)
		fuse_reply_err(req, ESTALE);
	else
		fuse_reply_attr(req, &st, keep(&n));
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	AUTO(node_done) struct node n = {0};
	AUTO(free) char *target = NULL;

	if (ino & SCRATCH_BIT) {
		AUTO(scratch_unref) struct scratch *x = scratch_get(fs_of(req)->scratches, ino);
		AUTO(buf_done) struct buf b = BUF_NULL;

		if (x)
			scratch_text(x, &b);
		target = xstrdup(buf_cstr(&b));
	} else if (fs_find(fs_of(req), ino, &n) == 0 && n.row->ops && n.row->ops->link)
		target = n.row->ops->link(&n);
	if (target)
		fuse_reply_readlink(req, target);
	else
		fuse_reply_err(req, ENOENT);
}

/* ---- directories */

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	AUTO(node_done) struct node dir = {0};
	struct listing *l;

	if (fs_find(fs_of(req), ino, &dir) < 0) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	l = listing_new(&dir);
	fi->fh = opened_add(fs_of(req)->opened, l, false);
	if (fuse_reply_open(req, fi) == -ENOENT)
		listing_free(opened_take(fs_of(req)->opened, fi->fh));
}

static size_t add_plain(fuse_req_t req, char *to, size_t left, const struct listed *x, off_t next)
{
	struct stat st = {.st_ino = node_id(&x->node)};

	st.st_mode = x->node.row->type == NODE_DIR    ? S_IFDIR
		     : x->node.row->type == NODE_LINK ? S_IFLNK
						      : S_IFREG;
	return fuse_add_direntry(req, to, left, x->name, &st, next);
}

static size_t add_plus(fuse_req_t req, char *to, size_t left, const struct listed *x, off_t next)
{
	struct fuse_entry_param e;

	/* gone since the directory was opened: a name whose lookup says so */
	if (x->node.o->is_gone || fs_entry(fs_of(req), req, &x->node, &e) < 0)
		e = (struct fuse_entry_param){.attr.st_ino = node_id(&x->node), .attr.st_mode = S_IFREG};
	return fuse_add_direntry_plus(req, to, left, x->name, &e, next);
}

/* One that was opened when another core served is read anew: it goes on where the caller is. */
static struct listing *listing_of(struct fs *fs, fuse_ino_t ino, const struct fuse_file_info *fi)
{
	struct listing *l = opened_find(fs->opened, fi->fh), *first;
	AUTO(node_done) struct node dir = {0};

	if (l || fs_find(fs, ino, &dir) < 0)
		return l;
	l = listing_new(&dir);
	first = opened_again(fs->opened, fi->fh, l);
	if (first != l)
		listing_free(l);
	return first;
}

static void read_list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi,
		      size_t (*add)(fuse_req_t, char *, size_t, const struct listed *, off_t))
{
	struct listing *l = listing_of(fs_of(req), ino, fi);
	AUTO(free) char *to = NULL;
	size_t used = 0;

	if (!l) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	to = malloc(size);
	if (!to) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	for (size_t i = (size_t)off; i < l->n; i++) {
		size_t n = add(req, to + used, size - used, &l->list[i], (off_t)i + 1);

		if (n > size - used)
			break;
		used += n;
	}
	fuse_reply_buf(req, to, used);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	read_list(req, ino, size, off, fi, add_plain);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	read_list(req, ino, size, off, fi, add_plus);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct listing *l = opened_take(fs_of(req)->opened, fi->fh);

	(void)ino;
	if (l)
		listing_free(l);
	fuse_reply_err(req, 0);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;

	(void)ino;
	if (statvfs(fs_of(req)->host->state, &st) < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_statfs(req, &st);
}
