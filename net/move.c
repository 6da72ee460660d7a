/* SPDX-License-Identifier: Apache-2.0 */
/* Links that go to another network namespace, or get another name. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "engine/base/auto.h"
#include "net/link-internal.h"
#include "net/link.h"
#include "net/netlink.h"

static void begin_at(struct nl_msg *m, int index)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = index};

	nl_begin(m, RTM_NEWLINK, 0, &info, sizeof(info));
}

int link_rename(int netns_fd, int index, const char *name, struct err *err)
{
	struct nl_msg m = {0};
	int r = link_check_name(name, err);

	if (r < 0)
		return r;
	begin_at(&m, index);
	nl_put_text(&m, IFLA_IFNAME, name);
	r = nl_request(&m, netns_fd, err);
	if (r == -EEXIST)
		return err_set(err, EEXIST, "there is a link %s already", name);
	if (r < 0)
		err_prefix(err, "a link can't be renamed to %s: ", name);
	return r;
}

/* An open descriptor of the namespace that @netns_fd means. */
static int open_end(int netns_fd, int *ret_own, struct err *err)
{
	if (netns_fd != NETNS_OWN)
		return netns_fd;
	*ret_own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return *ret_own < 0
		   ? err_set(err, errno, "the network namespace can't be opened: %s", strerror(errno))
		   : *ret_own;
}

static int ask(int from_fd, int index, int to_fd, const char *name, int new_index, struct err *err)
{
	struct nl_msg m = {0};

	begin_at(&m, index);
	nl_put_u32(&m, IFLA_NET_NS_FD, (uint32_t)to_fd);
	nl_put_text(&m, IFLA_IFNAME, name);
	if (new_index)
		nl_put_u32(&m, IFLA_NEW_IFINDEX, (uint32_t)new_index);
	return nl_request(&m, from_fd, err);
}

int link_move(int from_fd, int index, int to_fd, const char *name, int new_index, struct err *err)
{
	AUTO(fd) int own = -EBADF;
	int from, to, r = link_check_name(name, err);
	struct link_info there;

	if (r < 0)
		return r;
	from = open_end(from_fd, &own, err);
	to = from < 0 ? from : open_end(to_fd, &own, err);
	if (to < 0)
		return to;
	/* asked first: the kernel moves it, then gives it the name, and may fail at the second */
	if (link_get(to, name, &there, NULL) == 0)
		return err_set(err, EEXIST, "there is a link %s already where it is to go", name);
	r = ask(from, index, to, name, new_index, err);
	/* somebody took the name meanwhile */
	if (r == -EEXIST && new_index && link_get_at(to, new_index, &there, NULL) == 0)
		ask(to, new_index, from, there.name, index, NULL);
	return r;
}
