/* SPDX-License-Identifier: Apache-2.0 */
/* Copying between a TLS connection and a plain stream. */
#pragma once

#include <openssl/ssl.h>

/**
 * relay() - until either side ends
 * @ssl:   established, over @tls
 * @plain: stream socket
 * @quit:  descriptor: readable or hung up interrupts it; -1 for none
 *
 * Bytes that one side has sent before its end are delivered. Return: 0, however it ended;
 * 1 interrupted: it can go on where it was
 */
int relay(SSL *ssl, int tls, int plain, int quit);
