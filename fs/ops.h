/* SPDX-License-Identifier: Apache-2.0 */
/* The FUSE operations, and what they share. Each file ops-*.c holds some; fs/ops.c is the table. */
#pragma once

#include "fs/handle.h"
#include "fs/session.h"
#include "fs/task.h"

#include <fuse3/fuse_lowlevel.h>

/* How long the kernel may keep what doesn't change by itself: told when it does (fs/notify.c). */
#define FS_TIMEOUT 3600.0

static inline struct fs *fs_of(fuse_req_t req)
{
	return session_userdata(req);
}

/** fs_find() - the node of an id, pending ones included. Return: 0; -ESTALE */
int fs_find(struct fs *fs, uint64_t id, struct node *ret);
/** fs_text() - what a file holds for this caller now */
int fs_text(struct fs *fs, fuse_req_t req, const struct node *n, struct buf *b, struct err *err);
/** fs_stat() - with the size that fs_text() gives. Return: 0; -ENOENT */
int fs_stat(struct fs *fs, fuse_req_t req, const struct node *n, struct stat *ret);
/** fs_entry() - for the reply to a lookup or what makes something. Return: 0; -ENOENT */
int fs_entry(struct fs *fs, fuse_req_t req, const struct node *n, struct fuse_entry_param *ret);
void fs_entry_scratch(struct scratch *x, struct fuse_entry_param *ret);
/** fs_is_error_file() - /lxd/error, which differs from reader to reader */
bool fs_is_error_file(const struct node *n);
extern const struct node_class class_last_error;
/**
 * fs_handle() - the open file of a request
 *
 * One that was opened when another core served is opened anew: what was staged then and isn't noted is lost,
 * and what was no file of the tree is gone. NULL: the request was answered
 */
struct handle *fs_handle(fuse_req_t req, fuse_ino_t ino, const struct fuse_file_info *fi);
/** fs_is_key() - whether a directory has a file of that name, or can have */
bool fs_is_key(const struct node *dir, struct str name);

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_statfs(fuse_req_t req, fuse_ino_t ino);

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
	      struct fuse_file_info *fi);
void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph);

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent, const char *newname,
	       unsigned flags);

extern const struct fuse_lowlevel_ops fs_ops;
