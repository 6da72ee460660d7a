/* SPDX-License-Identifier: Apache-2.0 */
/* One running container: start it from a plain description, find it again, stop it, hear of its end.
 *
 * Knows no config objects. A struct container isn't locked: its owner serialises the calls, but
 * container_fd() may be polled by another thread meanwhile. Nothing here forks: lxdfs-monitor does, one
 * process per container, which lives on when the core doesn't. Whoever comes later finds it at
 * RUNDIR/monitors/UUID.sock. */
#pragma once

#include "engine/base/err.h"
#include "engine/confine/cgroup.h"
#include "engine/instance/idmap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct intercept_spec;

/* Where this daemon keeps things; the same for all its containers, must outlive them. */
struct container_env {
	const char *libexec; /* directory of lxdfs-monitor and lxdfs-enter */
	const char *rundir;  /* 0711; monitors/ and exec/ below it are made */
	struct cgroup_layout *cgroups;
};

enum container_mount_flags {
	CONTAINER_MOUNT_READONLY = 1 << 0,
	CONTAINER_MOUNT_RECURSIVE = 1 << 1, /* with what is mounted below the source */
	CONTAINER_MOUNT_SHIFT = 1 << 2,	    /* idmapped: ids on disk are the container's own */
	CONTAINER_MOUNT_OPTIONAL = 1 << 3,  /* one whose source isn't there is left out */
	CONTAINER_MOUNT_PROC = 1 << 5,	    /* over a file of its /proc; only the daemon itself has such */
	CONTAINER_MOUNT_SLAVE = 1 << 4,	    /* what is mounted below the source later shows up in it */
};

/* A directory, file or device node of the host inside the container. Mounted before init runs or while it
 * does, beneath the root whatever symlinks are there; the mount point is made where it is missing. Its
 * attributes can't be taken off inside, unless the container is privileged. */
struct container_mount {
	const char *source; /* path on the host, or NULL with source_fd */
	int source_fd;	    /* O_PATH, borrowed; used where source is NULL */
	const char *target; /* path inside */
	unsigned flags;	    /* enum container_mount_flags */
	uint64_t attrs;	    /* MOUNT_ATTR_* that it has besides */
	/* In place of a source a node of its own. */
	char node; /* 'c', 'b'; 0: none */
	unsigned major, minor, mode;
	uint32_t uid, gid; /* of the host */
};

/* What a mount's root is known by. */
struct mount_id {
	uint32_t type;	 /* S_IFMT of it */
	uint64_t device; /* of a node the device itself, else the file system */
	uint64_t inode;	 /* of a node 0 */
};

/* NAME=VALUE below /proc/sys, dots or slashes; one that isn't the container's own fails the start. */
struct container_sysctl {
	const char *name, *value;
};

struct container_rlimit {
	int resource;	     /* RLIMIT_* */
	uint64_t soft, hard; /* RLIM_INFINITY: none */
};

struct container_spec {
	const char *uuid;     /* 36 characters, lower case: the only name that others can see */
	const char *hostname; /* 1..64 bytes */

	struct idmap map; /* empty: privileged */
	bool nesting;	  /* leaves /proc and /sys unmasked, as containers in containers need it */

	/* The root: layers, lowest last, under a writable one... */
	const char *const *lower; /* NULL-terminated directories, unshifted on disk */
	const char *layer;	  /* directory with upper/ and work/, see overlay_layer_make() */
	/* ... or one directory, where lower is NULL. */
	const char *rootfs;
	bool is_shifted; /* its files carry the ids of the host: see engine/storage/shift.h */

	const char *const *argv; /* NULL: /sbin/init */
	const char *const *env;	 /* NAME=VALUE, added to PATH, TERM, HOME, container=lxc */
	int halt_signal; /* 0: what init understands: SIGPWR, systemd's SIGRTMIN+3, busybox' SIGUSR2 */

	struct cgroup_limits limits;
	const struct container_rlimit *rlimits;
	size_t n_rlimits;
	const struct container_sysctl *sysctls;
	size_t n_sysctls;
	const struct container_mount *mounts;
	size_t n_mounts;

	int seccomp_fd; /* memfd from seccomp_export(); -1: no filter */
	int notify_fd;	/* memfd from seccomp_notify_export(); -1: no calls are done for it */
	const struct intercept_spec *intercept; /* how they are done; NULL with notify_fd -1 */
	bool has_nodes;	     /* device nodes of its own can be opened; its group holds those that may */
	uint64_t caps_drop;  /* bits (1 << CAP_X) gone from the bounding set, see caps_dropped() */
	const char *profile; /* AppArmor's label for init, loaded already; NULL: none */
	const char *context; /* SELinux', likewise */
	const char *files;   /* SELinux' context for its files; NULL: what they have */

	const char *console_log;  /* file that gets what the console prints; NULL: none */
	uint64_t console_log_max; /* bytes; beyond that the file starts anew and the old is console_log.1 */

	/* Called with the network namespace before anything of the container runs; creates its NICs there. On
	 * failure the start is undone; what attach made in the namespace dies with it. NULL: none. */
	int (*attach)(void *ctx, int netns_fd, struct err *err);
	void *attach_ctx;

	int cancel_fd;	/* readable: the start is undone, -ECANCELED. -1: none */
	int timeout_ms; /* for the whole start; 0: 30000 */
};

/* What spec_init sets: descriptors to -1, all else zero. */
#define CONTAINER_SPEC_NULL                                                                                  \
	((struct container_spec){                                                                            \
	    .seccomp_fd = -1, .notify_fd = -1, .cancel_fd = -1, .console_log_max = 1 << 20})

struct container;

/**
 * container_start() - start a container; returns when its init was executed
 *
 * Blocks (mounts, waits for processes): call it from a job, under no lock. All or nothing: after a failure
 * there is no process, mount, group or file of it left. Return: 0; -EBUSY one of that uuid runs; -ECANCELED;
 * -ETIMEDOUT; else what went wrong, as a sentence from where it did, also from inside the container (no
 * /sbin/init, a sysctl that isn't its own, ...)
 */
int container_start(const struct container_env *env, const struct container_spec *spec,
		    struct container **ret, struct err *err);

/**
 * container_adopt() - connect to the monitor of a container that runs
 *
 * Return: 0; -ENOENT no monitor lives (ask container_exit_read(), then container_clear()); -EBADMSG somebody
 * else answers, or the answer doesn't fit
 */
int container_adopt(const struct container_env *env, const char *uuid, struct container **ret,
		    struct err *err);

/** container_free() - forget it; the container runs on and can be adopted. NULL is accepted */
void container_free(struct container *c);

enum container_end {
	CONTAINER_RUNS = 0,
	CONTAINER_HALTED,  /* init ended by itself, was killed, or called reboot(2) to halt or power off */
	CONTAINER_REBOOTS, /* init called reboot(2) to restart */
	CONTAINER_LOST,	   /* the monitor died; the container is dead as well, nobody knows how it ended */
};

struct container_exit {
	enum container_end end;
	int code;   /* exit status, or -1 */
	int signal; /* that killed init, or 0 */
};

/** container_fd() - for poll: readable when container_dispatch() has something to do */
int container_fd(const struct container *c);

/**
 * container_dispatch() - take what the monitor said; never blocks
 * @ret: CONTAINER_RUNS, or how it ended; from then on only container_finish() is left to do
 */
int container_dispatch(struct container *c, struct container_exit *ret, struct err *err);

/** container_wait() - block until it ended. Return: 0; -ETIMEDOUT; -ECANCELED (@cancel_fd became readable) */
int container_wait(struct container *c, int timeout_ms, int cancel_fd, struct container_exit *ret,
		   struct err *err);

/**
 * container_finish() - after its end: release the monitor, kill what may be left, remove group and files;
 * frees @c
 *
 * Blocks for as long as the kernel needs to let processes go. Also for one that still runs: it is killed.
 */
int container_finish(struct container *c, struct err *err);

/** container_exit_read() - how a container ended while nobody looked. Return: 0; -ENOENT nothing is known */
int container_exit_read(const struct container_env *env, const char *uuid, struct container_exit *ret);

/** container_clear() - remove group, socket and exit file of one whose monitor is gone; kills what is left */
int container_clear(const struct container_env *env, const char *uuid, struct err *err);

pid_t container_pid(const struct container *c);	      /* for display: host pid of init */
int container_pidfd(const struct container *c);	      /* of init; owned by @c */
struct cgroup *container_cgroup(struct container *c); /* owned by @c */

/** container_connect() - another connection to its monitor. Return: a socket; -ENOENT nobody listens */
int container_connect(const struct container_env *env, const char *uuid, struct err *err);
/** container_is_unserved() - the monitor said that nobody does the calls that are to be done for it: see
 * intercept_start(). Says so once */
bool container_is_unserved(struct container *c);
const char *container_uuid(const struct container *c);

/** container_find_console() - where its monitor has its console, whatever the container made of its
 * /dev/console: what container_console_path() says. NULL: nowhere */
char *container_find_console(const struct container_env *env, const char *uuid);
/** container_console_path() - where root of the host opens its console, to be freed; NULL: nowhere */
char *container_console_path(const struct container *c);

/** container_netns() - its network namespace. Return: a new descriptor, or -ESRCH after its end */
int container_netns(const struct container *c);
/** container_ns() - the one of a name in /proc/PID/ns. Return: as above */
int container_ns(const struct container *c, const char *name);
/** container_is_privileged() - has it the host's user namespace? Return: 0 and @ret; -ESRCH after its end */
int container_is_privileged(const struct container *c, bool *ret);
/** container_idmap() - what the kernel maps for it. Return: 0 or a failure */
int container_idmap(const struct container *c, struct idmap *ret, struct err *err);

/**
 * container_mount() - mount something while it runs; what is mounted there already is covered
 * Return: 0; -ESRCH it ended; what went wrong, as a sentence
 */
int container_mount(const struct container_env *env, struct container *c, const struct container_mount *m,
		    struct err *err);
/**
 * container_unmount() - take it off again, with what was mounted over it inside; an empty file that a node
 * was mounted over is removed
 *
 * What the container itself copied or moved elsewhere stays. Return: 1; 0 it isn't there; -ESRCH; a failure
 */
int container_unmount(const struct container_env *env, struct container *c, const char *target,
		      const struct mount_id *id, struct err *err);

/** container_end() - kill it and wait for its end; what its processes wait for in spite of that is ended too.
 * Return: 0; -ETIMEDOUT */
int container_end(struct container *c, struct container_exit *ret);

/** container_signal() - to init */
int container_signal(struct container *c, int signal, struct err *err);
/** container_halt() - ask init to shut down, with the signal that it understands */
int container_halt(struct container *c, struct err *err);
/** container_kill() - SIGKILL to all; the end comes through container_fd() */
int container_kill(struct container *c, struct err *err);
