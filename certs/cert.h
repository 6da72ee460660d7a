/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: reading, judging by themselves, making. Whom they let in is decided elsewhere. */
#pragma once

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define CERT_FINGERPRINT_LEN 64 /* hexadecimal digits of SHA-256 */
#define CERT_MAX 16384		/* bytes of a certificate, PEM or DER */

struct cert;

/** cert_parse() - PEM (the first one in it) or DER. Return: 0; -EINVAL it is no certificate; -EFBIG */
int cert_parse(struct str text, struct cert **ret, struct err *err);
void cert_free(struct cert *c);
DEFINE_AUTO(struct cert *, cert_free);

/** cert_der() - its bytes, owned by @c */
struct str cert_der(const struct cert *c);
/** cert_pem() - append it as PEM */
void cert_pem(const struct cert *c, struct buf *b);
/** cert_fingerprint() - SHA-256 of the DER, lower case hexadecimal */
void cert_fingerprint(const struct cert *c, char ret[CERT_FINGERPRINT_LEN + 1]);
/** cert_fingerprint_of() - the same of bytes that nobody parsed */
void cert_fingerprint_of(struct str der, char ret[CERT_FINGERPRINT_LEN + 1]);
/** cert_is_fingerprint() - 64 lower case hexadecimal digits */
bool cert_is_fingerprint(struct str s);
/** cert_common_name() - append the subject's common name, escaped; nothing where there is none */
void cert_common_name(const struct cert *c, struct buf *b);
/** cert_until() - seconds since 1970 at which it ends */
int64_t cert_until(const struct cert *c);

/**
 * cert_check() - whether it may be used at all
 * @now: seconds since 1970
 *
 * Return: 0; -EKEYEXPIRED ended or not begun; -EKEYREJECTED a weak key: RSA below 2048 bits, or what is as
 * weak
 */
int cert_check(const struct cert *c, int64_t now, struct err *err);

/**
 * cert_make() - a new key (EC P-384) and a certificate for it, signed by itself, good for ten years
 * @name:  common name
 * @alternative: NULL-terminated further names and addresses, for a server; NULL for a client
 */
int cert_make(const char *name, const char *const *alternative, struct buf *ret_cert, struct buf *ret_key,
	      struct err *err);
