/* SPDX-License-Identifier: Apache-2.0 */
/* The client's mount on a host whose kernel has no 9P: FUSE, which asks the server for everything, each time.
 */
#pragma once

#include "engine/base/err.h"
#include "fs/9p/client.h"

struct mirror_options {
	const char *source; /* host:/path, as mount(8) shows it */
	const char *where;
	const char *aname; /* path in the server's view */
	uint32_t msize;
	bool allow_other, read_only;
	/* Stated as the owner of everything, where it isn't -1. */
	int64_t uid, gid;
	/** a new stream to the server, after the last has ended; NULL: what has ended stays so */
	int (*reconnect)(void *arg);
	void *arg;
};

struct mirror;
/** mirror_new() - attach and mount. @stream is taken over. Return: 0 or -errno */
int mirror_new(const struct mirror_options *o, int stream, struct mirror **ret, struct err *err);
/** mirror_run() - until it is unmounted. Return: 0 or -errno */
int mirror_run(struct mirror *m);
void mirror_free(struct mirror *m);
