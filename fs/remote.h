/* SPDX-License-Identifier: Apache-2.0 */
/* Clients from other machines: the core decides who they are and starts what serves them; it reads nothing
 * that they say but signatures. */
#pragma once

#include "engine/model/host.h"

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
