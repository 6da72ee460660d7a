/* SPDX-License-Identifier: Apache-2.0 */
/* Free private networks for new bridges. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/ip.h"

#include <stddef.h>

/**
 * subnet_free4() - a random 10.x.y.1/24 that overlaps no address or route of this host
 * @taken:   more networks to keep clear of (configured, but not up); may be NULL
 * @n_taken: their number
 * @ret:     the bridge's address, .1 of the network
 *
 * Return: 0; -EADDRINUSE every try was taken
 */
int subnet_free4(const struct ip_net *taken, size_t n_taken, struct ip_net *ret, struct err *err);

/** subnet_free6() - a random fd42:xxxx:xxxx:xxxx::1/64 (RFC 4193), likewise */
int subnet_free6(const struct ip_net *taken, size_t n_taken, struct ip_net *ret, struct err *err);

/**
 * subnet_check() - a network that somebody chose overlaps nothing of this host
 *
 * Return: 0; -EADDRINUSE, err names what it overlaps
 */
int subnet_check(const struct ip_net *net, const struct ip_net *taken, size_t n_taken, struct err *err);
