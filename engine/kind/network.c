/* SPDX-License-Identifier: Apache-2.0 */
/* Managed bridges as objects: made, checked, changed, renamed, removed. */
#include "engine/kind/network.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/base/path.h"
#include "engine/kind/forward.h"
#include "engine/kind/network-internal.h"
#include "engine/kind/users.h"
#include "net/link.h"
#include "net/subnet.h"

/* ---- a new one */

static int check_name(struct str name, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;

	buf_escape(&shown, name);
	if (name.len > 15)
		return err_set(
		    err, ENAMETOOLONG,
		    "\"%s\" is too long for a network: the kernel's links have at most 15 characters",
		    buf_cstr(&shown));
	if (!ifname_ok(name) || name.ptr[0] == '.' || str_is(name, "lo") || str_is(name, "all") ||
	    str_is(name, "default") || str_is(name, "none"))
		return err_set(
		    err, EINVAL,
		    "\"%s\" can't be a network's name: it is 1 to 15 letters, digits, '-', '_', '.', no "
		    "'-' or '.' first, and none of lo, all, default, none",
		    buf_cstr(&shown));
	return 0;
}

static int network_init(struct object *o, struct err *err)
{
	struct network *n = xcalloc(1, sizeof(*n));

	(void)err;
	pthread_mutex_init(&n->lock, NULL);
	n->pidfd = -EBADF;
	o->data = n;
	return 0;
}

static void network_done(struct object *o)
{
	struct network *n = o->data;

	pthread_mutex_destroy(&n->lock);
	free(n);
	o->data = NULL;
}

/* A network that is free on this host and in all configs. */
static int find_free(struct object *o, int family, struct buf *text, struct err *err)
{
	struct ip_net *taken, net;
	size_t n = network_taken(o->host, o, &taken);
	int r = family == AF_INET ? subnet_free4(taken, n, &net, err) : subnet_free6(taken, n, &net, err);

	free(taken);
	if (r == 0)
		buf_ip_net(text, &net);
	return r;
}

static bool is_auto(const struct config *c, const char *key)
{
	const char *value = config_get(c, SECTION_CONFIG, key);

	return value && !strcmp(value, "auto");
}

/* Both protocols are on by themselves. */
static int network_create(struct object *o, struct config *own, const struct caller *who, struct err *err)
{
	AUTO(free) char *name = object_name(o);
	AUTO(buf_done) struct buf mac = BUF_NULL;
	uint64_t now = now_ns();

	(void)who;
	if (if_nametoindex(name))
		return err_set(
		    err, EEXIST,
		    "this host has a link %s already, which isn't lxdfs's: choose another name for the "
		    "network, or remove that link (ip link delete %s)",
		    name, name);
	config_set(own, SECTION_CONFIG, "ipv4.address", "auto", now);
	/* a kernel may have been started without IPv6 */
	config_set(own, SECTION_CONFIG, "ipv6.address",
		   access("/proc/sys/net/ipv6/conf", F_OK) < 0 ? "none" : "auto", now);
	buf_mac(&mac, mac_random());
	config_set(own, SECTION_CONFIG, "volatile.bridge.hwaddr", buf_cstr(&mac), now);
	return 0;
}

/* What is stored is what is in force: a network that was chosen, not the wish for one. */
static int choose(struct object *o, const struct config *old, struct config *own, int family, struct err *err)
{
	const char *key = family == AF_INET ? "ipv4.address" : "ipv6.address";
	const char *nat = family == AF_INET ? "ipv4.nat" : "ipv6.nat";
	AUTO(buf_done) struct buf text = BUF_NULL;
	int r;

	if (!is_auto(own, key))
		return 0;
	r = find_free(o, family, &text, err);
	if (r < 0)
		return err_prefix(err, "%s is auto: ", key);
	config_set(own, SECTION_CONFIG, key, buf_cstr(&text), now_ns());
	/* as a new network; later NAT stays what it is */
	if (is_auto(old, key) && !config_get(own, SECTION_CONFIG, nat))
		config_set(own, SECTION_CONFIG, nat, "true", now_ns());
	return 0;
}

static int network_complete(struct object *o, const struct config *old, struct config *own, struct err *err)
{
	int r = choose(o, old, own, AF_INET, err);

	return r < 0 ? r : choose(o, old, own, AF_INET6, err);
}

/* ---- checks */

/* A network that somebody chose must be free. Its own, as the kernel has it now, is no obstacle. */
static int check_free(struct object *o, const struct ip_net *net, const struct ip_net *before,
		      const char *key, struct err *err)
{
	struct ip_net *taken;
	size_t n;
	int r;

	if (!net->ip.family || (before->ip.family && ip_net_overlaps(net, before)))
		return 0;
	n = network_taken(o->host, o, &taken);
	r = subnet_check(net, taken, n, err);
	free(taken);
	if (r < 0)
		err_prefix(err, "%s: ", key);
	return r;
}

static int check_acls(struct object *o, const struct network_spec *spec, struct err *err)
{
	for (char **name = spec->acls; name && *name; name++) {
		AUTO(object_unref)
		struct object *acl = host_find(o->host->project, KIND_ACL, str_from(*name));

		if (!acl)
			return err_set(
			    err, EINVAL,
			    "security.acls has \"%s\": there is no such list, make it with mkdir acls/%s",
			    *name, *name);
	}
	return 0;
}

static int network_check(struct object *o, const struct config *old, const struct config *own,
			 const struct config *effective, struct err *err)
{
	AUTO(network_spec_done) struct network_spec spec = {0};
	AUTO(free) char *name = object_name(o);
	struct network_view before = {0};
	int r;

	(void)effective;
	r = network_spec_make(o->host, name, own, &spec, err);
	if (r < 0)
		return r;
	if (old)
		network_view_from(name, old, &before, NULL);
	r = check_acls(o, &spec, err);
	if (r == 0)
		r = forwards_check(o, &spec.view, err);
	if (r < 0)
		return r;
	r = check_free(o, &spec.view.v4, &before.v4, "ipv4.address", err);
	return r < 0 ? r : check_free(o, &spec.view.v6, &before.v6, "ipv6.address", err);
}

/* ---- live */

static int network_activate(struct object *o, struct err *err)
{
	AUTO(network_spec_done) struct network_spec spec = {0};
	AUTO(config_unref) struct config *own = object_own(o);
	AUTO(free) char *name = object_name(o);
	int r = network_spec_make(o->host, name, own, &spec, err);

	if (r == 0)
		r = network_up(o, &spec, err);
	if (r < 0)
		return r;
	o->is_live = true;
	r = networks_watch(o->host, err);
	if (r < 0) {
		o->is_live = false;
		network_down(o, name, NULL);
	}
	return r;
}

static int network_load(struct object *o, struct err *err)
{
	AUTO(network_spec_done) struct network_spec spec = {0};
	AUTO(config_unref) struct config *own = object_own(o);
	AUTO(free) char *name = object_name(o);
	int r = network_spec_make(o->host, name, own, &spec, err);

	if (r == 0)
		r = network_adopt(o, &spec, err);
	/* what couldn't be brought up may be put right by a change of its keys */
	o->is_live = r != -EEXIST && if_nametoindex(name);
	return r < 0 ? r : networks_watch(o->host, err);
}

/* Whether NICs get other addresses, hosts entries or filters by it. */
static bool nics_differ(const struct config *old, const struct config *new)
{
	static const char *const keys[] = {"dns.domain",   "dns.mode",	"ipv4.address",	     "ipv4.dhcp",
					   "ipv6.address", "ipv6.dhcp", "ipv6.dhcp.stateful"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *before = config_get(old, SECTION_CONFIG, keys[i]);
		const char *after = config_get(new, SECTION_CONFIG, keys[i]);

		if (!before != !after || (before && strcmp(before, after) != 0))
			return true;
	}
	return false;
}

/* Before anything is touched. */
static int test_raw(const struct network_spec *s, const struct config *old, struct err *err)
{
	const char *before = old ? config_get(old, SECTION_CONFIG, "raw.dnsmasq") : NULL;
	int r;

	if (!s->raw || !*s->raw || (before && !strcmp(before, s->raw)))
		return 0;
	r = dnsmasq_test_raw(s->run_dir, s->raw, err);
	return r < 0 ? err_prefix(err, "raw.dnsmasq: ") : 0;
}

int network_apply(struct object *o, const struct config *old, const struct config *new, const char *device,
		  struct err *err)
{
	AUTO(network_spec_done) struct network_spec from = {0}, to = {0};
	AUTO(free) char *name = object_name(o);
	int r = network_spec_make(o->host, name, new, &to, err);

	(void)device;
	if (r == 0)
		r = test_raw(&to, old, err);
	if (r < 0)
		return r;
	/* an old config that doesn't read is one of a start that failed: the kernel is asked then */
	r = network_spec_make(o->host, name, old, &from, NULL);
	if (r < 0)
		return network_bring(o, NULL, &to, err);
	r = network_bring(o, &from, &to, err);
	if (r < 0)
		network_bring(o, &to, &from, NULL);
	else if (nics_differ(old, new))
		networks_refilter(o);
	return r;
}

/* ---- its end, its name */

static char **network_used_by(struct object *o)
{
	static const char *const keys[] = {"network", "parent", NULL};
	AUTO(texts_free) char **users = users_by_device(o, keys);
	AUTO(objects_free) struct object **forwards = host_all(o, KIND_FORWARD);
	AUTO(buf_done) struct buf lines = BUF_NULL;

	for (char **p = users; p && *p; p++)
		buf_printf(&lines, "%s\n", *p);
	for (struct object **p = forwards; *p; p++) {
		AUTO(free) char *path = object_path(*p);

		buf_printf(&lines, "%s\n", path);
	}
	return texts_split(buf_cstr(&lines));
}

static int network_may_remove(struct object *o, struct err *err)
{
	return users_refuse(o, "be removed", err);
}

static void network_remove(struct object *o)
{
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(free) char *name = object_name(o);
	AUTO(free)
	char *run_dir = network_run_dir(o->host, name), *lease_dir = network_lease_dir(o->host, name);

	/* a link that was refused at the start isn't ours to remove */
	if (o->is_live && network_down(o, name, &err) < 0)
		host_warn(o->host, NULL, "network-left-behind", "network %s was removed, but %s", name,
			  err_text(&err));
	o->is_live = false;
	path_remove_tree(run_dir);
	path_remove_tree(lease_dir);
}

/* The leases move with the name; a network that nobody uses has no ports to lose. Also called to undo: then
 * @name is the object's own still, and the bridge has the other. */
static int network_rename(struct object *o, const char *name, struct err *err)
{
	AUTO(network_spec_done) struct network_spec from = {0}, to = {0};
	AUTO(config_unref) struct config *own = object_own(o);
	struct network *n = o->data;
	AUTO(free) char *old = *n->link ? xstrdup(n->link) : object_name(o);
	int r = users_refuse(o, "be renamed", err);

	if (r == 0 && if_nametoindex(name))
		r = err_set(err, EEXIST, "this host has a link %s already: choose another name", name);
	if (r == 0)
		r = network_spec_make(o->host, old, own, &from, err);
	if (r == 0)
		r = network_spec_make(o->host, name, own, &to, err);
	if (r == 0 && o->is_live)
		r = network_down(o, old, err);
	if (r < 0)
		return r;
	path_remove_tree(to.lease_dir);
	path_remove_tree(to.run_dir);
	if (rename(from.lease_dir, to.lease_dir) < 0 && errno != ENOENT)
		r = err_set(err, errno, "the leases in %s can't be moved: %s", from.lease_dir,
			    strerror(errno));
	if (r == 0 && o->is_live)
		r = network_up(o, &to, err);
	if (r == 0) {
		path_remove_tree(from.run_dir);
		return 0;
	}
	if (rename(to.lease_dir, from.lease_dir) < 0 && errno != ENOENT)
		err_prefix(err, "the leases stay in %s: ", to.lease_dir);
	if (o->is_live && network_up(o, &from, NULL) < 0) {
		o->is_live = false;
		err_prefix(
		    err,
		    "network %s is down now, and comes back with the next start of lxdfs at best: ", old);
	}
	return r;
}

const struct kind kind_network = {
    .number = KIND_NETWORK,
    .name = "network",
    .plural = "networks",
    .feature = "features.networks",
    .check_name = check_name,
    .init = network_init,
    .done = network_done,
    .create = network_create,
    .complete = network_complete,
    .check = network_check,
    .activate = network_activate,
    .load = network_load,
    .may_remove = network_may_remove,
    .remove = network_remove,
    .rename = network_rename,
    .used_by = network_used_by,
};
