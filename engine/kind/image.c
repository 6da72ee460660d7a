/* SPDX-License-Identifier: Apache-2.0 */
/* Images as objects: named by their fingerprint, with the files as they came in STATE/images/FINGERPRINT. The
 * lock protects the list of those that are being made; a leaf. */
#include "engine/kind/image.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/base/path.h"
#include "engine/kind/image-internal.h"
#include "engine/kind/users.h"

static pthread_mutex_t new_lock = PTHREAD_MUTEX_INITIALIZER;
static struct image_new *news;

bool image_is_fingerprint(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!(name.ptr[i] >= '0' && name.ptr[i] <= '9') &&
		    !(name.ptr[i] >= 'a' && name.ptr[i] <= 'f'))
			return false;
	return name.len == IMAGE_NAME_LEN;
}

char *image_dir(struct host *h, const char *fingerprint)
{
	return xasprintf("%s/images/%s", h->state, fingerprint);
}

/* The files of an image belong to all projects that have it: who adds or removes it in one looks at the
 * others under this lock. It comes before the registry and host.shape. */
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;

void image_files_lock(void)
{
	pthread_mutex_lock(&files_lock);
}

void image_files_unlock(void)
{
	pthread_mutex_unlock(&files_lock);
}

struct object *image_anywhere(struct host *h, const char *fingerprint)
{
	AUTO(objects_free) struct object **projects = host_all(h->server, KIND_PROJECT);
	struct object *image = NULL;

	for (size_t i = 0; projects[i] && !image; i++)
		image = host_find(projects[i], KIND_IMAGE, str_from(fingerprint));
	return image;
}

bool image_is_anywhere(struct host *h, const char *fingerprint)
{
	AUTO(object_unref) struct object *image = image_anywhere(h, fingerprint);

	return image;
}

static int check_name(struct str name, struct err *err)
{
	return image_is_fingerprint(name) ? 0
					  : err_set(err, EINVAL,
						    "an image's name is its fingerprint: it is made by "
						    "copying its file into images/, and "
						    "gets other names in images/aliases");
}

/* ---- a new one */

static struct image_new *find_new(const char *fingerprint)
{
	struct image_new *n = news;

	while (n && strcmp(n->info->fingerprint, fingerprint) != 0)
		n = n->next;
	return n;
}

int image_new_begin(struct image_new *n, struct err *err)
{
	bool is_taken;

	pthread_mutex_lock(&new_lock);
	is_taken = find_new(n->info->fingerprint);
	if (!is_taken) {
		n->next = news;
		news = n;
	}
	pthread_mutex_unlock(&new_lock);
	return is_taken
		   ? err_set(err, EBUSY, "this image (%.12s) is being imported by somebody else right now",
			     n->info->fingerprint)
		   : 0;
}

void image_new_end(struct image_new *n)
{
	struct image_new **p;

	pthread_mutex_lock(&new_lock);
	for (p = &news; *p && *p != n; p = &(*p)->next)
		;
	if (*p)
		*p = n->next;
	pthread_mutex_unlock(&new_lock);
}

static void set_time(struct config *own, const char *key, uint64_t seconds, uint64_t now)
{
	time_t t = (time_t)seconds;
	char text[32];
	struct tm tm;

	if (seconds && gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%FT%TZ", &tm))
		config_set(own, SECTION_PROPS, key, text, now);
}

static void fill_in(struct config *own, const struct image_new *n)
{
	const struct image_info *info = n->info;
	AUTO(free) char *size = xasprintf("%llu", (unsigned long long)info->size);
	uint64_t now = now_ns();

	config_set(own, SECTION_PROPS, "architecture", info->architecture, now);
	config_set(own, SECTION_PROPS, "size", size, now);
	config_set(own, SECTION_PROPS, "filename", n->filename, now);
	set_time(own, "created_at", info->created_at, now);
	set_time(own, "expires_at", info->expires_at, now);
	set_time(own, "uploaded_at", now / 1000000000, now);
	for (char **p = info->properties; p && *p; p++) {
		const char *equals = strchr(*p, '=');
		AUTO(free) char *key = NULL;

		if (!equals)
			continue;
		key = xasprintf("properties.%.*s", (int)(equals - *p), *p);
		config_set(own, SECTION_PROPS, key, equals + 1, now);
	}
}

static int image_create(struct object *o, struct config *own, const struct caller *who, struct err *err)
{
	AUTO(free) char *name = object_name(o);
	struct image_new *n;

	(void)who;
	pthread_mutex_lock(&new_lock);
	n = find_new(name);
	if (n)
		fill_in(own, n);
	pthread_mutex_unlock(&new_lock);
	return n ? 0 : err_set(err, EPERM, "an image is made by copying its file into images/");
}

static int image_activate(struct object *o, struct err *err)
{
	(void)err;
	o->is_live = true;
	return 0;
}

static int image_load(struct object *o, struct err *err)
{
	AUTO(fd) int fd = image_file(o, 0);

	o->is_live = true;
	return fd < 0 ? err_set(err, -fd, "its file can't be opened: %s", strerror(-fd)) : 0;
}

/* Its instances keep what was unpacked. */
static void image_remove(struct object *o)
{
	AUTO(free) char *name = object_name(o);
	AUTO(free) char *dir = image_dir(o->host, name);

	o->is_live = false;
	image_files_lock();
	if (!image_is_anywhere(o->host, name))
		path_remove_tree(dir);
	image_files_unlock();
	image_collect(o->host, name);
}

static int image_rename(struct object *o, const char *name, struct err *err)
{
	(void)o;
	(void)name;
	return err_set(err, EPERM,
		       "an image's name is its fingerprint; other names are made in images/aliases");
}

static char **image_used_by(struct object *o)
{
	AUTO(objects_free) struct object **all = host_users(o->parent, KIND_IMAGE, KIND_INSTANCE);
	AUTO(free) char *name = object_name(o);
	AUTO(buf_done) struct buf lines = BUF_NULL;

	for (struct object **p = all; *p; p++) {
		AUTO(config_unref) struct config *own = object_own(*p);
		const char *base = config_get(own, SECTION_CONFIG, "volatile.base_image");
		AUTO(free) char *user = NULL;

		if (!base || strcmp(base, name) != 0)
			continue;
		user = users_path(o, *p);
		buf_printf(&lines, "%s\n", user);
	}
	return texts_split(buf_cstr(&lines));
}

int image_file(struct object *image, int which)
{
	AUTO(free) char *name = object_name(image);
	AUTO(free) char *path = xasprintf("images/%s/%s", name, which ? "rootfs" : "image");

	return path_open(image->host->state_fd, path, O_RDONLY, 0);
}

/* By the first bytes, as file(1) has them. */
static const char *suffix_of(int fd)
{
	static const struct {
		const char *magic;
		size_t len;
		const char *suffix;
	} all[] = {
	    {"hsqs", 4, "squashfs"},
	    {"\xfd"
	     "7zXZ",
	     5, "tar.xz"},
	    {"\x1f\x8b", 2, "tar.gz"},
	    {"\x28\xb5\x2f\xfd", 4, "tar.zst"},
	};
	char head[8];
	ssize_t n = pread(fd, head, sizeof(head), 0);

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (n >= (ssize_t)all[i].len && !memcmp(head, all[i].magic, all[i].len))
			return all[i].suffix;
	return "tar";
}

char *image_file_name(struct object *image, int which)
{
	AUTO(fd) int fd = image_file(image, which), other = -1;

	if (fd < 0)
		return NULL;
	if (which)
		return xasprintf("rootfs.%s", suffix_of(fd));
	other = image_file(image, 1);
	return xasprintf("%s.%s", other < 0 ? "image" : "metadata", suffix_of(fd));
}

bool image_is_public(struct object *image)
{
	AUTO(config_unref) struct config *own = object_own(image);
	const char *is = config_get(own, SECTION_PROPS, "public");

	return image->parent == image->host->project && !image->is_gone && is && !strcmp(is, "true");
}

const struct kind kind_image = {
    .number = KIND_IMAGE,
    .name = "image",
    .plural = "images",
    .feature = "features.images",
    .check_name = check_name,
    .create = image_create,
    .activate = image_activate,
    .load = image_load,
    .remove = image_remove,
    .rename = image_rename,
    .used_by = image_used_by,
};
