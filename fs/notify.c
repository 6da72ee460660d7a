/* SPDX-License-Identifier: Apache-2.0 */
/* Telling the kernel what changed. Attributes alone it drops at once, without a lock, so that whoever looks
 * after a write's end sees what is. All else may have to wait, which this process must not: lxdfs-notify does
 * it. */
#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/log.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"
#include "engine/bin/notify.h"
#include "fs/state.h"

#define LEAVE_MS 2000

struct notifier {
	pthread_mutex_t lock; /* of the socket; a leaf */
	const char *mount, *libexec;
	struct fuse_session *se;
	int helper; /* its socket; -EBADF: none runs */
	atomic_bool is_started;
};

struct notifier *notifier_new(const char *mount, const char *libexec)
{
	struct notifier *n = xcalloc(1, sizeof(*n));

	pthread_mutex_init(&n->lock, NULL);
	n->mount = mount;
	n->libexec = libexec;
	n->helper = -EBADF;
	return n;
}

/* The lock is held, or nobody else is there yet. */
static int start_helper(struct notifier *n, struct err *err)
{
	AUTO(fd) int keeper = pidfd_open(getppid(), 0);
	AUTO(buf_done) struct buf b = BUF_NULL;
	int fds[] = {fuse_session_fd(n->se), keeper}, r;

	if (keeper < 0)
		return err_set(err, errno, "no descriptor of the keeper: %s", strerror(errno));
	r = spawn_helper(n->libexec, "lxdfs-notify", NULL, &n->helper, err);
	if (r < 0)
		return r;
	pack_text(&b, n->mount);
	r = msg_send(n->helper, &notify_table, NOTIFY_BEGIN, 0, buf_str(&b), fds, ARRAY_SIZE(fds));
	if (r == 0)
		return 0;
	close(TAKE_FD(n->helper));
	return err_set(err, -r, "lxdfs-notify ended as soon as it was started");
}

int notifier_start(struct notifier *n, struct fuse_session *se, struct err *err)
{
	int r;

	n->se = se;
	r = start_helper(n, err);
	n->is_started = !r;
	return r;
}

/* When it is gone its end of the socket is. */
void notifier_stop(struct notifier *n)
{
	char end;

	n->is_started = false;
	pthread_mutex_lock(&n->lock);
	if (n->helper >= 0) {
		shutdown(n->helper, SHUT_WR);
		if (sys_poll_in(n->helper, -1, sys_deadline(LEAVE_MS)) > 0)
			(void)!read(n->helper, &end, 1);
		close(TAKE_FD(n->helper));
	}
	pthread_mutex_unlock(&n->lock);
}

void notifier_free(struct notifier *n)
{
	if (!n)
		return;
	pthread_mutex_destroy(&n->lock);
	free(n);
}

/* A helper that somebody killed is started again. */
static void say(struct notifier *n, uint32_t number, const struct buf *b)
{
	AUTO(err_done) struct err err = ERR_NULL;
	int r = -EPIPE;

	pthread_mutex_lock(&n->lock);
	if (n->is_started) {
		if (n->helper >= 0)
			r = msg_send(n->helper, &notify_table, number, 0, buf_str(b), NULL, 0);
		if (r == -EPIPE || r == -ECONNRESET) {
			if (n->helper >= 0)
				close(TAKE_FD(n->helper));
			if (start_helper(n, &err) < 0)
				log_err("the kernel isn't told what changed: %s", err_text(&err));
			else
				msg_send(n->helper, &notify_table, number, 0, buf_str(b), NULL, 0);
		}
	}
	pthread_mutex_unlock(&n->lock);
}

void notify_inode(struct notifier *n, uint64_t id)
{
	/* a negative offset: no pages, which are never kept (direct_io) */
	if (n->is_started)
		fuse_lowlevel_notify_inval_inode(n->se, (fuse_ino_t)id, -1, 0);
}

void notify_entry(struct notifier *n, uint64_t dir, const char *name)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	pack_u64(&b, dir);
	pack_text(&b, name);
	say(n, NOTIFY_ENTRY, &b);
}

void notify_echo(struct notifier *n, const char *path)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	pack_text(&b, path);
	say(n, NOTIFY_ECHO, &b);
}
