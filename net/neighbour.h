/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses on a link that the host answers for, and the question whether somebody else does. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/ip.h"

#include <stdbool.h>
#include <stddef.h>

/** neighbour_proxy() - the host answers ARP or neighbour solicitations for @ip on that link, or no longer;
 * what is so already is no failure. Return: 0; -ENODEV */
int neighbour_proxy(const char *link, const struct ip *ip, bool on, struct err *err);

/**
 * neighbour_proxy_only() - no entry of ours for these addresses on another link than that
 * @but: where they may be; NULL: nowhere
 *
 * A core that died in the middle of a change may have left them on a link that nobody knows of any more.
 * Others' entries stay: ours bear a protocol of their own. Return: 0 or a failure
 */
int neighbour_proxy_only(const char *but, const struct ip *ips, size_t n, struct err *err);

/**
 * neighbour_probe() - ask on a link who has these addresses, and wait half a second for answers
 *
 * Return: 0 nobody; -EADDRINUSE err names the first that answered and its MAC; -ENODEV; -ENETDOWN
 */
int neighbour_probe(const char *link, const struct ip *ips, size_t n, struct err *err);
