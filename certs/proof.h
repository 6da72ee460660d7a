/* SPDX-License-Identifier: Apache-2.0 */
/* Proof of possession, for who decides on trust but must not speak TLS: a process without rights does the
 * handshake, and this side signs for the server and checks the client's own signature (TLS 1.3's
 * CertificateVerify, RFC 8446 section 4.4.3). So a handshake process that an attacker has taken over can't
 * claim a certificate whose key it doesn't have, and never sees the server's key. */
#pragma once

#include "certs/cert.h"

#define PROOF_HASH_MAX 48	   /* SHA-384 */
#define PROOF_SIGNATURE_MAX 160	   /* of a server: ECDSA up to P-384 */
#define PROOF_TRANSCRIPT_MAX 65536 /* bytes of a whole handshake */

/* The server's certificate and key. */
struct identity;

/** identity_load() - Return: 0; -EINVAL one of both is unreadable, they don't belong together, or the key
 * isn't one of the curves P-256 and P-384 */
int identity_load(struct str cert, struct str key, struct identity **ret, struct err *err);
struct identity *identity_ref(struct identity *id);
void identity_unref(struct identity *id);
DEFINE_AUTO(struct identity *, identity_unref);
const struct cert *identity_cert(const struct identity *id);

/* One connection's. Zero-initialise; holds no memory. */
struct proof {
	unsigned char hash[PROOF_HASH_MAX]; /* of the transcript that was signed */
	unsigned char end[PROOF_HASH_MAX];  /* of what the client signed, after proof_client() */
	size_t hash_len;		    /* 0: nothing was yet */
	bool has_end;
};

/**
 * proof_sign() - the server's CertificateVerify
 * @hash: of the transcript up to its Certificate: 32 bytes (SHA-256) or 48 (SHA-384)
 * @ret:  PROOF_SIGNATURE_MAX bytes
 *
 * Once for a connection. Return: the signature's length; -EINVAL; -EALREADY
 */
int proof_sign(struct proof *p, const struct identity *id, struct str hash, unsigned char *ret);

/* Where the messages stand that matter, in bytes of the transcript. */
struct proof_marks {
	uint32_t server;  /* the server's Certificate begins */
	uint32_t signed_; /* ... and ends: what was signed */
	uint32_t client;  /* the client's Certificate begins */
	uint32_t end;	  /* ... and ends, with the transcript */
};

/**
 * proof_client() - the certificate that a client showed in this handshake
 * @transcript: the messages from ClientHello to the client's Certificate
 * @ret_der:    points into it
 *
 * Checks that the handshake is the one that was signed, and that the server's certificate in it is @id's.
 * Return: 0; -EBADMSG it isn't
 */
int proof_client(struct proof *p, const struct identity *id, struct str transcript,
		 const struct proof_marks *at, struct str *ret_der);

/**
 * proof_check() - whether the client has the key of its certificate
 * @client: the same certificate, from whoever could read it
 * @verify: the client's CertificateVerify, with its header
 *
 * Return: 0; -EBADMSG malformed; -EKEYREJECTED the signature isn't by that key
 */
int proof_check(const struct proof *p, const struct cert *client, struct str verify);
