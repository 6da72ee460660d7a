/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a group: moved in, counted, frozen, killed; and the group's end. */
#include "engine/confine/cgroup-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/base/sys.h"

#define MAX_DEPTH                                                                                            \
	64	  /* what a container can nest is bounded by path lengths; beyond it nothing of use is left */
#define LOOK_MS 2 /* v1 tells nobody when a group became empty */

struct pids {
	pid_t *p;
	int n;
};

static void pids_add(struct pids *pids, struct str text)
{
	struct str line;

	while (str_next(&text, '\n', &line)) {
		AUTO(free) char *number = str_dup(line);
		long pid = strtol(number, NULL, 10);

		if (pid <= 0)
			continue;
		pids->p = xrealloc(pids->p, (size_t)(pids->n + 1) * sizeof(pid_t));
		pids->p[pids->n++] = (pid_t)pid;
	}
}

/* Through descriptors, since the names below are the container's own choice. */
static void pids_below(int dirfd, int depth, struct pids *pids)
{
	AUTO(free) char *text = NULL;
	AUTO(closedir) DIR *d = NULL;
	AUTO(fd) int again = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;
	ssize_t n = path_read(dirfd, "cgroup.procs", 64 << 20, &text);

	if (n > 0)
		pids_add(pids, (struct str){text, (size_t)n});
	if (again < 0 || depth > MAX_DEPTH || !(d = fdopendir(again)))
		return;
	again = -EBADF;
	while ((e = readdir(d))) {
		AUTO(fd) int sub = -EBADF;

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		sub = openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			pids_below(sub, depth + 1, pids);
	}
}

int cgroup_pids(struct cgroup *cg, pid_t **ret)
{
	struct pids pids = {0};
	int v2 = layout_v2(cg->layout);

	for (size_t i = 0; i < cg->layout->n; i++) {
		AUTO(fd) int dir = -EBADF;

		/* all hierarchies hold the same processes; one that another manager emptied doesn't count */
		if (v2 >= 0 && (int)i != v2)
			continue;
		dir = open(cg->dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0)
			pids_below(dir, 0, &pids);
		if (pids.n)
			break;
	}
	if (ret)
		*ret = pids.p;
	else
		free(pids.p);
	return pids.n;
}

int cgroup_put(struct cgroup *cg, pid_t pid, struct err *err)
{
	AUTO(free) char *text = xasprintf("%d\n", pid);
	int r;

	for (size_t i = 0; i < cg->layout->n; i++) {
		r = cgroup_make_ns(cg, i, err);
		if (r < 0)
			return r;
		r = path_write(AT_FDCWD, cg->procs[i], str_from(text));
		if (r < 0)
			return err_set(err, -r, "process %d can't be moved into %s: %s", pid, cg->procs[i],
				       strerror(-r));
	}
	return 0;
}

int cgroup_delegate(struct cgroup *cg, uid_t uid, gid_t gid, struct err *err)
{
	static const char *const files[] = {"", "/cgroup.procs", "/cgroup.threads", "/cgroup.subtree_control",
					    "/tasks"};

	for (size_t i = 0; i < cg->layout->n; i++) {
		const struct hierarchy *h = &cg->layout->h[i];

		/* v1 controllers would let the container write its own level's values: only named ones are
		 * harmless */
		if (!h->is_v2 && h->controllers)
			continue;
		for (size_t f = 0; f < ARRAY_SIZE(files); f++) {
			AUTO(free) char *path = xasprintf("%s/ns%s", cg->dirs[i], files[f]);

			if (chown(path, uid, gid) < 0 && errno != ENOENT)
				return err_set(err, errno, "%s can't be given to the container: %s", path,
					       strerror(errno));
		}
	}
	return 0;
}

int cgroup_freeze(struct cgroup *cg, bool frozen, int timeout_ms, int cancel_fd, struct err *err)
{
	uint64_t deadline = sys_deadline(timeout_ms);
	int v2 = layout_v2(cg->layout), v1 = layout_find(cg->layout, CTL_FREEZER), r;

	if (v2 >= 0 && value_exists(cg->dirs[v2], "cgroup.freeze")) {
		r = cgroup2_freeze(cg->dirs[v2], frozen, deadline, cancel_fd, err);
		if (r < 0 && frozen)
			value_write(NULL, cg->dirs[v2], "cgroup.freeze", "0", NULL);
		return r;
	}
	if (v1 < 0)
		return err_set(err, EOPNOTSUPP, "this host can't freeze: the freezer controller is missing");
	r = cgroup1_freeze(cg->dirs[v1], frozen, deadline, cancel_fd, err);
	if (r < 0 && frozen)
		value_write(NULL, cg->dirs[v1], "freezer.state", "THAWED", NULL);
	return r;
}

int cgroup_is_frozen(struct cgroup *cg)
{
	int v2 = layout_v2(cg->layout), v1 = layout_find(cg->layout, CTL_FREEZER), r;
	AUTO(free) char *text = NULL;

	if (v2 >= 0 && value_exists(cg->dirs[v2], "cgroup.freeze")) {
		r = value_read(cg->dirs[v2], "cgroup.events", &text);
		return r < 0 ? r : strstr(text, "frozen 1") != NULL;
	}
	if (v1 < 0)
		return 0;
	r = value_read(cg->dirs[v1], "freezer.state", &text);
	return r < 0 ? r : !strcmp(text, "FROZEN");
}

static int kill_listed(struct cgroup *cg)
{
	AUTO(free) char *text = NULL;
	pid_t *pids = NULL;
	int n = cgroup_pids(cg, &pids);

	for (int i = 0; i < n; i++) {
		AUTO(fd) int pidfd = pidfd_open(pids[i], 0);
		AUTO(free) char *path = xasprintf("/proc/%d/cgroup", pids[i]), *groups = NULL;

		/* the number may be somebody else's by now: the descriptor holds one process, ask it */
		if (pidfd >= 0 && path_read(AT_FDCWD, path, 65536, &groups) > 0 && strstr(groups, cg->uuid))
			sys_pidfd_signal(pidfd, SIGKILL, NULL);
	}
	free(pids);
	return n;
}

int cgroup_kill(struct cgroup *cg, struct err *err)
{
	int v2 = layout_v2(cg->layout), v1 = layout_find(cg->layout, CTL_FREEZER);

	(void)err;
	/* a v1 group that is frozen doesn't even die */
	if (v1 >= 0 && value_exists(cg->dirs[v1], "freezer.state"))
		value_write(NULL, cg->dirs[v1], "freezer.state", "THAWED", NULL);
	if (v2 >= 0 && value_exists(cg->dirs[v2], "cgroup.kill") &&
	    !value_write(NULL, cg->dirs[v2], "cgroup.kill", "1", NULL))
		return 0;
	for (int round = 0; round < 100 && kill_listed(cg) > 0; round++)
		sys_poll_in(-1, -1, sys_deadline(LOOK_MS));
	return 0;
}

static int remove_below(int parent, const char *name, int depth)
{
	AUTO(closedir) DIR *d = NULL;
	AUTO(fd) int fd = -EBADF;
	struct dirent *e;

	if (!unlinkat(parent, name, AT_REMOVEDIR) || errno == ENOENT)
		return 0;
	if (errno != EBUSY && errno != ENOTEMPTY)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || depth > MAX_DEPTH)
		return -EBUSY;
	d = fdopendir(fd);
	if (!d)
		return -errno;
	while ((e = readdir(d)))
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			remove_below(dirfd(d), e->d_name, depth + 1);
	fd = -EBADF;
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int cgroup_remove(struct cgroup *cg, int timeout_ms, struct err *err)
{
	uint64_t deadline = sys_deadline(timeout_ms);

	for (size_t i = 0; i < cg->layout->n; i++) {
		int r;

		while ((r = remove_below(AT_FDCWD, cg->dirs[i], 0)) == -EBUSY && sys_deadline(0) < deadline)
			sys_poll_in(-1, -1, sys_deadline(LOOK_MS));
		if (r < 0)
			return err_set(err, -r, "the control group %s can't be removed: %s", cg->dirs[i],
				       strerror(-r));
	}
	return 0;
}

static uint64_t read_or_none(const char *dir, const char *file)
{
	uint64_t v;

	return value_read_u64(dir, file, &v) < 0 ? CGROUP_NONE : v;
}

static uint64_t cpu_stat_ns(const char *dir)
{
	AUTO(free) char *text = NULL;
	const char *p;

	if (value_read(dir, "cpu.stat", &text) < 0 || !(p = strstr(text, "usage_usec ")))
		return CGROUP_NONE;
	return strtoull(p + 11, NULL, 10) * 1000;
}

int cgroup_usage(struct cgroup *cg, struct cgroup_usage *ret)
{
	struct cgroup_layout *l = cg->layout;
	int m = layout_find(l, CTL_MEMORY), p = layout_find(l, CTL_PIDS), a = layout_find(l, CTL_CPUACCT),
	    v2 = layout_v2(l);

	*ret = (struct cgroup_usage){CGROUP_NONE, 0, CGROUP_NONE, CGROUP_NONE, CGROUP_NONE};
	if (m >= 0 && l->h[m].is_v2) {
		ret->memory = read_or_none(cg->dirs[m], "memory.current");
		ret->memory_peak = read_or_none(cg->dirs[m], "memory.peak");
		ret->swap = read_or_none(cg->dirs[m], "memory.swap.current");
	} else if (m >= 0) {
		uint64_t both = read_or_none(cg->dirs[m], "memory.memsw.usage_in_bytes");

		ret->memory = read_or_none(cg->dirs[m], "memory.usage_in_bytes");
		ret->memory_peak = read_or_none(cg->dirs[m], "memory.max_usage_in_bytes");
		if (both != CGROUP_NONE && ret->memory != CGROUP_NONE)
			ret->swap = both > ret->memory ? both - ret->memory : 0;
	}
	if (ret->memory_peak == CGROUP_NONE)
		ret->memory_peak = 0;
	if (p >= 0)
		ret->pids = read_or_none(cg->dirs[p], "pids.current");
	if (a >= 0)
		ret->cpu_ns = read_or_none(cg->dirs[a], "cpuacct.usage");
	else if (v2 >= 0)
		ret->cpu_ns = cpu_stat_ns(cg->dirs[v2]);
	return 0;
}
