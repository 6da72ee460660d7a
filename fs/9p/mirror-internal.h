/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of the mirror share: connections, fids and nodes. */
#pragma once

#include "fs/9p/mirror.h"

#include <fuse3/fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>

#include "engine/base/auto.h"

#define BUCKETS 1024
#define SMALL 8192 /* room for an answer without data */

/* A fid that the server has, while it is the same connection. */
struct handle9 {
	atomic_uint refs;
	struct link9 *link;
	uint32_t fid;
	int flags; /* as opened */
};

/* A connection. */
struct link9 {
	atomic_uint refs;
	struct p9_client *client;
	unsigned number;
};

struct node9 {
	struct node9 *next;
	struct node9 *parent; /* counted by nlookup of its own; only to walk again after a reconnect */
	char *name;
	uint64_t ino;
	uint64_t nlookup;
	unsigned refs; /* children that name it as their parent */
	struct handle9 *fid;
};

struct mirror {
	struct mirror_options o;
	struct fuse_session *se;
	pthread_mutex_t lock;
	pthread_mutex_t reconnecting;
	struct link9 *link;
	struct node9 *buckets[BUCKETS];
	struct node9 *root;
};

static inline struct mirror *mirror_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

struct link9 *link_new(struct p9_client *client, unsigned number);
void link_unref(struct link9 *l);
/** handle9_new() - of a fid that the server has; it is given up with the last reference */
struct handle9 *handle9_new(struct link9 *l, uint32_t fid);
struct handle9 *handle9_ref(struct handle9 *h);
void handle9_unref(struct handle9 *h);
DEFINE_AUTO(struct handle9 *, handle9_unref);

/** mirror_watch() - the thread by which ^C gets through. Return: 0 or -errno */
int mirror_watch(void);
/** mirror_ask() - p9_ask() that the request's caller can break off */
int mirror_ask(fuse_req_t req, const struct handle9 *h, struct p9_msg *m, void *buf, size_t cap);

/** mirror_attach() - the root of a connection. Return: 0 or -errno */
int mirror_attach(struct mirror *m, struct link9 *l, struct handle9 **ret);
/** mirror_walk() - @n names from a fid on, none: a copy of it. @ret_qid may be NULL. Return: 0; -ENOENT, ...
 */
int mirror_walk(fuse_req_t req, const struct handle9 *from, char *const names[], unsigned n,
		struct handle9 **ret, struct p9_qid *ret_qid);
/** mirror_fid() - of a node now; after the connection has ended by its names in another one. Return: 0 and a
 * reference; -ESTALE; -EIO */
int mirror_fid(fuse_req_t req, fuse_ino_t ino, struct handle9 **ret);

/** mirror_enter() - a name that was found: its node takes over @fid. Return: its number for the kernel, which
 * counts it once more */
fuse_ino_t mirror_enter(struct mirror *m, fuse_ino_t dir, const char *name, const struct p9_qid *qid,
			struct handle9 *fid);
/** mirror_forget() - the kernel counts it @n times less */
void mirror_forget(struct mirror *m, fuse_ino_t ino, uint64_t n);
