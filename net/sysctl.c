/* SPDX-License-Identifier: Apache-2.0 */
/* Settings below /proc/sys/net: written, and read back. See ip-sysctl.rst of the kernel. */
#include "net/sysctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/base/str.h"

static int open_net(struct err *err)
{
	int fd = open("/proc/sys/net", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_set(err, errno, "/proc/sys/net can't be opened: %s", strerror(errno)) : fd;
}

/* setting_path(): below /proc/sys/net. Return: 0; -EINVAL something isn't a name */
static int setting_path(int family, const char *link, const char *key, char **ret, struct err *err)
{
	if (!path_is_name(str_from(link)) || !path_is_name(str_from(key)))
		return err_set(err, EINVAL, "%s of %s is no setting of a link", key, link);
	*ret = xasprintf("%s/conf/%s/%s", family == AF_INET6 ? "ipv6" : "ipv4", link, key);
	return 0;
}

static int setting_get(int net, const char *path, struct err *err)
{
	AUTO(free) char *text = NULL;
	ssize_t n = path_read(net, path, 64, &text);
	struct str s;
	int value = 0;

	if (n < 0)
		return err_set(err, (int)-n, "/proc/sys/net/%s can't be read: %s", path, strerror((int)-n));
	s = str_trim((struct str){text, (size_t)n});
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9' || value > 100000000)
			return err_set(err, ERANGE, "/proc/sys/net/%s is %.*s, which is no number from 0",
				       path, STR_FMT(s));
		value = value * 10 + (s.ptr[i] - '0');
	}
	return value;
}

static int setting_set(int net, const char *path, int value, struct err *err)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", value), got;
	int r = path_write(net, path, (struct str){text, (size_t)n});

	if (r < 0)
		return err_set(err, -r, "%d can't be written to /proc/sys/net/%s: %s", value, path,
			       strerror(-r));
	got = setting_get(net, path, err);
	if (got < 0)
		return got;
	if (got != value)
		return err_set(err, EIO, "the kernel took %d for /proc/sys/net/%s and made it %d", value,
			       path, got);
	return 0;
}

int sysctl_net_set(int family, const char *link, const char *key, int value, struct err *err)
{
	AUTO(fd) int net = open_net(err);
	AUTO(free) char *path = NULL;
	int r = net < 0 ? net : setting_path(family, link, key, &path, err);

	return r < 0 ? r : setting_set(net, path, value, err);
}

int sysctl_net_get(int family, const char *link, const char *key, struct err *err)
{
	AUTO(fd) int net = open_net(err);
	AUTO(free) char *path = NULL;
	int r = net < 0 ? net : setting_path(family, link, key, &path, err);

	return r < 0 ? r : setting_get(net, path, err);
}

/* ---- all of a link's */

/* A setting's text; "" for what is no number, and for ipv6's mtu, which follows the link's. */
static void read_number(int net, const char *path, char ret[64])
{
	AUTO(free) char *text = NULL;
	ssize_t n = path_read(net, path, 63, &text);
	struct str s = n < 0 ? STR_NULL : str_trim((struct str){text, (size_t)n});

	ret[0] = 0;
	if (s.len && strspn(s.ptr, "-0123456789") >= s.len && !strstr(path, "/mtu"))
		snprintf(ret, 64, "%.*s", STR_FMT(s));
}

void sysctl_net_dump(const char *link, struct buf *b)
{
	static const char *const protocols[] = {"ipv4", "ipv6"};
	AUTO(fd) int net = open_net(NULL);

	for (size_t i = 0; net >= 0 && path_is_name(str_from(link)) && i < ARRAY_SIZE(protocols); i++) {
		AUTO(free) char *dir = xasprintf("/proc/sys/net/%s/conf/%s", protocols[i], link);
		AUTO(closedir) DIR *d = opendir(dir);
		struct dirent *e;

		while (d && (e = readdir(d))) {
			AUTO(free) char *path = xasprintf("%s/conf/%s/%s", protocols[i], link, e->d_name);
			char value[64];

			read_number(net, path, value);
			if (value[0])
				buf_printf(b, "%s %s %s\n", protocols[i], e->d_name, value);
		}
	}
}

void sysctl_net_load(const char *link, const char *lines)
{
	AUTO(fd) int net = open_net(NULL);
	struct str rest = str_from(lines), line, protocol, key;

	while (net >= 0 && path_is_name(str_from(link)) && str_next(&rest, '\n', &line)) {
		AUTO(free) char *path = NULL;
		char now[64];

		if (!str_next(&line, ' ', &protocol) || !str_next(&line, ' ', &key) || !path_is_name(key) ||
		    !(str_is(protocol, "ipv4") || str_is(protocol, "ipv6")))
			continue;
		path = xasprintf("%.*s/conf/%s/%.*s", STR_FMT(protocol), link, STR_FMT(key));
		read_number(net, path, now);
		if (now[0] && !str_is(line, now))
			path_write(net, path, line);
	}
}

int sysctl_forward4(struct err *err)
{
	AUTO(fd) int net = open_net(err);

	if (net < 0)
		return net;
	if (setting_get(net, "ipv4/ip_forward", NULL) == 1)
		return 0;
	return setting_set(net, "ipv4/ip_forward", 1, err);
}

int sysctl_forward6(struct err *err)
{
	AUTO(fd) int net = open_net(err);
	AUTO(closedir) DIR *dir = opendir("/proc/sys/net/ipv6/conf");
	struct dirent *e;
	int r;

	if (net < 0)
		return net;
	if (!dir)
		return err_set(err, errno, "this kernel has no IPv6: /proc/sys/net/ipv6/conf: %s",
			       strerror(errno));
	while ((e = readdir(dir))) {
		AUTO(free) char *path = xasprintf("ipv6/conf/%s/accept_ra", e->d_name);

		if (e->d_name[0] == '.' || setting_get(net, path, NULL) != 1)
			continue;
		r = setting_set(net, path, 2, err);
		/* a link may go meanwhile */
		if (r < 0 && r != -ENOENT)
			return r;
		err_done(err);
	}
	if (setting_get(net, "ipv6/conf/all/forwarding", NULL) == 1)
		return 0;
	return setting_set(net, "ipv6/conf/all/forwarding", 1, err);
}

int sysctl_bridge(const char *name, bool has_ipv6, int accept_ra, struct err *err)
{
	int r;

	if (!has_ipv6) {
		r = sysctl_net_set(AF_INET6, name, "disable_ipv6", 1, err);
		/* a kernel without IPv6 is what was asked for */
		if (r == -ENOENT && access("/proc/sys/net/ipv6", F_OK) < 0) {
			err_done(err);
			return 0;
		}
		return r;
	}
	/* IPv6 last: no address is made and no advertisement believed before the rest is in force */
	r = sysctl_net_set(AF_INET6, name, "accept_ra", accept_ra, err);
	if (!r)
		r = sysctl_net_set(AF_INET6, name, "autoconf", 0, err);
	if (!r)
		r = sysctl_net_set(AF_INET6, name, "accept_dad", 0, err);
	if (!r)
		r = sysctl_net_set(AF_INET6, name, "disable_ipv6", 0, err);
	return r;
}
