/* SPDX-License-Identifier: Apache-2.0 */
/* Open files and directories. */
#include "fs/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <fuse3/fuse_lowlevel.h>

#include "engine/base/auto.h"
#include "engine/base/loop.h"
#include "engine/model/event.h"

#define STAGED_MAX (1024 * 1024)
#define GROUPS_MAX 256

struct handle *handle_new(const struct node *n, int flags)
{
	struct handle *h = xcalloc(1, sizeof(*h));

	if (n)
		h->node = node_copy(n);
	h->flags = flags;
	h->fd = -1;
	pthread_mutex_init(&h->lock, NULL);
	return h;
}

void handle_keep_caller(struct handle *h, const struct caller *who)
{
	gid_t groups[GROUPS_MAX];
	int n = who->uid && who->groups ? who->groups(who, groups, GROUPS_MAX) : 0;

	h->uid = who->uid;
	h->gid = who->gid;
	h->n_groups = MAX(0, MIN(n, GROUPS_MAX));
	h->groups = xcalloc((size_t)h->n_groups + 1, sizeof(gid_t));
	memcpy(h->groups, groups, (size_t)h->n_groups * sizeof(gid_t));
}

static int groups_kept(const struct caller *who, gid_t *ret, int max)
{
	const struct handle *h = who->ctx;

	memcpy(ret, h->groups, (size_t)MIN(max, h->n_groups) * sizeof(gid_t));
	return h->n_groups;
}

int handle_speak(struct handle *h, struct caller *who, struct err *err)
{
	if (h->is_not_roots && !who->uid)
		return err_set(
		    err, EACCES,
		    "another user opened this file, before the daemon's core was started anew: open it "
		    "again");
	if (!h->groups)
		return 0;
	who->uid = h->uid;
	who->gid = h->gid;
	who->groups = groups_kept;
	who->ctx = h;
	return 0;
}

void handle_free(struct fs *fs, struct handle *h)
{
	/* who replied with it locked, and so let it be closed, lets it go first */
	pthread_mutex_lock(&h->lock);
	pthread_mutex_unlock(&h->lock);
	if (h->is_pending)
		pending_del(fs->pendings, node_id(&h->node));
	/* an image that nobody wrote to its end is no file either */
	if (h->upload)
		scratch_remove(fs->scratches, h->scratch);
	if (h->scratch)
		scratch_close(fs->scratches, h->scratch);
	image_upload_free(h->upload);
	/* also where nothing is watched any more: waits for a wake() that is under way */
	if (h->reader)
		loop_del(event_reader_fd(h->reader));
	if (h->poll)
		fuse_pollhandle_destroy(h->poll);
	event_reader_free(h->reader);
	err_done(&h->refusal);
	if (h->node.o)
		node_done(&h->node);
	fd_auto(&h->fd);
	free(h->groups);
	buf_done(&h->text);
	buf_done(&h->staged);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

enum write_way handle_way(const struct handle *h)
{
	const struct node_class *c = h->node.row->ops;
	const struct key *k = c->key ? c->key(&h->node) : NULL;

	if (c->is_staged || (k && k->type->is_multiline && !k->type->is_list))
		return WRITE_STAGED;
	return c->is_list || (k && k->type->is_list) ? WRITE_LIST : WRITE_SCALAR;
}

/* One value a write; but a writer with a small buffer sends a long line in pieces. */
static bool goes_on(const struct handle *h, uint64_t offset)
{
	return h->has_base && offset == h->next &&
	       (handle_way(h) != WRITE_SCALAR || !h->staged.len || h->staged.ptr[h->staged.len - 1] != '\n');
}

static int begin(struct handle *h, uint64_t offset, uint64_t size, struct err *err)
{
	bool at_end = h->flags & O_APPEND || (offset && (offset == size || offset == h->next));

	if (offset && !at_end)
		return err_set(
		    err, EINVAL,
		    "the write begins at byte %llu of a value of %llu: a value is written from its "
		    "beginning",
		    (unsigned long long)offset, (unsigned long long)size);
	buf_clear(&h->staged);
	h->base = offset;
	h->adds = at_end;
	return 0;
}

int handle_stage(struct handle *h, struct str bytes, uint64_t offset, uint64_t size, struct err *err)
{
	bool whole = handle_way(h) == WRITE_SCALAR;
	uint64_t at;
	int r = 0;

	if (!h->has_base || (whole && !goes_on(h, offset)))
		r = begin(h, offset, size, err);
	if (r < 0)
		return r;
	/* where the kernel thinks that the end is doesn't matter to who appends */
	at = h->flags & O_APPEND ? h->staged.len : offset - h->base;
	if ((offset < h->base && !(h->flags & O_APPEND)) || at > h->staged.len)
		return err_set(err, EINVAL, "the write leaves a hole before byte %llu",
			       (unsigned long long)offset);
	if (bytes.len > STAGED_MAX - at)
		return err_set(err, EFBIG, "more than %d bytes are too much for a file here", STAGED_MAX);
	h->has_base = true;
	h->next = offset + bytes.len;
	/* what is written again replaces what was there */
	if (at < h->staged.len) {
		size_t over = MIN(bytes.len, h->staged.len - (size_t)at);

		memcpy(h->staged.ptr + at, bytes.ptr, over);
		bytes = (struct str){bytes.ptr + over, bytes.len - over};
	}
	buf_add(&h->staged, bytes.ptr, bytes.len);
	h->is_dirty = true;
	return 0;
}

int handle_staged(struct handle *h, struct buf *ret, struct err *err)
{
	const struct node_class *c = h->node.row->ops;
	int r = 0;

	if (h->adds && handle_way(h) != WRITE_SCALAR && !c->is_staged)
		r = c->read(&h->node, ret, err);
	buf_add(ret, buf_cstr(&h->staged), h->staged.len);
	return r;
}

bool handle_is_line(const struct handle *h)
{
	const char *newline;

	if (handle_way(h) != WRITE_STAGED || h->node.row->ops->is_staged || h->adds || !h->staged.len)
		return false;
	newline = memchr(h->staged.ptr, '\n', h->staged.len);
	/* an empty one reads as nothing, to which nothing can be added */
	return newline && newline > h->staged.ptr && newline == h->staged.ptr + h->staged.len - 1;
}

static void drop_staged(struct handle *h)
{
	buf_clear(&h->staged);
	h->has_base = h->is_dirty = false;
}

void handle_taken(struct handle *h)
{
	h->is_dirty = false;
	if (handle_way(h) == WRITE_STAGED || (handle_way(h) == WRITE_LIST && h->adds))
		drop_staged(h);
}

void handle_refused(struct handle *h, size_t size, const struct err *err)
{
	drop_staged(h);
	h->next -= MIN(h->next, size);
	if (handle_way(h) == WRITE_STAGED && !h->refusal.errnum)
		err_set(&h->refusal, err->errnum, "%s", err_text(err));
}

bool handle_is_refused(struct handle *h, struct err *err)
{
	bool is;

	pthread_mutex_lock(&h->lock);
	is = h->refusal.errnum;
	if (is)
		err_set(err, h->refusal.errnum, "%s", err_text(&h->refusal));
	pthread_mutex_unlock(&h->lock);
	return is;
}

static int take(void *arg, const char *name, const struct node *child)
{
	struct listing *l = arg;

	if (l->n == l->cap) {
		l->cap = MAX(64, l->cap * 2);
		l->list = xrealloc(l->list, l->cap * sizeof(*l->list));
	}
	l->list[l->n++] = (struct listed){xstrdup(name), node_copy(child)};
	return 0;
}

struct listing *listing_new(const struct node *dir)
{
	struct listing *l = xcalloc(1, sizeof(*l));

	node_list(dir, take, l);
	return l;
}

void listing_free(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->list[i].name);
		node_done(&l->list[i].node);
	}
	free(l->list);
	free(l);
}
