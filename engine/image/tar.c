/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a tarball with libarchive. Of libarchive only the reader is used: the writing is writer.c's. */
#include "engine/image/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/sys.h"

#define CHUNK (256 << 10)
#define MAX_XATTRS 64
#define ASK_AFTER (16 << 20)

struct source {
	struct tar_reader *t;
	off_t at;
	int errnum;
	size_t unasked; /* bytes unpacked since the core was last asked after */
	char chunk[CHUNK];
};

static bool core_is_gone(struct source *s)
{
	s->unasked = 0;
	return s->t->core >= 0 && sys_poll_in(s->t->core, -1, 0) != 0;
}

static la_ssize_t read_some(struct archive *a, void *ctx, const void **ret)
{
	struct source *s = ctx;
	ssize_t n;

	if (core_is_gone(s)) {
		s->errnum = ECANCELED;
		archive_set_error(a, ECANCELED, "canceled");
		return -1;
	}
	do
		n = pread(s->t->fd, s->chunk, sizeof(s->chunk), s->at);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		s->errnum = errno;
		archive_set_error(a, errno, "unreadable");
		return -1;
	}
	s->at += n;
	*ret = s->chunk;
	return n;
}

static int damaged(struct source *s, struct archive *a, struct err *err)
{
	const char *why = archive_error_string(a);
	AUTO(buf_done) struct buf text = BUF_NULL;

	if (s->errnum)
		return err_set(err, s->errnum, "reading the archive failed: %s", strerror(s->errnum));
	buf_escape(&text, str_from(why ? why : "no reason given"));
	return err_set(err, EBADMSG, "the archive is damaged: %.*s", (int)MIN(text.len, (size_t)200),
		       buf_cstr(&text));
}

static int refuse(struct err *err, const char *path, const char *why)
{
	AUTO(free) char *quoted = entry_quote(str_from(path));

	return err_set(err, EINVAL, "the entry %s %s", quoted, why);
}

/* The directories above an entry: what isn't there yet will be made, what is there must be a directory. */
static int check_above(struct tar_reader *t, const char *path, struct err *err)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t len = (size_t)(slash - path);
		int r;

		switch (seen_get(&t->seen, path, len)) {
		case SEEN_DIR:
			continue;
		case SEEN_LINK:
			return refuse(err, path, "goes through a symbolic link");
		case SEEN_FILE:
			return refuse(err, path, "lies below a file");
		case SEEN_NOTHING:
			break;
		}
		r = tally_add(t->tally, 0, err);
		if (r < 0)
			return r;
		seen_put(&t->seen, path, len, SEEN_DIR);
	}
	return 0;
}

static int check_kind(struct tar_reader *t, const char *path, enum seen_kind kind, struct err *err)
{
	enum seen_kind was = seen_get(&t->seen, path, strlen(path));
	int r = check_above(t, path, err);

	if (r < 0)
		return r;
	if (was != SEEN_NOTHING && (was == SEEN_DIR) != (kind == SEEN_DIR))
		return refuse(err, path,
			      was == SEEN_DIR ? "would take the place of a directory"
					      : "is a directory in the place of a file");
	seen_put(&t->seen, path, strlen(path), kind);
	return 0;
}

static int read_facts(struct archive_entry *e, const char *path, struct file_facts *f, struct err *err)
{
	int64_t uid = archive_entry_uid(e), gid = archive_entry_gid(e);
	long nsec = archive_entry_mtime_nsec(e);

	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return refuse(err, path, "has an owner that is no user or group number");
	f->mode = archive_entry_perm(e) & 07777;
	f->uid = (uid_t)uid;
	f->gid = (gid_t)gid;
	f->mtime.tv_sec = archive_entry_mtime_is_set(e) ? archive_entry_mtime(e) : 0;
	f->mtime.tv_nsec = nsec >= 0 && nsec < 1000000000 ? nsec : 0;
	return 0;
}

/* Capabilities of a file, of the two revisions that don't name a user namespace's root. */
static bool caps_ok(struct str v)
{
	return (v.len == 20 && v.ptr[3] == 2) || (v.len == 12 && v.ptr[3] == 1);
}

static int read_xattrs(struct tar_reader *t, struct archive_entry *e, const char *path, struct file_facts *f,
		       struct err *err)
{
	const char *name;
	const void *value;
	size_t len;

	if (archive_entry_xattr_reset(e) > MAX_XATTRS)
		return refuse(err, path, "has more than 64 extended attributes");
	while (archive_entry_xattr_next(e, &name, &value, &len) == ARCHIVE_OK) {
		struct str s = str_from(name), v = {value, len};
		int r;

		if (str_is(s, "security.capability") && caps_ok(v))
			f->caps = v;
		if (!t->writer || !str_has_prefix(s, STR("user.")) ||
		    str_has_prefix(s, STR("user.overlay.")) || s.len > 255)
			continue;
		r = writer_xattr(t->writer, path, name, v, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int copy_content(struct source *s, struct archive *a, int fd, const char *path, struct err *err)
{
	la_int64_t at;
	const void *p;
	size_t len;
	int r;

	while ((r = archive_read_data_block(a, &p, &len, &at)) == ARCHIVE_OK) {
		/* a bomb gives much of one read */
		s->unasked += len;
		if (s->unasked > ASK_AFTER && core_is_gone(s))
			return err_set(err, ECANCELED, "canceled");
		for (size_t done = 0; fd >= 0 && done < len;) {
			ssize_t n = pwrite(fd, (const char *)p + done, len - done, at + (off_t)done);

			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0) {
				AUTO(free) char *quoted = entry_quote(str_from(path));

				return err_set(err, errno, "%s can't be written: %s", quoted,
					       strerror(errno));
			}
			done += (size_t)n;
		}
	}
	return r == ARCHIVE_EOF ? 0 : damaged(s, a, err);
}

static int take_file(struct source *s, struct archive *a, struct archive_entry *e, const char *path,
		     struct file_facts *f, struct err *err)
{
	struct writer *w = s->t->writer;
	AUTO(fd) int fd = -EBADF;
	int r = check_kind(s->t, path, SEEN_FILE, err);

	if (!r && w)
		r = writer_open(w, path, &fd, err);
	if (!r)
		r = read_xattrs(s->t, e, path, f, err);
	if (!r)
		r = copy_content(s, a, fd, path, err);
	if (r < 0 || !w)
		return r;
	return writer_close(TAKE_FD(fd), path, archive_entry_size(e), f, err);
}

static int take_dir(struct tar_reader *t, struct archive_entry *e, const char *path, struct file_facts *f,
		    struct err *err)
{
	int r = check_kind(t, path, SEEN_DIR, err);

	if (!r && t->writer)
		r = writer_dir(t->writer, path, f, err);
	return r ? r : read_xattrs(t, e, path, f, err);
}

static int take_symlink(struct tar_reader *t, struct archive_entry *e, const char *path,
			const struct file_facts *f, struct err *err)
{
	const char *target = archive_entry_symlink(e);
	int r;

	if (!target || !*target || strlen(target) > ENTRY_MAX_PATH)
		return refuse(err, path, "is a symbolic link to nowhere, or to more than 4000 bytes");
	r = check_kind(t, path, SEEN_LINK, err);
	if (r < 0 || !t->writer)
		return r;
	return writer_symlink(t->writer, path, target, f, err);
}

static int take_hardlink(struct tar_reader *t, struct archive_entry *e, const char *path, struct err *err)
{
	const char *target = archive_entry_hardlink(e);
	AUTO(free) char *existing = NULL;
	enum seen_kind kind;
	int r = entry_path(str_from(target), t->source, t->tally->limits.depth, &existing, err);

	if (r < 0)
		return err ? err_prefix(err, "the target of a hard link: ") : r;
	kind = seen_get(&t->seen, existing, strlen(existing));
	if (entry_place(existing) != PLACE_ROOTFS || (kind != SEEN_FILE && kind != SEEN_LINK))
		return refuse(err, path, "is a hard link to what isn't a file unpacked before it");
	r = check_kind(t, path, kind, err);
	if (r < 0 || !t->writer)
		return r;
	return writer_link(t->writer, path, existing, err);
}

static int take_metadata(struct source *s, struct archive *a, struct archive_entry *e, const char *path,
			 struct err *err)
{
	struct tar_reader *t = s->t;
	struct file_facts f = {.mode = 0600};
	AUTO(fd) int fd = -EBADF;
	int64_t size = archive_entry_size(e);
	la_ssize_t n;
	int r;

	if (archive_entry_hardlink(e) || archive_entry_filetype(e) != AE_IFREG)
		return refuse(err, path, "must be a regular file");
	if (t->yaml)
		return refuse(err, path, "is there twice");
	if (size > IMAGE_MAX_YAML)
		return err_set(err, EFBIG, "metadata.yaml is %" PRId64 " bytes long, %d is the most", size,
			       IMAGE_MAX_YAML);
	t->yaml = xcalloc(1, (size_t)size + 1);
	n = archive_read_data(a, t->yaml, (size_t)size);
	if (n != size)
		return damaged(s, a, err);
	t->yaml_len = (size_t)size;
	f.mtime.tv_sec = archive_entry_mtime(e);
	if (!t->writer)
		return 0;
	r = writer_open(t->writer, path, &fd, err);
	if (!r && sys_write_all(fd, t->yaml, t->yaml_len) < 0)
		r = err_set(err, errno, "metadata.yaml can't be written: %s", strerror(errno));
	return r ? r : writer_close(TAKE_FD(fd), path, -1, &f, err);
}

static int take_typed(struct source *s, struct archive *a, struct archive_entry *e, const char *path,
		      struct err *err)
{
	enum entry_place place = entry_place(path);
	struct file_facts f = {0};
	unsigned type = archive_entry_filetype(e);
	int r = read_facts(e, path, &f, err);

	if (r < 0)
		return r;
	if (place == PLACE_ROOT) {
		if (archive_entry_hardlink(e) || type != AE_IFDIR)
			return refuse(err, path, "must be a directory");
		s->t->has_rootfs = true;
		return take_dir(s->t, e, path, &f, err);
	}
	if (place == PLACE_TEMPLATES) {
		/* the core reads them: nothing that leads elsewhere, and nobody else's */
		if (archive_entry_hardlink(e) || (type != AE_IFREG && type != AE_IFDIR))
			return refuse(
			    err, path,
			    "is neither a file nor a directory, and nothing else may be a template");
		f = (struct file_facts){.mode = type == AE_IFDIR ? 0700 : 0600, .mtime = f.mtime};
		archive_entry_xattr_clear(e);
		if (type == AE_IFREG && !strcmp(path, "templates"))
			return refuse(err, path, "must be a directory");
		return type == AE_IFDIR ? take_dir(s->t, e, path, &f, err)
					: take_file(s, a, e, path, &f, err);
	}
	s->t->has_rootfs = true;
	if (archive_entry_hardlink(e))
		return take_hardlink(s->t, e, path, err);
	switch (type) {
	case AE_IFREG:
		return take_file(s, a, e, path, &f, err);
	case AE_IFDIR:
		return take_dir(s->t, e, path, &f, err);
	case AE_IFLNK:
		return take_symlink(s->t, e, path, &f, err);
	case AE_IFIFO:
	case AE_IFSOCK:
		return 0;
	case AE_IFCHR:
	case AE_IFBLK:
		return refuse(err, path,
			      "is a device node; they may be in dev/ only, where they are left out");
	default:
		return refuse(err, path, "is of an unknown kind");
	}
}

static bool is_root_dir(const char *path)
{
	static const char *const names[] = {"bin", "sbin", "usr"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strlen(names[i]);

		if (!strncmp(path, names[i], n) && (!path[n] || path[n] == '/'))
			return true;
	}
	return false;
}

static int take(struct source *s, struct archive *a, struct archive_entry *e, struct err *err)
{
	struct tar_reader *t = s->t;
	const char *name = archive_entry_pathname(e);
	AUTO(free) char *path = NULL;
	int r;

	if (!name)
		return err_set(err, EINVAL, "the archive has an entry whose name isn't valid UTF-8");
	if (archive_entry_size(e) < 0)
		return refuse(err, name, "has a negative size");
	r = entry_path(str_from(name), t->source, t->tally->limits.depth, &path, err);
	if (!r)
		r = tally_add(t->tally, archive_entry_hardlink(e) ? 0 : (uint64_t)archive_entry_size(e), err);
	if (r < 0)
		return r;
	t->looks_like_root = t->looks_like_root || is_root_dir(path);
	switch (entry_place(path)) {
	case PLACE_NONE:
		return 0;
	case PLACE_METADATA:
		return take_metadata(s, a, e, path, err);
	default:
		return take_typed(s, a, e, path, err);
	}
}

static struct archive *open_archive(struct source *s, struct err *err)
{
	struct archive *a = archive_read_new();

	if (!a) {
		err_set(err, ENOMEM, "no memory to read an archive");
		return NULL;
	}
	/* ARCHIVE_WARN: by an external program, which isn't there to be run */
	if (archive_read_support_format_tar(a) == ARCHIVE_OK &&
	    archive_read_support_filter_gzip(a) == ARCHIVE_OK &&
	    archive_read_support_filter_xz(a) == ARCHIVE_OK &&
	    archive_read_support_filter_zstd(a) == ARCHIVE_OK &&
	    /* read on to the end of the file, so that damage there is found too */
	    archive_read_set_options(a, "tar:read_concatenated_archives") == ARCHIVE_OK) {
		if (archive_read_open(a, s, NULL, read_some, NULL) == ARCHIVE_OK)
			return a;
		if (s->errnum)
			damaged(s, a, err);
		else
			err_set(err, EINVAL,
				"this is no image: neither a tarball (plain, or compressed with gzip, xz or "
				"zstd) "
				"nor a squashfs");
	} else {
		err_set(err, EOPNOTSUPP, "this libarchive can't read tar, gzip, xz and zstd by itself");
	}
	archive_read_free(a);
	return NULL;
}

int tar_read(struct tar_reader *t, struct err *err)
{
	AUTO(free) char *space = xcalloc(1, sizeof(struct source));
	struct source *s = (struct source *)(void *)space;
	struct archive *a;
	struct archive_entry *e;
	int r = 0;

	s->t = t;
	a = open_archive(s, err);
	if (!a)
		return -err->errnum;
	while (!r) {
		int got = archive_read_next_header(a, &e);

		if (got == ARCHIVE_EOF)
			break;
		if (got == ARCHIVE_OK || got == ARCHIVE_WARN)
			r = take(s, a, e, err);
		else
			r = damaged(s, a, err);
	}
	archive_read_free(a);
	return r;
}

void tar_reader_done(struct tar_reader *t)
{
	seen_done(&t->seen);
	free(t->yaml);
	t->yaml = NULL;
}
