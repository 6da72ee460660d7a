/* SPDX-License-Identifier: Apache-2.0 */
/* The core's side of images: fingerprints, and orders to lxdfs-unpack. Of an image's bytes nothing is read
 * here but to hash them. */
#include "engine/image/import.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/base/path.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"
#include "engine/image/order.h"

#define HELPER "lxdfs-unpack"
#define START_MS 60000
#define CHUNK (1 << 20)

DEFINE_AUTO(EVP_MD_CTX *, EVP_MD_CTX_free);

/* One helper at work. */
struct helper {
	int sock, pidfd;
};

static int canceled(struct err *err)
{
	return err_set(err, ECANCELED, "reading the image was canceled");
}

/* Ends it with all that it started, and waits until it is gone: nothing is written after this. */
static void helper_end(struct helper *h)
{
	if (h->pidfd >= 0) {
		sys_pidfd_signal(h->pidfd, SIGKILL, NULL);
		sys_poll_in(h->pidfd, -1, sys_deadline(-1));
		close(TAKE_FD(h->pidfd));
	}
	if (h->sock >= 0)
		close(TAKE_FD(h->sock));
}

/* The next answer, of a kind that is wanted; a failure becomes ours. */
static int helper_wait(struct helper *h, uint32_t wanted, uint64_t deadline, int cancel, struct msg *ret,
		       struct err *err)
{
	int r = sys_poll_in(h->sock, cancel, deadline);

	if (r < 0)
		return err_set(err, -r, HELPER " can't be waited for: %s", strerror(-r));
	if (r == 0)
		return err_set(err, ETIMEDOUT, HELPER " doesn't answer");
	if (!(r & 1))
		return canceled(err);
	r = msg_recv(h->sock, &unpack_table, ret, err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, EIO, HELPER " was killed in the middle of its work");
	if (ret->type->number == UNPACK_FAILED) {
		struct unpack u = {ret->body, ret->len, false};

		return unpack_err(&u, err);
	}
	if (ret->type->number != wanted)
		return err_set(err, EBADMSG, HELPER " sent %s out of turn", ret->type->name);
	return 0;
}

/* Read-only and regular, whatever the caller has: the helper gets no more. */
static int reopen(int fd, uint64_t *size, int *ret, struct err *err)
{
	char path[32];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "the image can't be looked at: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "an image must be a regular file");
	if (st.st_size == 0)
		return err_set(err, EINVAL, "this is no image: the file is empty");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	if (*ret < 0)
		return err_set(err, errno, "the image can't be opened: %s", strerror(errno));
	*size += (uint64_t)st.st_size;
	return 0;
}

struct files {
	int fd[3]; /* in the order's order */
	unsigned n;
	uint64_t size;
};

static void files_close(struct files *f, unsigned from)
{
	for (unsigned i = from; i < f->n; i++)
		close(f->fd[i]);
}

static int files_open(struct files *f, int meta, int rootfs, struct err *err)
{
	int r = reopen(meta, &f->size, &f->fd[f->n], err);

	f->n += !r;
	if (!r && rootfs >= 0) {
		r = reopen(rootfs, &f->size, &f->fd[f->n], err);
		f->n += !r;
	}
	return r;
}

static int helper_start(const char *libexec, uint32_t order, const struct files *f,
			const struct image_limits *limits, struct helper *ret, struct err *err)
{
	struct image_limits l = image_limits_or_default(limits);
	AUTO(buf_done) struct buf body = BUF_NULL;
	AUTO(msg_done) struct msg m = MSG_NULL;
	int r = spawn_helper(libexec, HELPER, NULL, &ret->sock, err);

	if (r < 0)
		return r;
	unpack_order_pack(&body, &l);
	r = msg_send(ret->sock, &unpack_table, order, 0, buf_str(&body), f->fd, f->n);
	if (r < 0)
		return err_set(err, -r, HELPER " takes no order: %s", strerror(-r));
	/* until it has said how it can be ended, which it does before it reads, there is no giving up */
	r = helper_wait(ret, UNPACK_STARTED, sys_deadline(START_MS), -1, &m, err);
	if (!r)
		ret->pidfd = TAKE_FD(m.fds[0]);
	return r;
}

static int hash_file(EVP_MD_CTX *md, int fd, char *chunk, int cancel, struct err *err)
{
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, chunk, CHUNK, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, errno, "the image can't be read: %s", strerror(errno));
		if (cancel >= 0 && sys_poll_in(cancel, -1, 0) > 0)
			return canceled(err);
		EVP_DigestUpdate(md, chunk, (size_t)n);
		at += n;
	}
	return 0;
}

static int fingerprint(const struct files *f, int cancel, char ret[65], struct err *err)
{
	AUTO(EVP_MD_CTX_free) EVP_MD_CTX *md = EVP_MD_CTX_new();
	AUTO(free) char *chunk = xcalloc(1, CHUNK);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int r = 0;

	if (!md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL))
		return err_set(err, EOPNOTSUPP, "OpenSSL has no SHA-256");
	for (unsigned i = 0; !r && i < f->n; i++)
		r = hash_file(md, f->fd[i], chunk, cancel, err);
	if (r < 0)
		return r;
	EVP_DigestFinal_ex(md, digest, &len);
	for (unsigned i = 0; i < 32; i++)
		snprintf(ret + (size_t)(2 * i), 3, "%02x", digest[i]);
	return 0;
}

int image_probe(const char *libexec, int fd_meta, int fd_rootfs, const struct image_limits *limits,
		struct image_info *ret, int cancel_fd, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_NULL;
	struct helper h = {-EBADF, -EBADF};
	struct files f = {0};
	char digest[65];
	int r = files_open(&f, fd_meta, fd_rootfs, err);

	if (!r)
		r = helper_start(libexec, UNPACK_PROBE, &f, limits, &h, err);
	/* both read the file at the same time */
	if (!r)
		r = fingerprint(&f, cancel_fd, digest, err);
	if (!r)
		r = helper_wait(&h, UNPACK_INFO, sys_deadline(-1), cancel_fd, &m, err);
	helper_end(&h);
	if (!r)
		r = image_info_unpack(&m, ret, err);
	if (!r) {
		memcpy(ret->fingerprint, digest, sizeof(digest));
		ret->size = f.size;
	}
	files_close(&f, 0);
	return r;
}

static int fill(const char *libexec, int dir, int fd_meta, int fd_rootfs, const struct image_limits *limits,
		int cancel_fd, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_NULL;
	struct helper h = {-EBADF, -EBADF};
	struct files f = {.fd = {dir}, .n = 1};
	int r = files_open(&f, fd_meta, fd_rootfs, err);

	if (!r)
		r = helper_start(libexec, UNPACK_WRITE, &f, limits, &h, err);
	if (!r)
		r = helper_wait(&h, UNPACK_DONE, sys_deadline(-1), cancel_fd, &m, err);
	helper_end(&h);
	files_close(&f, 1);
	/* one call for all files: fsync of each would take a journal's commit each */
	if (!r && syncfs(dir) < 0)
		r = err_set(err, errno, "what was unpacked can't be written to the disk: %s",
			    strerror(errno));
	return r;
}

static int sync_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	AUTO(free)
	char *parent =
	    !slash ? xstrdup(".") : str_dup((struct str){path, slash == path ? 1 : (size_t)(slash - path)});
	AUTO(fd) int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int image_unpack(const char *libexec, int fd_meta, int fd_rootfs, const char *dest,
		 const struct image_limits *limits, int cancel_fd, struct err *err)
{
	AUTO(free) char *staged = xasprintf("%s.new", dest);
	AUTO(fd) int dir = -EBADF;
	struct stat st;
	int r;

	if (!lstat(dest, &st))
		return err_set(err, EEXIST, "%s is there already", dest);
	r = path_remove_tree(staged);
	if (r < 0)
		return err_set(err, -r, "%s, left by an earlier start, can't be removed: %s", staged,
			       strerror(-r));
	if (mkdir(staged, 0700) < 0)
		return err_set(err, errno, "%s can't be made: %s", staged, strerror(errno));
	dir = open(staged, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		r = err_set(err, errno, "%s can't be opened: %s", staged, strerror(errno));
	if (!r)
		r = fill(libexec, dir, fd_meta, fd_rootfs, limits, cancel_fd, err);
	if (!r && renameat2(AT_FDCWD, staged, AT_FDCWD, dest, RENAME_NOREPLACE) < 0)
		r = err_set(err, errno, "%s can't be put in place: %s", dest, strerror(errno));
	if (r < 0) {
		path_remove_tree(staged);
		return r;
	}
	r = sync_parent(dest);
	if (r < 0) {
		path_remove_tree(dest);
		return err_set(err, -r, "%s can't be written to the disk: %s", dest, strerror(-r));
	}
	return 0;
}
