/* SPDX-License-Identifier: Apache-2.0 */
/* State files: one libconfig file an object, OBJECTS/KIND/ID.conf below the state directory (the run
 * directory for kinds of this boot only), replaced as a whole. The seam where another engine could be. */
#pragma once

#include "engine/model/host.h"

/**
 * store_stage() - write what is to be, beside what is, and fsync it: a full disk shows here
 *
 * Return: 0; -ENOSPC, -EIO, ...
 */
int store_stage(struct object *o, const char *name, const struct config *own,
		const struct access_list *access, struct err *err);
/** store_commit() - the staged file becomes the state, durably. On failure nothing is staged any more */
int store_commit(struct object *o, struct err *err);
/** store_put_back() - after a commit or removal that failed: what was is the state again, where the disk
 * still takes it */
void store_put_back(struct object *o, const char *name, const struct config *own,
		    const struct access_list *access);
/** store_abort() - forget what is staged */
void store_abort(struct object *o);
/** store_remove() - the object has no state from now on, durably. One of a kind that leaves files is
 * remembered until store_forget() */
int store_remove(struct object *o, struct err *err);
/** store_forget() - nothing of a removed object is left */
void store_forget(struct object *o);

/** store_open() - make the directories; what a crash left staged is removed. Return: 0 or a failure */
int store_open(struct host *h, struct err *err);
/**
 * store_load() - add every object of a kind to the registry
 *
 * What doesn't read is set aside as ID.conf.bad, with a warning. Return: 0 or a failure to read at all
 */
int store_load(struct host *h, const struct kind *kind, struct err *err);
/** store_bury() - what a core that died left of removed objects is taken down: their kind's remove() is
 * called again. Everything is loaded */
void store_bury(struct host *h, const struct kind *kind);
/** store_parse() - one file's text to a new object, not in the registry; parents are looked up by id. NULL
 * with a sentence. For store_load() and its fuzz target */
struct object *store_parse(struct host *h, const struct kind *kind, struct str text, struct err *err);
/** store_text() - what store_stage() writes */
int store_text(struct buf *b, struct object *o, const char *name, const struct config *own,
	       const struct access_list *access);
/** store_next_id() - an id that no object ever had. 0: the disk fails */
uint32_t store_next_id(struct host *h, struct err *err);
