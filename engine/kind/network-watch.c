/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that somebody flushed come back: those of networks and the filters of NICs. Its lock protects the
 * descriptor; a leaf. */
#include "engine/kind/network-internal.h"

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/base/job.h"
#include "engine/base/loop.h"
#include "engine/base/msg.h"
#include "engine/base/path.h"
#include "engine/device/nic-live.h"
#include "engine/kind/instance.h"
#include "net/acl.h"
#include "net/dnat.h"
#include "net/filter.h"
#include "net/forward.h"
#include "net/link.h"
#include "net/nft.h"

/* Whoever flushes the ruleset often loads another one right after: theirs comes first. */
#define SETTLE_MS 100

static struct {
	pthread_mutex_t lock;
	int fd;
	atomic_bool is_pending, wants_filters;
} watched = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -EBADF};

static void set_filters(struct object *o)
{
	AUTO(config_unref) struct config *effective = object_effective(o);

	for (size_t i = 0; i < effective->n; i++) {
		const struct section *s = &effective->sections[i];
		const char *device = section_device(s);
		const struct pair *type = device ? section_pair(s, STR("type")) : NULL;
		AUTO(err_done) struct err err = ERR_NULL;
		AUTO(free) char *name = NULL;

		if (!type || strcmp(type->value, "nic") != 0)
			continue;
		if (nic_restore(o, effective, device, &err) == 0)
			continue;
		name = object_name(o);
		host_warn(o->host, o, "filter-missing",
			  "the filter of %s's %s couldn't be put back after somebody removed it: %s", name,
			  device, err_text(&err));
	}
}

static void filter_late(void *arg)
{
	AUTO(object_unref) struct object *o = arg;

	if (object_take(o, "being filtered", &caller_core, NULL) < 0)
		return;
	if (instance_state(o) != INSTANCE_STOPPED)
		set_filters(o);
	object_release(o);
}

/* First all that are free, then those that are being changed, each when that is over: one that is being
 * stopped must not keep the others without filters. */
static void refilter(void *arg)
{
	struct host *h = arg;
	AUTO(objects_free) struct object **all = host_every(h, KIND_INSTANCE);
	struct caller hasty = caller_core;
	size_t late = 0;

	hasty.may_wait = false;
	for (size_t i = 0; all[i] && !h->is_stopping; i++) {
		struct object *o = all[i];

		if (instance_state(o) == INSTANCE_STOPPED)
			continue;
		if (object_take(o, "being filtered", &hasty, NULL) == 0) {
			set_filters(o);
			object_release(o);
			continue;
		}
		/* all[late] was dealt with */
		all[i] = all[late];
		all[late++] = o;
	}
	for (size_t i = 0; i < late && !h->is_stopping; i++)
		if (job_start(filter_late, object_ref(all[i]), NULL) < 0)
			filter_late(all[i]);
}

static void set_rules(struct object *o)
{
	AUTO(config_unref) struct config *own = NULL;
	AUTO(network_spec_done) struct network_spec spec = {0};
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(free) char *name = object_name(o);
	int r;

	if (object_take(o, "getting its rules back", &caller_core, NULL) < 0)
		return;
	own = object_own(o);
	if (o->is_live) {
		r = network_spec_make(o->host, name, own, &spec, &err);
		if (r == 0)
			r = nat_set(&spec.nat, &err);
		if (r < 0)
			host_warn(o->host, o, "rules-missing",
				  "the firewall rules of network %s couldn't be put back: %s", name,
				  err_text(&err));
		else
			host_warn_resolve(o->host, o, "rules-missing");
	}
	object_release(o);
}

static void restore(void *arg)
{
	struct host *h = arg;
	AUTO(objects_free) struct object **all = NULL;
	AUTO(err_done) struct err err = ERR_NULL;

	watched.is_pending = false;
	if (h->is_stopping)
		return;
	/* filters first, all at once: without them an instance can pose as another */
	if (filter_restore(&err) < 0)
		host_warn(h, NULL, "filters-missing",
			  "not all filters of NICs could be put back after somebody removed them: %s",
			  err_text(&err));
	if (acl_restore(&err) < 0)
		host_warn(
		    h, NULL, "acls-missing",
		    "not all rules of access control lists could be put back after somebody removed them: %s",
		    err_text(&err));
	if (forward_restore(&err) < 0)
		host_warn(h, NULL, "forwards-missing",
			  "not all forwards could be put back after somebody removed them: %s",
			  err_text(&err));
	if (dnat_restore(&err) < 0)
		host_warn(
		    h, NULL, "proxies-missing",
		    "not all rules of proxies with nat could be put back after somebody removed them: %s",
		    err_text(&err));
	all = host_all(h->project, KIND_NETWORK);
	for (struct object **p = all; *p; p++)
		set_rules(*p);
	refilter(h);
	host_warn(h, NULL, "nftables-changed",
		  "another program changed or removed lxdfs's nftables rules; they were put back");
}

static void begin_restore(void *arg)
{
	if (job_start(restore, arg, NULL) < 0 && loop_after(SETTLE_MS, begin_restore, arg, NULL) < 0)
		watched.is_pending = false;
}

/* Called by the loop: it must not wait. */
static void on_ruleset(void *arg)
{
	struct host *h = arg;
	int fd;

	pthread_mutex_lock(&watched.lock);
	fd = watched.fd;
	pthread_mutex_unlock(&watched.lock);
	/* loop_del() waits for this function before the descriptor is closed */
	if (fd < 0 || nft_watch_read(fd) == 0 || h->is_stopping || atomic_exchange(&watched.is_pending, true))
		return;
	if (loop_after(SETTLE_MS, begin_restore, h, NULL) < 0)
		begin_restore(h);
}

int networks_watch(struct host *h, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&watched.lock);
	if (watched.fd < 0) {
		watched.fd = nft_watch(err);
		r = watched.fd < 0 ? watched.fd : loop_add(watched.fd, on_ruleset, h, err);
		if (r < 0 && watched.fd >= 0) {
			close(watched.fd);
			watched.fd = -EBADF;
		}
	}
	pthread_mutex_unlock(&watched.lock);
	return r;
}

void networks_unwatch(struct host *h)
{
	AUTO(objects_free) struct object **all = host_all(h->project, KIND_NETWORK);
	int fd;

	pthread_mutex_lock(&watched.lock);
	fd = TAKE_FD(watched.fd);
	pthread_mutex_unlock(&watched.lock);
	if (fd >= 0) {
		loop_del(fd);
		close(fd);
	}
	for (struct object **p = all; *p; p++)
		network_unwatch(*p);
}

/* The change is published when its token is free. */
static void refilter_after(void *arg)
{
	AUTO(object_unref) struct object *o = arg;

	if (object_take(o, "being changed", &caller_core, NULL) == 0)
		object_release(o);
	refilter(o->host);
}

void networks_refilter(struct object *o)
{
	if (job_start(refilter_after, object_ref(o), NULL) == 0)
		return;
	object_unref(o);
	host_warn(o->host, NULL, "filter-late",
		  "the filters of NICs weren't brought to a network's new addresses at once: too much "
		  "is waiting");
}

void networks_load(struct host *h)
{
	AUTO(err_done) struct err err = ERR_NULL;

	filter_batch_begin();
	acl_batch_begin();
	forward_batch_begin();
	host_load(h);
	if (forward_batch_end(&err) < 0) {
		host_warn(h, NULL, "forwards-missing",
			  "not all forwards could be brought to what is configured: %s", err_text(&err));
		err_done(&err);
	}
	if (acl_batch_end(&err) < 0) {
		host_warn(h, NULL, "acls-missing",
			  "not all rules of access control lists could be brought to what is configured: %s",
			  err_text(&err));
		err_done(&err);
	}
	if (filter_batch_end(&err) < 0)
		host_warn(h, NULL, "filters-missing",
			  "not all filters of NICs could be brought to what is configured: %s",
			  err_text(&err));
}

static bool is_our_bridge(const char *name)
{
	static const unsigned char vendor[] = {0x00, 0x16, 0x3e};
	struct link_info info;

	return link_get(NETNS_OWN, name, &info, NULL) == 0 && !strcmp(info.kind, "bridge") &&
	       !memcmp(info.mac.b, vendor, sizeof(vendor));
}

/* What a core that died while it made or removed a network has left: its run directory tells. */
void networks_sweep(struct host *h)
{
	AUTO(free) char *path = xasprintf("%s/networks", h->run);
	AUTO(closedir) DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		AUTO(object_unref) struct object *o = NULL;
		AUTO(free) char *run_dir = NULL;

		if (!ifname_ok(str_from(e->d_name)))
			continue;
		o = host_find(h->project, KIND_NETWORK, str_from(e->d_name));
		if (o)
			continue;
		run_dir = network_run_dir(h, e->d_name);
		dnsmasq_stop(run_dir, NULL);
		tunnels_clear(e->d_name);
		if (is_our_bridge(e->d_name))
			link_delete(e->d_name, NULL);
		nat_clear(e->d_name, NULL);
		path_remove_tree(run_dir);
	}
}

int networks_stop_all(struct host *h, struct err *err)
{
	AUTO(objects_free) struct object **all = host_all(h->project, KIND_NETWORK);
	AUTO(link_list_done) struct link_list list = {0};
	struct err *first = err;
	int r, done = 0;

	networks_unwatch(h);
	r = link_list(NETNS_OWN, &list, first);
	for (struct object **p = all; *p; p++) {
		AUTO(free) char *name = object_name(*p);
		int bridge = 0;

		for (size_t i = 0; i < list.n_links; i++)
			if (!strcmp(list.links[i].name, name) && !strcmp(list.links[i].kind, "bridge"))
				bridge = list.links[i].index;
		for (size_t i = 0; bridge && i < list.n_links; i++)
			if (list.links[i].master == bridge && !strcmp(list.links[i].kind, "veth"))
				link_delete(list.links[i].name, NULL);
		if (r == 0)
			r = network_down(*p, name, first);
		else
			network_down(*p, name, NULL);
		(*p)->is_live = false;
	}
	done = r;
	if (done < 0)
		first = NULL;
	acl_teardown();
	forward_teardown();
	dnat_forget();
	r = nat_teardown(first);
	if (r < 0 && !done) {
		done = r;
		first = NULL;
	}
	r = filter_teardown(first);
	return done ? done : r;
}
