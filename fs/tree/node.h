/* SPDX-License-Identifier: Apache-2.0 */
/* A node of the tree is a row in a table: name, mode, class. Rows belong to a kind of object; what is in a
 * directory are the rows that name it as their parent, and what its class lists (keys, devices, objects).
 *
 * Node ids need no memory and are the same in every core: the object's id, the row's number, and for names
 * that no row has a hash of them. A name whose hash another one of its directory has already can't be made.
 */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/model/host.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct node_row;

struct node {
	struct object *o; /* referenced */
	const struct node_row *row;
	/* Names that the row doesn't have: of a key, an interface; of the device above it. Owned, or NULL. */
	char *name, *above;
	/* The project through which an object of project default is seen, which has none of its own;
	 * referenced. NULL: it is seen where it is. Such a view can only be read, and has ids of its own: the
	 * kernel takes a directory to be in one place. */
	struct object *via;
};

static inline void node_done(struct node *n)
{
	object_unref(n->o);
	object_unref(n->via);
	free(n->name);
	free(n->above);
	*n = (struct node){0};
}
static inline void node_done_auto(struct node *n)
{
	node_done(n);
}

/** node_copy() - with references of its own */
struct node node_copy(const struct node *n);

/* What is found in a directory. Return: non-zero ends the list */
typedef int node_visit_fn(void *arg, const char *name, const struct node *child);

/* What rows have in common. A function that is NULL isn't supported: EPERM with a sentence. Names come from
 * the kernel: 1 to 255 bytes, no slash. */
struct node_class {
	/** read() - the text of a file now */
	int (*read)(const struct node *n, struct buf *b, struct err *err);
	/** open() - of a file whose bytes are served from a descriptor, of any size, and don't change: it,
	 * or negative. In place of read() */
	int (*open)(const struct node *n);
	/** settle() - before it is opened to be read: a job that may wait a moment. NULL: nothing */
	void (*settle)(const struct node *n, const struct caller *who);
	/** write() - text as it was written. Runs in a job, and may wait */
	int (*write)(const struct node *n, struct str text, const struct caller *who, struct err *err);
	/** check() - of what is staged so far: refuse at the write what can't become right. NULL: nothing */
	int (*check)(const struct node *n, struct str text, const struct caller *who, struct err *err);
	/** link() - a symlink's target, freed by the caller; NULL: there is none now */
	char *(*link)(const struct node *n);
	/** list() - children that aren't rows */
	int (*list)(const struct node *dir, node_visit_fn *visit, void *arg);
	/** child() - one of them by name. Return: 0; -ENOENT, a sentence is optional */
	int (*child)(const struct node *dir, struct str name, struct node *ret, struct err *err);
	/** may_create() - of an open with O_CREAT of a name that isn't there: a node that write() can be
	 * called for, though nothing is there yet. Return: 0; -ENOENT: perhaps a scratch file, @err is the
	 * sentence if not */
	int (*may_create)(const struct node *dir, struct str name, const struct caller *who, struct node *ret,
			  struct err *err);
	/** make() - of what may_create() gave: it is there from now on, before anything is written to it.
	 * Runs in a job. NULL: the first write makes it */
	int (*make)(const struct node *n, const struct caller *who, struct err *err);
	int (*unlink)(const struct node *n, const struct caller *who, struct err *err);
	int (*mkdir)(const struct node *dir, struct str name, const struct caller *who, struct node *ret,
		     struct err *err);
	int (*rmdir)(const struct node *n, const struct caller *who, struct err *err);
	int (*rename)(const struct node *n, const struct node *to_dir, struct str name,
		      const struct caller *who, struct err *err);
	int (*symlink)(const struct node *dir, struct str name, struct str target, const struct caller *who,
		       struct node *ret, struct err *err);
	/** key() - the row of the key that a file is, for its mode, class and type; NULL: none */
	const struct key *(*key)(const struct node *n);
	/** mtime() - ns since 1970; NULL: when the object was made */
	uint64_t (*mtime)(const struct node *n);
	bool is_list;	/* `>>` adds to what is there */
	bool is_staged; /* writes are collected, taken when the file is flushed */
};

enum node_type { NODE_FILE, NODE_DIR, NODE_LINK, NODE_STREAM };

struct node_row {
	uint8_t number, parent; /* 1..255, for ever; parent 0: the object's own directory, number 0 */
	enum node_type type;
	const char *name; /* NULL: what the parent's class lists */
	mode_t mode;	  /* 0: 0770, 0660, or 0440 for a file that can't be written */
	enum key_class class;
	const struct node_class *ops;
	const void *arg; /* for the class: a key's name, a view, ... */
	/* Of a directory of keys and of its files, where it is a section of its own: struct key_section. */
	const char *section;
	/* Every look-up gives it another id: the kernel lets one writer of a file in at a time, and here one
	 * may wait for hours. */
	bool is_each_own;
	/* The same, but only while a write to it waits: what is looked up then isn't held up by it. So
	 * `stopped force` gets past a `stopped` that waits for init, and `kill` past the command that it is
	 * to end. */
	bool is_own_when_busy;
	/* What strangers are shown of a public object: another row's directory of the object that is seen
	 * elsewhere than in it. It isn't there while the object isn't public, and the kernel keeps nothing of
	 * it. */
	bool is_public;
	bool is_own_only;  /* not in the view that another project has of the object */
	bool is_live;	   /* changes by itself: the kernel keeps nothing of it */
	bool is_hidden;	   /* not listed */
	bool is_fixed;	   /* owner root, whatever the object's: README, schema/, ... */
	bool takes_images; /* files that are copied in are images */
	/* Objects in this directory; arg: the sentence that refuses mkdir, or NULL. */
	bool has_objects;
	enum kind_number kind;
	/* Whether an object has it; NULL: all of the kind do. Of several rows with one name one is there. */
	bool (*when)(const struct object *o);
};

/* All rows of a kind of object, the first is its directory's. */
struct node_table {
	enum kind_number kind;
	const struct node_row *rows;
	size_t n;
};
extern const struct node_table *const node_tables[]; /* NULL-terminated */

/** node_init() - at start: index the tables */
void node_init(void);

/** node_of() - the directory of an object */
struct node node_of(struct object *o);
/** node_public() - what is shown of a public image in public/; its row has no other directory above it */
struct node node_public(struct object *image);
/** node_row_named() - an object's node by the path of its rows, "config" or "local/config". false: none */
bool node_row_named(struct object *o, const char *path, struct node *ret);

/** node_row_number() - NULL for none */
const struct node_row *node_row_number(const struct object *o, uint32_t number);

uint64_t node_id(const struct node *n);
/** node_own_id() - of one that is_each_own: an id that no other look-up has had for long */
uint64_t node_own_id(const struct node *n);
/** node_view_id() - of the same place as @project sees it; the node itself is seen where it is */
uint64_t node_view_id(const struct node *n, const struct object *project);
/** node_views() - the projects that see an object of project default; objects_free(). NULL: nobody else does
 */
struct object **node_views(const struct object *o);
/** node_home() - whose objects a directory of objects lists: not referenced */
struct object *node_home(const struct node *dir);
/** node_refuse_view() - of what is only seen here. Return: 0; -EPERM with where it can be changed */
int node_refuse_view(const struct node *n, struct err *err);
/** node_id_object() - the id of the object that a node's id is of */
uint32_t node_id_object(uint64_t id);
/** node_find() - what an id stands for. Return: 0; -ESTALE it isn't there any more */
int node_find(struct host *h, uint64_t id, struct node *ret);
/** node_unnamed_row() - the row of what a directory's class lists */
const struct node_row *node_unnamed_row(const struct node *dir);
/** node_parent() - the directory a node is in. Return: 0; -ENOENT for the root */
int node_parent(const struct node *n, struct node *ret);
/** node_child() - by name. Return: 0; -ENOENT (perhaps with a sentence) */
int node_child(const struct node *dir, struct str name, struct node *ret, struct err *err);
/** node_list() - everything that is listed, files of rows first */
int node_list(const struct node *dir, node_visit_fn *visit, void *arg);
/** node_name() - of a node in its directory, freed by the caller */
char *node_name(const struct node *n);
/** node_path() - from the root of the tree, "/instances/foo/state", freed by the caller */
char *node_path(const struct node *n);

/** node_place() - its name in the object's access list: "config/limits.memory"; freed by the caller */
char *node_place(const struct node *n);
/** node_access() - owner, group, mode */
struct access node_access(const struct node *n);
enum key_class node_class_of(const struct node *n);
mode_t node_mode(const struct node *n);
/** node_can_write() - it has what takes a write, and the mode to */
bool node_can_write(const struct node *n);
/** node_stat() - @size: of a file's text. @changed: of one that is live, when it became so, ns since 1970; 0:
 * not known */
int node_stat(const struct node *n, size_t size, uint64_t changed, struct stat *ret);
