/* SPDX-License-Identifier: Apache-2.0 */
/* Raw rtnetlink: build a message, send it, get the kernel's answer as a sentence. Each call has a socket of
 * its own, so any number of threads may call at once. Only the files of net/ include this. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

/* As netns_fd: the caller's own network namespace. */
#define NETNS_OWN (-1)

/* A request that is being built; zero-initialise, nl_query() frees. */
struct nl_msg {
	struct buf buf;
};

/**
 * nl_begin() - header and the family's fixed part
 * @type:  RTM_NEWLINK, ...
 * @flags: NLM_F_CREATE, ...; NLM_F_REQUEST and NLM_F_ACK are added
 * @fixed: struct ifinfomsg, ifaddrmsg, rtmsg, ...
 */
void nl_begin(struct nl_msg *m, uint16_t type, uint16_t flags, const void *fixed, size_t len);
/** nl_put() - one attribute */
void nl_put(struct nl_msg *m, uint16_t type, const void *data, size_t len);
void nl_put_u8(struct nl_msg *m, uint16_t type, uint8_t v);
void nl_put_u32(struct nl_msg *m, uint16_t type, uint32_t v);
void nl_put_text(struct nl_msg *m, uint16_t type, const char *text);
/** nl_nest() - begin an attribute that holds attributes. Return: its place, for nl_nest_end() */
size_t nl_nest(struct nl_msg *m, uint16_t type);
void nl_nest_end(struct nl_msg *m, size_t place);
/** nl_add() - raw bytes inside a nest (the ifinfomsg of a veth's peer) */
void nl_add(struct nl_msg *m, const void *data, size_t len);

/**
 * nl_request() - send and wait for the acknowledgement; @m is freed whatever happens
 * @netns_fd: the namespace to talk to, NETNS_OWN for the caller's
 * @err:      says the kernel's own words (extended ACK) where it gave any
 */
int nl_request(struct nl_msg *m, int netns_fd, struct err *err);

/* Called for each message of an answer; a negative value ends the walk and is returned. */
typedef int nl_visit_fn(const struct nlmsghdr *h, void *arg, struct err *err);

/**
 * nl_query() - send, and give each message of the answer to @visit; @m is freed whatever happens
 *
 * A dump (NLM_F_DUMP) that the kernel calls inconsistent is not asked again: -EINTR, call anew.
 */
int nl_query(struct nl_msg *m, int netns_fd, nl_visit_fn *visit, void *arg, struct err *err);

/**
 * nl_attrs() - index attributes by type
 * @first: behind the fixed part (IFLA_RTA() and its kind)
 * @len:   bytes there
 * @ret:   @max + 1 pointers; types that are missing or above @max are NULL or left out
 */
void nl_attrs(const struct rtattr *first, size_t len, const struct rtattr **ret, unsigned max);

/** nl_u32() - an attribute's value, 0 where it is missing or too short */
uint32_t nl_u32(const struct rtattr *a);
