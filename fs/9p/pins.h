/* SPDX-License-Identifier: Apache-2.0 */
/* What a client keeps: its own certificate and key, and which certificate each server had. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"

/**
 * client_pair() - the client's certificate and key; made where there are none
 * @cert, @key: files; NULL: client.crt and client.key of the caller's directory: /etc/lxdfs for root, else
 *              lxdfs below XDG_CONFIG_HOME or ~/.config
 */
int client_pair(const char *cert, const char *key, struct buf *ret_cert, struct buf *ret_key,
		struct err *err);

/** client_pin() - the fingerprint that a server is known by, freed by the caller. NULL: it isn't known */
char *client_pin(const char *host, const char *port);
/** client_pin_set() - remember it, durably */
int client_pin_set(const char *host, const char *port, const char *fingerprint, struct err *err);
