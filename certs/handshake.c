/* SPDX-License-Identifier: Apache-2.0 */
/* Writes down the handshake's messages, has the core sign, and claims what the client proved. */
/* A key whose owner is another process is an EC_KEY_METHOD; what replaces those, a provider, is many times as
 * long. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "certs/handshake.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <poll.h>
#include <string.h>

#include "certs/orders.h"
#include "engine/base/fd.h"
#include "engine/base/sys.h"

#define ALPN "9p2000.L"
#define CIPHERS "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256:P-384:X448:P-521"

enum { SERVER_HELLO = 2, CERTIFICATE = 11, CERTIFICATE_VERIFY = 15 };

/* The random of a HelloRetryRequest (RFC 8446, 4.1.3). After one the transcript begins otherwise. */
static const unsigned char retry[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
					0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
					0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

/* Of the one connection that this process has. */
static struct {
	SSL *ssl;
	int core;
	uint64_t deadline;
	struct buf transcript, verify;
	struct proof_marks at;
	bool complete, bad;
} now = {.core = -EBADF};

/* ---- what goes over the wire */

static void note(int write, int version, int type, const void *data, size_t len, SSL *ssl, void *arg)
{
	const unsigned char *m = data;
	uint32_t before = (uint32_t)now.transcript.len;

	(void)version;
	(void)ssl;
	(void)arg;
	if (type != SSL3_RT_HANDSHAKE || len < 4 || now.complete)
		return;
	if (!write && m[0] == CERTIFICATE_VERIFY) {
		buf_add(&now.verify, data, len);
		now.complete = true;
		return;
	}
	now.bad |= before + len > PROOF_TRANSCRIPT_MAX ||
		   (m[0] == SERVER_HELLO && len > 38 && !memcmp(m + 6, retry, sizeof(retry)));
	if (now.bad)
		return;
	buf_add(&now.transcript, data, len);
	if (m[0] == CERTIFICATE && write) {
		now.at.server = before;
		now.at.signed_ = (uint32_t)now.transcript.len;
	} else if (m[0] == CERTIFICATE) {
		now.at.client = before;
		now.at.end = (uint32_t)now.transcript.len;
	}
}

static int ask(uint32_t number, struct str body, int fd, uint32_t wanted, struct msg *ret)
{
	int r = msg_send(now.core, &handshake_table, number, 0, body, &fd, fd >= 0);

	if (!r && sys_poll_in(now.core, -1, now.deadline) != 1)
		r = -ETIMEDOUT;
	if (!r && (msg_recv(now.core, &handshake_table, ret, NULL) <= 0 || ret->type->number != wanted))
		r = -EACCES;
	return r;
}

/* EC_KEY_METHOD's sign: @digest is of what the core makes by itself of the transcript's hash. */
static int sign(int type, const unsigned char *digest, int digest_len, unsigned char *ret, unsigned *ret_len,
		const BIGNUM *kinv, const BIGNUM *r, EC_KEY *key)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	const SSL_CIPHER *cipher = SSL_get_pending_cipher(now.ssl);
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len;

	(void)type;
	(void)digest;
	(void)digest_len;
	(void)kinv;
	(void)r;
	(void)key;
	if (now.bad || !cipher ||
	    EVP_Digest(now.transcript.ptr, now.transcript.len, hash, &len,
		       SSL_CIPHER_get_handshake_digest(cipher), NULL) != 1 ||
	    ask(HANDSHAKE_SIGN, (struct str){(const char *)hash, len}, -1, HANDSHAKE_SIGNED, &msg) < 0)
		return 0;
	memcpy(ret, msg.body, msg.len);
	*ret_len = msg.len;
	return 1;
}

/* ---- the context */

/* A key that has the certificate's public half, and signs elsewhere. */
static EVP_PKEY *remote_key(const X509 *cert)
{
	EC_KEY_METHOD *method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
	EC_KEY *public = EVP_PKEY_get1_EC_KEY(X509_get0_pubkey(cert));
	EVP_PKEY *key = EVP_PKEY_new();

	if (!method || !public || !key) {
		EC_KEY_free(public);
		EVP_PKEY_free(key);
		return NULL;
	}
	EC_KEY_METHOD_set_sign(method, sign, NULL, NULL);
	if (EC_KEY_set_method(public, method) != 1 || EVP_PKEY_assign_EC_KEY(key, public) != 1) {
		EC_KEY_free(public);
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

/* Any certificate is taken, or none: who decides has the proof. */
static int accept_any(X509_STORE_CTX *store, void *arg)
{
	(void)arg;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

/* A client may name no protocol; one that names others is in the wrong place. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
			   const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\x08" ALPN;
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int use_certificate(SSL_CTX *ctx, struct str pem)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL, *next;
	EVP_PKEY *key = x ? remote_key(x) : NULL;
	int ok = key && SSL_CTX_use_certificate(ctx, x) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1;

	while (ok && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		ok = SSL_CTX_add0_chain_cert(ctx, next) == 1;
	ERR_clear_error();
	EVP_PKEY_free(key);
	X509_free(x);
	BIO_free(bio);
	return ok;
}

int handshake_context(struct str cert, SSL_CTX **ret, struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, CIPHERS) != 1 || SSL_CTX_set1_groups_list(ctx, GROUPS) != 1 ||
	    SSL_CTX_set_num_tickets(ctx, 0) != 1 || !use_certificate(ctx, cert)) {
		SSL_CTX_free(ctx);
		return err_set(err, EINVAL, "the server's certificate can't be used for TLS 1.3");
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, accept_any, NULL);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	SSL_CTX_set_max_cert_list(ctx, (size_t)2 * CERT_MAX);
	SSL_CTX_set_msg_callback(ctx, note);
	/* an idle connection keeps no buffers */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	*ret = ctx;
	return 0;
}

/* ---- one connection */

static int accept_client(SSL *ssl, int tls)
{
	for (;;) {
		struct pollfd p = {.fd = tls};
		uint64_t left = now.deadline - sys_deadline(0);
		int r;

		ERR_clear_error();
		r = SSL_accept(ssl);
		if (r == 1)
			return 0;
		r = SSL_get_error(ssl, r);
		if (r != SSL_ERROR_WANT_READ && r != SSL_ERROR_WANT_WRITE)
			return -EPROTO;
		p.events = r == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
		if (left > INT32_MAX || poll(&p, 1, (int)left) <= 0)
			return -ETIMEDOUT;
	}
}

/* What the client showed, for the core to judge. */
static int claim(int *ret_plain)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	AUTO(buf_done) struct buf body = BUF_NULL;
	AUTO(fd) int transcript = -EBADF;
	int r;

	if (!now.complete) {
		r = ask(HANDSHAKE_GUEST, STR_NULL, -1, HANDSHAKE_SERVED, &msg);
	} else {
		pack_u32(&body, now.at.server);
		pack_u32(&body, now.at.signed_);
		pack_u32(&body, now.at.client);
		pack_u32(&body, now.at.end);
		buf_add(&body, now.verify.ptr, now.verify.len);
		transcript = fd_sealed("transcript", buf_str(&now.transcript));
		if (transcript < 0)
			return transcript;
		r = ask(HANDSHAKE_CLAIM, buf_str(&body), transcript, HANDSHAKE_SERVED, &msg);
	}
	if (!r)
		*ret_plain = TAKE_FD(msg.fds[0]);
	return r;
}

int handshake_run(SSL_CTX *ctx, int tls, int core, int timeout_ms, SSL **ret_ssl, int *ret_plain)
{
	int flags = fcntl(tls, F_GETFL), r;

	now.core = core;
	now.deadline = sys_deadline(timeout_ms);
	now.ssl = SSL_new(ctx);
	if (!now.ssl || flags < 0 || fcntl(tls, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    SSL_set_fd(now.ssl, tls) != 1)
		return -ENOMEM;
	r = accept_client(now.ssl, tls);
	if (!r && now.bad)
		r = -EPROTO;
	now.deadline = sys_deadline(timeout_ms);
	if (!r)
		r = claim(ret_plain);
	buf_done(&now.transcript);
	buf_done(&now.verify);
	if (r < 0) {
		SSL_free(now.ssl);
		return r;
	}
	*ret_ssl = now.ssl;
	return 0;
}
