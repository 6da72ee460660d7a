/* SPDX-License-Identifier: Apache-2.0 */
/* Settings below /proc/sys/net, of the caller's network namespace, each read back after it was written. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"

#include <stdbool.h>

/**
 * sysctl_net_set() - write net.ipv4.conf.LINK.KEY or net.ipv6.conf.LINK.KEY
 * @family: AF_INET, AF_INET6
 * @link:   name of a link, "all" or "default"
 * @key:    "forwarding", "disable_ipv6", "accept_ra", ...
 *
 * Return: 0; -ENOENT no such link or key; -EIO it was written, but the kernel kept another value
 */
int sysctl_net_set(int family, const char *link, const char *key, int value, struct err *err);
/** sysctl_net_get() - Return: the value, 0 or more; negative errno */
int sysctl_net_get(int family, const char *link, const char *key, struct err *err);

/** sysctl_net_dump() - all numbers of net.ipv4.conf.LINK and net.ipv6.conf.LINK, "ipv4 KEY VALUE" a line, for
 * sysctl_net_load(): that writes those which differ now, as far as the kernel takes them */
void sysctl_net_dump(const char *link, struct buf *b);
void sysctl_net_load(const char *link, const char *lines);

/** sysctl_forward4() - the host forwards IPv4; never switched off again, others may need it */
int sysctl_forward4(struct err *err);
/** sysctl_forward6() - the host forwards IPv6; links with accept_ra=1 get 2 first, or it would lose its own
 * address that way */
int sysctl_forward6(struct err *err);

/**
 * sysctl_bridge() - IPv6 settings of a managed bridge
 * @has_ipv6:  disable_ipv6=0, autoconf=0, accept_dad=0; else disable_ipv6=1
 * @accept_ra: 0: instances can't advertise to the host (our default), 1, or 2 as LXD has it
 */
int sysctl_bridge(const char *name, bool has_ipv6, int accept_ra, struct err *err);
