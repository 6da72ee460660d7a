/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of fs/remote*.c share: the listener, its connections, and what is thought of them. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "certs/proof.h"
#include "certs/trust.h"
#include "engine/base/msg.h"
#include "fs/9p/view.h"
#include "fs/remote.h"

#define HELPER_MS 10000 /* for a helper's first word */

/* The users that serve: made by scripts/setup-host. */
#define USER_TLS "lxdfs-tls"
#define USER_GUEST "lxdfs-guest"
#define USER_REMOTE "lxdfs-remote"

/* What a client has proved, and what that makes of it. */
struct claim {
	struct proof proof;
	bool shown;
	struct buf der, verify;
};

struct verdict {
	enum trust trust;
	struct object *certificate; /* referenced; NULL: none in the store */
	uint32_t uid, gid, groups[1];
	unsigned n_groups;
	enum view_kind view;
	char **projects;
	char *key; /* all of it as one text: the same text, the same rights */
};

#define VERDICT_NULL ((struct verdict){0})
void verdict_done(struct verdict *v);
static inline void verdict_done_auto(struct verdict *v)
{
	verdict_done(v);
}

/** remote_judge() - may wait for a helper. Return: 0, @ret->trust may be TRUST_REFUSED; -errno with a
 * sentence */
int remote_judge(struct host *h, const struct claim *c, struct verdict *ret, struct err *err);
/** remote_user() - ids of one of the users above. Return: 0; -ENOENT with a sentence */
int remote_user(const char *name, uint32_t *uid, uint32_t *gid, struct err *err);

struct connection {
	atomic_uint refs;
	struct remote *r;
	struct connection *next;
	char *address; /* of the peer, without its port */
	int tls;       /* link to the process that speaks TLS with it */
	int server;    /* link to its lxdfs-9p; -EBADF: none yet */
	pid_t pid;     /* of that */
	bool is_gone, is_asked, is_served;
	unsigned joins; /* tokens that it showed in vain */
	struct claim claim;
	struct verdict verdict;
};

struct remote {
	struct host *host;
	pthread_mutex_t lock;
	struct connection *first;
	unsigned n;
	char *address; /* that is listened on, "" for none */
	int listener;  /* link to lxdfs-tls */
	int socket;    /* that it accepts from; -EBADF where nothing is listened on */
	struct identity *id;
	bool is_stopping;
	atomic_uint served_as[2]; /* uids of those who serve: trusted, guests; 0: none yet */
	unsigned failed;	  /* to listen, since it was begun with */
	atomic_bool review_due;
};

/** remote_come_in() - somebody was accepted: LISTEN_ACCEPTED, whose descriptor is taken. In the loop's thread
 */
void remote_come_in(struct remote *r, struct msg *msg);
/** remote_listen() - struct host's hook of that name */
int remote_listen(struct host *h, const char *address, struct err *err);
/** remote_unlisten() - end the listener that is; what it let in stays. r->lock is held. Return: its link, for
 * remote_close_link() without the lock; -EBADF for none */
int remote_unlisten(struct remote *r);
void remote_close_link(int link);
