/* SPDX-License-Identifier: Apache-2.0 */
/* What the filesystem remembers besides the objects: small tables, each behind a leaf lock of its own. */
#pragma once

#include "engine/base/buf.h"
#include "fs/tree/node.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fs;

/* ---- texts that change by themselves, pinned for a second so that size and content agree */

struct pins;
struct pins *pins_new(void);
void pins_free(struct pins *p);
/**
 * pins_text() - the pinned text of a node, or @n's text now, pinned
 * @ret_changed: when it was first seen to be so, ns since 1970; may be NULL
 *
 * Return: 0 or what its read says
 */
int pins_text(struct pins *p, const struct node *n, struct buf *ret, uint64_t *ret_changed, struct err *err);
/** pins_drop() - @o changed: what was pinned of it, and of what may name it, is read anew */
void pins_drop(struct pins *p, const struct object *o);

/* ---- the last failure of each user and session */

struct failures;
struct failures *failures_new(void);
void failures_free(struct failures *f);
void failures_note(struct failures *f, uid_t uid, pid_t pid, const char *text);
/** failures_read() - of the reader's own session, else of the reader's uid; nothing where there was none.
 * Return: when it was, ns since 1970; 0 for none */
uint64_t failures_read(struct failures *f, uid_t uid, pid_t pid, struct buf *b);

/* ---- files that tools make beside the one they replace */

/* Its ids lie above all others: bit 63. */
#define SCRATCH_BIT (1ULL << 63)
#define SCRATCH_MAX_BYTES (1024 * 1024)
#define SCRATCHES_MAX_BYTES (128 * 1024 * 1024) /* of all: it is the daemon's memory */

struct scratch; /* counted */
struct scratches;
struct scratches *scratches_new(void);
void scratches_free(struct scratches *s);
/** scratch_name_ok() - what sed, vim, rsync, busybox and others call such files, and no misspelt key.
 * @is_key: whether a name is a key of the directory */
bool scratch_name_ok(struct str name, bool (*is_key)(void *arg, struct str name), void *arg);
/** scratch_make() - @dir: id of its directory. Return: 0; -EEXIST; -ENOSPC too many */
int scratch_make(struct scratches *s, uint64_t dir, struct str name, uid_t uid, gid_t gid, mode_t mode,
		 struct scratch **ret);
/** scratch_make_link() - a symbolic link that leads to nothing of ours: what cp -r copies */
int scratch_make_link(struct scratches *s, uint64_t dir, struct str name, uid_t uid, gid_t gid,
		      struct str target, struct scratch **ret);
/** scratch_find() - by name, for its creator and root. NULL for none */
struct scratch *scratch_find(struct scratches *s, uint64_t dir, struct str name, uid_t uid);
struct scratch *scratch_get(struct scratches *s, uint64_t id);
void scratch_unref(struct scratch *x);
static inline void scratch_unref_auto(struct scratch **x)
{
	scratch_unref(*x);
}
uint64_t scratch_id(const struct scratch *x);
/** scratch_remove() - its name is gone */
void scratch_remove(struct scratches *s, struct scratch *x);
/** scratch_move() - another name or directory, replacing a scratch file there */
void scratch_move(struct scratches *s, struct scratch *x, uint64_t dir, struct str name);
/** scratch_write(), scratch_truncate() - Return: 0; -EFBIG; -ENOSPC all have too much together */
int scratch_write(struct scratch *x, struct str bytes, uint64_t offset);
int scratch_truncate(struct scratch *x, uint64_t size);
/** scratch_text() - append its content */
void scratch_text(struct scratch *x, struct buf *b);
/** scratch_set_size() - of one whose bytes go elsewhere: an image that is being copied in */
void scratch_set_size(struct scratch *x, uint64_t size);
/** scratch_image() - the name of such a one, freed by the caller; NULL: it holds its bytes itself, or is gone
 */
char *scratch_image(struct scratch *x);
/** scratch_dir() - the id of its directory */
uint64_t scratch_dir(struct scratch *x);
void scratch_stat(struct scratch *x, struct stat *ret);
void scratch_chmod(struct scratch *x, uid_t uid, gid_t gid, mode_t mode);
/** scratch_open(), scratch_close() - how many handles; a minute after the last it is gone */
void scratch_open(struct scratch *x);
void scratch_close(struct scratches *s, struct scratch *x);

/* ---- nodes that somebody is at: being made, and known by id before there is anything, or in a write that
 * waits */

struct pendings;
struct pendings *pendings_new(void);
void pendings_free(struct pendings *p);
void pending_add(struct pendings *p, const struct node *n);
void pending_del(struct pendings *p, uint64_t id);
bool pending_has(struct pendings *p, uint64_t id);
/** pending_find() - false: not pending */
bool pending_find(struct pendings *p, uint64_t id, struct node *ret);

/* ---- who is removing an object file by file, and who has just made one */

struct intents;
struct intents *intents_new(void);
void intents_free(struct intents *t);
/**
 * intent_remove() - @pid unlinks a file that only goes with its object: it does rm -r
 *
 * kind.may_remove is asked once for each intent; its failure is the answer to all that follows.
 * Return: 0: take it as gone; else the refusal
 */
int intent_remove(struct intents *t, struct object *o, pid_t pid, uid_t uid, struct err *err);
/** intent_goes_on() - @pid is removing @o: unlinks are only noted, or refused as the first was. Return: 1, 0
 * no such intent, or the refusal */
int intent_goes_on(struct intents *t, struct object *o, pid_t pid, uid_t uid, struct err *err);
/** intent_gone() - note that a node was unlinked in the course of an intent */
void intent_gone(struct intents *t, struct object *o, pid_t pid, uid_t uid, uint64_t id);
/** intent_is_gone() - as @pid sees it */
bool intent_is_gone(struct intents *t, struct object *o, pid_t pid, uid_t uid, uint64_t id);
/** intent_back() - it was made again. Return: whether it was gone */
bool intent_back(struct intents *t, struct object *o, pid_t pid, uid_t uid, uint64_t id);
/** intent_fresh() - @pid made @o a moment ago: cp -r and tar then make everything in it anew, once */
void intent_fresh(struct intents *t, struct object *o, pid_t pid, uid_t uid);
/** intent_is_fresh() - whether a node may be made by @pid though it is there. @id 0: any */
bool intent_is_fresh(struct intents *t, struct object *o, pid_t pid, uid_t uid, uint64_t id);

/* ---- what is open, by numbers: those that the core before gave out aren't taken for pointers of this one */

struct opened;
struct opened *opened_new(void);
/** opened_free() - the table; what it leads to is its owner's */
void opened_free(struct opened *t);
/* A bit of the number: it tells the next core, too, whether root opened it. */
#define OPENED_BY_ROOT 1
/** opened_add() - Return: its number, never 0 */
uint64_t opened_add(struct opened *t, void *what, bool by_root);
/** opened_find() - NULL: the core before gave the number out */
void *opened_find(struct opened *t, uint64_t number);
/** opened_again() - give such a number a meaning. Return: @what, or what another thread gave it meanwhile */
void *opened_again(struct opened *t, uint64_t number, void *what);
/** opened_take() - it is closed. NULL for none */
void *opened_take(struct opened *t, uint64_t number);

/* ---- telling the kernel what it must not keep */

struct notifier;
struct fuse_session;
/** notifier_new() - both texts stay the caller's, and have to stay */
struct notifier *notifier_new(const char *mount, const char *libexec);
/** notifier_start() - from now on; before that, and with @se NULL, everything is dropped */
int notifier_start(struct notifier *n, struct fuse_session *se, struct err *err);
void notifier_stop(struct notifier *n);
void notifier_free(struct notifier *n);
void notify_inode(struct notifier *n, uint64_t id);
void notify_entry(struct notifier *n, uint64_t dir, const char *name);
/** notify_echo() - repeat a change as a real call on the mount, for inotify; @path from the tree's root */
void notify_echo(struct notifier *n, const char *path);

/* All of it, and the host. */
struct fs {
	struct host *host;
	struct session *session;
	struct pins *pins;
	struct failures *failures;
	struct scratches *scratches;
	struct pendings *pendings;
	struct intents *intents;
	struct opened *opened;
	struct notifier *notifier;
	struct remote *remote;
};
