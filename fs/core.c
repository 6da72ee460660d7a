/* SPDX-License-Identifier: Apache-2.0 */
/* The core: opens the host's state, adopts what runs, serves the tree. */
#include "fs/core.h"

#include <signal.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/job.h"
#include "engine/base/log.h"
#include "engine/base/loop.h"
#include "engine/device/proxy.h"
#include "engine/instance/guard.h"
#include "engine/keys/keys.h"
#include "engine/kind/defaults.h"
#include "engine/kind/instance.h"
#include "engine/kind/network.h"
#include "fs/noted.h"
#include "fs/ops.h"
#include "fs/remote.h"
#include "fs/stale.h"
#include "net/nft.h"

#define WORKERS 32

static int open_host(struct host *h, const struct core_options *o, struct err *err)
{
	int r;

	*h = (struct host){.mount = o->mount,
			   .state = o->state,
			   .run = o->run,
			   .libexec = o->libexec,
			   .name = o->name,
			   .state_fd = -1,
			   .run_fd = -1};
	signal(SIGPIPE, SIG_IGN);
	net_init(o->name);
	kinds_register();
	node_init();
	r = loop_start(err);
	if (!r)
		r = instances_open(h, err);
	return r ? r : host_open(h, err);
}

static void close_host(struct host *h)
{
	instances_break(h);
	networks_unwatch(h);
	proxies_unwatch();
	loop_stop();
	job_wait_all();
	instances_close(h);
	host_close(h);
}

static int take_down(struct host *h, bool all, struct err *err)
{
	int r;

	atomic_store(&h->is_stopping, true);
	if (!all)
		return 0;
	r = instances_stop_all(h, err);
	if (!r)
		r = networks_stop_all(h, err);
	if (!r)
		guard_close(h);
	if (r < 0)
		atomic_store(&h->is_stopping, false);
	return r;
}

/* ---- while it serves */

static int stop(void *arg, bool all, struct err *err)
{
	struct fs *fs = arg;

	return take_down(fs->host, all, err);
}

static void autostart(void *arg)
{
	instances_autostart(arg);
}

static void listen_first(void *arg)
{
	remote_start(arg);
}

static void fs_open(struct fs *fs, struct host *h)
{
	*fs = (struct fs){
	    .host = h,
	    .pins = pins_new(),
	    .failures = failures_new(),
	    .scratches = scratches_new(),
	    .pendings = pendings_new(),
	    .intents = intents_new(),
	    .opened = opened_new(),
	    .notifier = notifier_new(h->mount, h->libexec),
	};
	stale_hook(fs);
	fs->remote = remote_new(h);
}

static void fs_close(struct fs *fs)
{
	session_free(fs->session);
	remote_free(fs->remote);
	notifier_free(fs->notifier);
	opened_free(fs->opened);
	intents_free(fs->intents);
	pendings_free(fs->pendings);
	scratches_free(fs->scratches);
	failures_free(fs->failures);
	pins_free(fs->pins);
}

static int serve(struct fs *fs, const struct session_link *link, struct err *err)
{
	int r = session_new(&fs_ops, fs, link, &fs->session, err);

	if (r < 0)
		return r;
	session_on_stop(fs->session, stop, fs);
	r = noted_load(fs, err);
	if (!r)
		r = notifier_start(fs->notifier, session_fuse(fs->session), err);
	if (!r)
		stale_recent(fs);
	if (!r)
		r = job_start(autostart, fs->host, err);
	if (!r)
		r = job_start(listen_first, fs->remote, err);
	if (!r)
		r = session_loop(fs->session, WORKERS, err);
	remote_stop(fs->remote);
	notifier_stop(fs->notifier);
	return r;
}

int core_run(const struct core_options *o, const struct session_link *link, struct err *err)
{
	AUTO(err_done) struct err why = ERR_NULL;
	struct host h;
	struct fs fs;
	int r = open_host(&h, o, err);

	if (r < 0)
		return r;
	fs_open(&fs, &h);
	networks_load(&h);
	guard_open(&h);
	/* a host without its default network is still of use: the admin reads why in warnings/ */
	if (o->init && defaults_make(&h, &why) < 0)
		host_warn(&h, NULL, "defaults", "not all that a new host begins with could be made: %s",
			  err_text(&why));
	r = serve(&fs, link, err);
	atomic_store(&h.is_stopping, true);
	close_host(&h);
	fs_close(&fs);
	return r;
}

int core_teardown(const struct core_options *o, bool all, struct err *err)
{
	struct host h;
	int r = open_host(&h, o, err);

	if (r < 0)
		return r;
	networks_load(&h);
	r = take_down(&h, all, err);
	close_host(&h);
	return r;
}
