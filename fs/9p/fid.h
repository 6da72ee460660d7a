/* SPDX-License-Identifier: Apache-2.0 */
/* What a client's fids stand for. A place is a name in a directory, as a path is: what it means is looked up
 * by the kernel each time, and nothing is held open that the client hasn't opened. Only directories that
 * something was looked up in have a descriptor.
 *
 * Lock order: the table's lock alone; places and files are counted atomically. */
#pragma once

#include "engine/base/auto.h"
#include "engine/base/str.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define FIDS_MAX 8192
#define PLACE_DEPTH_MAX 64

struct place {
	atomic_uint refs;
	struct place *parent; /* NULL: the view's root */
	atomic_int dir;	      /* O_PATH descriptor once something was looked up below it, else -EBADF */
	unsigned depth;
	char name[];
};

/* What Tlopen or Tlcreate opened. */
struct file {
	atomic_uint refs;
	int fd;
	int flags; /* as opened: O_ACCMODE is looked at before the kernel is asked */
	bool is_dir;
	pthread_mutex_t reading; /* of a directory, whose position is one; of the two below */
	uint64_t end;		 /* of a stream: where the last answer ended */
	uint32_t left;		 /* ... and what it had left of the bytes asked for; 0: none */
};

/** place_new() - @name in @parent, of which it takes a reference of its own. NULL parent: the root, of which
 * @dir is the descriptor, taken over. Return: with one reference; NULL: too deep */
struct place *place_new(struct place *parent, struct str name, int dir);
struct place *place_ref(struct place *p);
void place_unref(struct place *p);
DEFINE_AUTO(struct place *, place_unref);

/** place_dir() - descriptor of the directory that @p is, owned by it. Return: -errno: -ENOTDIR, -ENOENT */
int place_dir(struct place *p);

/**
 * place_at() - where the kernel finds @p: a directory and a name in it
 * @ret_name: "" for the root itself; for calls with AT_EMPTY_PATH
 *
 * Return: descriptor, owned by its place, or -errno
 */
int place_at(struct place *p, const char **ret_name);

/** place_stat() - statx(2) of it, links not followed. Return: 0 or -errno */
int place_stat(struct place *p, struct statx *ret);

/** place_is() - whether both are the same names from the root on */
bool place_is(const struct place *a, const struct place *b);

/** file_new() - takes over @fd. Return: with one reference */
struct file *file_new(int fd, int flags, bool is_dir);
struct file *file_ref(struct file *f);
/** file_unref() - Return: what close(2) said, where it was the last reference: 0 or -errno */
int file_unref(struct file *f);
DEFINE_AUTO(struct file *, file_unref);

struct fid;
struct fids {
	pthread_mutex_t lock;
	struct fid **buckets;
	unsigned n;
};

/* What a fid stands for at this moment; fid_done(). */
struct fid_look {
	struct place *place;
	struct file *file; /* NULL: not opened */
};

static inline void fid_done(struct fid_look *l)
{
	place_unref(l->place);
	file_unref(l->file);
}

static inline void fid_done_auto(struct fid_look *l)
{
	fid_done(l);
}

void fids_init(struct fids *t);
/** fids_clear() - all of them; the table stays usable */
void fids_clear(struct fids *t);

/** fid_get() - Return: 0, fill @ret; -EBADF the client has no such fid */
int fid_get(struct fids *t, uint32_t number, struct fid_look *ret);

/** fid_add() - a new one; takes a reference of its own. Return: 0; -EBADF the number is in use or NOFID;
 * -EMFILE the client has as many as it may */
int fid_add(struct fids *t, uint32_t number, struct place *place);

/**
 * fid_set() - what it stands for from now on: Twalk to itself, Tlopen, Tlcreate
 * @was:   it must still stand for this, unopened
 * @file:  NULL stays unopened
 *
 * Takes references of its own. Return: 0; -EBADF it was changed meanwhile or is open
 */
int fid_set(struct fids *t, uint32_t number, const struct fid_look *was, struct place *place,
	    struct file *file);

/** fid_drop() - the client gives it up. Return: 0, what it was is in @ret; -EBADF */
int fid_drop(struct fids *t, uint32_t number, struct fid_look *ret);

/** fid_find_writer() - a file that the client has open for writing at this place. Return: a reference, or
 * NULL */
struct file *fid_find_writer(struct fids *t, const struct place *place);

/** fid_find_open() - a file that the client has open at this place, in whatever way. Return: a reference, or
 * NULL */
struct file *fid_find_open(struct fids *t, const struct place *place);

/** fid_moved() - after a rename: fids at @from, or below it, stand at the new place */
void fid_moved(struct fids *t, const struct place *from, struct place *to_dir, struct str to_name);
