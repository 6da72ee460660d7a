/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of a TLS connection: to the one server whose certificate it knows. */
#pragma once

#include "certs/cert.h"

#include <openssl/ssl.h>

struct dialer; /* the client's own pair, read once */

/** dialer_new() - @cert, @key: PEM. Return: 0; -EINVAL */
int dialer_new(struct str cert, struct str key, struct dialer **ret, struct err *err);
void dialer_free(struct dialer *d);
DEFINE_AUTO(struct dialer *, dialer_free);

/**
 * dial() - connect and shake hands
 * @host, @port: name or address
 * @fingerprint: of the server's certificate; "": any, for a first time. The client's own certificate isn't
 * shown to another one
 * @ret_seen:    what it is
 *
 * Return: 0, with the connection, which the caller frees and closes; -EKEYREJECTED another certificate than
 * @fingerprint, @ret_seen is filled; -EPROTO no TLS 1.3 is spoken there; -ECONNREFUSED, -ETIMEDOUT, ...
 */
int dial(const struct dialer *d, const char *host, const char *port, const char *fingerprint, int timeout_ms,
	 SSL **ret_ssl, int *ret_fd, char ret_seen[CERT_FINGERPRINT_LEN + 1], struct err *err);
