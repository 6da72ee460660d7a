/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the daemon's processes, and the socket where the keeper hears `lxdfsd --stop`. */
#include "fs/control.h"

#include <errno.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/base/auto.h"

static const struct msg_type link_types[] = {
    {LINK_READY, "ready", 0, 0, 0, 0},
    {LINK_FAILED, "failed", 8, MSG_MAX_BODY, 0, 0},
    {LINK_STOP, "stop", 4, 4, 0, 0},
    {LINK_STOPPED, "stopped", 0, 0, 0, 0},
    {LINK_STAYS, "stays", 8, MSG_MAX_BODY, 0, 0},
};
const struct msg_table link_table = {"core's link", link_types, ARRAY_SIZE(link_types)};

static const struct msg_type control_types[] = {
    {CONTROL_STOP, "stop", 4, 4, 0, 0},
    {CONTROL_DONE, "done", 0, 0, 0, 0},
    {CONTROL_FAILED, "failed", 8, MSG_MAX_BODY, 0, 0},
    {CONTROL_ORPHANED, "orphaned", 0, 0, 0, 0},
};
const struct msg_table control_table = {"control socket", control_types, ARRAY_SIZE(control_types)};

static int address(const char *run, struct sockaddr_un *ret, struct err *err)
{
	int n;

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/control", run);
	if (n < 0 || (size_t)n >= sizeof(ret->sun_path))
		return err_set(err, ENAMETOOLONG, "%s is too long for a directory of sockets", run);
	return 0;
}

int control_listen(const char *run, struct err *err)
{
	AUTO(fd) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr;
	int r = address(run, &addr, err);

	if (r < 0)
		return r;
	if (fd < 0 || (unlink(addr.sun_path) < 0 && errno != ENOENT) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || chmod(addr.sun_path, 0600) < 0 ||
	    listen(fd, 8) < 0)
		return err_set(err, errno, "nobody can listen at %s: %s", addr.sun_path, strerror(errno));
	return TAKE_FD(fd);
}

int control_connect(const char *run, int *ret_pidfd, struct err *err)
{
	AUTO(fd) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int r = address(run, &addr, err);

	if (r < 0)
		return r;
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return errno == ENOENT || errno == ECONNREFUSED
			   ? -ENOENT
			   : err_set(err, errno, "the daemon can't be reached at %s: %s", addr.sun_path,
				     strerror(errno));
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
	    (*ret_pidfd = pidfd_open(cred.pid, 0)) < 0)
		return errno == ESRCH ? -ENOENT
				      : err_set(err, errno, "no view of the daemon's process %d: %s",
						cred.pid, strerror(errno));
	return TAKE_FD(fd);
}

int control_say(int fd, const struct msg_table *table, uint32_t number, const struct err *failure)
{
	AUTO(buf_done) struct buf body = BUF_NULL;

	if (failure)
		pack_err(&body, failure);
	return msg_send(fd, table, number, 0, buf_str(&body), NULL, 0);
}

int control_say_flag(int fd, const struct msg_table *table, uint32_t number, bool flag)
{
	AUTO(buf_done) struct buf body = BUF_NULL;

	pack_u32(&body, flag);
	return msg_send(fd, table, number, 0, buf_str(&body), NULL, 0);
}

bool control_flag(const struct msg *m)
{
	struct unpack u = {m->body, m->len, false};

	return unpack_u32(&u) == 1;
}

int control_failure(const struct msg *m, struct err *err)
{
	struct unpack u = {m->body, m->len, false};

	return unpack_err(&u, err);
}
