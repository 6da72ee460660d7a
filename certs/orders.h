/* SPDX-License-Identifier: Apache-2.0 */
/* What the core and lxdfs-tls say to each other: on one link about the listener, and on one for each
 * connection. */
#pragma once

#include "certs/proof.h"
#include "engine/base/msg.h"

enum {
	/* u32: uid, gid to become; text: the server's certificate, PEM. Descriptors: sockets that listen */
	LISTEN_BEGIN = 1,
	LISTEN_READY = 2,  /* answer */
	LISTEN_FAILED = 3, /* answer: err */
	/* text: the peer's address; u32: its port; pid of who serves it. Descriptor: the connection's link */
	LISTEN_ACCEPTED = 4,
};

static const struct msg_type listen_types[] = {
    {LISTEN_BEGIN, "begin", 12, MSG_MAX_BODY, 1, MSG_MAX_FDS},
    {LISTEN_READY, "ready", 0, 0, 0, 0},
    {LISTEN_FAILED, "failed", 4, MSG_MAX_BODY, 0, 0},
    {LISTEN_ACCEPTED, "accepted", 12, 256, 1, 1},
};
static const struct msg_table listen_table = {"listen", listen_types, ARRAY_SIZE(listen_types)};

enum {
	HANDSHAKE_GO = 1,     /* core: the peer may be spoken to */
	HANDSHAKE_SIGN = 2,   /* the transcript's hash, for proof_sign() */
	HANDSHAKE_SIGNED = 3, /* core: the signature */
	/* u32: the four marks; the client's CertificateVerify. Descriptor: the transcript, sealed */
	HANDSHAKE_CLAIM = 4,
	HANDSHAKE_GUEST = 5,  /* the client showed no certificate */
	HANDSHAKE_SERVED = 6, /* core: let in. Descriptor: the stream to copy from and to */
};

static const struct msg_type handshake_types[] = {
    {HANDSHAKE_GO, "go", 0, 0, 0, 0},
    {HANDSHAKE_SIGN, "sign", 32, PROOF_HASH_MAX, 0, 0},
    {HANDSHAKE_SIGNED, "signed", 1, PROOF_SIGNATURE_MAX, 0, 0},
    {HANDSHAKE_CLAIM, "claim", 24, 4096, 1, 1},
    {HANDSHAKE_GUEST, "guest", 0, 0, 0, 0},
    {HANDSHAKE_SERVED, "served", 0, 0, 1, 1},
};
static const struct msg_table handshake_table = {"handshake", handshake_types, ARRAY_SIZE(handshake_types)};
