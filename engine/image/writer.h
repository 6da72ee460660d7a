/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the files of an archive in a directory, through no symbolic link. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/str.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* What an entry says of itself, besides its content. */
struct file_facts {
	mode_t mode; /* permission and set-ID bits */
	uid_t uid;
	gid_t gid;
	struct timespec mtime;
	struct str caps; /* security.capability, empty for none */
};

/* Zero-initialise with dest set; writer_done() frees. */
struct writer {
	int dest;     /* everything goes below it */
	char *parent; /* of the last entry, and its descriptor */
	int parent_fd;
	struct dir_time *dirs; /* directories change while files are put in: their times are set at the end */
	size_t n_dirs;
};

#define WRITER_NULL ((struct writer){.dest = -EBADF, .parent_fd = -EBADF})

/* Each takes a path of entry_path(), makes the directories above it where they are missing, puts a file in
 * the place of another one, and returns 0 or -errno with a sentence. */

int writer_dir(struct writer *w, const char *path, const struct file_facts *f, struct err *err);
int writer_symlink(struct writer *w, const char *path, const char *target, const struct file_facts *f,
		   struct err *err);
int writer_link(struct writer *w, const char *path, const char *existing, struct err *err);
/** writer_open() - an empty file. Its content goes to *@ret, then writer_close() gives it owner, mode and
 * times */
int writer_open(struct writer *w, const char *path, int *ret, struct err *err);
/** writer_close() - @size: also where the file ends with a hole; -1: as it is. Takes @fd */
int writer_close(int fd, const char *path, off_t size, const struct file_facts *f, struct err *err);
/** writer_xattr() - one extended attribute of a file or directory */
int writer_xattr(struct writer *w, const char *path, const char *name, struct str value, struct err *err);
/** writer_finish() - the times of directories */
int writer_finish(struct writer *w, struct err *err);
void writer_done(struct writer *w);
