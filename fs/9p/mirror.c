/* SPDX-License-Identifier: Apache-2.0 */
/* FUSE requests become 9P requests. Nothing is kept but which fid stands for which node. */
#include "fs/9p/mirror-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define WORKERS 16

/* ---- attributes */

static void to_stat(const struct mirror *m, const struct p9_attr *a, struct stat *ret)
{
	*ret = (struct stat){.st_ino = a->qid.path,
			     .st_mode = a->mode,
			     .st_nlink = a->nlink,
			     .st_uid = m->o.uid >= 0 ? (uid_t)m->o.uid : a->uid,
			     .st_gid = m->o.gid >= 0 ? (gid_t)m->o.gid : a->gid,
			     .st_size = (off_t)a->size,
			     .st_blksize = (blksize_t)a->blksize,
			     .st_blocks = (blkcnt_t)a->blocks,
			     .st_atim = {(time_t)a->atime.sec, (long)a->atime.nsec},
			     .st_mtim = {(time_t)a->mtime.sec, (long)a->mtime.nsec},
			     .st_ctim = {(time_t)a->ctime.sec, (long)a->ctime.nsec}};
}

static int get_attr(fuse_req_t req, const struct handle9 *h, struct stat *ret)
{
	struct p9_msg q = {.type = P9_TGETATTR, .fid = h->fid, .mask = P9_GETATTR_BASIC};
	char buf[SMALL];
	int r = mirror_ask(req, h, &q, buf, sizeof(buf));

	if (!r)
		to_stat(mirror_of(req), &q.attr, ret);
	return r;
}

/* A name in a directory, found: a node for it, as the kernel will count it. */
static int enter(fuse_req_t req, fuse_ino_t dir, const char *name, struct fuse_entry_param *e)
{
	AUTO(handle9_unref) struct handle9 *parent = NULL, *fid = NULL;
	char *names[] = {(char *)name};
	struct p9_qid qid;
	int r = mirror_fid(req, dir, &parent);

	if (!r)
		r = mirror_walk(req, parent, names, 1, &fid, &qid);
	if (!r)
		r = get_attr(req, fid, &e->attr);
	if (r < 0)
		return r;
	e->ino = mirror_enter(mirror_of(req), dir, name, &qid, TAKE(fid));
	e->attr_timeout = e->entry_timeout = 0;
	return 0;
}

/* One question about a node; @q has all but its fid. */
static int ask_of(fuse_req_t req, fuse_ino_t ino, struct p9_msg *q, char buf[SMALL])
{
	AUTO(handle9_unref) struct handle9 *h = NULL;
	int r = mirror_fid(req, ino, &h);

	if (r < 0)
		return r;
	q->fid = h->fid;
	return mirror_ask(req, h, q, buf, SMALL);
}

/* ---- the operations that look */

static void op_lookup(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	struct fuse_entry_param e = {0};
	int r = enter(req, dir, name, &e);

	if (r < 0)
		fuse_reply_err(req, -r);
	else if (fuse_reply_entry(req, &e) == -ENOENT)
		mirror_forget(mirror_of(req), e.ino, 1);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	mirror_forget(mirror_of(req), ino, n);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *all)
{
	for (size_t i = 0; i < count; i++)
		mirror_forget(mirror_of(req), all[i].ino, all[i].nlookup);
	fuse_reply_none(req);
}

static struct handle9 *opened(const struct fuse_file_info *fi)
{
	return fi ? (struct handle9 *)(uintptr_t)fi->fh : NULL;
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	AUTO(handle9_unref) struct handle9 *h = NULL;
	struct stat st;
	int r = opened(fi) ? 0 : mirror_fid(req, ino, &h);

	if (!r)
		r = get_attr(req, h ? h : opened(fi), &st);
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_attr(req, &st, 0);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct p9_msg q = {.type = P9_TREADLINK};
	AUTO(free) char *text = NULL;
	char buf[SMALL];
	int r = ask_of(req, ino, &q, buf);

	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	text = str_dup(q.name);
	fuse_reply_readlink(req, text);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct p9_msg q = {.type = P9_TSTATFS};
	struct statvfs f;
	char buf[SMALL];
	int r = ask_of(req, ino, &q, buf);

	f = (struct statvfs){.f_bsize = q.statfs.bsize,
			     .f_frsize = q.statfs.bsize,
			     .f_blocks = q.statfs.blocks,
			     .f_bfree = q.statfs.bfree,
			     .f_bavail = q.statfs.bavail,
			     .f_files = q.statfs.files,
			     .f_ffree = q.statfs.ffree,
			     .f_namemax = q.statfs.namelen};
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_statfs(req, &f);
}

/* ---- open files */

/* The protocol's numbers are Linux's on x86, others' differ. */
static uint32_t open_flags(int flags)
{
	return (uint32_t)(flags & O_ACCMODE) | (flags & O_TRUNC ? 01000u : 0) |
	       (flags & O_APPEND ? 02000u : 0) | (flags & O_EXCL ? 0200u : 0) |
	       (flags & O_DIRECTORY ? 0200000u : 0);
}

static int open_fid(fuse_req_t req, fuse_ino_t ino, int flags, struct handle9 **ret)
{
	AUTO(handle9_unref) struct handle9 *h = NULL, *clone = NULL;
	struct p9_msg q = {.type = P9_TLOPEN};
	char buf[SMALL];
	int r = mirror_fid(req, ino, &h);

	if (!r)
		r = mirror_walk(req, h, NULL, 0, &clone, NULL);
	if (r < 0)
		return r;
	q.fid = clone->fid;
	q.flags = open_flags(flags & ~O_EXCL);
	r = mirror_ask(req, clone, &q, buf, sizeof(buf));
	if (r < 0)
		return r;
	clone->flags = flags;
	*ret = TAKE(clone);
	return 0;
}

static void reply_open(fuse_req_t req, struct handle9 *h, struct fuse_file_info *fi)
{
	fi->fh = (uintptr_t)h;
	fi->direct_io = 1;
	if (fuse_reply_open(req, fi) == -ENOENT)
		handle9_unref(h);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle9 *h;
	int r = open_fid(req, ino, fi->flags, &h);

	if (r < 0)
		fuse_reply_err(req, -r);
	else
		reply_open(req, h, fi);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle9 *h;
	int r = open_fid(req, ino, O_RDONLY | O_DIRECTORY, &h);

	if (r < 0)
		fuse_reply_err(req, -r);
	else
		reply_open(req, h, fi);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	handle9_unref(opened(fi));
	fuse_reply_err(req, 0);
}

static uint32_t io_size(const struct handle9 *h, size_t size)
{
	return MIN((uint32_t)MIN(size, (size_t)UINT32_MAX),
		   p9_client_msize(h->link->client) - P9_WRITE_HEADER - 1);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	const struct handle9 *h = opened(fi);
	struct p9_msg q = {
	    .type = P9_TREAD, .fid = h->fid, .offset = (uint64_t)off, .count = io_size(h, size)};
	size_t cap = MAX(q.count + (size_t)P9_IO_HEADER, (size_t)SMALL);
	AUTO(free) char *buf = malloc(cap);
	int r = buf ? mirror_ask(req, h, &q, buf, cap) : -ENOMEM;

	(void)ino;
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_buf(req, q.data.ptr, MIN(q.data.len, size));
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	const struct handle9 *h = opened(fi);
	size_t done = 0;
	char buf[SMALL];
	int r = 0;

	(void)ino;
	while (done < size) {
		struct p9_msg q = {.type = P9_TWRITE,
				   .fid = h->fid,
				   .offset = (uint64_t)off + done,
				   .data = {data + done, io_size(h, size - done)}};

		r = mirror_ask(req, h, &q, buf, sizeof(buf));
		if (r < 0 || !q.count)
			break;
		done += MIN(q.count, size - done);
	}
	if (r < 0 && !done)
		fuse_reply_err(req, -r);
	else
		fuse_reply_write(req, done);
}

/* close(2) hears what the server says to what was written. */
static void sync_file(fuse_req_t req, const struct handle9 *h)
{
	struct p9_msg q = {.type = P9_TFSYNC, .fid = h->fid};
	char buf[SMALL];

	fuse_reply_err(req, -mirror_ask(req, h, &q, buf, sizeof(buf)));
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	if ((opened(fi)->flags & O_ACCMODE) == O_RDONLY)
		fuse_reply_err(req, 0);
	else
		sync_file(req, opened(fi));
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	(void)datasync;
	sync_file(req, opened(fi));
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	const struct handle9 *h = opened(fi);
	struct p9_msg q = {
	    .type = P9_TREADDIR, .fid = h->fid, .offset = (uint64_t)off, .count = io_size(h, size)};
	size_t cap = MAX(q.count + (size_t)P9_IO_HEADER, (size_t)SMALL), used = 0;
	AUTO(free) char *in = malloc(cap), *out = malloc(size);
	int r = in && out ? mirror_ask(req, h, &q, in, cap) : -ENOMEM;
	struct p9_qid qid;
	struct str name;
	uint64_t offset;
	uint8_t type;

	(void)ino;
	while (!r && p9_dirent_get(&q.data, &qid, &offset, &type, &name) == 0) {
		AUTO(free) char *text = str_dup(name);
		struct stat st = {.st_ino = qid.path, .st_mode = (mode_t)type << 12};
		size_t n = fuse_add_direntry(req, out + used, size - used, text, &st, (off_t)offset);

		if (n > size - used)
			break;
		used += n;
	}
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_buf(req, out, used);
}

/* ---- the operations that change */

static void set_time(struct p9_msg *q, int to_set, int bit, int now_bit, unsigned valid, unsigned set,
		     struct timespec t, struct p9_time *ret)
{
	if (!(to_set & (bit | now_bit)))
		return;
	q->flags |= valid;
	if (to_set & now_bit)
		return;
	q->flags |= set;
	*ret = (struct p9_time){(uint64_t)t.tv_sec, (uint64_t)t.tv_nsec};
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set, struct fuse_file_info *fi)
{
	AUTO(handle9_unref) struct handle9 *h = NULL;
	struct p9_msg q = {
	    .type = P9_TSETATTR, .mode = st->st_mode & 07777, .uid = st->st_uid, .gid = st->st_gid};
	const struct handle9 *on;
	struct stat now;
	char buf[SMALL];
	int r = opened(fi) ? 0 : mirror_fid(req, ino, &h);

	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	on = h ? h : opened(fi);
	q.fid = on->fid;
	q.size = (uint64_t)st->st_size;
	q.flags = (to_set & FUSE_SET_ATTR_MODE ? P9_SETATTR_MODE : 0) |
		  (to_set & FUSE_SET_ATTR_UID ? P9_SETATTR_UID : 0) |
		  (to_set & FUSE_SET_ATTR_GID ? P9_SETATTR_GID : 0) |
		  (to_set & FUSE_SET_ATTR_SIZE ? P9_SETATTR_SIZE : 0);
	set_time(&q, to_set, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW, P9_SETATTR_ATIME,
		 P9_SETATTR_ATIME_SET, st->st_atim, &q.atime);
	set_time(&q, to_set, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW, P9_SETATTR_MTIME,
		 P9_SETATTR_MTIME_SET, st->st_mtim, &q.mtime);
	r = mirror_ask(req, on, &q, buf, sizeof(buf));
	if (!r)
		r = get_attr(req, on, &now);
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_attr(req, &now, 0);
}

static void reply_entered(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	op_lookup(req, dir, name);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode)
{
	struct p9_msg q = {.type = P9_TMKDIR, .name = str_from(name), .mode = mode, .gid = getgid()};
	char buf[SMALL];
	int r = ask_of(req, dir, &q, buf);

	if (r < 0)
		fuse_reply_err(req, -r);
	else
		reply_entered(req, dir, name);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t dir, const char *name)
{
	struct p9_msg q = {
	    .type = P9_TSYMLINK, .name = str_from(name), .name2 = str_from(target), .gid = getgid()};
	char buf[SMALL];
	int r = ask_of(req, dir, &q, buf);

	if (r < 0)
		fuse_reply_err(req, -r);
	else
		reply_entered(req, dir, name);
}

static void op_create(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	AUTO(handle9_unref) struct handle9 *h = NULL, *clone = NULL;
	struct p9_msg q = {.type = P9_TLCREATE,
			   .name = str_from(name),
			   .flags = open_flags(fi->flags) | 0100u,
			   .mode = mode & 0777,
			   .gid = getgid()};
	struct fuse_entry_param e = {0};
	char buf[SMALL];
	int r = mirror_fid(req, dir, &h);

	if (!r)
		r = mirror_walk(req, h, NULL, 0, &clone, NULL);
	if (!r) {
		q.fid = clone->fid;
		r = mirror_ask(req, clone, &q, buf, sizeof(buf));
	}
	if (!r) {
		clone->flags = fi->flags;
		r = enter(req, dir, name, &e);
	}
	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	fi->fh = (uintptr_t)clone;
	fi->direct_io = 1;
	if (fuse_reply_create(req, &e, fi) == 0)
		clone = NULL;
}

static void unlink_at(fuse_req_t req, fuse_ino_t dir, const char *name, uint32_t flags)
{
	struct p9_msg q = {.type = P9_TUNLINKAT, .name = str_from(name), .flags = flags};
	char buf[SMALL];
	int r = ask_of(req, dir, &q, buf);

	fuse_reply_err(req, -r);
}

static void op_unlink(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	unlink_at(req, dir, name, 0);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	unlink_at(req, dir, name, P9_AT_REMOVEDIR);
}

static void op_rename(fuse_req_t req, fuse_ino_t dir, const char *name, fuse_ino_t new_dir,
		      const char *new_name, unsigned flags)
{
	AUTO(handle9_unref) struct handle9 *from = NULL, *to = NULL;
	struct p9_msg q = {.type = P9_TRENAMEAT, .name = str_from(name), .name2 = str_from(new_name)};
	char buf[SMALL];
	int r = flags ? -EINVAL : mirror_fid(req, dir, &from);

	if (!r)
		r = mirror_fid(req, new_dir, &to);
	if (!r) {
		q.fid = from->fid;
		q.newfid = to->fid;
		r = mirror_ask(req, from, &q, buf, sizeof(buf));
	}
	fuse_reply_err(req, -r);
}

static const struct fuse_lowlevel_ops ops = {
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .readlink = op_readlink,
    .statfs = op_statfs,
    .open = op_open,
    .create = op_create,
    .read = op_read,
    .write = op_write,
    .flush = op_flush,
    .fsync = op_fsync,
    .release = op_release,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .releasedir = op_release,
    .mkdir = op_mkdir,
    .symlink = op_symlink,
    .unlink = op_unlink,
    .rmdir = op_rmdir,
    .rename = op_rename,
};

/* ---- the mount */

static struct fuse_session *session_on(struct mirror *m)
{
	AUTO(free)
	char *options = xasprintf("fsname=%s,subtype=lxdfs%s%s", m->o.source,
				  m->o.allow_other ? ",allow_other" : "", m->o.read_only ? ",ro" : "");
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *se;

	fuse_opt_add_arg(&args, "mount.lxdfs");
	fuse_opt_add_arg(&args, "-o");
	fuse_opt_add_arg(&args, options);
	se = fuse_session_new(&args, &ops, sizeof(ops), m);
	fuse_opt_free_args(&args);
	return se;
}

int mirror_new(const struct mirror_options *o, int stream, struct mirror **ret, struct err *err)
{
	struct mirror *m = xcalloc(1, sizeof(*m));
	struct p9_client *client;
	struct handle9 *root;
	int r = p9_client_new(stream, o->msize, &client, err);

	m->o = *o;
	pthread_mutex_init(&m->lock, NULL);
	pthread_mutex_init(&m->reconnecting, NULL);
	if (r < 0) {
		free(m);
		return r;
	}
	m->link = link_new(client, 1);
	m->root = xcalloc(1, sizeof(*m->root));
	r = mirror_attach(m, m->link, &root);
	if (r < 0) {
		mirror_free(m);
		return err_set(err, -r, "the server doesn't show %s to this client: %s",
			       *o->aname ? o->aname : "/", strerror(-r));
	}
	m->root->fid = root;
	m->root->ino = FUSE_ROOT_ID;
	m->se = session_on(m);
	if (!m->se || fuse_session_mount(m->se, o->where) < 0) {
		mirror_free(m);
		return err_set(err, EIO,
			       "%s can't be mounted on by FUSE: is there /dev/fuse, and the right to it?",
			       o->where);
	}
	*ret = m;
	return 0;
}

int mirror_run(struct mirror *m)
{
	struct fuse_loop_config *config;
	int r = mirror_watch();

	if (r < 0)
		return r;
	config = fuse_loop_cfg_create();
	fuse_loop_cfg_set_max_threads(config, WORKERS * 8);
	fuse_loop_cfg_set_idle_threads(config, 2);
	fuse_set_signal_handlers(m->se);
	r = fuse_session_loop_mt(m->se, config);
	fuse_remove_signal_handlers(m->se);
	fuse_loop_cfg_destroy(config);
	fuse_session_unmount(m->se);
	return r < 0 ? r : 0;
}

void mirror_free(struct mirror *m)
{
	if (!m)
		return;
	if (m->se)
		fuse_session_destroy(m->se);
	/* what nodes have goes with the process; the connection is closed */
	link_unref(m->link);
	free(m);
}
