/* SPDX-License-Identifier: Apache-2.0 */
/* The process of a mount that speaks TLS with the server: it holds the client's key, and copies bytes. */
#pragma once

#include "certs/dial.h"

struct carrier_target {
	const struct dialer *dialer;
	const char *host, *port, *fingerprint;
	int timeout_ms;
};

/**
 * carrier_start() - fork it, with a connection that is there already
 * @ret_stream: plain 9P
 * @ret_control: by which another stream is asked for; the process ends with it and the last stream
 *
 * The process is in the background, and nobody where the caller is root. The caller has one thread, and frees
 * @ssl. Return: 0 or -errno
 */
int carrier_start(const struct carrier_target *t, SSL *ssl, int tls, int *ret_stream, int *ret_control,
		  struct err *err);

/** carrier_again() - another connection, in place of the one before. Return: its stream, or -errno */
int carrier_again(int control, struct err *err);

/** carrier_alone() - no order follows: it lives as long as its connection. Return: 0 or -errno */
int carrier_alone(int control);

/** background() - of a process that was forked: a session of its own, no terminal, the root as its directory
 */
void background(void);
