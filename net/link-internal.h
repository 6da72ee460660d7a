/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that implement net/link.h share. */
#pragma once

#include "net/link.h"
#include "net/netlink.h"

/** link_begin() - a message about the link of that name: ifinfomsg and IFLA_IFNAME. Return: 0; -ENODEV no
 * link can have it */
int link_begin(struct nl_msg *m, uint16_t type, const char *name, struct err *err);
/** link_check_name() - Return: 0; -EINVAL no name for a link of ours */
int link_check_name(const char *name, struct err *err);
/** link_begin_new() - likewise, to make it. Return: as link_check_name() */
int link_begin_new(struct nl_msg *m, const char *name, struct err *err);
/** link_query() - the kernel's message about one link. Return: 0; -ENODEV; what @visit returned */
int link_query(int netns_fd, const char *name, nl_visit_fn *visit, void *arg, struct err *err);
/** link_index() - Return: more than 0; -ENODEV no such link */
int link_index(int netns_fd, const char *name, struct err *err);
/** link_attrs() - attributes of an RTM_NEWLINK and of its IFLA_LINKINFO. Return: its fixed part; NULL: it is
 * something else */
const struct ifinfomsg *link_attrs(const struct nlmsghdr *h, const struct rtattr *attrs[IFLA_MAX + 1],
				   const struct rtattr *info[IFLA_INFO_MAX + 1]);
/** nl_text_is() - an attribute's text equals @text */
bool nl_text_is(const struct rtattr *a, const char *text);
