/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the cgroup part share: hierarchies, and changes that can be taken back. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/str.h"
#include "engine/confine/cgroup.h"

#include <sched.h>
#include <stdbool.h>

enum cgroup_controller {
	CTL_MEMORY = 1 << 0,
	CTL_PIDS = 1 << 1,
	CTL_CPU = 1 << 2,
	CTL_CPUACCT = 1 << 3,
	CTL_CPUSET = 1 << 4,
	CTL_DEVICES = 1 << 5,
	CTL_FREEZER = 1 << 6,
	CTL_IO = 1 << 7,
};

struct hierarchy {
	char *mount; /* where the host has it */
	char *dir;   /* its name below /sys/fs/cgroup, "" where that itself is it */
	char *opts;  /* to mount it again; NULL: cgroup2 */
	unsigned controllers;
	bool is_v2;
};

#define MAX_HIERARCHIES 24

struct cgroup_layout {
	char *root;
	struct hierarchy h[MAX_HIERARCHIES];
	size_t n;
};

struct cgroup {
	struct cgroup_layout *layout;
	char *uuid;
	char *dirs[MAX_HIERARCHIES];  /* MOUNT/ROOT/UUID */
	char *procs[MAX_HIERARCHIES]; /* MOUNT/ROOT/UUID/ns/cgroup.procs */
};

/* Values that were written, newest last, with what was there before. */
struct change {
	char *path, *old;
};
struct changes {
	struct change *c;
	size_t n;
};

/** layout_find() - index of the hierarchy that has a controller, v2 counted when it is enabled there; -1 for
 * none */
int layout_find(const struct cgroup_layout *layout, enum cgroup_controller ctl);
/** layout_v2() - index of the v2 hierarchy, with controllers or without; -1 for none */
int layout_v2(const struct cgroup_layout *layout);

/** cgroup_make_ns() - make the level that holds the processes in hierarchy @i, if it isn't there */
int cgroup_make_ns(const struct cgroup *cg, size_t i, struct err *err);

/** value_write() - write a file of a group and remember the old value in @changes (NULL: don't) */
int value_write(struct changes *changes, const char *dir, const char *file, const char *value,
		struct err *err);
/** value_read() - trimmed content, to be freed. Return: 0 or -errno */
int value_read(const char *dir, const char *file, char **ret);
/** value_read_u64() - "max" and -1 are CGROUP_NONE */
int value_read_u64(const char *dir, const char *file, uint64_t *ret);
/** value_check() - read back: is it @want? "max" and v1's huge numbers are CGROUP_NONE */
int value_check(const char *dir, const char *file, uint64_t want, struct err *err);
/** value_exists() - has the group that file? */
bool value_exists(const char *dir, const char *file);

/** cpus_parse() - "0-1,3". Return: 0 or -EINVAL */
int cpus_parse(const char *text, cpu_set_t *ret);
/** cpus_text() - the kernel's form of a set, to be freed */
char *cpus_text(const cpu_set_t *set);

/* One function a field and version; each writes and reads back. */
int cgroup1_set_memory(const char *dir, const struct cgroup_limits *l, struct changes *ch, struct err *err);
int cgroup2_set_memory(const char *dir, const struct cgroup_limits *l, struct changes *ch, struct err *err);
int cgroup1_set_cpu(const char *dir, const struct cgroup_limits *l, struct changes *ch, struct err *err);
int cgroup2_set_cpu(const char *dir, const struct cgroup_limits *l, struct changes *ch, struct err *err);
/** cgroup_set_cpuset() - of the hierarchy @i, which has cpusets: cpus, cpu_count, nodes */
int cgroup_set_cpuset(struct cgroup *cg, size_t i, const struct cgroup_limits *l, struct changes *ch,
		      struct err *err);
/* cpuset.cpus or cpuset.mems */
int cgroup1_set_cpus(const char *dir, const char *file, const cpu_set_t *set, struct changes *ch,
		     struct err *err);
int cgroup2_set_cpus(const char *dir, const char *file, const cpu_set_t *set, struct changes *ch,
		     struct err *err);

/** nodes_cpus() - CPUs of memory nodes. @sysfs: /sys/devices/system/node. Return: 0; -ENOENT there is no such
 * node */
int nodes_cpus(const char *sysfs, const cpu_set_t *nodes, cpu_set_t *ret);
/**
 * nodes_choose() - of a limit's nodes
 * @host:   those that there are
 * @others: values of cpuset.mems of other groups, a line each
 * @now:    its own, which "balanced" stays with
 *
 * Return: 0; -EINVAL
 */
int nodes_choose(const char *text, const cpu_set_t *host, const char *others, const char *now, cpu_set_t *ret,
		 struct err *err);
int cgroup1_set_devices(const char *dir, const struct cgroup_limits *l, struct changes *ch, struct err *err);
/** cgroup2_set_devices() - replaces the group's BPF program; it is the last change of a set, so it isn't
 * taken back */
int cgroup2_set_devices(const char *dir, const struct cgroup_limits *l, struct err *err);
/** cgroup2_can_devices() - has the kernel BPF programs for devices? */
bool cgroup2_can_devices(void);

/** cgroup1_prepare() - a new group of ours in a v1 hierarchy: give its cpuset something to run on */
int cgroup1_prepare(const struct hierarchy *h, const char *parent, const char *dir, struct err *err);
/** cgroup2_make_room() - in a container: its processes leave the top, where the kernel wants none beside
 * groups with controllers. Nothing on a host */
int cgroup2_make_room(const char *top, struct err *err);
/** cgroup2_enable() - switch the host's controllers on for the groups below @dir, as far as it has them */
int cgroup2_enable(const char *dir, struct err *err);

int cgroup1_freeze(const char *dir, bool frozen, uint64_t deadline, int cancel_fd, struct err *err);
int cgroup2_freeze(const char *dir, bool frozen, uint64_t deadline, int cancel_fd, struct err *err);
