/* SPDX-License-Identifier: Apache-2.0 */
/* lxdfs-unpack: looks into one image, or unpacks it, and ends. The only program that reads foreign bytes.
 *
 * The process that was started takes the order and holds of the mounts, and ends. Its child is process 1 of
 * a process namespace: who kills it kills all that it started. It goes into the cage before it reads. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"
#include "engine/image/cage.h"
#include "engine/image/metadata.h"
#include "engine/image/order.h"
#include "engine/image/squashfs.h"
#include "engine/image/tar.h"

#define CORE 3

struct job {
	int meta, rootfs, dest; /* -EBADF: none */
	bool write;
	struct tally tally;
	struct writer writer;
	struct image_info info;
};

static int read_tar(struct job *j, int fd, enum entry_source source, struct tar_reader *ret, struct err *err)
{
	*ret = (struct tar_reader){.fd = fd,
				   .source = source,
				   .writer = j->write ? &j->writer : NULL,
				   .tally = &j->tally,
				   .core = CORE};
	return tar_read(ret, err);
}

static int read_squashfs(struct job *j, int fd, struct err *err)
{
	int r = squashfs_check(fd, &j->tally, CORE, err);

	j->info.squashfs = true;
	return r || !j->write ? r : squashfs_unpack(&j->tally, CORE, err);
}

/* A file of which nothing is known is one half if it looks like one. */
static int read_lone_rootfs(struct job *j, const struct tar_reader *first, struct err *err)
{
	AUTO(tar_reader_done) struct tar_reader t = {.fd = -EBADF};

	if (!first->looks_like_root)
		return err_set(
		    err, EINVAL,
		    "this is no image: the tarball has neither metadata.yaml nor a root file system");
	j->info.part = IMAGE_ROOTFS;
	j->tally.bytes = j->tally.entries = 0;
	return read_tar(j, j->meta, ENTRY_ROOTFS, &t, err);
}

static int read_meta(struct job *j, struct err *err)
{
	AUTO(tar_reader_done) struct tar_reader t = {.fd = -EBADF};
	int r = read_tar(j, j->meta, ENTRY_META, &t, err);

	if (r < 0)
		return r;
	if (!t.yaml && t.has_rootfs)
		return err_set(err, EINVAL, "the image has no metadata.yaml");
	if (!t.yaml)
		return j->rootfs < 0 && !j->write ? read_lone_rootfs(j, &t, err)
						  : err_set(err, EINVAL, "the tarball has no metadata.yaml");
	r = metadata_parse((struct str){t.yaml, t.yaml_len}, &j->info, err);
	if (r < 0)
		return r;
	if (t.has_rootfs && j->rootfs >= 0)
		return err_set(
		    err, EINVAL,
		    "both files have a root file system: the first of a split image has metadata only");
	j->info.part = j->rootfs >= 0 ? IMAGE_SPLIT : t.has_rootfs ? IMAGE_UNIFIED : IMAGE_METADATA;
	if (j->write && j->info.part == IMAGE_METADATA)
		return err_set(err, EINVAL,
			       "the image has no root file system: it is one half of a split image");
	return 0;
}

static int read_rootfs(struct job *j, struct err *err)
{
	AUTO(tar_reader_done) struct tar_reader t = {.fd = -EBADF};
	int r = read_tar(j, j->rootfs, ENTRY_ROOTFS, &t, err);

	if (!r && !t.has_rootfs)
		return err_set(err, EINVAL, "the tarball of the root file system is empty");
	return r;
}

static int work(struct job *j, bool meta_squashfs, bool rootfs_squashfs, struct err *err)
{
	int r;

	if (j->write) {
		j->writer.dest = open(CAGE_DEST, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (j->writer.dest < 0)
			return err_set(err, errno, "the directory to unpack to can't be opened: %s",
				       strerror(errno));
	}
	if (meta_squashfs) {
		if (j->write || j->rootfs >= 0)
			return err_set(err, EINVAL,
				       "a squashfs has no metadata.yaml: its other half is missing");
		j->info.part = IMAGE_ROOTFS;
		return read_squashfs(j, j->meta, err);
	}
	r = read_meta(j, err);
	if (!r && j->rootfs >= 0)
		r = rootfs_squashfs ? read_squashfs(j, j->rootfs, err) : read_rootfs(j, err);
	if (!r && j->write)
		r = writer_finish(&j->writer, err);
	return r;
}

static void answer(uint32_t number, struct job *j, const struct err *err)
{
	AUTO(buf_done) struct buf body = BUF_NULL;

	if (number == UNPACK_FAILED)
		pack_err(&body, err);
	if (number == UNPACK_INFO) {
		j->info.unpacked = j->tally.bytes;
		image_info_pack(&body, &j->info);
	}
	msg_send(CORE, &unpack_table, number, 0, buf_str(&body), NULL, 0);
}

/* Process 1 of the new namespace. */
static void live_caged(struct job *j, struct cage *c, bool meta_squashfs, bool rootfs_squashfs)
{
	AUTO(err_done) struct err err = ERR_NULL;
	int self = pidfd_open(getpid(), 0), r = self < 0 ? -errno : 0;

	if (!r)
		r = msg_send(CORE, &unpack_table, UNPACK_STARTED, 0, STR_NULL, &self, 1);
	if (r < 0)
		_exit(1);
	close(self);
	r = cage_enter(c, j->tally.limits.bytes, &err);
	if (!r)
		r = work(j, meta_squashfs, rootfs_squashfs, &err);
	answer(r < 0 ? UNPACK_FAILED : j->write ? UNPACK_DONE : UNPACK_INFO, j, &err);
	/* nothing is freed: this is all the process was for */
	_exit(r < 0);
}

static int take_order(struct job *j, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_NULL;
	unsigned next = 0;
	struct stat st;
	int r = msg_recv(CORE, &unpack_table, &m, err);

	if (r <= 0)
		return r < 0 ? r : err_set(err, ECANCELED, "canceled");
	if (m.type->number != UNPACK_PROBE && m.type->number != UNPACK_WRITE)
		return err_set(err, EBADMSG, "the message %s is no order", m.type->name);
	r = unpack_order_unpack(&m, &j->tally.limits, err);
	if (r < 0)
		return r;
	j->write = m.type->number == UNPACK_WRITE;
	if (j->write)
		j->dest = TAKE_FD(m.fds[next]);
	next += j->write;
	j->meta = TAKE_FD(m.fds[next]);
	if (++next < m.n_fds)
		j->rootfs = TAKE_FD(m.fds[next]);
	if (fstat(j->meta, &st) < 0)
		return err_set(err, errno, "the image can't be looked at: %s", strerror(errno));
	j->tally.packed = (uint64_t)st.st_size;
	if (j->rootfs >= 0 && !fstat(j->rootfs, &st))
		j->tally.packed += (uint64_t)st.st_size;
	return 0;
}

int main(void)
{
	AUTO(err_done) struct err err = ERR_NULL;
	struct job j = {.meta = -EBADF, .rootfs = -EBADF, .dest = -EBADF, .writer = WRITER_NULL};
	struct cage cage = CAGE_NULL;
	bool meta_squashfs, rootfs_squashfs;
	pid_t pid;
	int r;

	if (fcntl(CORE, F_SETFD, FD_CLOEXEC) < 0 || spawn_detach() < 0)
		return 1;
	/* names in pax headers are UTF-8 and shall stay so */
	setlocale(LC_CTYPE, "C.UTF-8");
	r = take_order(&j, &err);
	if (r < 0) {
		answer(UNPACK_FAILED, &j, &err);
		return 1;
	}
	meta_squashfs = squashfs_is(j.meta);
	rootfs_squashfs = j.rootfs >= 0 && squashfs_is(j.rootfs);
	r = cage_prepare(&cage, j.dest, rootfs_squashfs ? j.rootfs : meta_squashfs ? j.meta : -EBADF, &err);
	if (!r) {
		pid = sys_clone3(CAGE_SPACES, NULL);
		if (pid == 0)
			live_caged(&j, &cage, meta_squashfs, rootfs_squashfs);
		if (pid < 0)
			r = err_set(&err, -pid, "the unpack helper can't have namespaces of its own: %s",
				    strerror(-pid));
	}
	if (r < 0)
		answer(UNPACK_FAILED, &j, &err);
	return r < 0;
}
