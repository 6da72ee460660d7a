/* SPDX-License-Identifier: Apache-2.0 */
/* Clients from other machines: the core decides who they are and starts what serves them; it reads nothing
 * that they say but signatures. */
#pragma once

#include "certs/proof.h"
#include "certs/trust.h"
#include "engine/model/host.h"
#include "fs/9p/view.h"

struct remote;

/** remote_new() - sets the host's hooks */
struct remote *remote_new(struct host *h);
/** remote_start() - listen where core.https_address says; what goes wrong becomes a warning */
void remote_start(struct remote *r);
/** remote_stop() - nobody is served any more. No job of it runs on */
void remote_stop(struct remote *r);
void remote_free(struct remote *r);
/** remote_review() - somebody may not be who he was: soon after, connections that would be served otherwise
 * now are closed. Only queues */
void remote_review(struct remote *r, const struct object *changed);

/** remote_process() - who a request is of: clients are served by threads, one of which asks now and another
 * one next. Return: the process of @thread where @uid is one that serves clients, else @thread */
pid_t remote_process(struct remote *r, uid_t uid, pid_t thread);

/* ---- between the files of fs/remote*.c */

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
