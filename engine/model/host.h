/* SPDX-License-Identifier: Apache-2.0 */
/* This daemon's world: its directories, its objects, and who wants to hear of changes. */
#pragma once

#include "engine/model/kind.h"

struct registry;
struct events;

struct host {
	const char *mount;	   /* /lxd */
	const char *state;	   /* /var/lib/lxdfs */
	const char *run;	   /* /run/lxdfs */
	const char *libexec;	   /* directory of the helper programs */
	const char *name;	   /* of the cgroup and the nftables tables */
	pthread_mutex_t id_lock;   /* of the next two */
	uint32_t next_id, last_id; /* ids that are reserved on the disk; next > last: none */
	int state_fd, run_fd;	   /* O_PATH */
	struct registry *registry;
	struct events *events;
	struct object *server, *project; /* the server, and project `default` */
	pthread_rwlock_t shape;		 /* written by what changes which profiles an instance has */
	gid_t gid;			 /* group lxd; 0 where there is none */
	atomic_bool is_stopping;
	/* How often an object came, went or moved, or a config was published; who remembers what all configs
	 * together say compares it. */
	atomic_ulong changes;

	/* Set by fs/, called without locks but a token: what the kernel's cache mustn't keep. */
	struct {
		/** a value changed: @section and @key as in struct change; both NULL: every file of @o */
		void (*changed)(struct host *h, struct object *o, const char *section, const char *key);
		/** a file that isn't a key: "state", "addresses", "pid"; @place below the object */
		void (*touched)(struct host *h, struct object *o, const char *place);
		/** an object came, went or has another name */
		void (*renamed)(struct host *h, struct object *o, const char *old, const char *new);
		/** who may connect is served at @address, as core.https_address has it, from now on; ""
		 * nowhere; NULL where it is, anew. NULL in a daemon that doesn't serve */
		/** a client that isn't trusted shows a token */
		int (*join)(struct host *h, const struct caller *who, struct str token, struct err *err);
		int (*listen)(struct host *h, const char *address, struct err *err);
		/** an object went to another parent: @from and @old are where and what it was */
		void (*left)(struct host *h, struct object *o, struct object *from, const char *old);
	} on;
	void *fs;	 /* for fs/ */
	void *remote;	 /* for fs/remote.c */
	void *instances; /* for engine/kind/instance.c: cgroup layout, id maps, ... */
};

/**
 * host_open() - open directories, read every object
 * @h: with mount, state, run, libexec, name filled in; kinds are registered
 *
 * Makes the server object and project `default` where they are missing. Files that don't read are set aside
 * as ID.conf.bad with a warning, never removed.
 */
int host_open(struct host *h, struct err *err);
/** host_load() - kind.load of all objects: pools, networks, profiles, images, then instances */
void host_load(struct host *h);
/** host_bury() - what an earlier core left of objects that were removed is taken down; takes its time */
void host_bury(struct host *h);
void host_close(struct host *h);

/* ---- the registry: all return references */
/** host_find() - by name. Return: NULL for none */
struct object *host_find(struct object *parent, enum kind_number kind, struct str name);
/** host_get() - by id. NULL for none, also one that is gone */
struct object *host_get(struct host *h, uint32_t id);
/**
 * host_list() - the objects of a kind in a parent, ascending by id
 * @after: ids up to this one are passed over
 *
 * Return: how many were stored, at most @max
 */
size_t host_list(struct object *parent, enum kind_number kind, uint32_t after, struct object **ret,
		 size_t max);
/** host_count() - how many there are */
size_t host_count(struct object *parent, enum kind_number kind);
/** host_all() - all of them, as a NULL-terminated array; objects_free() */
struct object **host_all(struct object *parent, enum kind_number kind);
/** host_all_new() - with those that are just being made and nobody sees yet; objects_free() */
struct object **host_all_new(struct object *parent, enum kind_number kind);
/** host_every() - those of all projects, ascending by id; objects_free() */
struct object **host_every(struct host *h, enum kind_number kind);
/**
 * host_scope() - where a project's objects of a kind are
 *
 * Return: the project itself, or project default whose objects it uses; not referenced
 */
struct object *host_scope(struct object *project, enum kind_number kind);
/** host_users() - objects of @kind in all projects whose objects of kind @used are those of @project,
 * ascending by id; objects_free() */
struct object **host_users(struct object *project, enum kind_number used, enum kind_number kind);
void objects_free(struct object **list);
static inline void objects_free_auto(struct object ***list)
{
	objects_free(*list);
}

/* ---- warnings and events */
/**
 * host_warn() - what an admin should know and no caller hears
 * @about: object, or NULL
 * @what:  a constant word that names the kind of warning: one of a kind for each object
 */
void host_warn(struct host *h, struct object *about, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/** host_warn_resolve() - it holds no longer */
void host_warn_resolve(struct host *h, struct object *about, const char *what);

/**
 * host_event() - tell who reads /lxd/events
 * @o:      object, or NULL
 * @action: "instance-started" and the like, LXD's lifecycle names
 */
void host_event(struct host *h, struct object *o, const char *action);
