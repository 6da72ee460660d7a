/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of a proxy's two ends, made by its helper. */
#pragma once

#include "engine/device/proxy-order.h"

/** proxy_listen() - a listening socket (of udp a bound one) of the @i-th port, in the network namespace that
 * the caller is in; of a unix socket made below @root, given to the order's owner. One that nobody listens at
 * is replaced. Return: descriptor, or a failure */
int proxy_listen(const struct proxy_end *end, size_t i, int root, const struct proxy_order *o,
		 struct err *err);
/** proxy_connect() - begin to connect to the @i-th port; of udp only the address is set. Return: descriptor,
 * whose connection may be still under way, or -errno */
int proxy_connect(const struct proxy_end *end, size_t i, int root);
/** proxy_unlink() - remove a unix socket's file below @root; what isn't a socket, or isn't there, stays */
void proxy_unlink(const struct proxy_end *end, int root);
