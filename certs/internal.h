/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of certs/ share: OpenSSL's own objects. */
#pragma once

#include "certs/cert.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

struct cert {
	X509 *x;
	unsigned char *der;
	int der_len;
};
