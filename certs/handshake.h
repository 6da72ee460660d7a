/* SPDX-License-Identifier: Apache-2.0 */
/* The server's side of a TLS handshake, by a process that holds no key: it asks for the one signature, and
 * tells what the client showed. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/str.h"

#include <openssl/ssl.h>

/**
 * handshake_context() - what all connections of a listener share
 * @cert: the server's, PEM; a chain may follow it
 *
 * TLS 1.3 alone, no tickets, no early data, no resumption: each handshake is a whole one, and each shows the
 * client's certificate. Return: 0; -EINVAL
 */
int handshake_context(struct str cert, SSL_CTX **ret, struct err *err);

/**
 * handshake_run() - with the client on @tls and the core on @core (orders.h)
 * @ret_ssl:   established; SSL_free()
 * @ret_plain: the stream that the core gave for it
 *
 * Waits @timeout_ms for the client and as long for the core. Return: 0; -errno: it wasn't let in
 */
int handshake_run(SSL_CTX *ctx, int tls, int core, int timeout_ms, SSL **ret_ssl, int *ret_plain);
