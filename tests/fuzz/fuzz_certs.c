/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, tokens, and the messages of a handshake whose marks lie: taken or refused. */
#include <stdint.h>
#include <stdlib.h>

#include "certs/proof.h"
#include "certs/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct identity *server(void)
{
	static struct identity *id;
	struct buf cert = BUF_NULL, key = BUF_NULL;

	if (!id && (cert_make("server", NULL, &cert, &key, NULL) < 0 ||
		    identity_load(buf_str(&cert), buf_str(&key), &id, NULL) < 0))
		abort();
	buf_done(&cert);
	buf_done(&key);
	return id;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size}, der;
	AUTO(token_done) struct token t = TOKEN_NULL;
	AUTO(cert_free) struct cert *c = NULL;
	struct proof p = {.hash_len = 48};
	struct proof_marks at = {0};

	if (token_parse(text, &t, NULL) == 0) {
		AUTO(buf_done) struct buf again = BUF_NULL;

		token_text(&t, &again);
		buf_done(&again);
	}
	if (cert_parse(text, &c, NULL) == 0) {
		AUTO(buf_done) struct buf name = BUF_NULL;

		cert_common_name(c, &name);
		if (buf_cstr(&name)[strcspn(buf_cstr(&name), "\n\x1b")])
			abort();
		cert_check(c, 0, NULL);
		proof_check(&p, c, text);
	}
	if (size > 8) {
		at.server = data[0];
		at.signed_ = data[1] + (uint32_t)data[2] * 256;
		at.client = data[3] + (uint32_t)data[4] * 256;
		at.end = (uint32_t)size;
		if (proof_client(&p, server(), text, &at, &der) == 0)
			abort();
	}
	return 0;
}
