/* SPDX-License-Identifier: Apache-2.0 */
/* What kinds of objects exist, as tables of functions: engine/kind/ has a file for each. */
#pragma once

#include "engine/model/object.h"

/* Numbers are part of node ids and state files: for ever. */
enum kind_number {
	KIND_SERVER = 0,
	KIND_PROJECT = 1,
	KIND_INSTANCE = 2,
	KIND_PROFILE = 3,
	KIND_IMAGE = 4,
	KIND_NETWORK = 5,
	KIND_POOL = 6,
	KIND_EXEC = 7,
	KIND_WARNING = 8,
	KIND_ACL = 9,
	KIND_FORWARD = 10,
	KIND_CERTIFICATE = 11,
	KIND_TOKEN = 12,
	KINDS = 13,
};

/* A type of device, one row for each set of keys: nic-bridged, nic-p2p, disk, ... */
struct device_type {
	const char *name; /* "nic-bridged": as in schema/ */
	const char *type; /* the device's `type`: "nic" */
	/* Which of several rows with one type it is, by the device's other keys; NULL: the only one. */
	bool (*matches)(struct object *o, const struct section *device);
	struct key_table keys; /* with `type` itself */
	/* Beyond each key: what must go together, and with the rest of the object. Pure. */
	int (*check)(struct object *o, const struct config *effective, const char *device, struct err *err);
	/* Live: what comes and goes while the object is. */
	int (*attach)(struct object *o, const struct config *effective, const char *device, struct err *err);
	int (*detach)(struct object *o, const struct config *effective, const char *device, struct err *err);
	/* At the daemon's start, of an object that an earlier core had live: found again and brought to what
	 * the config says; or what is left of it, where the object ended while nobody looked. NULL: nothing
	 * to do */
	int (*adopt)(struct object *o, const struct config *effective, const char *device, struct err *err);
	void (*clear)(struct object *o, const struct config *effective, const char *device);
};

struct kind {
	enum kind_number number;
	const char *name;   /* "instance" */
	const char *plural; /* "instances": directory in the tree and below the state directory */
	bool is_volatile;   /* its state is of this boot only: kept below the run directory */
	bool has_profiles;
	bool leaves_files; /* remove() takes time and must come to its end, if need be at the next start */
	/* A project has objects of this kind where this key of its config is true, else it uses those of
	 * project default. NULL: every project has its own */
	const char *feature;
	bool is_global; /* project default alone has them, and all others use them */

	/** check_name() - Return: 0; -EINVAL, -ENAMETOOLONG */
	int (*check_name)(struct str name, struct err *err);
	/** init() - fill in object.data; @o is loaded or about to be created. NULL: nothing */
	int (*init)(struct object *o, struct err *err);
	/** done() - free object.data */
	void (*done)(struct object *o);
	/** create() - a new one: add to @own what it begins with (random addresses, defaults). NULL: nothing
	 */
	int (*create)(struct object *o, struct config *own, const struct caller *who, struct err *err);
	/** complete() - put into a config that is to be what its values leave open ("auto"); pure, before
	 * check(). @old is what create() gave for a new one. NULL: nothing */
	int (*complete)(struct object *o, const struct config *old, struct config *own, struct err *err);
	/** check() - the whole, before anything is touched: pure. @old is NULL for a new one */
	int (*check)(struct object *o, const struct config *old, const struct config *own,
		     const struct config *effective, struct err *err);
	/** activate() - after it was stored, before it is published: the kernel's part (a bridge). On failure
	 * all is undone, and the object never was */
	int (*activate)(struct object *o, struct err *err);
	/** made() - it can be seen: what belongs in it from its beginning. On failure it is removed again.
	 * NULL: nothing */
	int (*made)(struct object *o, struct err *err);
	/** load() - at the daemon's start, all objects are there: adopt what runs, bring the kernel to what
	 * is configured. A failure becomes a warning */
	int (*load)(struct object *o, struct err *err);
	/** vacate() - its token is held, no other lock: what made() made goes, or the removal is refused.
	 * @undo: the removal was refused after that. NULL: nothing */
	int (*vacate)(struct object *o, bool undo, struct err *err);
	/** may_remove() - refuse with the reason, -EBUSY */
	int (*may_remove)(struct object *o, struct err *err);
	/** remove() - its state file is gone: take down and delete what it had. What fails here is cleaned up
	 * at the next start */
	void (*remove)(struct object *o);
	/** rename() - @o still has its old name. NULL: renaming needs nothing */
	int (*rename)(struct object *o, const char *name, struct err *err);
	/** may_move() - to another project, before check(): @there is what it would be, @effective its
	 * config. NULL: objects of the kind stay where they are */
	int (*may_move)(struct object *o, struct object *there, const struct config *effective,
			struct err *err);
	/** dependents() - all objects whose effective config comes from @o, live or not, ascending by id, as
	 * host_all() gives them. NULL: there can't be any */
	struct object **(*dependents)(struct object *o);
	/** used_by() - everything that names @o: texts such as "instances/foo", texts_free(). NULL: nothing
	 */
	char **(*used_by)(struct object *o);
};

/* A directory of an object whose files are the keys of a table of their own: ingress/ of an access control
 * list. */
struct key_section {
	const char *name; /* of the directory and of the section in its config */
	const struct key_table *table;
};

/* The keys of a kind, which know its functions: engine/keys/ joins the two. */
struct kind_tables {
	const struct key_table *props;		  /* files of the object's own directory that can be set */
	const struct key_table *config;		  /* of config/; NULL: it has none */
	const struct device_type *const *devices; /* NULL-terminated; NULL: it has none */
	const struct key_section *sections;	  /* the last one has no name; NULL: it has none */
};

/** kind_register() - at start, before any object; both stay */
void kind_register(const struct kind *kind, const struct kind_tables *tables);
/** kind_tables() - never NULL for a kind that is registered */
const struct kind_tables *kind_tables(const struct kind *kind);
/** kind_section() - the table of one of its sections; @kind NULL: of any kind's. NULL: it has none of that
 * name */
const struct key_table *kind_section(const struct kind *kind, const char *section);
/** kind_get() - NULL where it isn't registered */
const struct kind *kind_get(enum kind_number number);

/**
 * device_type_of() - the row that a device has now
 * Return: NULL: it has no `type` yet, or (err set) one that doesn't exist
 */
const struct device_type *device_type_of(struct object *o, const struct section *device, struct err *err);
/** device_is_complete() - has its type and all required keys; else @err says what is missing */
bool device_is_complete(struct object *o, const struct config *effective, const char *device,
			struct err *err);
