/* SPDX-License-Identifier: Apache-2.0 */
/* lxdfs-9p: serves one client the mounted tree by plain system calls, as the user that its certificate stands
 * for and within its view. What a bug here gives an attacker is what the certificate has anyway.
 *
 * It ends with its client, and with the core: nobody could take its rights back then. */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/spawn.h"
#include "engine/base/thread.h"
#include "fs/9p/orders.h"
#include "fs/9p/session.h"
#include "fs/9p/view.h"

#define CORE 3
#define WATCH_STACK ((size_t)64 * 1024)

struct orders {
	struct view view;
	char *mount;
	char **projects;
	uint32_t uid, gid, n_groups, groups[NINEP_GROUPS_MAX];
	int client;
};

static int hear(struct orders *o, struct err *err)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	struct unpack u;

	if (msg_recv(CORE, &ninep_table, &msg, err) <= 0 || msg.type->number != NINEP_SERVE)
		return -EBADMSG;
	u = (struct unpack){.ptr = msg.body, .left = msg.len};
	o->view.kind = unpack_u32(&u);
	o->uid = unpack_u32(&u);
	o->gid = unpack_u32(&u);
	o->n_groups = unpack_u32(&u);
	if (o->n_groups > NINEP_GROUPS_MAX)
		return -EBADMSG;
	for (unsigned i = 0; i < o->n_groups; i++)
		o->groups[i] = unpack_u32(&u);
	o->mount = unpack_text(&u);
	o->projects = unpack_texts(&u, NINEP_PROJECTS_MAX);
	if (!unpack_ok(&u) || !o->mount)
		return -EBADMSG;
	o->view.mount = o->mount;
	o->view.projects = (const char *const *)o->projects;
	o->client = TAKE_FD(msg.fds[0]);
	return 0;
}

static int begin(const struct orders *o, int *root, struct err *err)
{
	int r = view_enter(&o->view, root, err);

	if (!r)
		r = view_become(o->uid, o->gid, o->groups, o->n_groups, err);
	return r ? r : view_confine(err);
}

/* The core lets go of its end, or dies: so does this. */
static void *watch(void *arg)
{
	struct pollfd core = {.fd = CORE, .events = POLLIN};

	(void)arg;
	while (poll(&core, 1, -1) < 0 && errno == EINTR)
		;
	_exit(0);
}

int main(void)
{
	AUTO(buf_done) struct buf body = BUF_NULL;
	struct orders o = {.client = -EBADF};
	struct err err = ERR_NULL;
	int root = -EBADF, r;

	umask(0);
	/* many threads come and go: no heap for each */
	mallopt(M_ARENA_MAX, 1);
	if (spawn_detach() < 0)
		return 1;
	r = hear(&o, &err);
	if (!r)
		r = begin(&o, &root, &err);
	if (r < 0) {
		if (!err.errnum)
			err_set(&err, -r, "the orders of lxdfs-9p can't be read");
		pack_err(&body, &err);
		msg_send(CORE, &ninep_table, NINEP_FAILED, 0, buf_str(&body), NULL, 0);
		return 1;
	}
	pack_u32(&body, (uint32_t)getpid());
	if (thread_start(watch, NULL, WATCH_STACK) < 0 ||
	    msg_send(CORE, &ninep_table, NINEP_SERVING, 0, buf_str(&body), NULL, 0) < 0)
		return 1;
	p9_serve(o.client, root);
	/* without a farewell: threads may still wait in the kernel */
	_exit(0);
}
