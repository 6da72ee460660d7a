/* SPDX-License-Identifier: Apache-2.0 */
/* An open file: what was read is pinned, what is written in pieces is staged. */
#pragma once

#include "engine/kind/image.h"
#include "fs/state.h"

#include <pthread.h>

struct event_reader;
struct fuse_pollhandle;

/* How a file takes what is written to it. */
enum write_way {
	WRITE_SCALAR, /* each write is an assignment */
	WRITE_LIST,   /* each write is applied, together with those before it */
	WRITE_STAGED, /* collected, applied when flushed */
};

struct handle {
	uint64_t number;  /* in fs->opened */
	struct node node; /* of a key or another file of the tree; empty for the others */
	struct scratch *scratch;
	struct image_upload *upload;
	struct event_reader *reader;
	int fd;		 /* what its bytes are read from, or -1 */
	int flags;	 /* of open(2) */
	bool is_pending; /* in fs->pendings */
	bool is_noted;	 /* see fs/noted.h */
	/* Who opened it to write: what is written is his, also when another program holds the descriptor. */
	uid_t uid;
	gid_t gid, *groups;
	int n_groups;
	bool is_not_roots; /* opened when another core served, by whom isn't known, but not by root */

	pthread_mutex_t lock; /* of all below */
	struct buf text;      /* what is read */
	bool has_text;
	struct buf staged;
	bool is_dirty; /* staged and not applied */
	bool has_base; /* something is staged */
	bool adds;     /* it comes behind what the file has */
	uint64_t base; /* offset of the first byte that is staged */
	uint64_t next; /* offset behind the last write */
	struct err refusal;
	struct fuse_pollhandle *poll; /* who wants to be woken, when is_watched */
	bool is_watched;
};

struct handle *handle_new(const struct node *n, int flags);
/** handle_keep_caller() - whose rights writes have; for handles that are opened to write */
void handle_keep_caller(struct handle *h, const struct caller *who);
/**
 * handle_speak() - @who has the rights of who opened the file, from here on; while the handle lives
 *
 * Return: 0; -EACCES root writes to what somebody else opened who isn't known any more
 */
int handle_speak(struct handle *h, struct caller *who, struct err *err);
void handle_free(struct fs *fs, struct handle *h);

enum write_way handle_way(const struct handle *h);

/**
 * handle_stage() - take a piece at an offset
 * @size: of the file as it is, where a remote client may think that it appends
 *
 * Return: 0; -EINVAL a hole; -EFBIG
 */
int handle_stage(struct handle *h, struct str bytes, uint64_t offset, uint64_t size, struct err *err);
/** handle_staged() - what a file is to hold: all that was staged, behind what it has where that is added to
 */
int handle_staged(struct handle *h, struct buf *ret, struct err *err);
/**
 * handle_is_line() - what is staged for a key of many lines is one whole line: most values are
 *
 * It is applied by the write, which can say what is wrong with it; shells don't look at close(2). What comes
 * behind it in the same handle is added to it.
 */
bool handle_is_line(const struct handle *h);
/** handle_taken() - what was staged is applied. The next piece may go on where it ended */
void handle_taken(struct handle *h);
/**
 * handle_refused() - what was staged is wrong: nothing of it is part of the next write
 * @size: of the last piece, which the writer has still before it
 *
 * Of a file that is taken as a whole nothing is taken any more until it is flushed, which fails too: a loop
 * that goes on after a wrong line mustn't set the others.
 */
void handle_refused(struct handle *h, size_t size, const struct err *err);
bool handle_is_refused(struct handle *h, struct err *err);

/* A directory that is read: what it held when it was opened. */
struct listing {
	struct listed {
		char *name;
		struct node node;
	} * list;
	size_t n, cap;
};

struct listing *listing_new(const struct node *dir);
void listing_free(struct listing *l);
