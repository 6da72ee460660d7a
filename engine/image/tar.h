/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a tarball: checks every entry, and writes what belongs to the image. For lxdfs-unpack alone. */
#pragma once

#include "engine/base/err.h"
#include "engine/image/entry.h"
#include "engine/image/seen.h"
#include "engine/image/tally.h"
#include "engine/image/writer.h"

#include <stdbool.h>
#include <stddef.h>

struct tar_reader {
	int fd; /* read with pread(2) from its beginning */
	enum entry_source source;
	struct writer *writer; /* NULL: only check */
	struct tally *tally;
	int core; /* socket; once nobody is at its other end, there is no use to go on */

	/* found: */
	struct seen seen;
	bool has_rootfs;
	bool
	    looks_like_root; /* for an archive without metadata.yaml: has directories of a root file system */
	char *yaml;	     /* content of metadata.yaml */
	size_t yaml_len;
};

/**
 * tar_read() - through the whole archive
 *
 * Return: 0; -EINVAL no tarball, or an entry that isn't taken; -EBADMSG damaged; -EFBIG beyond a limit;
 * -ECANCELED the core is gone; what the writer says
 */
int tar_read(struct tar_reader *t, struct err *err);

void tar_reader_done(struct tar_reader *t);

static inline void tar_reader_done_auto(struct tar_reader *t)
{
	tar_reader_done(t);
}
