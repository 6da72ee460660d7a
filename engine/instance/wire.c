/* SPDX-License-Identifier: Apache-2.0 */
/* Message tables and orders, packed and unpacked as mirror images. */
#include "engine/instance/wire.h"

#include <errno.h>
#include <unistd.h>

#include "engine/base/auto.h"

#define MAX_TEXTS 4096
#define MAX_ROWS 512

/* clang-format off */
static const struct msg_type monitor_types[] = {
	{MON_START,     "start",     0, 0,              1, MSG_MAX_FDS},
	{MON_GO,        "go",        0, 0,              0, 0},
	{MON_HELLO_ASK, "hello?",    0, 0,              0, 0},
	{MON_EXIT_ACK,  "exit ack",  0, 0,              0, 0},
	{MON_LISTENER,  "listener",  0, 0,              1, 1},
	{MON_SERVE_ASK, "serve?",    0, 0,              1, 1},
	{MON_SERVED,    "served",    0, 0,              0, 0},
	{MON_INIT,      "init",      4, 4,              2, 2},
	{MON_STARTED,   "started",   4, 4,              0, 0},
	{MON_FAILED,    "failed",    8, MSG_MAX_BODY,   0, 0},
	{MON_HELLO,     "hello",     16, 512,           1, 1},
	{MON_EXIT,      "exit",      12, 12,            0, 0},
	{MON_CALLS,     "calls",     0, 0,              1, 1},
	{MON_SERVE,     "serve",     0, 0,              0, 0},
	{MON_UNSERVED,  "unserved",  0, 0,              0, 0},
};
static const struct msg_type child_types[] = {
	{CHILD_BUILD,   "build",     0, 0,              1, 1},
	{CHILD_READY,   "ready",     0, 0,              2, 2},
	{CHILD_EXEC,    "exec",      0, 0,              0, 0},
	{CHILD_FAILED,  "failed",    8, MSG_MAX_BODY,   0, 0},
	{CHILD_LISTENER, "listener", 0, 0,              1, 1},
};
static const struct msg_type enter_types[] = {
	{ENTER_START,   "start",     0, 0,              2, 6},
	{ENTER_STARTED, "started",   0, 0,              1, 1},
	{ENTER_FAILED,  "failed",    8, MSG_MAX_BODY,   0, 0},
};
static const struct msg_type mount_types[] = {
	{MOUNT_ADD,     "add",       4, MSG_MAX_BODY,   1, 3},
	{MOUNT_REMOVE,  "remove",    4, MSG_MAX_BODY,   1, 2},
	{MOUNT_DONE,    "done",      4, 4,              0, 0},
	{MOUNT_FAILED,  "failed",    8, MSG_MAX_BODY,   0, 0},
};
/* clang-format on */

const struct msg_table monitor_table = {"monitor's link", monitor_types, ARRAY_SIZE(monitor_types)};
const struct msg_table child_table = {"container's link", child_types, ARRAY_SIZE(child_types)};
const struct msg_table enter_table = {"exec helper's link", enter_types, ARRAY_SIZE(enter_types)};
const struct msg_table mount_table = {"mount helper's link", mount_types, ARRAY_SIZE(mount_types)};

static int size_ok(const struct buf *b, struct err *err)
{
	if (b->len > WIRE_MAX_ORDER)
		return err_set(err, E2BIG,
			       "arguments, environment and mounts are %zu bytes long, %d is the most", b->len,
			       WIRE_MAX_ORDER);
	return 0;
}

int unpack_version(struct unpack *u, struct err *err)
{
	uint32_t version = unpack_u32(u);

	if (version == WIRE_ORDER)
		return 0;
	return err_set(err, EBADMSG,
		       "the helper program is of another version (order %u, here %u): install both anew, "
		       "then restart lxdfsd",
		       version, WIRE_ORDER);
}

static void pack_extents(struct buf *b, const struct id_extent *e, unsigned n)
{
	pack_u32(b, n);
	for (unsigned i = 0; i < n; i++) {
		pack_u32(b, e[i].inside);
		pack_u32(b, e[i].outside);
		pack_u32(b, e[i].count);
	}
}

static unsigned unpack_extents(struct unpack *u, struct id_extent *e)
{
	uint32_t n = unpack_u32(u);

	if (n > IDMAP_EXTENTS) {
		u->bad = true;
		return 0;
	}
	for (uint32_t i = 0; i < n; i++) {
		e[i].inside = unpack_u32(u);
		e[i].outside = unpack_u32(u);
		e[i].count = unpack_u32(u);
	}
	return n;
}

/* A number of rows that follow: bounded before anything is allocated for them. */
static uint32_t unpack_count(struct unpack *u)
{
	uint32_t n = unpack_u32(u);

	if (n > MAX_ROWS) {
		u->bad = true;
		return 0;
	}
	return n;
}

static void pack_groups(struct buf *b, const struct wire_hierarchy *groups, size_t n)
{
	pack_u32(b, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		pack_text(b, groups[i].dir);
		pack_text(b, groups[i].opts);
	}
}

static void pack_rlimits(struct buf *b, const struct container_rlimit *l, size_t n)
{
	pack_u32(b, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		pack_u32(b, (uint32_t)l[i].resource);
		pack_u64(b, l[i].soft);
		pack_u64(b, l[i].hard);
	}
}

static struct container_rlimit *unpack_rlimits(struct unpack *u, size_t *ret_n)
{
	size_t n = unpack_count(u);
	struct container_rlimit *l = xcalloc(n + 1, sizeof(*l));

	for (size_t i = 0; i < n; i++) {
		l[i].resource = (int)unpack_u32(u);
		l[i].soft = unpack_u64(u);
		l[i].hard = unpack_u64(u);
	}
	*ret_n = n;
	return l;
}

void pack_mount(struct buf *b, const struct container_mount *m)
{
	pack_text(b, m->source);
	pack_text(b, m->target);
	pack_u32(b, m->flags);
	pack_u64(b, m->attrs);
	pack_u32(b, (uint32_t)m->node);
	pack_u32(b, m->major);
	pack_u32(b, m->minor);
	pack_u32(b, m->mode);
	pack_u32(b, m->uid);
	pack_u32(b, m->gid);
}

void unpack_mount(struct unpack *u, struct container_mount *ret)
{
	*ret = (struct container_mount){.source = unpack_text(u), .source_fd = -EBADF};
	ret->target = unpack_text(u);
	ret->flags = unpack_u32(u);
	ret->attrs = unpack_u64(u);
	ret->node = (char)unpack_u32(u);
	ret->major = unpack_u32(u);
	ret->minor = unpack_u32(u);
	ret->mode = unpack_u32(u);
	ret->uid = unpack_u32(u);
	ret->gid = unpack_u32(u);
	u->bad = u->bad || !ret->target;
}

void pack_mount_id(struct buf *b, const struct mount_id *id)
{
	pack_u32(b, id->type);
	pack_u64(b, id->device);
	pack_u64(b, id->inode);
}

void unpack_mount_id(struct unpack *u, struct mount_id *ret)
{
	ret->type = unpack_u32(u);
	ret->device = unpack_u64(u);
	ret->inode = unpack_u64(u);
}

int start_order_pack(struct buf *b, const char *rundir, const struct wire_hierarchy *groups, size_t n_groups,
		     const struct container_spec *s, struct err *err)
{
	if (s->n_sysctls > MAX_ROWS)
		return err_set(err, E2BIG, "linux.sysctl.* are %zu keys: %d are the most", s->n_sysctls,
			       MAX_ROWS);
	pack_u32(b, WIRE_ORDER);
	pack_text(b, rundir);
	pack_text(b, s->uuid);
	pack_text(b, s->hostname);
	pack_extents(b, s->map.uid, s->map.n_uid);
	pack_extents(b, s->map.gid, s->map.n_gid);
	pack_u32(b, s->nesting);
	pack_u32(b, s->has_nodes);
	pack_u32(b, s->is_shifted);
	pack_texts(b, s->lower);
	pack_text(b, s->layer);
	pack_text(b, s->rootfs);
	pack_texts(b, s->argv);
	pack_texts(b, s->env);
	pack_u32(b, (uint32_t)s->halt_signal);
	pack_rlimits(b, s->rlimits, s->n_rlimits);
	pack_u32(b, (uint32_t)s->n_sysctls);
	for (size_t i = 0; i < s->n_sysctls; i++) {
		pack_text(b, s->sysctls[i].name);
		pack_text(b, s->sysctls[i].value);
	}
	pack_u32(b, (uint32_t)s->n_mounts);
	for (size_t i = 0; i < s->n_mounts; i++)
		pack_mount(b, &s->mounts[i]);
	pack_u32(b, s->seccomp_fd >= 0);
	pack_u32(b, s->notify_fd >= 0);
	pack_u64(b, s->caps_drop);
	pack_text(b, s->profile);
	pack_text(b, s->context);
	pack_text(b, s->files);
	pack_text(b, s->console_log);
	pack_u64(b, s->console_log_max);
	pack_groups(b, groups, n_groups);
	return size_ok(b, err);
}

static int take_fd(struct msg *m, unsigned *next, struct unpack *u)
{
	unsigned i = *next;

	if (i >= m->n_fds) {
		u->bad = true;
		return -EBADF;
	}
	*next = i + 1;
	return TAKE_FD(m->fds[i]);
}

static void unpack_rows(struct unpack *u, struct container_spec *s)
{
	struct container_sysctl *sysctls;
	struct container_mount *mounts;

	s->rlimits = unpack_rlimits(u, &s->n_rlimits);
	s->n_sysctls = unpack_count(u);
	s->sysctls = sysctls = xcalloc(s->n_sysctls + 1, sizeof(*sysctls));
	for (size_t i = 0; i < s->n_sysctls; i++) {
		sysctls[i].name = unpack_text(u);
		sysctls[i].value = unpack_text(u);
		u->bad = u->bad || !sysctls[i].name || !sysctls[i].value;
	}
	s->n_mounts = unpack_count(u);
	s->mounts = mounts = xcalloc(s->n_mounts + 1, sizeof(*mounts));
	for (size_t i = 0; i < s->n_mounts; i++)
		unpack_mount(u, &mounts[i]);
}

int start_order_unpack(struct str bytes, struct msg *m, struct start_order *ret, struct err *err)
{
	struct unpack u = {(const unsigned char *)bytes.ptr, bytes.len, false};
	struct start_order o = {.spec = CONTAINER_SPEC_NULL};
	struct container_spec *s = &o.spec;
	unsigned next = 1;
	bool has_filter, has_notify;
	int r = unpack_version(&u, err);

	if (r < 0)
		return r;
	o.rundir = unpack_text(&u);
	s->uuid = unpack_text(&u);
	s->hostname = unpack_text(&u);
	s->map.n_uid = unpack_extents(&u, s->map.uid);
	s->map.n_gid = unpack_extents(&u, s->map.gid);
	s->nesting = unpack_u32(&u);
	s->has_nodes = unpack_u32(&u);
	s->is_shifted = unpack_u32(&u);
	s->lower = (const char *const *)unpack_texts(&u, MAX_ROWS);
	s->layer = unpack_text(&u);
	s->rootfs = unpack_text(&u);
	s->argv = (const char *const *)unpack_texts(&u, MAX_TEXTS);
	s->env = (const char *const *)unpack_texts(&u, MAX_TEXTS);
	s->halt_signal = (int)unpack_u32(&u);
	unpack_rows(&u, s);
	has_filter = unpack_u32(&u);
	has_notify = unpack_u32(&u);
	s->caps_drop = unpack_u64(&u);
	s->profile = unpack_text(&u);
	s->context = unpack_text(&u);
	s->files = unpack_text(&u);
	s->console_log = unpack_text(&u);
	s->console_log_max = unpack_u64(&u);
	o.n_cgroups = unpack_count(&u);
	o.cgroups = xcalloc(o.n_cgroups + 1, sizeof(*o.cgroups));
	for (size_t i = 0; i < o.n_cgroups; i++) {
		o.cgroups[i].dir = unpack_text(&u);
		o.cgroups[i].opts = unpack_text(&u);
		u.bad = u.bad || !o.cgroups[i].dir;
	}
	if (has_filter)
		s->seccomp_fd = take_fd(m, &next, &u);
	if (has_notify)
		s->notify_fd = take_fd(m, &next, &u);
	for (size_t i = 0; i < s->n_mounts; i++)
		if (!s->mounts[i].source && !s->mounts[i].node)
			((struct container_mount *)s->mounts)[i].source_fd = take_fd(m, &next, &u);
	if (!unpack_ok(&u) || next != m->n_fds || !o.rundir || !s->uuid || !s->hostname) {
		start_order_done(&o);
		return err_set(err, EBADMSG, "the order to start a container is torn");
	}
	*ret = o;
	return 0;
}

void start_order_done(struct start_order *o)
{
	struct container_spec *s = &o->spec;

	for (size_t i = 0; i < s->n_sysctls; i++) {
		free((char *)s->sysctls[i].name);
		free((char *)s->sysctls[i].value);
	}
	for (size_t i = 0; i < s->n_mounts; i++) {
		free((char *)s->mounts[i].source);
		free((char *)s->mounts[i].target);
		if (s->mounts[i].source_fd >= 0)
			close(s->mounts[i].source_fd);
	}
	for (size_t i = 0; i < o->n_cgroups; i++) {
		free(o->cgroups[i].dir);
		free(o->cgroups[i].opts);
	}
	if (s->seccomp_fd >= 0)
		close(s->seccomp_fd);
	if (s->notify_fd >= 0)
		close(s->notify_fd);
	free(o->cgroups);
	free(o->rundir);
	free((char *)s->uuid);
	free((char *)s->hostname);
	texts_free((char **)s->lower);
	free((char *)s->layer);
	free((char *)s->rootfs);
	texts_free((char **)s->argv);
	texts_free((char **)s->env);
	free((void *)s->rlimits);
	free((void *)s->sysctls);
	free((void *)s->mounts);
	free((char *)s->profile);
	free((char *)s->context);
	free((char *)s->files);
	free((char *)s->console_log);
	*o = (struct start_order){.spec = CONTAINER_SPEC_NULL};
}

enum exec_filter { FILTER_NONE, FILTER_LAST, FILTER_EARLY };

int exec_order_pack(struct buf *b, const struct exec_spec *s, const char *const *groups, bool privileged,
		    struct err *err)
{
	pack_u32(b, WIRE_ORDER);
	pack_texts(b, s->argv);
	pack_text(b, s->command);
	pack_texts(b, s->env);
	pack_text(b, s->cwd);
	pack_u32(b, s->uid);
	pack_u32(b, s->gid);
	pack_text(b, s->dir);
	pack_u64(b, s->max_output);
	pack_u64(b, s->caps_drop);
	pack_text(b, s->profile);
	pack_text(b, s->context);
	pack_rlimits(b, s->rlimits, s->n_rlimits);
	pack_u32(b, s->has_terminal);
	pack_u32(b, (uint32_t)s->rows << 16 | s->columns);
	pack_u32(b, s->terminal_uid);
	pack_u32(b, s->terminal_gid);
	pack_u32(b, s->stdin_fd >= 0);
	pack_u32(b, s->seccomp_fd < 0 ? 0 : s->is_filter_early ? FILTER_EARLY : FILTER_LAST);
	pack_u32(b, s->notify_fd >= 0);
	pack_u32(b, privileged);
	pack_texts(b, groups);
	return size_ok(b, err);
}

int exec_order_unpack(struct str bytes, struct msg *m, struct exec_order *ret, struct err *err)
{
	struct unpack u = {(const unsigned char *)bytes.ptr, bytes.len, false};
	struct exec_order o = {.spec = EXEC_SPEC_NULL};
	struct exec_spec *s = &o.spec;
	bool has_stdin, has_notify;
	uint32_t size, filter;
	unsigned next = 2;
	int r = unpack_version(&u, err);

	if (r < 0)
		return r;
	s->argv = (const char *const *)unpack_texts(&u, MAX_TEXTS);
	s->command = unpack_text(&u);
	s->env = (const char *const *)unpack_texts(&u, MAX_TEXTS);
	s->cwd = unpack_text(&u);
	s->uid = unpack_u32(&u);
	s->gid = unpack_u32(&u);
	s->dir = unpack_text(&u);
	s->max_output = unpack_u64(&u);
	s->caps_drop = unpack_u64(&u);
	s->profile = unpack_text(&u);
	s->context = unpack_text(&u);
	s->rlimits = unpack_rlimits(&u, &s->n_rlimits);
	s->has_terminal = unpack_u32(&u);
	size = unpack_u32(&u);
	s->rows = (unsigned short)(size >> 16);
	s->columns = (unsigned short)size;
	s->terminal_uid = unpack_u32(&u);
	s->terminal_gid = unpack_u32(&u);
	has_stdin = unpack_u32(&u);
	filter = unpack_u32(&u);
	s->is_filter_early = filter == FILTER_EARLY;
	has_notify = unpack_u32(&u);
	o.privileged = unpack_u32(&u);
	o.groups = unpack_texts(&u, MAX_ROWS);
	if (has_stdin)
		s->stdin_fd = take_fd(m, &next, &u);
	if (filter)
		s->seccomp_fd = take_fd(m, &next, &u);
	if (has_notify) {
		s->notify_fd = take_fd(m, &next, &u);
		s->monitor_fd = take_fd(m, &next, &u);
	}
	if (!unpack_ok(&u) || next != m->n_fds || !s->dir || (!s->argv[0] && !s->command)) {
		exec_order_done(&o);
		return err_set(err, EBADMSG, "the order to run a command is torn");
	}
	*ret = o;
	return 0;
}

void exec_order_done(struct exec_order *o)
{
	struct exec_spec *s = &o->spec;

	texts_free((char **)s->argv);
	free((char *)s->command);
	texts_free((char **)s->env);
	free((char *)s->cwd);
	free((char *)s->dir);
	free((char *)s->profile);
	free((char *)s->context);
	free((void *)s->rlimits);
	if (s->stdin_fd >= 0)
		close(s->stdin_fd);
	if (s->seccomp_fd >= 0)
		close(s->seccomp_fd);
	if (s->notify_fd >= 0)
		close(s->notify_fd);
	if (s->monitor_fd >= 0)
		close(s->monitor_fd);
	texts_free(o->groups);
	*o = (struct exec_order){.spec = EXEC_SPEC_NULL};
}
