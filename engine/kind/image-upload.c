/* SPDX-License-Identifier: Apache-2.0 */
/* From a file that is copied into images/ to an image, and halves of split images that wait for each other.
 * The lock protects the list of those; a leaf. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/kind/image-internal.h"

#define UPLOAD_MAX (64ULL << 30) /* bytes */
#define HALVES_MAX 16

/* A file that is no image yet; owned by an upload or by the list of halves. */
struct piece {
	char *path, *name; /* below the state directory; as the user called it */
	int fd;
};

struct half {
	struct half *next; /* the oldest last */
	struct host *host;
	struct piece piece;
	enum image_part part;
	char *stem;
	uid_t uid;
	uint32_t project; /* its id */
};

struct image_upload {
	struct host *host;
	struct object *project;
	pthread_mutex_t lock; /* protects what follows, and that nothing is written into what is looked at */
	bool is_taking;
	uint64_t size;
	struct piece piece; /* path NULL: it was handed on */
	uid_t uid;
};

static pthread_mutex_t halves_lock = PTHREAD_MUTEX_INITIALIZER;
static struct half *halves;

static void piece_done(struct piece *p)
{
	if (p->path)
		unlink(p->path);
	if (p->fd >= 0)
		close(p->fd);
	free(p->path);
	free(p->name);
	*p = (struct piece){.fd = -EBADF};
}

static struct piece piece_take(struct piece *p)
{
	struct piece taken = *p;

	*p = (struct piece){.fd = -EBADF};
	return taken;
}

/* ---- bytes */

int image_upload_new(struct object *project, struct str name, const struct caller *who,
		     struct image_upload **ret, struct err *err)
{
	struct host *h = project->host;
	AUTO(free) char *above = xasprintf("%s/images", h->state);
	AUTO(free) char *path = xasprintf("%s/images/.upload-XXXXXX", h->state);
	struct image_upload *u;
	int fd;

	if (mkdir(above, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "%s can't be made: %s", above, strerror(errno));
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "%s can't be made: %s", path, strerror(errno));
	u = xcalloc(1, sizeof(*u));
	u->host = h;
	u->project = object_ref(project);
	pthread_mutex_init(&u->lock, NULL);
	u->piece = (struct piece){.path = TAKE(path), .name = str_dup(name), .fd = fd};
	u->uid = who->uid;
	*ret = u;
	return 0;
}

int image_upload_write(struct image_upload *u, struct str bytes, uint64_t offset, struct err *err)
{
	size_t done = 0;
	int r = 0;

	if (offset > UPLOAD_MAX || bytes.len > UPLOAD_MAX - offset)
		return err_set(err, EFBIG, "an image has at most %llu GiB", UPLOAD_MAX >> 30);
	pthread_mutex_lock(&u->lock);
	/* what was found to be right must stay so: another descriptor of the same file may still be open */
	if (u->is_taking || !u->piece.path)
		r = err_set(err, EBUSY,
			    "the image was complete when it was closed: it isn't written any more");
	while (r == 0 && done < bytes.len) {
		ssize_t n = pwrite(u->piece.fd, bytes.ptr + done, bytes.len - done, (off_t)(offset + done));

		if (n < 0)
			r = err_set(err, errno, "the image can't be written into %s/images: %s",
				    u->host->state, strerror(errno));
		else
			done += (size_t)n;
	}
	if (r == 0)
		u->size = MAX(u->size, offset + bytes.len);
	pthread_mutex_unlock(&u->lock);
	return r;
}

uint64_t image_upload_size(const struct image_upload *u)
{
	struct image_upload *m = (struct image_upload *)u;
	uint64_t size;

	pthread_mutex_lock(&m->lock);
	size = u->size;
	pthread_mutex_unlock(&m->lock);
	return size;
}

void image_upload_free(struct image_upload *u)
{
	if (!u)
		return;
	piece_done(&u->piece);
	pthread_mutex_destroy(&u->lock);
	object_unref(u->project);
	free(u);
}

/* ---- names of halves */

static bool cut_suffix(struct str *s)
{
	static const char *const suffixes[] = {".xz",	".gz",	 ".zst",     ".bz2", ".tar",
					       ".tgz",	".txz",	 ".sfs",     ".img", ".rootfs",
					       ".root", ".meta", ".squashfs"};

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t n = strlen(suffixes[i]);

		if (s->len > n && !memcmp(s->ptr + s->len - n, suffixes[i], n)) {
			s->len -= n;
			return true;
		}
	}
	return false;
}

char *image_stem(struct str name)
{
	/* `lxc image export` and image servers call them so */
	static const char *const plain[] = {"lxd", "incus", "meta", "metadata", "root", "rootfs", "squashfs"};
	static const char *const prefixes[] = {"meta-", "rootfs-"};

	while (cut_suffix(&name))
		;
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (str_is(name, plain[i]))
			return xstrdup("");
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_has_prefix(name, str_from(prefixes[i]))) {
			name.ptr += strlen(prefixes[i]);
			name.len -= strlen(prefixes[i]);
			break;
		}
	return str_dup(name);
}

/* ---- halves */

static void half_free(struct half *h)
{
	piece_done(&h->piece);
	free(h->stem);
	free(h);
}

static bool half_is(const struct half *h, const struct image_upload *u, const char *stem,
		    enum image_part part)
{
	return h->host == u->host && h->project == u->project->id && h->uid == u->uid && h->part == part &&
	       !strcmp(h->stem, stem);
}

/* Takes one out of the list, NULL for none. */
static struct half *half_take(const struct image_upload *u, const char *stem, enum image_part part)
{
	struct half **p = &halves, *h;

	pthread_mutex_lock(&halves_lock);
	while (*p && !half_is(*p, u, stem, part))
		p = &(*p)->next;
	h = *p;
	if (h)
		*p = h->next;
	pthread_mutex_unlock(&halves_lock);
	return h;
}

/* The oldest of too many gives way: nobody came for it. */
static void half_put(struct half *take_half)
{
	struct half **p, *old = NULL;
	size_t n = 0;

	pthread_mutex_lock(&halves_lock);
	take_half->next = halves;
	halves = take_half;
	for (p = &halves; *p && n < HALVES_MAX; p = &(*p)->next)
		n++;
	if (*p) {
		old = *p;
		*p = old->next;
	}
	pthread_mutex_unlock(&halves_lock);
	if (old)
		half_free(old);
}

static bool halves_wait(void)
{
	bool any;

	pthread_mutex_lock(&halves_lock);
	any = halves;
	pthread_mutex_unlock(&halves_lock);
	return any;
}

/* ---- an image */

static int put_file(struct piece *p, const char *dir, const char *name, struct err *err)
{
	AUTO(free) char *to = xasprintf("%s/%s", dir, name);

	if (fsync(p->fd) < 0 || rename(p->path, to) < 0)
		return err_set(err, errno, "the image can't be put into place at %s: %s", to,
			       strerror(errno));
	free(p->path);
	p->path = NULL;
	return 0;
}

static int sync_dir(const char *path, struct err *err)
{
	AUTO(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? err_set(err, errno, "%s can't be synced: %s", path, strerror(errno))
				       : 0;
}

/* Files in place first, then the object: a crash between leaves files that the next start removes. */
static int make_held(struct image_upload *u, struct piece *meta, struct piece *rootfs,
		     const char *fingerprint, const struct caller *who, struct object **ret, struct err *err)
{
	AUTO(free) char *above = xasprintf("%s/images", u->host->state);
	AUTO(free) char *dir = image_dir(u->host, fingerprint);
	AUTO(object_unref)
	struct object *there = host_find(u->project, KIND_IMAGE, str_from(fingerprint));
	int r;

	if (there)
		return err_set(err, EEXIST, "this image is there already: images/%s", fingerprint);
	/* another project has it: these are the same bytes */
	if (image_is_anywhere(u->host, fingerprint))
		return object_create(u->project, &kind_image, str_from(fingerprint), who, NULL, 0, ret, err);
	path_remove_tree(dir);
	if (mkdir(dir, 0700) < 0)
		return err_set(err, errno, "%s can't be made: %s", dir, strerror(errno));
	r = put_file(meta, dir, "image", err);
	if (r == 0 && rootfs)
		r = put_file(rootfs, dir, "rootfs", err);
	if (r == 0)
		r = sync_dir(dir, err);
	if (r == 0)
		r = sync_dir(above, err);
	if (r == 0)
		r = object_create(u->project, &kind_image, str_from(fingerprint), who, NULL, 0, ret, err);
	if (r < 0)
		path_remove_tree(dir);
	return r;
}

static int make_image(struct image_upload *u, struct piece *meta, struct piece *rootfs,
		      const struct image_info *info, const struct caller *who, struct object **ret,
		      struct err *err)
{
	AUTO(buf_done) struct buf filename = BUF_NULL;
	struct image_new new = {.info = info};
	int r;

	buf_escape(&filename, str_from(meta->name));
	new.filename = buf_cstr(&filename);
	r = image_new_begin(&new, err);
	if (r < 0)
		return r;
	image_files_lock();
	r = make_held(u, meta, rootfs, info->fingerprint, who, ret, err);
	image_files_unlock();
	image_new_end(&new);
	return r;
}

/* The other half is there: @u's is the one of @part. */
static int join(struct image_upload *u, enum image_part part, struct half *other, const struct caller *who,
		struct object **ret, struct err *err)
{
	struct piece *meta = part == IMAGE_METADATA ? &u->piece : &other->piece;
	struct piece *rootfs = part == IMAGE_METADATA ? &other->piece : &u->piece;
	AUTO(image_info_done) struct image_info info = IMAGE_INFO_NULL;
	int r = image_probe(u->host->libexec, meta->fd, rootfs->fd, NULL, &info, who->cancel_fd, err);

	if (r == 0)
		r = make_image(u, meta, rootfs, &info, who, ret, err);
	return r < 0 ? err_prefix(err, "%s and %s: ", meta->name, rootfs->name) : 0;
}

static void wait_for_other(struct image_upload *u, enum image_part part, char *take_stem)
{
	struct half *h = xcalloc(1, sizeof(*h)), *old;
	AUTO(buf_done) struct buf name = BUF_NULL, stem = BUF_NULL;

	/* copied once more: the newer one counts */
	old = half_take(u, take_stem, part);
	if (old)
		half_free(old);
	buf_escape(&name, str_from(u->piece.name));
	buf_escape(&stem, str_from(*take_stem ? take_stem : part == IMAGE_METADATA ? "rootfs" : "lxd"));
	*h = (struct half){.host = u->host,
			   .piece = piece_take(&u->piece),
			   .part = part,
			   .stem = take_stem,
			   .uid = u->uid,
			   .project = u->project->id};
	half_put(h);
	host_warn(
	    u->host, u->project, "image-half",
	    "%s is %s: the other half is awaited, copied into images/ by the same user as %s.%s, and the "
	    "image appears then",
	    buf_cstr(&name),
	    part == IMAGE_METADATA ? "an image's metadata alone" : "an image's root file system alone",
	    buf_cstr(&stem), part == IMAGE_METADATA ? "squashfs (or .rootfs, .tar.xz, ...)" : "tar.xz");
	host_event(u->host, NULL, "image-half-uploaded");
}

static int take(struct image_upload *u, const struct caller *who, struct object **ret, struct err *err)
{
	AUTO(image_info_done) struct image_info info = IMAGE_INFO_NULL;
	AUTO(free) char *stem = NULL;
	struct half *other;
	int r;

	if (!u->piece.path)
		return 0;
	r = image_probe(u->host->libexec, u->piece.fd, -1, NULL, &info, who->cancel_fd, err);
	if (r < 0)
		return r;
	if (info.part == IMAGE_UNIFIED)
		return make_image(u, &u->piece, NULL, &info, who, ret, err);
	stem = image_stem(str_from(u->piece.name));
	other = half_take(u, stem, info.part == IMAGE_METADATA ? IMAGE_ROOTFS : IMAGE_METADATA);
	if (!other) {
		wait_for_other(u, info.part, TAKE(stem));
		return 0;
	}
	r = join(u, info.part, other, who, ret, err);
	/* a half that isn't at fault waits for another try */
	if (r < 0 && other->piece.path && r != -EEXIST)
		half_put(other);
	else
		half_free(other);
	if (!halves_wait())
		host_warn_resolve(u->host, u->project, "image-half");
	return r;
}

int image_upload_finish(struct image_upload *u, const struct caller *who, struct object **ret,
			struct err *err)
{
	bool is_taking;
	int r;

	*ret = NULL;
	pthread_mutex_lock(&u->lock);
	is_taking = u->is_taking;
	u->is_taking = true;
	pthread_mutex_unlock(&u->lock);
	if (is_taking)
		return err_set(err, EBUSY, "%s is being taken in", u->piece.name);
	r = take(u, who, ret, err);
	pthread_mutex_lock(&u->lock);
	u->is_taking = false;
	pthread_mutex_unlock(&u->lock);
	return r;
}
