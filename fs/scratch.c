/* SPDX-License-Identifier: Apache-2.0 */
/* Scratch files: what sed -i, editors and rsync write before they rename it over a key. In memory, seen by
 * their creator alone, gone a minute after they were closed. The table's lock protects all of it. */
#include <ctype.h>
#include <errno.h>
#include <time.h>

#include "engine/base/auto.h"
#include "engine/base/sys.h"
#include "fs/state.h"

#define SCRATCH_MS 60000
#define SCRATCHES_MAX 1024
#define SCRATCHES_OF_ONE 512 /* of one user: others, root among them, can still edit */

struct scratch {
	struct scratch *next;
	unsigned refs, handles;
	struct scratches *table;
	uint64_t id, dir;
	char *name; /* NULL: it has none any more */
	uid_t uid, owner;
	gid_t gid;
	mode_t mode, type;
	struct buf text;
	uint64_t size; /* of one whose bytes are elsewhere */
	bool is_image;
	uint64_t until; /* when no handle is open */
	struct timespec mtime;
};

struct scratches {
	pthread_mutex_t lock;
	struct scratch *list;
	size_t n, bytes;
	uint64_t last;
};

struct scratches *scratches_new(void)
{
	struct scratches *s = xcalloc(1, sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	/* not those of the core before, which the kernel may still know */
	s->last = now_ns() & (SCRATCH_BIT - 1);
	return s;
}

/* The lock is held. */
static void unref(struct scratch *x)
{
	if (--x->refs)
		return;
	x->table->bytes -= x->text.len;
	free(x->name);
	buf_done(&x->text);
	free(x);
}

static void drop(struct scratches *s, struct scratch **p)
{
	struct scratch *x = *p;

	*p = x->next;
	s->n--;
	unref(x);
}

static void expire(struct scratches *s)
{
	uint64_t now = sys_deadline(0);
	struct scratch **p = &s->list;

	while (*p)
		if (!(*p)->handles && (*p)->until <= now)
			drop(s, p);
		else
			p = &(*p)->next;
}

void scratches_free(struct scratches *s)
{
	while (s && s->list)
		drop(s, &s->list);
	free(s);
}

void scratch_unref(struct scratch *x)
{
	struct scratches *s;

	if (!x)
		return;
	s = x->table;
	pthread_mutex_lock(&s->lock);
	unref(x);
	pthread_mutex_unlock(&s->lock);
}

/* ---- names */

/* perl has _ among them */
static size_t random_tail(struct str s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s.len < n ||
		    (!isalnum((unsigned char)s.ptr[s.len - 1 - i]) && s.ptr[s.len - 1 - i] != '_'))
			return 0;
	return n;
}

static bool has_odd(struct str s, size_t n)
{
	for (size_t i = s.len - n; i < s.len; i++)
		if (isdigit((unsigned char)s.ptr[i]) || isupper((unsigned char)s.ptr[i]))
			return true;
	return false;
}

static bool ends_with(struct str s, const char *end)
{
	size_t n = strlen(end);

	return s.len > n && !memcmp(s.ptr + s.len - n, end, n);
}

bool scratch_name_ok(struct str name, bool (*is_key)(void *arg, struct str name), void *arg)
{
	static const char *const ends[] = {"~", ".bak", ".orig", ".swp", ".tmp", ".new", "#"};
	bool digits = true;

	/* rsync, vim's swap file, emacs, most others */
	if (name.ptr[0] == '.' || name.ptr[0] == '#' || name.ptr[0] == '+')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (ends_with(name, ends[i]))
			return true;
	/* vim tries whether it may make files with 4913 and the numbers after it */
	for (size_t i = 0; i < name.len; i++)
		digits = digits && isdigit((unsigned char)name.ptr[i]);
	if (digits)
		return true;
	/* mkstemp(3) of anything: no key has capitals or, without a dot, digits in its last six letters */
	if (random_tail(name, 6) && !memchr(name.ptr, '.', name.len) && has_odd(name, 6))
		return true;
	/* sed has "sed" before the six, perl "XX", busybox the file's own name */
	if (!random_tail(name, 6))
		return false;
	name.len -= 6;
	if (str_is(name, "sed") || str_is(name, "tmp.") || str_is(name, "XX"))
		return true;
	return name.len && is_key(arg, name);
}

/* ---- the table */

static struct scratch **find(struct scratches *s, uint64_t dir, struct str name, uid_t uid)
{
	struct scratch **p = &s->list;

	while (*p &&
	       ((*p)->dir != dir || !(*p)->name || !str_is(name, (*p)->name) || (uid && (*p)->uid != uid)))
		p = &(*p)->next;
	return p;
}

static size_t count_of(const struct scratches *s, uid_t uid)
{
	size_t n = 0;

	for (const struct scratch *x = s->list; x; x = x->next)
		n += x->uid == uid;
	return n;
}

int scratch_make(struct scratches *s, uint64_t dir, struct str name, uid_t uid, gid_t gid, mode_t mode,
		 struct scratch **ret)
{
	struct scratch *x;
	int r = 0;

	pthread_mutex_lock(&s->lock);
	expire(s);
	if (*find(s, dir, name, 0))
		r = -EEXIST;
	else if (s->n >= SCRATCHES_MAX || (uid && count_of(s, uid) >= SCRATCHES_OF_ONE))
		r = -ENOSPC;
	if (!r) {
		x = xcalloc(1, sizeof(*x));
		*x = (struct scratch){
		    .refs = 2, .table = s, .dir = dir, .name = str_dup(name), .uid = uid, .owner = uid};
		x->gid = gid;
		x->mode = mode & 0777;
		x->type = S_IFREG;
		x->id = SCRATCH_BIT | ++s->last;
		x->until = sys_deadline(SCRATCH_MS);
		clock_gettime(CLOCK_REALTIME, &x->mtime);
		x->next = s->list;
		s->list = x;
		s->n++;
		*ret = x;
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

int scratch_make_link(struct scratches *s, uint64_t dir, struct str name, uid_t uid, gid_t gid,
		      struct str target, struct scratch **ret)
{
	int r = scratch_make(s, dir, name, uid, gid, 0777, ret);

	if (r < 0)
		return r;
	pthread_mutex_lock(&s->lock);
	(*ret)->type = S_IFLNK;
	buf_add(&(*ret)->text, target.ptr, target.len);
	s->bytes += target.len;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

struct scratch *scratch_find(struct scratches *s, uint64_t dir, struct str name, uid_t uid)
{
	struct scratch *x;

	pthread_mutex_lock(&s->lock);
	expire(s);
	x = *find(s, dir, name, uid);
	if (x)
		x->refs++;
	pthread_mutex_unlock(&s->lock);
	return x;
}

struct scratch *scratch_get(struct scratches *s, uint64_t id)
{
	struct scratch *x;

	pthread_mutex_lock(&s->lock);
	for (x = s->list; x && x->id != id; x = x->next)
		;
	if (x)
		x->refs++;
	pthread_mutex_unlock(&s->lock);
	return x;
}

uint64_t scratch_id(const struct scratch *x)
{
	return x->id;
}

/* Without a name it stays for those who have it open, and for the kernel's look at it. */
static void lose_name(struct scratch *x)
{
	free(x->name);
	x->name = NULL;
	x->until = sys_deadline(SCRATCH_MS);
}

void scratch_remove(struct scratches *s, struct scratch *x)
{
	pthread_mutex_lock(&s->lock);
	lose_name(x);
	pthread_mutex_unlock(&s->lock);
}

void scratch_move(struct scratches *s, struct scratch *x, uint64_t dir, struct str name)
{
	struct scratch *other;
	char *copy = str_dup(name);

	pthread_mutex_lock(&s->lock);
	other = *find(s, dir, name, 0);
	if (other && other != x)
		lose_name(other);
	free(x->name);
	x->name = copy;
	x->dir = dir;
	pthread_mutex_unlock(&s->lock);
}

void scratch_open(struct scratch *x)
{
	pthread_mutex_lock(&x->table->lock);
	x->handles++;
	x->refs++;
	pthread_mutex_unlock(&x->table->lock);
}

void scratch_close(struct scratches *s, struct scratch *x)
{
	pthread_mutex_lock(&s->lock);
	x->handles--;
	x->until = sys_deadline(SCRATCH_MS);
	unref(x);
	pthread_mutex_unlock(&s->lock);
}

/* ---- content */

/* The lock is held. */
static int grow(struct scratch *x, uint64_t size)
{
	size_t more = size > x->text.len ? size - x->text.len : 0;

	if (x->table->bytes + more > SCRATCHES_MAX_BYTES)
		return -ENOSPC;
	x->table->bytes += more;
	while (more--)
		buf_addc(&x->text, 0);
	return 0;
}

int scratch_write(struct scratch *x, struct str bytes, uint64_t offset)
{
	int r;

	if (offset > SCRATCH_MAX_BYTES || bytes.len > SCRATCH_MAX_BYTES - offset)
		return -EFBIG;
	pthread_mutex_lock(&x->table->lock);
	r = grow(x, offset + bytes.len);
	if (!r && bytes.len)
		memcpy(x->text.ptr + offset, bytes.ptr, bytes.len);
	clock_gettime(CLOCK_REALTIME, &x->mtime);
	pthread_mutex_unlock(&x->table->lock);
	return r;
}

int scratch_truncate(struct scratch *x, uint64_t size)
{
	int r;

	if (size > SCRATCH_MAX_BYTES)
		return -EFBIG;
	pthread_mutex_lock(&x->table->lock);
	r = grow(x, size);
	if (!r) {
		x->table->bytes -= x->text.len - size;
		x->text.len = size;
	}
	pthread_mutex_unlock(&x->table->lock);
	return r;
}

void scratch_text(struct scratch *x, struct buf *b)
{
	pthread_mutex_lock(&x->table->lock);
	buf_add(b, buf_cstr(&x->text), x->text.len);
	pthread_mutex_unlock(&x->table->lock);
}

void scratch_stat(struct scratch *x, struct stat *ret)
{
	pthread_mutex_lock(&x->table->lock);
	*ret = (struct stat){.st_ino = x->id, .st_nlink = x->name ? 1 : 0, .st_blksize = 4096};
	ret->st_mode = x->type | x->mode;
	ret->st_uid = x->owner;
	ret->st_gid = x->gid;
	ret->st_size = (off_t)(x->size ? x->size : x->text.len);
	ret->st_mtim = ret->st_ctim = ret->st_atim = x->mtime;
	pthread_mutex_unlock(&x->table->lock);
}

void scratch_set_size(struct scratch *x, uint64_t size)
{
	pthread_mutex_lock(&x->table->lock);
	x->size = size;
	x->is_image = true;
	pthread_mutex_unlock(&x->table->lock);
}

char *scratch_image(struct scratch *x)
{
	char *name;

	pthread_mutex_lock(&x->table->lock);
	name = x->is_image ? xstrdup(x->name) : NULL;
	pthread_mutex_unlock(&x->table->lock);
	return name;
}

uint64_t scratch_dir(struct scratch *x)
{
	uint64_t dir;

	pthread_mutex_lock(&x->table->lock);
	dir = x->dir;
	pthread_mutex_unlock(&x->table->lock);
	return dir;
}

void scratch_chmod(struct scratch *x, uid_t uid, gid_t gid, mode_t mode)
{
	pthread_mutex_lock(&x->table->lock);
	if (uid != (uid_t)-1)
		x->owner = uid;
	if (gid != (gid_t)-1)
		x->gid = gid;
	if (mode != (mode_t)-1)
		x->mode = mode & 0777;
	pthread_mutex_unlock(&x->table->lock);
}
