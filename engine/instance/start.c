/* SPDX-License-Identifier: Apache-2.0 */
/* The start of an instance: from its effective config to a container that runs. What it is to keep
 * (addresses, id range, that it runs) is on the disk first, so that a core that dies in the middle leaves
 * nothing that the next one doesn't find. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/base/path.h"
#include "engine/confine/caps.h"
#include "engine/confine/intercept.h"
#include "engine/confine/names.h"
#include "engine/confine/seccomp.h"
#include "engine/device/disk.h"
#include "engine/device/nic-live.h"
#include "engine/device/nic-plan.h"
#include "engine/device/proxy.h"
#include "engine/instance/environ.h"
#include "engine/instance/guard.h"
#include "engine/instance/ids.h"
#include "engine/instance/instance.h"
#include "engine/instance/intercept.h"
#include "engine/instance/keep.h"
#include "engine/instance/limits.h"
#include "engine/instance/lxcfs.h"
#include "engine/instance/mounted.h"
#include "engine/storage/shift.h"

#define START_MS 60000
#define SYSCTL_PREFIX "linux.sysctl."
#define ENVIRONMENT_PREFIX "environment."

/* All that a start holds until it is over. */
struct start {
	struct object *o;
	struct config *effective;
	struct instance_root root;
	struct device_mounts devices;
	struct container_spec spec;
	char *name, *log, *profile, *context, *files;
	char **env;
	struct container_sysctl *sysctls;
	struct container_mount *mounts;
	size_t n_lxcfs; /* of these, the last ones */
	struct cgroup_device *nodes;
	struct intercepts intercepts;
	struct intercept_spec intercept;
};

static void start_done_auto(struct start *s)
{
	config_unref(s->effective);
	instance_root_done(&s->root);
	device_mounts_done(&s->devices);
	free(s->name);
	free(s->log);
	free(s->profile);
	free(s->context);
	free(s->files);
	texts_free(s->env);
	free(s->sysctls);
	for (size_t i = 0; i < s->n_lxcfs; i++)
		close(s->mounts[s->spec.n_mounts - 1 - i].source_fd);
	free(s->mounts);
	free(s->nodes);
	intercepts_done(&s->intercepts);
}

void instance_root_done(struct instance_root *r)
{
	storage_root_done(&r->storage);
	free(r->base_image);
	r->base_image = NULL;
}

/* ---- what must be so before anything is touched */

static int check_devices(struct object *o, const struct config *c, struct err *err)
{
	for (size_t i = 0; i < c->n; i++) {
		const char *device = section_device(&c->sections[i]);

		if (device && !device_is_complete(o, c, device, err))
			return -err->errnum;
	}
	return 0;
}

static int check(struct object *o, const struct config *c, struct err *err)
{
	if (value_bool(config_get(c, SECTION_CONFIG, "security.protection.start")))
		return err_set(err, EPERM,
			       "security.protection.start is true: it can't be started before that is false");
	if (!disk_root(c, err))
		return -err->errnum;
	return check_devices(o, c, err);
}

/* ---- its parts */

static bool is_privileged(const struct config *c)
{
	return value_bool(config_get(c, SECTION_CONFIG, "security.privileged"));
}

struct seccomp_options instance_filter(const struct config *c)
{
	const char *deny = config_get(c, SECTION_CONFIG, "security.syscalls.deny_default");

	return (struct seccomp_options){
	    .privileged = is_privileged(c),
	    .nesting = value_bool(config_get(c, SECTION_CONFIG, "security.nesting")),
	    .no_default = deny && !value_bool(deny),
	    .deny_compat = value_bool(config_get(c, SECTION_CONFIG, "security.syscalls.deny_compat")),
	    .deny = config_get(c, SECTION_CONFIG, "security.syscalls.deny"),
	    .allow = config_get(c, SECTION_CONFIG, "security.syscalls.allow"),
	    .raw = config_get(c, SECTION_CONFIG, "raw.seccomp"),
	};
}

void instance_unconfine(struct object *o)
{
	struct instance *in = instance_of(o);

	if (in->seccomp_fd >= 0)
		close(TAKE_FD(in->seccomp_fd));
	if (in->notify_fd >= 0)
		close(TAKE_FD(in->notify_fd));
}

int instance_confine(struct object *o, const struct config *c, struct err *err)
{
	struct instance *in = instance_of(o);
	struct seccomp_options options = instance_filter(c);
	AUTO(buf_done) struct buf unknown = BUF_NULL;
	unsigned what = instance_intercept(c, NULL);
	int r;

	options.no_profile = !guard_has_apparmor(o->host);
	instance_unconfine(o);
	free(in->rlimits);
	in->rlimits = limits_kernel(c, &in->n_rlimits);
	in->caps_drop =
	    caps_dropped(options.privileged, value_bool(config_get(c, SECTION_CONFIG, "security.nesting")));
	/* root of the host could raise them again */
	if (options.privileged && in->n_rlimits)
		in->caps_drop |= 1ULL << CAP_SYS_RESOURCE;
	/* the built-in list doesn't deny that, an admin's may */
	in->is_filter_early = !options.deny && !options.allow && !options.raw;
	r = seccomp_export(&options, &in->seccomp_fd, &unknown, err);
	if (!r && what)
		r = seccomp_notify_export(what, &in->notify_fd, err);
	if (!r && unknown.len)
		host_warn(
		    o->host, o, "seccomp",
		    "rules for system calls are left out, since this host's libseccomp doesn't know them: %s",
		    buf_cstr(&unknown));
	else if (!r)
		host_warn_resolve(o->host, o, "seccomp");
	return r;
}

/* The pairs of a family: pairs are sorted by key, so they stand together. */
static const struct pair *family(const struct config *c, const char *prefix, size_t *ret_n)
{
	const struct section *s = config_section(c, SECTION_CONFIG);
	const struct pair *first = NULL;
	size_t len = strlen(prefix);

	*ret_n = 0;
	for (size_t i = 0; s && i < s->n; i++) {
		if (strncmp(s->pairs[i].key, prefix, len) != 0)
			continue;
		if (!first)
			first = &s->pairs[i];
		++*ret_n;
	}
	return first;
}

char **instance_environment(const struct config *effective)
{
	size_t n, len = strlen(ENVIRONMENT_PREFIX);
	const struct pair *p = family(effective, ENVIRONMENT_PREFIX, &n);
	char **list = xcalloc(n + 1, sizeof(*list));

	for (size_t i = 0; i < n; i++)
		list[i] = xasprintf("%s=%s", p[i].key + len, p[i].value);
	return list;
}

static void add_sysctls(struct start *s)
{
	size_t n, len = strlen(SYSCTL_PREFIX);
	const struct pair *p = family(s->effective, SYSCTL_PREFIX, &n);

	s->sysctls = xcalloc(n + 1, sizeof(*s->sysctls));
	for (size_t i = 0; i < n; i++)
		s->sysctls[i] = (struct container_sysctl){p[i].key + len, p[i].value};
	s->spec.sysctls = s->sysctls;
	s->spec.n_sysctls = n;
}

/* Its limits in /proc. With security.nesting containers inside mount a /proc of their own, which the kernel
 * allows only where nothing lies over this one. */
static void add_lxcfs(struct start *s)
{
	int n;

	if (value_bool(config_get(s->effective, SECTION_CONFIG, "security.nesting")))
		return;
	n = lxcfs_mounts(s->mounts + s->spec.n_mounts);
	if (n < 0) {
		host_warn(s->o->host, NULL, "lxcfs",
			  "lxcfs is mounted and doesn't answer: %s. Instances start with the host's figures "
			  "in /proc: "
			  "systemctl restart lxcfs, then restart them",
			  strerror(-n));
		return;
	}
	s->n_lxcfs = (size_t)n;
	s->spec.n_mounts += s->n_lxcfs;
	if (n)
		host_warn_resolve(s->o->host, NULL, "lxcfs");
}

static int add_mounts(struct start *s, struct err *err)
{
	int r = device_mounts_open(s->effective, &s->devices, err);

	s->mounts = xcalloc(s->devices.n + LXCFS_FILES + 1, sizeof(*s->mounts));
	for (size_t i = 0; !r && i < s->devices.n; i++)
		r = instance_mount_of(&s->devices.list[i], &s->spec.map, &s->mounts[i], err);
	s->spec.mounts = s->mounts;
	s->spec.n_mounts = s->devices.n;
	if (!r)
		add_lxcfs(s);
	return r;
}

/* Where its files can't be mapped by the mount, they get the owners that they need. */
static int own_files(struct start *s, struct err *err)
{
	const struct idmap *map = &s->spec.map;
	const char *rootfs = s->root.storage.rootfs;
	struct shift_extent uid[IDMAP_EXTENTS], gid[IDMAP_EXTENTS];
	struct shift_map to = {.uid = uid, .gid = gid};

	if (!rootfs || s->root.storage.lower)
		return 0;
	s->spec.is_shifted = !idmap_is_privileged(map) && shift_is_needed(rootfs);
	for (; s->spec.is_shifted && to.n_uid < map->n_uid; to.n_uid++)
		uid[to.n_uid] = (struct shift_extent){map->uid[to.n_uid].inside, map->uid[to.n_uid].outside,
						      map->uid[to.n_uid].count};
	for (; s->spec.is_shifted && to.n_gid < map->n_gid; to.n_gid++)
		gid[to.n_gid] = (struct shift_extent){map->gid[to.n_gid].inside, map->gid[to.n_gid].outside,
						      map->gid[to.n_gid].count};
	return shift_tree(rootfs, &to, err);
}

static void add_intercepts(struct start *s)
{
	struct container_spec *spec = &s->spec;

	instance_intercept(s->effective, &s->intercepts);
	s->intercept = (struct intercept_spec){
	    .what = s->intercepts.what,
	    .allowed = (const char *const *)s->intercepts.allowed,
	    .fuse = (const char *const *)s->intercepts.fuse,
	    .shift = s->intercepts.shift,
	    .rtprio = s->intercepts.rtprio,
	    .filter = spec->seccomp_fd,
	    .caps_drop = spec->caps_drop,
	    .profile = spec->profile,
	    .context = spec->context,
	};
	spec->notify_fd = instance_of(s->o)->notify_fd;
	spec->intercept = &s->intercept;
	spec->has_nodes = s->intercepts.what & INTERCEPT_MKNOD;
}

static int add_limits(struct start *s, struct err *err)
{
	struct cgroup_limits *l = &s->spec.limits;
	int r = limits_memory(s->effective, limits_host_memory(), l, err);

	if (!r)
		r = limits_cpu(s->effective, l, err);
	if (!r)
		r = limits_processes(s->effective, l, err);
	instance_add_devices(&s->devices, l, &s->nodes);
	limits_supported(instances_of(s->o)->env.cgroups, l);
	return r;
}

static int add_log(struct start *s, struct err *err)
{
	AUTO(free) char *dir = xasprintf("%s/logs/%s", s->o->host->state, s->o->uuid);
	int r = path_make_dir(dir, 0700);

	if (r < 0)
		return err_set(err, -r, "%s, where the console's log goes, can't be made: %s", dir,
			       strerror(-r));
	s->log = instance_log_path(s->o);
	s->spec.console_log = s->log;
	return 0;
}

/* Before the first container of a boot there is nothing to be learned. */
static void hide_names(struct host *h)
{
	AUTO(config_unref) struct config *c = object_own(h->server);
	const char *key = config_get(c, SECTION_CONFIG, "lxdfs.hide_names");

	if (!key || value_bool(key))
		instance_hide_names(h);
}

void instance_hide_names(struct host *h)
{
	struct instances *all = h->instances;
	AUTO(err_done) struct err err = ERR_NULL;

	if (atomic_load(&all->names_hidden))
		return;
	if (names_hide(all->kernel_files, &err) < 0) {
		host_warn(
		    h, NULL, "hide-names",
		    "%s. Users of this host may learn which instances run, as uuids: chmod it at boot, or "
		    "set lxdfs.hide_names to false",
		    err_text(&err));
		return;
	}
	atomic_store(&all->names_hidden, true);
	host_warn_resolve(h, NULL, "hide-names");
}

/* ---- NICs, while the container waits for them */

static int attach_nics(void *ctx, int netns_fd, struct err *err)
{
	struct start *s = ctx;
	struct instance *in = instance_of(s->o);
	int r = 0;

	in->starting_netns = netns_fd;
	for (size_t i = 0; i < s->effective->n && !r; i++) {
		const struct section *sec = &s->effective->sections[i];
		const char *device = section_device(sec);
		const struct device_type *type = device ? device_type_of(s->o, sec, NULL) : NULL;

		/* disks are mounted by the monitor */
		if (!type || !type->attach || strcmp(type->type, "nic") != 0)
			continue;
		r = type->attach(s->o, s->effective, device, err);
		if (r < 0)
			err_prefix(err, "device %s: ", device);
	}
	in->starting_netns = -EBADF;
	return r;
}

/* ---- together */

static int prepare(struct start *s, const struct caller *who, uint32_t *ret_base, struct err *err)
{
	struct object *o = s->o;
	struct container_spec *spec = &s->spec;
	int r = check(o, s->effective, err);

	if (!r)
		r = instances_of(o)->root(o, s->effective, who, &s->root, err);
	if (!r)
		r = ids_claim(o, s->effective, &spec->map, ret_base, err);
	if (!r)
		r = own_files(s, err);
	if (!r)
		r = instance_confine(o, s->effective, err);
	if (!r)
		r = guard_instance(o, s->effective, &s->profile, err);
	if (!r)
		guard_context(o, &s->context, &s->files);
	if (!r)
		r = add_mounts(s, err);
	if (!r)
		r = add_limits(s, err);
	if (!r)
		r = add_log(s, err);
	if (r < 0)
		return r;
	add_sysctls(s);
	s->name = object_name(o);
	s->env = instance_environment(s->effective);
	spec->uuid = o->uuid;
	spec->hostname = s->name;
	spec->nesting = value_bool(config_get(s->effective, SECTION_CONFIG, "security.nesting"));
	spec->lower = (const char *const *)s->root.storage.lower;
	spec->layer = s->root.storage.layer;
	spec->rootfs = s->root.storage.rootfs;
	spec->env = (const char *const *)s->env;
	spec->seccomp_fd = instance_of(o)->seccomp_fd;
	spec->profile = s->profile;
	spec->context = s->context;
	spec->files = s->files;
	spec->caps_drop = instance_of(o)->caps_drop;
	add_intercepts(s);
	spec->rlimits = instance_of(o)->rlimits;
	spec->n_rlimits = instance_of(o)->n_rlimits;
	spec->attach = attach_nics;
	spec->attach_ctx = s;
	spec->cancel_fd = who->cancel_fd;
	spec->timeout_ms = START_MS;
	return 0;
}

static int run(struct start *s, struct err *err)
{
	struct object *o = s->o;
	struct container *c = NULL;
	int r = device_mounts_note(o, &s->devices, err);

	if (!r)
		r = container_start(&instances_of(o)->env, &s->spec, &c, err);
	if (r < 0) {
		nics_detach_all(o);
		device_mounts_forget(o);
		return r;
	}
	instance_set_container(o, c, false);
	r = instance_watch(o, err);
	if (r < 0)
		instance_finish_held(o, true, NULL);
	else
		device_mounts_watch(o, s->effective);
	if (!r) {
		r = proxies_attach(o, s->effective, err);
		if (r < 0)
			instance_stop_held(o, true, 0, true, &caller_core, NULL);
	}
	return r;
}

int instance_start_held(struct object *o, const struct caller *who, struct err *err)
{
	__attribute__((cleanup(start_done_auto))) struct start s = {.o = o, .spec = CONTAINER_SPEC_NULL};
	__attribute__((cleanup(keep_done_auto))) struct keep keep = {0};
	uint32_t base = IDMAP_ANY;
	int r;

	s.effective = object_effective(o);
	instance_of(o)->reboots = false;
	hide_names(o->host);
	r = prepare(&s, who, &base, err);
	if (!r)
		r = keep_commit(&keep, o, s.effective, base, err);
	if (!r) {
		r = run(&s, err);
		if (r < 0)
			keep_undo(&keep, o);
	}
	if (r < 0 && s.root.is_first)
		instances_of(o)->root_undo(o, &s.root);
	if (r == -ECANCELED)
		r = err_set(err, EINTR, "the start was interrupted: nothing of it is left");
	if (r < 0) {
		ids_release(o);
		instance_unconfine(o);
		/* else one runs that isn't ours to unconfine */
		if (r != -EBUSY)
			guard_drop(o, false);
		return r;
	}
	if (is_privileged(s.effective))
		host_warn(o->host, o, "privileged",
			  "it runs privileged: its root is root of this host, kept in by masks and filters "
			  "alone. Only those who may be root here should be root in it");
	else
		host_warn_resolve(o->host, o, "privileged");
	instance_note_power(o, "RUNNING", NULL);
	instance_told(o, "instance-started");
	return 0;
}
