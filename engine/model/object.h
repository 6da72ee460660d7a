/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that has a directory of its own in the tree is an object: counted, named in the registry, its
 * configuration an immutable snapshot, its state one file.
 *
 * Locks, in this order: an object's token (several: ascending by id, profiles before instances), host.shape,
 * the registry's, then leaves. The token is held over a whole change or job, system calls included; who
 * waits for it can be interrupted. Readers take none. */
#pragma once

#include "engine/base/auto.h"
#include "engine/base/err.h"
#include "engine/model/config.h"
#include "engine/model/key.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct host;
struct kind;
struct former;

/* Who asks. Filled in by fs/; caller_core for what the daemon does by itself. */
struct caller {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	/* Supplementary groups, fetched when first needed; may be NULL. Return: their number */
	int (*groups)(const struct caller *who, gid_t *ret, int max);
	void *ctx;     /* for groups() */
	int cancel_fd; /* readable: give up; -1 for none */
	bool is_core;  /* no permission is asked for, read-only keys may be set */
	bool may_wait; /* false: -EAGAIN instead of waiting for a token */
	/* What is so already is no failure: unsetting what isn't set, making what is there, running what ran.
	 * For lines of `set`, and for a request that the core before may have done without living to say so.
	 */
	bool is_lenient;
	uint64_t unique; /* of the FUSE request, 0 for none */
};
extern const struct caller caller_core;

/** caller_in_group() - effective or supplementary */
bool caller_in_group(const struct caller *who, gid_t gid);

/* Owner and mode of an object or of one place in it, where they differ from what the tree gives. */
struct access {
	char *place; /* "" the object itself; "config/limits.memory", "state", "devices/eth0" */
	uid_t uid;   /* in a list these three may be ACCESS_INHERITED */
	gid_t gid;
	mode_t mode; /* permission bits */
};
#define ACCESS_INHERITED UINT32_MAX
/* Immutable and counted, as struct config. */
struct access_list {
	atomic_uint refs;
	struct access *list; /* sorted by place */
	size_t n;
};

struct object {
	atomic_uint refs;
	struct host *host;
	const struct kind *kind;
	uint32_t id; /* for ever; part of its node ids */
	/* referenced; the project, or the instance of an exec; NULL: the server. Another one only by a move:
	 * those before stay referenced, for who looks without a lock */
	struct object *_Atomic parent;
	char uuid[37];
	uint64_t created_ns;
	uint64_t created_by; /* caller.unique of the mkdir, for one that is sent again */

	/* guarded by the registry: read with object_name(); is_gone may be looked at by anybody */
	char *name;
	atomic_bool is_hidden; /* its name is taken, but it isn't made yet */
	atomic_bool is_gone;
	struct object *next_id, *next_name; /* in the registry's tables */
	struct former *formers;		    /* parents before */

	/* guarded by lock; held for moments */
	pthread_mutex_t lock;
	struct config *own;	    /* object_own() */
	struct access_list *access; /* object_access_list() */
	uint64_t version;	    /* counts changes of own */
	const char *busy;	    /* what holds the token, a participle: "being started"; NULL: nobody */
	struct token_waiter *waiters;
	char *error;	     /* the last failure's sentence, with its time; NULL: none */
	atomic_bool is_live; /* keys are applied when they change; set by the kind */
	void *data;	     /* the kind's own, made by its init, freed by its done */
};

/* ---- life */
struct object *object_ref(struct object *o);
void object_unref(struct object *o);
DEFINE_AUTO(struct object *, object_unref);

/** object_name() - a copy, to be freed; names change by rename */
char *object_name(const struct object *o);
/** object_path() - below the root of the tree, "instances/foo" or "projects/web/instances/foo"; to be freed
 */
char *object_path(const struct object *o);
/** object_name_beside() - for sentences to who acts on @o: what isn't in its project isn't named; to be freed
 */
char *object_name_beside(const struct object *o, const struct object *other);
/** object_project() - the project that it is in, or itself; NULL for what is the server's. Not referenced */
struct object *object_project(const struct object *o);
/** object_own() - what is set on it; config_unref() it */
struct config *object_own(struct object *o);
/** object_effective() - with what its profiles give; config_unref() it. For kinds without profiles: own */
struct config *object_effective(struct object *o);
/** object_effective_of() - the same for an own config that isn't published yet */
struct config *object_effective_of(struct object *o, const struct config *own);

/**
 * object_create() - make, check, store and publish an object
 * @parent: project or instance
 * @set:    keys to begin with, as struct change; may be NULL
 *
 * Return: 0 and a reference; -EINVAL, -ENAMETOOLONG the name; -EEXIST; what kind.create says
 */
struct change;
int object_create(struct object *parent, const struct kind *kind, struct str name, const struct caller *who,
		  const struct change *set, size_t n, struct object **ret, struct err *err);
/** object_remove() - Return: 0; -EBUSY it runs or is used; what kind.may_remove says */
int object_remove(struct object *o, const struct caller *who, struct err *err);
/** object_rename() - Return: 0; -EEXIST; -EBUSY; -EINVAL the name */
int object_rename(struct object *o, struct str name, const struct caller *who, struct err *err);
/** object_move() - to another project, of the same name or another; as object_rename(), and -EPERM for kinds
 * that stay, what kind.may_move and kind.check say of it there */
int object_move(struct object *o, struct object *parent, struct str name, const struct caller *who,
		struct err *err);

/* ---- the token */
/**
 * object_take() - wait for the object's token
 * @what: a constant participle for other people's sentences: "being started"
 *
 * Return: 0; -EAGAIN it is taken and @who may not wait; -EINTR given up; -ENOENT the object is gone
 */
int object_take(struct object *o, const char *what, const struct caller *who, struct err *err);
void object_release(struct object *o);

/* ---- change */
struct change {
	const char *section; /* SECTION_* or a device's */
	const char *key;     /* NULL: the section itself: value NULL drops it, "" makes it */
	const char *value;   /* user's text; NULL: unset */
};

/**
 * object_change() - one transaction: parse, check, stage, apply, commit; all of it or nothing
 * @if_version: object.version that is expected, or UINT64_MAX
 *
 * Takes the token, and those of all that are affected (a profile's users). When it returns 0 the change is in
 * the kernel and on the disk.
 *
 * Return: 0; -EINVAL ... a value; -EACCES the caller may not write that key; -ENOENT no such key to unset;
 * -EPERM an inherited one can't be unset; -ESTALE another version; -EAGAIN, -EINTR as object_take(); what an
 * apply or the disk says
 */
int object_change(struct object *o, const struct caller *who, const struct change *changes, size_t n,
		  uint64_t if_version, struct err *err);
/** object_may_change() - whether @who has the right to a change as things are; what else is wrong with it is
 * for object_change(). Return: 0; -EACCES, -EPERM; what object_key() says */
int object_may_change(struct object *o, const struct caller *who, const struct change *change,
		      struct err *err);
/** object_may_read() - whether @who could read a key's file */
bool object_may_read(struct object *o, const struct caller *who, const struct config *effective,
		     const char *section, const char *key);
/** object_change_held() - the same for who holds the token already: jobs of the object's kind */
int object_change_held(struct object *o, const struct caller *who, const struct change *changes, size_t n,
		       struct err *err);

/**
 * object_key() - the row of a place
 * @section: SECTION_*
 * @config:  effective, for a device's type; may be NULL
 *
 * Return: NULL with a sentence where there is no such key
 */
const struct key *object_key(const struct object *o, const struct config *config, const char *section,
			     struct str key, struct err *err);

/* ---- owner, group and mode */
struct access_list *object_access_list(struct object *o);
void access_list_unref(struct access_list *l);
DEFINE_AUTO(struct access_list *, access_list_unref);
/**
 * object_access() - owner, group, mode of a place
 * @class: CLASS_HOST: the object's own group doesn't reach it
 * @mode:  what the tree gives it
 */
struct access object_access(struct object *o, const char *place, enum key_class class, mode_t mode);
/**
 * object_set_access() - chown, chgrp, chmod; kept over restarts
 * @uid, @gid: -1: as it is
 * @mode:      permission bits, or (mode_t)-1
 */
int object_set_access(struct object *o, const char *place, enum key_class class, mode_t def, uid_t uid,
		      gid_t gid, mode_t mode, const struct caller *who, struct err *err);
/** access_may() - POSIX: @want of 4 read, 2 write, 1 search; root may all */
bool access_may(const struct access *a, const struct caller *who, int want);

/* ---- what went wrong */
/** object_set_error() - keep a sentence for the object's error file */
void object_set_error(struct object *o, const struct err *err, uid_t uid);
