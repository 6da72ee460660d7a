/* SPDX-License-Identifier: Apache-2.0 */
/* Signs for the server, and checks what a client signed. */
#include "certs/proof.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdatomic.h>
#include <string.h>

#include "certs/internal.h"

#define PADDING 64
#define SERVER_CONTEXT "TLS 1.3, server CertificateVerify"
#define CLIENT_CONTEXT "TLS 1.3, client CertificateVerify"
#define CONTENT_MAX (PADDING + sizeof(SERVER_CONTEXT) + PROOF_HASH_MAX)

enum { CERTIFICATE = 11, CERTIFICATE_VERIFY = 15 };

/* ---- the server's own */

struct identity {
	atomic_uint refs;
	struct cert *cert;
	EVP_PKEY *key;
	const EVP_MD *digest; /* that goes with its curve */
};

DEFINE_AUTO(EVP_PKEY *, EVP_PKEY_free);
DEFINE_AUTO(EVP_MD_CTX *, EVP_MD_CTX_free);

static EVP_PKEY *read_key(struct str text)
{
	BIO *bio = BIO_new_mem_buf(text.ptr, (int)MIN(text.len, (size_t)CERT_MAX));
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return key;
}

static bool has_curve(EVP_PKEY *key, const char *curve)
{
	char name[64] = "";

	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) == 1 &&
	       !strcmp(name, curve);
}

int identity_load(struct str cert, struct str key, struct identity **ret, struct err *err)
{
	AUTO(EVP_PKEY_free) EVP_PKEY *k = NULL;
	AUTO(cert_free) struct cert *c = NULL;
	struct identity *id;
	int r = cert_parse(cert, &c, err);

	if (r < 0)
		return r;
	k = read_key(key);
	if (!k)
		return err_set(
		    err, EINVAL,
		    "the server's key can't be read: wanted is PEM without a passphrase, which begins "
		    "with -----BEGIN PRIVATE KEY----- or -----BEGIN EC PRIVATE KEY-----");
	if (!has_curve(k, "prime256v1") && !has_curve(k, "secp384r1"))
		return err_set(
		    err, EINVAL,
		    "the server's key is %s of %d bits: it must be of the elliptic curve P-256 or P-384, "
		    "with which lxdfs signs where no network is",
		    EVP_PKEY_get0_type_name(k), EVP_PKEY_get_bits(k));
	if (!X509_check_private_key(c->x, k)) {
		ERR_clear_error();
		return err_set(err, EINVAL, "the server's key doesn't belong to its certificate");
	}
	id = xcalloc(1, sizeof(*id));
	atomic_init(&id->refs, 1);
	id->digest = has_curve(k, "prime256v1") ? EVP_sha256() : EVP_sha384();
	id->cert = TAKE(c);
	id->key = TAKE(k);
	*ret = id;
	return 0;
}

struct identity *identity_ref(struct identity *id)
{
	if (id)
		atomic_fetch_add(&id->refs, 1);
	return id;
}

void identity_unref(struct identity *id)
{
	if (!id || atomic_fetch_sub(&id->refs, 1) != 1)
		return;
	cert_free(id->cert);
	EVP_PKEY_free(id->key);
	free(id);
}

const struct cert *identity_cert(const struct identity *id)
{
	return id->cert;
}

/* ---- what is signed: RFC 8446, 4.4.3 */

static size_t content(const char *context, struct str hash, unsigned char *to)
{
	size_t len = strlen(context) + 1;

	memset(to, ' ', PADDING);
	memcpy(to + PADDING, context, len);
	memcpy(to + PADDING + len, hash.ptr, hash.len);
	return PADDING + len + hash.len;
}

int proof_sign(struct proof *p, const struct identity *id, struct str hash, unsigned char *ret)
{
	AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char text[CONTENT_MAX];
	size_t len = PROOF_SIGNATURE_MAX;

	if (p->hash_len)
		return -EALREADY;
	if (hash.len != 32 && hash.len != 48)
		return -EINVAL;
	if (!ctx || EVP_DigestSignInit(ctx, NULL, id->digest, NULL, id->key) != 1 ||
	    EVP_DigestSign(ctx, ret, &len, text, content(SERVER_CONTEXT, hash, text)) != 1) {
		ERR_clear_error();
		return -EINVAL;
	}
	memcpy(p->hash, hash.ptr, hash.len);
	p->hash_len = hash.len;
	return (int)len;
}

/* ---- what the client showed */

static uint32_t number(const char *p, unsigned bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | (unsigned char)*p++;
	return v;
}

/* The certificate in a Certificate message (4.4.2): the first of the list. */
static int first_certificate(struct str t, uint32_t from, uint32_t to, struct str *ret)
{
	struct str m;

	/* header 4, context length 1, list length 3, certificate length 3 */
	if (from > to || to > t.len || to - from < 11)
		return -EBADMSG;
	m = (struct str){t.ptr + from, to - from};
	if (m.ptr[0] != CERTIFICATE || number(m.ptr + 1, 3) != m.len - 4 || m.ptr[4] != 0 ||
	    number(m.ptr + 5, 3) != m.len - 8)
		return -EBADMSG;
	*ret = (struct str){m.ptr + 11, number(m.ptr + 8, 3)};
	return ret->len && ret->len <= m.len - 11 ? 0 : -EBADMSG;
}

static size_t hash_of(const struct proof *p, const char *bytes, size_t len, unsigned char *ret)
{
	unsigned n = 0;

	if (EVP_Digest(bytes, len, ret, &n, p->hash_len == 32 ? EVP_sha256() : EVP_sha384(), NULL) != 1)
		return 0;
	return n;
}

int proof_client(struct proof *p, const struct identity *id, struct str transcript,
		 const struct proof_marks *at, struct str *ret_der)
{
	unsigned char hash[PROOF_HASH_MAX];
	struct str own;
	int r;

	p->has_end = false;
	if (!p->hash_len || transcript.len > PROOF_TRANSCRIPT_MAX || at->end != transcript.len ||
	    at->signed_ > at->client || at->client > at->end)
		return -EBADMSG;
	if (hash_of(p, transcript.ptr, at->signed_, hash) != p->hash_len ||
	    CRYPTO_memcmp(hash, p->hash, p->hash_len))
		return -EBADMSG;
	if (first_certificate(transcript, at->server, at->signed_, &own) < 0 ||
	    !str_eq(own, cert_der(id->cert)))
		return -EBADMSG;
	r = first_certificate(transcript, at->client, at->end, ret_der);
	p->has_end = !r && hash_of(p, transcript.ptr, transcript.len, p->end) == p->hash_len;
	return r;
}

static const struct scheme {
	uint32_t number;
	const char *type, *curve;
	const EVP_MD *(*digest)(void);
} schemes[] = {
    {0x0403, "EC", "prime256v1", EVP_sha256}, {0x0503, "EC", "secp384r1", EVP_sha384},
    {0x0603, "EC", "secp521r1", EVP_sha512},  {0x0804, "RSA", NULL, EVP_sha256},
    {0x0805, "RSA", NULL, EVP_sha384},	      {0x0806, "RSA", NULL, EVP_sha512},
    {0x0807, "ED25519", NULL, NULL},
};

static const struct scheme *scheme_of(uint32_t n, EVP_PKEY *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (schemes[i].number == n)
			return EVP_PKEY_is_a(key, schemes[i].type) &&
				       (!schemes[i].curve || has_curve(key, schemes[i].curve))
				   ? &schemes[i]
				   : NULL;
	return NULL;
}

int proof_check(const struct proof *p, const struct cert *client, struct str verify)
{
	AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key = X509_get0_pubkey(client->x);
	unsigned char text[CONTENT_MAX];
	const struct scheme *s;
	EVP_PKEY_CTX *how;
	size_t len;
	int ok;

	/* header 4, scheme 2, signature length 2 */
	if (verify.len < 8 || verify.ptr[0] != CERTIFICATE_VERIFY ||
	    number(verify.ptr + 1, 3) != verify.len - 4 || number(verify.ptr + 6, 2) != verify.len - 8)
		return -EBADMSG;
	s = scheme_of(number(verify.ptr + 4, 2), key);
	if (!ctx || !s || !p->has_end)
		return -EBADMSG;
	len = content(CLIENT_CONTEXT, (struct str){(const char *)p->end, p->hash_len}, text);
	ok = EVP_DigestVerifyInit(ctx, &how, s->digest ? s->digest() : NULL, NULL, key) == 1;
	if (ok && !strcmp(s->type, "RSA"))
		ok = EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1;
	ok = ok &&
	     EVP_DigestVerify(ctx, (const unsigned char *)verify.ptr + 8, verify.len - 8, text, len) == 1;
	ERR_clear_error();
	return ok ? 0 : -EKEYREJECTED;
}
