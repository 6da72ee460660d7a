/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of mount.lxdfs, as mount(8) calls it. */
#pragma once

#include "engine/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct mount_options {
	char *source;		  /* as given: HOST[:PORT]:/PATH */
	char *host, *port, *path; /* path: in the server's view, "" is its root */
	char *where;
	char *cert, *key; /* files; NULL: those of the client's directory */
	char *token;
	char *fingerprint; /* NULL: as pinned */
	uint32_t msize;
	int64_t uid, gid; /* -1: as the server says */
	bool fake, verbose, sloppy, read_only, reconnect, allow_other;
	enum { MOUNT_ANY, MOUNT_V9FS, MOUNT_FUSE } way;
};

#define MOUNT_OPTIONS_NULL ((struct mount_options){.msize = 131072 + 24, .uid = -1, .gid = -1})

/** mount_options_parse() - Return: 0; -EINVAL with a sentence: exit status 1 of mount(8) */
int mount_options_parse(int argc, char **argv, struct mount_options *ret, struct err *err);
void mount_options_done(struct mount_options *o);
