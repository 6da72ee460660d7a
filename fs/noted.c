/* SPDX-License-Identifier: Apache-2.0 */
/* Notes of open files: one file each, replaced as a whole, read by the same version on the same host. */
#include "fs/noted.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"

#define DIRECTORY "open"
#define NUMBER_TEXT (sizeof(DIRECTORY "/") + 16)
#define NOTE_MAX (4 * 1024 * 1024)
#define MAGIC 0x6c786e31 /* changes with the struct */

/* The groups, the node's two names and the staged text follow. */
struct note {
	uint32_t magic, object, row, name_len, above_len; /* a length of 0: no such name */
	uint32_t text_len, n_groups;
	int32_t flags;
	uint64_t base, next;
	uint32_t uid, gid;
	uint8_t has_caller, is_not_roots, is_pending, is_dirty, has_base, adds, unused[2];
};

static void file_of(uint64_t number, char ret[static NUMBER_TEXT])
{
	snprintf(ret, NUMBER_TEXT, DIRECTORY "/%llx", (unsigned long long)number);
}

int noted_put(struct fs *fs, struct handle *h)
{
	const struct node *n = &h->node;
	AUTO(buf_done) struct buf b = BUF_NULL;
	char file[NUMBER_TEXT];
	struct note note = {.magic = MAGIC,
			    .object = n->o->id,
			    .row = n->row->number,
			    .name_len = n->name ? (uint32_t)strlen(n->name) : 0,
			    .above_len = n->above ? (uint32_t)strlen(n->above) : 0,
			    .text_len = (uint32_t)h->staged.len,
			    .n_groups = (uint32_t)h->n_groups,
			    .flags = h->flags,
			    .base = h->base,
			    .next = h->next,
			    .uid = h->uid,
			    .gid = h->gid,
			    .has_caller = h->groups != NULL,
			    .is_not_roots = h->is_not_roots,
			    .is_pending = h->is_pending,
			    .is_dirty = h->is_dirty,
			    .has_base = h->has_base,
			    .adds = h->adds};

	buf_add(&b, &note, sizeof(note));
	if (h->n_groups)
		buf_add(&b, h->groups, (size_t)h->n_groups * sizeof(gid_t));
	buf_add(&b, n->name ? n->name : "", note.name_len);
	buf_add(&b, n->above ? n->above : "", note.above_len);
	buf_add(&b, buf_cstr(&h->staged), h->staged.len);
	file_of(h->number, file);
	h->is_noted = true;
	return path_replace(fs->host->run_fd, file, buf_str(&b), 0600, false);
}

void noted_drop(struct fs *fs, const struct handle *h)
{
	char file[NUMBER_TEXT];

	if (!h->is_noted)
		return;
	file_of(h->number, file);
	unlinkat(fs->host->run_fd, file, 0);
}

static char *take_name(const char **at, uint32_t len)
{
	char *name = len ? str_dup((struct str){*at, len}) : NULL;

	*at += len;
	return name;
}

static struct handle *handle_from(const struct note *x, const struct node *n, const gid_t *groups)
{
	struct handle *h = handle_new(n, x->flags);

	h->uid = x->uid;
	h->gid = x->gid;
	h->n_groups = (int)x->n_groups;
	if (x->has_caller) {
		h->groups = xcalloc((size_t)x->n_groups + 1, sizeof(gid_t));
		memcpy(h->groups, groups, x->n_groups * sizeof(gid_t));
	}
	h->is_not_roots = x->is_not_roots;
	h->is_pending = x->is_pending;
	h->is_dirty = x->is_dirty;
	h->has_base = x->has_base;
	h->adds = x->adds;
	h->base = x->base;
	h->next = x->next;
	h->is_noted = true;
	return h;
}

/* One that doesn't read, or whose object is gone, is of no use to anybody. */
static bool load(struct fs *fs, int dir, const char *name)
{
	AUTO(free) char *text = NULL;
	AUTO(node_done) struct node n = {0};
	ssize_t len = path_read(dir, name, NOTE_MAX, &text);
	const char *at, *groups;
	struct handle *h;
	struct note x;

	if (len < (ssize_t)sizeof(x))
		return false;
	memcpy(&x, text, sizeof(x));
	groups = text + sizeof(x);
	if (x.magic != MAGIC || (uint64_t)len != sizeof(x) + x.n_groups * (uint64_t)sizeof(gid_t) +
						     x.name_len + (uint64_t)x.above_len + x.text_len)
		return false;
	at = groups + x.n_groups * sizeof(gid_t);
	n.o = host_get(fs->host, x.object);
	n.row = n.o ? node_row_number(n.o, x.row) : NULL;
	if (!n.row || !n.row->ops)
		return false;
	n.name = take_name(&at, x.name_len);
	n.above = take_name(&at, x.above_len);
	h = handle_from(&x, &n, (const gid_t *)(const void *)groups);
	buf_add(&h->staged, at, x.text_len);
	if (h->is_pending)
		pending_add(fs->pendings, &n);
	h->number = strtoull(name, NULL, 16);
	opened_again(fs->opened, h->number, h);
	return true;
}

int noted_load(struct fs *fs, struct err *err)
{
	AUTO(closedir) DIR *d = NULL;
	struct dirent *e;
	int fd, dir;

	if (mkdirat(fs->host->run_fd, DIRECTORY, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "%s/" DIRECTORY " can't be made: %s", fs->host->run,
			       strerror(errno));
	fd = openat(fs->host->run_fd, DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_set(err, errno, "%s/" DIRECTORY " can't be read: %s", fs->host->run,
			       strerror(errno));
	dir = dirfd(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && (strchr(e->d_name, '.') || !load(fs, dir, e->d_name)))
			unlinkat(dir, e->d_name, 0);
	return 0;
}

void noted_sweep(const char *run)
{
	AUTO(free) char *path = xasprintf("%s/" DIRECTORY, run);

	path_remove_tree(path);
}
