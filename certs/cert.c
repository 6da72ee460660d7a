/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, by OpenSSL. */
#include "certs/internal.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "engine/base/ip.h"

#define YEARS 10
#define WEAK_BITS 112 /* of security; RSA of 2048 bits has as many */

static int no_certificate(struct err *err)
{
	ERR_clear_error();
	return err_set(err, EINVAL,
		       "this is no certificate: wanted is an X.509 certificate as PEM, which begins with "
		       "-----BEGIN CERTIFICATE-----, or as DER");
}

int cert_parse(struct str text, struct cert **ret, struct err *err)
{
	const unsigned char *der = (const unsigned char *)text.ptr;
	X509 *x = NULL;
	struct cert *c;

	if (text.len > CERT_MAX)
		return err_set(err, EFBIG, "a certificate has at most %d bytes, this has %zu", CERT_MAX,
			       text.len);
	if (text.len && text.ptr[0] == 0x30) {
		x = d2i_X509(NULL, &der, (long)text.len);
	} else {
		BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);

		x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
		BIO_free(bio);
	}
	if (!x || !X509_get0_pubkey(x)) {
		X509_free(x);
		return no_certificate(err);
	}
	c = xcalloc(1, sizeof(*c));
	c->x = x;
	c->der_len = i2d_X509(x, &c->der);
	if (c->der_len <= 0) {
		cert_free(c);
		return no_certificate(err);
	}
	*ret = c;
	return 0;
}

void cert_free(struct cert *c)
{
	if (!c)
		return;
	X509_free(c->x);
	OPENSSL_free(c->der);
	free(c);
}

struct str cert_der(const struct cert *c)
{
	return (struct str){(const char *)c->der, (size_t)c->der_len};
}

static void add_all(struct buf *b, BIO *bio)
{
	char *text = NULL;
	long len = BIO_get_mem_data(bio, &text);

	buf_add(b, text, (size_t)len);
}

void cert_pem(const struct cert *c, struct buf *b)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (bio && PEM_write_bio_X509(bio, c->x))
		add_all(b, bio);
	BIO_free(bio);
}

void cert_fingerprint_of(struct str der, char ret[CERT_FINGERPRINT_LEN + 1])
{
	unsigned char hash[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)der.ptr, der.len, hash);
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

void cert_fingerprint(const struct cert *c, char ret[CERT_FINGERPRINT_LEN + 1])
{
	cert_fingerprint_of(cert_der(c), ret);
}

bool cert_is_fingerprint(struct str s)
{
	if (s.len != CERT_FINGERPRINT_LEN)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!strchr("0123456789abcdef", s.ptr[i]) || !s.ptr[i])
			return false;
	return true;
}

void cert_common_name(const struct cert *c, struct buf *b)
{
	X509_NAME *subject = X509_get_subject_name(c->x);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text = NULL;
	int len;

	if (at < 0)
		return;
	len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (len > 0)
		buf_escape(b, (struct str){(const char *)text, (size_t)len});
	OPENSSL_free(text);
}

static int64_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) ? timegm(&tm) : 0;
}

int64_t cert_until(const struct cert *c)
{
	return seconds_of(X509_get0_notAfter(c->x));
}

static void day_text(int64_t seconds, char ret[32])
{
	time_t t = seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(ret, 32, "%Y-%m-%d %H:%M UTC", &tm);
}

int cert_check(const struct cert *c, int64_t now, struct err *err)
{
	int64_t since = seconds_of(X509_get0_notBefore(c->x)), until = cert_until(c);
	EVP_PKEY *key = X509_get0_pubkey(c->x);
	char day[32];

	day_text(now < since ? since : until, day);
	if (now < since)
		return err_set(err, EKEYEXPIRED, "the certificate isn't valid before %s", day);
	if (now >= until)
		return err_set(err, EKEYEXPIRED, "the certificate has expired on %s", day);
	if (EVP_PKEY_get_security_bits(key) < WEAK_BITS)
		return err_set(
		    err, EKEYREJECTED,
		    "the certificate's key is too weak: %s of %d bits; RSA of 2048 bits or an elliptic "
		    "curve of 256 are enough",
		    EVP_PKEY_get0_type_name(key), EVP_PKEY_get_bits(key));
	return 0;
}

/* ---- making one */

static int add_extension(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	int ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e && X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	return ok;
}

static int add_names(X509 *x, const char *const *names)
{
	AUTO(buf_done) struct buf list = BUF_NULL;

	for (; *names; names++) {
		struct ip ip;

		/* a name of the host's own, but commas would begin another */
		if (strpbrk(*names, ",:\n") && ip_parse(str_from(*names), &ip) < 0)
			continue;
		buf_printf(&list, "%s%s:%s", list.len ? "," : "",
			   ip_parse(str_from(*names), &ip) < 0 ? "DNS" : "IP", *names);
	}
	return !list.len || add_extension(x, NID_subject_alt_name, buf_cstr(&list));
}

static int fill(X509 *x, EVP_PKEY *key, const char *name, const char *const *alternative)
{
	X509_NAME *subject = X509_get_subject_name(x);
	unsigned char serial[16];
	BIGNUM *number;
	int ok;

	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return 0;
	serial[0] &= 0x7f;
	number = BN_bin2bn(serial, sizeof(serial), NULL);
	ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));
	BN_free(number);
	return ok && X509_set_version(x, X509_VERSION_3) && X509_gmtime_adj(X509_getm_notBefore(x), -300) &&
	       X509_time_adj_ex(X509_getm_notAfter(x), YEARS * 365, 0, NULL) &&
	       X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const unsigned char *)"lxdfs", -1, -1,
					  0) &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
					  0) &&
	       X509_set_issuer_name(x, subject) && X509_set_pubkey(x, key) &&
	       add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(x, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(x, NID_ext_key_usage, alternative ? "serverAuth" : "clientAuth") &&
	       (!alternative || add_names(x, alternative)) && X509_sign(x, key, EVP_sha384());
}

int cert_make(const char *name, const char *const *alternative, struct buf *ret_cert, struct buf *ret_key,
	      struct err *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-384");
	X509 *x = X509_new();
	BIO *cert_out = BIO_new(BIO_s_mem()), *key_out = BIO_new(BIO_s_mem());
	int ok = key && x && cert_out && key_out && fill(x, key, name, alternative) &&
		 PEM_write_bio_X509(cert_out, x) &&
		 PEM_write_bio_PKCS8PrivateKey(key_out, key, NULL, NULL, 0, NULL, NULL);

	if (ok) {
		add_all(ret_cert, cert_out);
		add_all(ret_key, key_out);
	}
	BIO_free(cert_out);
	BIO_free(key_out);
	X509_free(x);
	EVP_PKEY_free(key);
	return ok ? 0 : err_set(err, EIO, "a key pair and a certificate for %s can't be made", name);
}
