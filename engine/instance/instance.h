/* SPDX-License-Identifier: Apache-2.0 */
/* The running part of an instance, and what all instances of a host share. For the files of engine/instance/
 * and engine/kind/; others use lifecycle.h.
 *
 * Who changes an instance's state holds the object's token. The lock of struct instance is a leaf: it lets
 * those who don't hold the token look at the container, and is held for moments. */
#pragma once

#include "engine/confine/seccomp.h"
#include "engine/device/owner.h"
#include "engine/instance/container.h"
#include "engine/instance/idmap.h"
#include "engine/instance/lifecycle.h"
#include "engine/storage/driver.h"

/* What an instance's root is made of. */
struct instance_root {
	struct storage_root storage;
	char *base_image; /* fingerprint; NULL: none */
	bool is_first;	  /* there was none before this start */
	bool had_source;  /* its source was named before */
};
void instance_root_done(struct instance_root *r);
static inline void instance_root_done_auto(struct instance_root *r)
{
	instance_root_done(r);
}

/* Of a host: host.instances. */
struct instances {
	struct host *host;
	struct container_env env;
	struct idmap_range range;
	struct err range_why;	     /* set: why none of it can be had */
	const char *subuid, *subgid; /* where that was read */
	pthread_mutex_t ids_lock;    /* of every instance's ids; taken before the registry's */
	const char *kernel_files;    /* "", or what stands for / to names_hide() in tests */
	atomic_bool names_hidden;    /* see names_hide(): once is enough until the next boot */
	int stop_event;		     /* readable: the daemon ends */
	bool has_apparmor;	     /* profiles are loaded, see guard.h */
	bool apparmor_stacks;	     /* and containers may have their own below them */
	/* From engine/kind/, which knows images and pools. */
	int (*root)(struct object *o, const struct config *effective, const struct caller *who,
		    struct instance_root *ret, struct err *err);
	/** root_undo() - the first start failed: nothing of it is left */
	void (*root_undo)(struct object *o, const struct instance_root *root);
	/** stopped_path() - of the files of one that isn't running; NULL: there are none */
	char *(*stopped_path)(struct object *o);
};

static inline struct instances *instances_of(const struct object *o)
{
	return o->host->instances;
}

struct instance_waiter;

struct id_range {
	uint32_t base, count;
};

/* object.data of kind instance. */
struct instance {
	/* guarded by the token */
	struct nic_live *nics;
	int starting_netns;		  /* while it starts; -EBADF */
	int seccomp_fd;			  /* filter of the container that runs, for commands in it */
	bool is_filter_early;		  /* see exec_spec */
	int notify_fd;			  /* likewise: of calls that are done for it; -EBADF: none */
	uint64_t caps_drop;		  /* likewise */
	struct container_rlimit *rlimits; /* likewise */
	size_t n_rlimits;
	uint64_t served;     /* sys_deadline(0) when a helper was last started again */
	struct id_range ids; /* of its own while it runs; count 0: none. Guarded by ids_lock */
	bool reboots;	     /* while no core looked it was to start again; until that is tried */

	pthread_mutex_t lock;
	struct container *container; /* changed with the token as well; NULL: stopped */
	uint64_t since;		     /* sys_deadline(0) when the container was started or found */
	bool is_ending;		     /* the container ended, what it had is being removed */
	bool is_halting;	     /* it was asked to shut down, and somebody waits for that */
	int watched_fd;		     /* in the loop, which holds a reference then; -EBADF */
	struct instance_waiter *waiters;
};

static inline struct instance *instance_of(const struct object *o)
{
	return o->data;
}

struct instance *instance_new(void);
/** instance_free() - a container that runs runs on */
void instance_free(struct instance *in);
extern const struct device_owner instance_device_owner;

/* ---- under the token, from jobs */

/** instance_start_held() - all or nothing. Return: 0; -EPERM; -EINTR; a sentence from where it failed */
int instance_start_held(struct object *o, const struct caller *who, struct err *err);
/**
 * instance_stop_held() - Return: 0, also where it isn't running; -EINTR
 * @keep_power: what was noted as its power state stays: it is to come back
 */
int instance_stop_held(struct object *o, bool force, int timeout_ms, bool keep_power,
		       const struct caller *who, struct err *err);
/** instance_finish_held() - after its end, or to end it: take everything down */
int instance_finish_held(struct object *o, bool keep_power, struct err *err);
/** instance_settle_held() - one that ended a moment ago, so that nobody cleaned up yet, is cleaned up */
int instance_settle_held(struct object *o, struct err *err);
/** instance_freeze_held(), thawing where @frozen is false. Return: 0; -EBUSY it doesn't run; -EINTR */
int instance_freeze_held(struct object *o, bool frozen, const struct caller *who, struct err *err);
/** instance_running_held() - the container; NULL: it isn't running */
struct container *instance_running_held(struct object *o);

/** instance_watch() - its end is noticed from now on; instance_unwatch() */
int instance_watch(struct object *o, struct err *err);
void instance_unwatch(struct object *o);
/** instance_set_container() - what readers see from now on */
void instance_set_container(struct object *o, struct container *c, bool is_ending);
/** instance_told() - its state changed: who waits, reads or listens hears of it. @action: of host_event(), or
 * NULL */
void instance_told(struct object *o, const char *action);
/** instance_filter() - the texts borrow from the config */
struct seccomp_options instance_filter(const struct config *effective);
/** instance_confine() - filter and capabilities as the config says. Return: 0 or a failure */
int instance_confine(struct object *o, const struct config *effective, struct err *err);
/** instance_intercept() - what system calls are done for it; @ret: texts_free() of what it holds. Return:
 * enum intercept_what, or-ed */
struct intercepts {
	unsigned what;
	bool shift;
	int rtprio;
	char **allowed, **fuse;
};
unsigned instance_intercept(const struct config *effective, struct intercepts *ret);
void intercepts_done(struct intercepts *i);
static inline void intercepts_done_auto(struct intercepts *i)
{
	intercepts_done(i);
}
/** instance_serve_held() - have a new helper do the calls of one that runs, as the config says. Return: 0,
 * also where none are done */
int instance_serve_held(struct object *o, const struct config *effective, struct err *err);

/** instance_unconfine() - forget what instance_confine() made */
void instance_unconfine(struct object *o);
/** instance_hide_names() - close files of the kernel that tell users of the host what runs; a warning where
 * it can't be */
void instance_hide_names(struct host *h);
/** instance_after_stop() - without the token: one that is ephemeral is removed */
void instance_after_stop(struct object *o);

/** instance_adopt() - at the daemon's start, before anybody else can reach it */
int instance_adopt(struct object *o, struct err *err);
/* Between the two halves of a restart: a core that dies there leaves the second one to the next. */
#define POWER_RESTARTS "RESTARTING"
/** instance_note_power() - volatile.last_state.power: RUNNING, STOPPED, POWER_RESTARTS. Held */
int instance_note_power(struct object *o, const char *power, struct err *err);

/** instance_environment() - its environment.* keys as NAME=VALUE; texts_free() */
char **instance_environment(const struct config *effective);
