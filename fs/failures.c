/* SPDX-License-Identifier: Apache-2.0 */
/* The last failure of each user and session, for /lxd/error. */
#include <fcntl.h>
#include <stdio.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "fs/state.h"

#define FAILURES 256

struct failure {
	uid_t uid;
	pid_t session;
	uint64_t number; /* 0: free; the highest is the newest */
	uint64_t when;
	char *text;
};

struct failures {
	pthread_mutex_t lock;
	uint64_t number;
	struct failure list[FAILURES];
};

struct failures *failures_new(void)
{
	struct failures *f = xcalloc(1, sizeof(*f));

	pthread_mutex_init(&f->lock, NULL);
	return f;
}

void failures_free(struct failures *f)
{
	for (size_t i = 0; f && i < FAILURES; i++)
		free(f->list[i].text);
	free(f);
}

/* proc(5): pid (comm) state ppid pgrp session; comm may hold anything. */
static pid_t session_of(pid_t pid)
{
	AUTO(free) char *path = xasprintf("/proc/%d/stat", pid), *text = NULL;
	const char *end;
	int session = 0;

	if (pid <= 0 || path_read(AT_FDCWD, path, 4096, &text) < 0)
		return 0;
	end = strrchr(text, ')');
	if (!end || sscanf(end + 1, " %*c %*d %*d %d", &session) != 1)
		return 0;
	return session;
}

void failures_note(struct failures *f, uid_t uid, pid_t pid, const char *text)
{
	pid_t session = session_of(pid);
	struct failure *to = &f->list[0];

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < FAILURES; i++) {
		struct failure *x = &f->list[i];

		if (x->number && x->uid == uid && x->session == session) {
			to = x;
			break;
		}
		if (x->number < to->number)
			to = x;
	}
	free(to->text);
	*to = (struct failure){uid, session, ++f->number, now_ns(), xasprintf("%s\n", text)};
	pthread_mutex_unlock(&f->lock);
}

uint64_t failures_read(struct failures *f, uid_t uid, pid_t pid, struct buf *b)
{
	pid_t session = session_of(pid);
	const struct failure *own = NULL, *newest = NULL;
	uint64_t when;

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < FAILURES; i++) {
		const struct failure *x = &f->list[i];

		if (!x->number || x->uid != uid)
			continue;
		if (x->session == session)
			own = x;
		if (!newest || x->number > newest->number)
			newest = x;
	}
	own = own ? own : newest;
	if (own)
		buf_adds(b, own->text);
	when = own ? own->when : 0;
	pthread_mutex_unlock(&f->lock);
	return when;
}
