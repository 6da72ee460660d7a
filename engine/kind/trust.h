/* SPDX-License-Identifier: Apache-2.0 */
/* Who is trusted: certificates of clients, tokens by which they get in once, and the server's own pair. */
#pragma once

#include "certs/cert.h"
#include "certs/proof.h"
#include "certs/trust.h"
#include "engine/model/host.h"

extern const struct kind kind_certificate, kind_token;

/* ---- the server's own: object.data of the server */

/** server_trust_init(), server_trust_done() - of kind_server */
int server_trust_init(struct object *server, struct err *err);
void server_trust_done(struct object *server);

/** server_identity() - a reference; the pair is made where there is none yet. Return: NULL with a sentence */
struct identity *server_identity(struct host *h, struct err *err);
/**
 * server_identity_set() - replace both: a certificate, perhaps a chain, and its key, as PEM in one text
 *
 * Who listens does so with it from now on. Return: 0; -EINVAL
 */
int server_identity_set(struct host *h, struct str text, struct err *err);
/** server_identity_text() - append the certificate with its chain as PEM, without the key */
int server_identity_text(struct host *h, struct buf *b, struct err *err);

/* The authority's files. */
enum authority { AUTHORITY_CA, AUTHORITY_CRL };
/** server_authority() - append the text; nothing where there is none */
void server_authority(struct host *h, enum authority which, struct buf *b);
/** server_authority_set() - @text NULL: there is none any more. Return: 0; -EINVAL it is no such thing;
 * -EBUSY a list without its authority */
int server_authority_set(struct host *h, enum authority which, const struct str *text, struct err *err);

/** server_apply_listen() - key_apply_fn of core.https_address */
int server_apply_listen(struct object *server, const struct config *old, const struct config *new,
			const char *device, struct err *err);

/* ---- certificates */

/**
 * certificate_add() - trust one from now on
 * @text:  PEM or DER
 * @name:  what people call it; NULL: its common name
 * @more:  further properties, as struct change
 *
 * Return: 0; -EINVAL it is no certificate; -EKEYEXPIRED, -EKEYREJECTED; -EEXIST
 */
int certificate_add(struct host *h, struct str text, const char *name, const struct change *more, size_t n,
		    struct object **ret, struct err *err);
/** certificate_seen() - who connected with it, when and from where */
void certificate_seen(struct object *o, const char *address);

/* ---- tokens */

/** token_make() - Return: 0; -EINVAL the name; -EEXIST */
int token_make(struct host *h, struct str name, struct object **ret, struct err *err);
/** token_show() - append the line that is given to the client */
int token_show(struct object *token, struct buf *b, struct err *err);
/**
 * token_redeem() - trust a certificate for a token, which is used up then
 * @given: the token, or its secret alone
 * @der:   the certificate that the client shows
 * @prove: whether it has the key. Only asked of who has a token. Return: 0 or -errno
 *
 * Return: 0; -EACCES no token has that secret, or it has expired; what certificate_add() says
 */
int token_redeem(struct host *h, struct str given, struct str der,
		 int (*prove)(void *arg, const struct cert *c), void *arg, struct err *err);
/** tokens_expire() - those whose time is over are removed */
void tokens_expire(struct host *h);
