/* SPDX-License-Identifier: Apache-2.0 */
/* The core's side of lxdfs-intercept: starts it and waits until it serves. Its life hangs on the monitor. */
#include "engine/instance/intercept.h"

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/fd.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"
#include "engine/instance/wire.h"

#define SERVES_MS 20000 /* a loaded host; the one before ends what it has begun */

static int send_order(const struct intercept_spec *s, struct container *c, int sock, int monitor,
		      struct err *err)
{
	struct cgroup *cg = container_cgroup(c);
	const char *groups[64] = {NULL};
	struct intercept_order o = {
	    .what = s->what,
	    .allowed = (char **)s->allowed,
	    .fuse = (char **)s->fuse,
	    .groups = (char **)groups,
	    .shift = s->shift,
	    .has_filter = s->filter >= 0,
	    .rtprio = s->rtprio,
	    .caps_drop = s->caps_drop,
	    .profile = (char *)s->profile,
	    .context = (char *)s->context,
	    .cgroup_root = (char *)cgroup_root_name(cg),
	    .uuid = (char *)container_uuid(c),
	};
	AUTO(buf_done) struct buf body = BUF_NULL;
	AUTO(fd) int order = -EBADF;
	int fds[4], r;

	for (size_t i = 0; i + 1 < ARRAY_SIZE(groups) && cgroup_procs_path(cg, i); i++)
		groups[i] = cgroup_procs_path(cg, i);
	intercept_order_pack(&body, &o);
	order = fd_sealed("order", buf_str(&body));
	if (order < 0)
		return err_set(err, -order, "no memory for the order: %s", strerror(-order));
	fds[0] = order;
	fds[1] = monitor;
	fds[2] = container_pidfd(c);
	fds[3] = s->filter;
	r = msg_send(sock, &intercept_table, INTERCEPT_START, 0, STR_NULL, fds, s->filter >= 0 ? 4 : 3);
	return r < 0 ? err_set(err, -r, "lxdfs-intercept takes no order: %s", strerror(-r)) : 0;
}

static int await_service(int sock, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_NULL;
	int r = sys_poll_in(sock, -1, sys_deadline(SERVES_MS));
	struct unpack u;

	if (r == 0)
		return err_set(err, ETIMEDOUT, "lxdfs-intercept doesn't serve in time");
	r = r < 0 ? r : msg_recv(sock, &intercept_table, &m, err);
	if (r == 0)
		return err_set(err, EIO, "lxdfs-intercept died at its start");
	if (r < 0)
		return r;
	u = (struct unpack){m.body, m.len, false};
	if (m.type->number == INTERCEPT_FAILED)
		return unpack_err(&u, err);
	return m.type->number == INTERCEPT_SERVES
		   ? 0
		   : err_set(err, EBADMSG, "lxdfs-intercept said %s out of turn", m.type->name);
}

int intercept_start(const struct container_env *env, struct container *c, const struct intercept_spec *spec,
		    struct err *err)
{
	AUTO(fd) int monitor = container_connect(env, container_uuid(c), err), sock = -EBADF;
	int r = monitor < 0 ? monitor : spawn_helper(env->libexec, "lxdfs-intercept", NULL, &sock, err);

	if (!r)
		r = send_order(spec, c, sock, monitor, err);
	if (monitor >= 0)
		close(TAKE_FD(monitor));
	return r < 0 ? r : await_service(sock, err);
}
