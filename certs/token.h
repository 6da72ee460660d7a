/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens by which a client is trusted once: what LXD's are, JSON in base64. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"

#include <stdint.h>

#define TOKEN_SECRET_BYTES 32
#define TOKEN_SECRET_LEN (2 * TOKEN_SECRET_BYTES) /* hexadecimal digits */
#define TOKEN_MAX 8192				  /* bytes of a whole one, in base64 */

struct token {
	char *name;	   /* of the client */
	char *fingerprint; /* of the server's certificate */
	char **addresses;  /* HOST:PORT, NULL-terminated */
	char *secret;
	int64_t expires; /* seconds since 1970; 0: never */
};

#define TOKEN_NULL ((struct token){0})

/** token_secret() - a new one, TOKEN_SECRET_LEN digits and a terminator. Return: 0; -EIO no randomness */
int token_secret(char ret[TOKEN_SECRET_LEN + 1]);
/** token_text() - append it, without a newline */
void token_text(const struct token *t, struct buf *b);
/** token_parse() - Return: 0, token_done() it; -EINVAL it is no token */
int token_parse(struct str text, struct token *ret, struct err *err);
/** token_secret_is() - compared in a time that tells nothing */
int token_secret_is(struct str given, const char *secret);
void token_done(struct token *t);
static inline void token_done_auto(struct token *t)
{
	token_done(t);
}
