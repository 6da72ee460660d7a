/* SPDX-License-Identifier: Apache-2.0 */
/* The host's cgroup layout, and one container's group in it: made, limited, removed. */
#include "engine/confine/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/path.h"
#include "engine/base/sys.h"
#include "engine/confine/cgroup-internal.h"

#define NS "ns"

/* clang-format off */
static const struct { const char *name; unsigned bit; } controllers[] = {
	{"memory", CTL_MEMORY}, {"pids", CTL_PIDS}, {"cpu", CTL_CPU}, {"cpuacct", CTL_CPUACCT},
	{"cpuset", CTL_CPUSET}, {"devices", CTL_DEVICES}, {"freezer", CTL_FREEZER}, {"io", CTL_IO}, {"blkio", CTL_IO},
};

static const struct { enum cgroup_field field; unsigned controller; const char *why; } needs[] = {
	{CGROUP_MEMORY, CTL_MEMORY, "the memory controller"},
	{CGROUP_PIDS, CTL_PIDS, "the pids controller"},
	{CGROUP_CPU_TIME, CTL_CPU, "the cpu controller"},
	{CGROUP_CPU_SHARES, CTL_CPU, "the cpu controller"},
	{CGROUP_CPUSET, CTL_CPUSET, "the cpuset controller"},
	{CGROUP_DEVICES, CTL_DEVICES, "the devices controller, or BPF programs in its place"},
};
/* clang-format on */

/* clang-format off */
static const struct cgroup_device default_devices[] = {
	{'c', -1, -1, "m"},
	/* no block devices: since Linux 6.6 mount(2) takes what the host has mounted for its node alone,
	 * without opening it, and so without asking for any other right */
	{'c', 1, 3, "rwm"},    /* null */
	{'c', 1, 5, "rwm"},    /* zero */
	{'c', 1, 7, "rwm"},    /* full */
	{'c', 1, 8, "rwm"},    /* random */
	{'c', 1, 9, "rwm"},    /* urandom */
	{'c', 5, 0, "rwm"},    /* tty */
	{'c', 5, 2, "rwm"},    /* ptmx */
	{'c', 10, 200, "rwm"}, /* tun */
	{'c', 10, 229, "rwm"}, /* fuse */
	{'c', 136, -1, "rwm"}, /* pts */
};
/* clang-format on */

const struct cgroup_device *cgroup_default_devices(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(default_devices);
	return default_devices;
}

static unsigned controller_bit(struct str name)
{
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (str_is(name, controllers[i].name))
			return controllers[i].bit;
	return 0;
}

static unsigned controllers_of(struct str list, char sep)
{
	unsigned bits = 0;
	struct str name;

	while (str_next(&list, sep, &name))
		bits |= controller_bit(name);
	return bits;
}

/* What mount(2) needs to get a v1 hierarchy again: its controllers or its name. */
static char *v1_options(struct str super)
{
	struct buf b = BUF_NULL;
	struct str o;

	while (str_next(&super, ',', &o)) {
		if (str_has_prefix(o, STR("name=")))
			buf_printf(&b, "%snone,%.*s", b.len ? "," : "", STR_FMT(o));
		else if (controller_bit(o) || str_is(o, "perf_event") || str_is(o, "net_cls") ||
			 str_is(o, "net_prio") || str_is(o, "hugetlb") || str_is(o, "rdma") ||
			 str_is(o, "misc"))
			buf_printf(&b, "%s%.*s", b.len ? "," : "", STR_FMT(o));
	}
	return b.ptr ? buf_take(&b) : NULL;
}

/* proc(5): id parent major:minor root mountpoint options [optional...] - type source superoptions */
static bool parse_line(struct str line, struct hierarchy *h)
{
	struct str f[5], type = STR_NULL, source, super, word, rest = line;

	for (int i = 0; i < 5; i++)
		if (!str_next(&rest, ' ', &f[i]))
			return false;
	while (str_next(&rest, ' ', &word) && !str_is(word, "-"))
		;
	if (!str_next(&rest, ' ', &type) || !str_next(&rest, ' ', &source))
		return false;
	super = str_trim(rest);
	if (!str_is(type, "cgroup") && !str_is(type, "cgroup2"))
		return false;
	*h = (struct hierarchy){.is_v2 = str_is(type, "cgroup2"), .mount = str_dup(f[4])};
	if (!h->is_v2) {
		h->opts = v1_options(super);
		h->controllers = controllers_of(super, ',');
		if (!h->opts) {
			free(h->mount);
			return false;
		}
	}
	h->dir = !strcmp(h->mount, "/sys/fs/cgroup")	 ? xstrdup("")
		 : strrchr(h->mount, '/') && h->mount[1] ? xstrdup(strrchr(h->mount, '/') + 1)
							 : xstrdup("");
	return true;
}

static void hierarchy_done(struct hierarchy *h)
{
	free(h->mount);
	free(h->dir);
	free(h->opts);
}

static bool is_known(const struct cgroup_layout *l, const struct hierarchy *h)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->h[i].is_v2 == h->is_v2 && (h->is_v2 || !strcmp(l->h[i].opts, h->opts)))
			return true;
	return false;
}

DEFINE_AUTO(struct cgroup_layout *, cgroup_layout_free);

int cgroup_layout_new(const char *mountinfo, const char *root, struct cgroup_layout **ret, struct err *err)
{
	AUTO(cgroup_layout_free) struct cgroup_layout *l = NULL;
	AUTO(free) char *text = NULL;
	struct str rest, line;
	ssize_t n = path_read(AT_FDCWD, mountinfo ? mountinfo : "/proc/self/mountinfo", 16 << 20, &text);

	if (n < 0)
		return err_set(err, (int)-n, "the list of mounts can't be read: %s", strerror((int)-n));
	if (!path_is_name(str_from(root)))
		return err_set(err, EINVAL, "\"%s\" is no name for a control group", root);
	l = xcalloc(1, sizeof(*l));
	l->root = xstrdup(root);
	rest = (struct str){text, (size_t)n};
	while (l->n < MAX_HIERARCHIES && str_next(&rest, '\n', &line)) {
		struct hierarchy h;

		if (!parse_line(line, &h))
			continue;
		/* in a container lxdfs has those that it may make groups in */
		if (is_known(l, &h) || (!mountinfo && access(h.mount, W_OK) < 0)) {
			hierarchy_done(&h);
			continue;
		}
		if (h.is_v2) {
			AUTO(free) char *have = NULL;

			if (!value_read(h.mount, "cgroup.controllers", &have))
				h.controllers = controllers_of(str_from(have), ' ');
		}
		l->h[l->n++] = h;
	}
	if (!l->n)
		return err_set(
		    err, ENOENT,
		    "no cgroup file system is mounted that lxdfs may make groups in: mount -t cgroup2 none "
		    "/sys/fs/cgroup; in a container, one with security.nesting has some");
	*ret = TAKE(l);
	return 0;
}

void cgroup_layout_free(struct cgroup_layout *layout)
{
	if (!layout)
		return;
	for (size_t i = 0; i < layout->n; i++)
		hierarchy_done(&layout->h[i]);
	free(layout->root);
	free(layout);
}

int layout_find(const struct cgroup_layout *layout, enum cgroup_controller ctl)
{
	for (size_t i = 0; i < layout->n; i++)
		if (layout->h[i].controllers & ctl)
			return (int)i;
	return -1;
}

int layout_v2(const struct cgroup_layout *layout)
{
	for (size_t i = 0; i < layout->n; i++)
		if (layout->h[i].is_v2)
			return (int)i;
	return -1;
}

bool cgroup_layout_can(const struct cgroup_layout *layout, enum cgroup_field field, const char **ret_why)
{
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		if (needs[i].field != field || layout_find(layout, needs[i].controller) >= 0)
			continue;
		if (field == CGROUP_DEVICES && layout_v2(layout) >= 0 && cgroup2_can_devices())
			continue;
		*ret_why = needs[i].why;
		return false;
	}
	return true;
}

void cgroup_layout_clear(struct cgroup_layout *layout)
{
	for (size_t i = 0; i < layout->n; i++) {
		AUTO(free) char *dir = xasprintf("%s/%s", layout->h[i].mount, layout->root);

		rmdir(dir);
	}
}

bool cgroup_layout_hierarchy(const struct cgroup_layout *layout, size_t i, const char **ret_dir,
			     const char **ret_opts)
{
	if (i >= layout->n)
		return false;
	*ret_dir = layout->h[i].dir;
	*ret_opts = layout->h[i].opts;
	return true;
}

static struct cgroup *cgroup_new(struct cgroup_layout *layout, const char *uuid)
{
	struct cgroup *cg = xcalloc(1, sizeof(*cg));

	cg->layout = layout;
	cg->uuid = xstrdup(uuid);
	for (size_t i = 0; i < layout->n; i++) {
		cg->dirs[i] = xasprintf("%s/%s/%s", layout->h[i].mount, layout->root, uuid);
		cg->procs[i] = xasprintf("%s/" NS "/cgroup.procs", cg->dirs[i]);
	}
	return cg;
}

void cgroup_free(struct cgroup *cg)
{
	if (!cg)
		return;
	for (size_t i = 0; i < MAX_HIERARCHIES; i++) {
		free(cg->dirs[i]);
		free(cg->procs[i]);
	}
	free(cg->uuid);
	free(cg);
}

DEFINE_AUTO(struct cgroup *, cgroup_free);

static int make_level(const struct hierarchy *h, const char *parent, const char *dir, struct err *err)
{
	/* whatever the umask is: Linux 6.1 lets a container mount its groups only where its root may
	 * search all above them */
	if ((mkdir(dir, 0755) < 0 || chmod(dir, 0755) < 0) && errno != EEXIST)
		return err_set(err, errno, "the control group %s can't be made: %s", dir, strerror(errno));
	return h->is_v2 ? 0 : cgroup1_prepare(h, parent, dir, err);
}

static int make_in(const struct cgroup_layout *layout, const struct cgroup *cg, size_t i, struct err *err)
{
	const struct hierarchy *h = &layout->h[i];
	AUTO(free) char *top = xasprintf("%s/%s", h->mount, layout->root);
	AUTO(free) char *ns = xasprintf("%s/" NS, cg->dirs[i]);
	int r = make_level(h, h->mount, top, err);

	if (!r && h->is_v2)
		r = cgroup2_make_room(h->mount, err);
	if (!r && h->is_v2)
		r = cgroup2_enable(h->mount, err);
	if (!r && h->is_v2)
		r = cgroup2_enable(top, err);
	if (!r)
		r = make_level(h, top, cg->dirs[i], err);
	if (!r && h->is_v2)
		r = cgroup2_enable(cg->dirs[i], err);
	/* below a group with devices there may be none yet when they are denied: cgroup_put() makes it */
	if (!r && !(h->controllers & CTL_DEVICES && !h->is_v2))
		r = make_level(h, cg->dirs[i], ns, err);
	return r;
}

int cgroup_make_ns(const struct cgroup *cg, size_t i, struct err *err)
{
	AUTO(free) char *ns = xasprintf("%s/" NS, cg->dirs[i]);

	return make_level(&cg->layout->h[i], cg->dirs[i], ns, err);
}

int cgroup_create(struct cgroup_layout *layout, const char *uuid, struct cgroup **ret, struct err *err)
{
	AUTO(cgroup_free) struct cgroup *cg = NULL;
	int r = 0;

	if (!path_is_name(str_from(uuid)))
		return err_set(err, EINVAL, "\"%s\" is no name for a control group", uuid);
	cg = cgroup_new(layout, uuid);
	if (cgroup_pids(cg, NULL) > 0)
		return err_set(err, EBUSY, "the control group of %s still holds processes", uuid);
	for (size_t i = 0; !r && i < layout->n; i++)
		r = make_in(layout, cg, i, err);
	if (r < 0) {
		cgroup_remove(cg, 0, NULL);
		return r;
	}
	*ret = TAKE(cg);
	return 0;
}

int cgroup_open(struct cgroup_layout *layout, const char *uuid, struct cgroup **ret, struct err *err)
{
	AUTO(cgroup_free) struct cgroup *cg = NULL;

	if (!path_is_name(str_from(uuid)))
		return err_set(err, EINVAL, "\"%s\" is no name for a control group", uuid);
	cg = cgroup_new(layout, uuid);
	for (size_t i = 0; i < layout->n; i++) {
		if (value_exists(cg->dirs[i], "cgroup.procs")) {
			*ret = TAKE(cg);
			return 0;
		}
	}
	return err_set(err, ENOENT, "there is no control group of %s", uuid);
}

static int set_pids(const char *dir, const struct cgroup_limits *l, struct changes *ch, struct err *err)
{
	AUTO(free)
	char *text = l->pids == CGROUP_NONE ? xstrdup("max") : xasprintf("%llu", (unsigned long long)l->pids);
	int r = value_write(ch, dir, "pids.max", text, err);

	return r < 0 ? r : value_check(dir, "pids.max", l->pids, err);
}

static int check_limits(const struct cgroup_layout *layout, const struct cgroup_limits *l, struct err *err)
{
	const char *why;

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		bool nothing = (needs[i].field == CGROUP_MEMORY && l->memory == CGROUP_NONE) ||
			       (needs[i].field == CGROUP_PIDS && l->pids == CGROUP_NONE) ||
			       (needs[i].field == CGROUP_CPU_TIME && l->cpu_quota_us == CGROUP_NONE) ||
			       (needs[i].field == CGROUP_CPU_SHARES && l->cpu_shares == 1024) ||
			       (needs[i].field == CGROUP_CPUSET && !l->cpus && !l->cpu_count && !l->nodes);

		if (l->fields & needs[i].field && !nothing &&
		    !cgroup_layout_can(layout, needs[i].field, &why))
			return err_set(err, EOPNOTSUPP,
				       "this host has no cgroup support for it: %s is missing", why);
	}
	if (l->fields & CGROUP_CPU_SHARES && (l->cpu_shares < 2 || l->cpu_shares > 262144))
		return err_set(err, EINVAL, "%llu CPU shares: 2 to 262144 can be had",
			       (unsigned long long)l->cpu_shares);
	return 0;
}

static int set_all(struct cgroup *cg, const struct cgroup_limits *l, struct changes *ch, struct err *err)
{
	struct cgroup_layout *lay = cg->layout;
	int r = 0, i;

	if (l->fields & CGROUP_PIDS && (i = layout_find(lay, CTL_PIDS)) >= 0)
		r = set_pids(cg->dirs[i], l, ch, err);
	if (!r && l->fields & (CGROUP_CPU_TIME | CGROUP_CPU_SHARES) && (i = layout_find(lay, CTL_CPU)) >= 0)
		r = lay->h[i].is_v2 ? cgroup2_set_cpu(cg->dirs[i], l, ch, err)
				    : cgroup1_set_cpu(cg->dirs[i], l, ch, err);
	if (!r && l->fields & CGROUP_CPUSET && (i = layout_find(lay, CTL_CPUSET)) >= 0)
		r = cgroup_set_cpuset(cg, (size_t)i, l, ch, err);
	if (!r && l->fields & CGROUP_MEMORY && (i = layout_find(lay, CTL_MEMORY)) >= 0)
		r = lay->h[i].is_v2 ? cgroup2_set_memory(cg->dirs[i], l, ch, err)
				    : cgroup1_set_memory(cg->dirs[i], l, ch, err);
	if (!r && l->fields & CGROUP_DEVICES) {
		i = layout_find(lay, CTL_DEVICES);
		if (i >= 0)
			r = cgroup1_set_devices(cg->dirs[i], l, ch, err);
		else if ((i = layout_v2(lay)) >= 0)
			r = cgroup2_set_devices(cg->dirs[i], l, err);
	}
	return r;
}

/* The container sees the files of the group below the one that is limited. What programs size themselves by
 * is repeated there; the limit that counts stays out of its reach. A repetition that fails costs only that.
 */
static void show_inside(const struct cgroup *cg)
{
	static const struct {
		enum cgroup_controller ctl;
		const char *file;
	} shown[] = {
	    {CTL_MEMORY, "memory.max"}, {CTL_MEMORY, "memory.high"}, {CTL_MEMORY, "memory.swap.max"},
	    {CTL_CPU, "cpu.max"},	{CTL_PIDS, "pids.max"},	     {CTL_MEMORY, "memory.limit_in_bytes"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		int h = layout_find(cg->layout, shown[i].ctl);
		AUTO(free) char *ns = h < 0 ? NULL : xasprintf("%s/" NS, cg->dirs[h]), *value = NULL;

		if (ns && value_exists(ns, shown[i].file) && !value_read(cg->dirs[h], shown[i].file, &value))
			value_write(NULL, ns, shown[i].file, value, NULL);
	}
}

int cgroup_set(struct cgroup *cg, const struct cgroup_limits *limits, struct err *err)
{
	struct changes ch = {0};
	int r = check_limits(cg->layout, limits, err);

	if (r < 0)
		return r;
	r = set_all(cg, limits, &ch, err);
	while (ch.n) {
		struct change *c = &ch.c[--ch.n];

		if (r < 0) {
			AUTO(free) char *line = xasprintf("%s\n", c->old);

			path_write(AT_FDCWD, c->path, str_from(line));
		}
		free(c->path);
		free(c->old);
	}
	free(ch.c);
	if (!r)
		show_inside(cg);
	return r;
}

const char *cgroup_procs_path(const struct cgroup *cg, size_t i)
{
	return i < cg->layout->n ? cg->procs[i] : NULL;
}

const char *cgroup_root_name(const struct cgroup *cg)
{
	return cg->layout->root;
}
