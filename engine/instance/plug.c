/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts that come and go while a container runs: orders to lxdfs-mount, one process each. */
#include "engine/instance/container.h"

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"
#include "engine/instance/wire.h"

#define ANSWER_MS 30000 /* the helper itself gives up earlier */

/* Return: what the answer holds, or a failure */
static int await_answer(int sock, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_NULL;
	int r = sys_poll_in(sock, -1, sys_deadline(ANSWER_MS));
	struct unpack u;

	r = r <= 0 ? r : msg_recv(sock, &mount_table, &m, err);
	if (r == 0)
		return err_set(
		    err, ETIMEDOUT,
		    "lxdfs-mount didn't come to an end: a file system in the container doesn't answer");
	if (r < 0)
		return r;
	u = (struct unpack){m.body, m.len, false};
	if (m.type->number == MOUNT_FAILED)
		return unpack_err(&u, err);
	return m.type->number == MOUNT_DONE
		   ? (int)unpack_u32(&u)
		   : err_set(err, EBADMSG, "lxdfs-mount said %s out of turn", m.type->name);
}

/* With the namespaces, and with @source where there is one. */
static int order(const struct container_env *env, struct container *c, uint32_t number, struct str body,
		 int source, struct err *err)
{
	AUTO(fd) int mounts = container_ns(c, "mnt"), users = -EBADF, sock = -EBADF;
	AUTO(buf_done) struct buf head = BUF_NULL;
	int fds[3], r;
	unsigned n = 0;
	bool privileged = false;

	r = mounts < 0 ? mounts : container_is_privileged(c, &privileged);
	if (r >= 0 && !privileged)
		r = users = container_ns(c, "user");
	if (r < 0)
		return err_set(err, ESRCH, "the container has ended");
	fds[n++] = mounts;
	if (users >= 0)
		fds[n++] = users;
	if (source >= 0)
		fds[n++] = source;
	r = spawn_helper(env->libexec, "lxdfs-mount", NULL, &sock, err);
	if (r < 0)
		return r;
	pack_u32(&head, WIRE_ORDER);
	pack_u32(&head, users >= 0);
	buf_add(&head, body.ptr, body.len);
	r = msg_send(sock, &mount_table, number, 0, buf_str(&head), fds, n);
	return r < 0 ? err_set(err, -r, "lxdfs-mount takes no order: %s", strerror(-r))
		     : await_answer(sock, err);
}

int container_mount(const struct container_env *env, struct container *c, const struct container_mount *m,
		    struct err *err)
{
	AUTO(buf_done) struct buf body = BUF_NULL;
	int r;

	pack_text(&body, env->rundir);
	pack_mount(&body, m);
	r = order(env, c, MOUNT_ADD, buf_str(&body), m->source || m->node ? -EBADF : m->source_fd, err);
	return r < 0 ? r : 0;
}

int container_unmount(const struct container_env *env, struct container *c, const char *target,
		      const struct mount_id *id, struct err *err)
{
	AUTO(buf_done) struct buf body = BUF_NULL;

	pack_text(&body, target);
	pack_mount_id(&body, id);
	return order(env, c, MOUNT_REMOVE, buf_str(&body), -EBADF, err);
}
