/* SPDX-License-Identifier: Apache-2.0 */
/* Looks whether an authority signed a certificate, and revoked it. */
#include "certs/judge.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "certs/internal.h"
#include "engine/base/fd.h"

int judge_ask(int link, struct str der, struct str ca, struct str crl, int64_t now, struct err *err)
{
	AUTO(fd) int a = fd_sealed("der", der), b = fd_sealed("ca", ca), c = -EBADF;
	AUTO(buf_done) struct buf body = BUF_NULL;
	const int fds[] = {a, b, crl.len ? (c = fd_sealed("crl", crl)) : -EBADF};
	int r = 0;

	if (a < 0 || b < 0 || (crl.len && c < 0))
		return err_set(err, ENOMEM, "there is no memory for what lxdfs-judge shall read");
	pack_u64(&body, (uint64_t)now);
	r = msg_send(link, &judge_table, JUDGE_ASK, 0, buf_str(&body), fds, crl.len ? 3 : 2);
	return r < 0 ? err_set(err, -r, "lxdfs-judge can't be asked") : 0;
}

DEFINE_AUTO(X509_STORE *, X509_STORE_free);
DEFINE_AUTO(X509_STORE_CTX *, X509_STORE_CTX_free);
DEFINE_AUTO(BIO *, BIO_free);

static bool add_authority(X509_STORE *store, struct str pem)
{
	AUTO(BIO_free) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	X509 *x;
	unsigned n = 0;

	while (bio && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		n += X509_STORE_add_cert(store, x) == 1;
		X509_free(x);
	}
	return n > 0;
}

static bool add_list(X509_STORE *store, struct str pem)
{
	AUTO(BIO_free) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	X509_CRL *crl;
	unsigned n = 0;

	while (bio && (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL))) {
		n += X509_STORE_add_crl(store, crl) == 1;
		X509_CRL_free(crl);
	}
	return n > 0;
}

uint32_t judge_look(struct str der, struct str ca, struct str crl, int64_t now)
{
	AUTO(cert_free) struct cert *c = NULL;
	AUTO(X509_STORE_free) X509_STORE *store = X509_STORE_new();
	AUTO(X509_STORE_CTX_free) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	uint32_t found = 0;
	int why;

	if (!store || !ctx || cert_parse(der, &c, NULL) < 0)
		return 0;
	if (cert_check(c, now, NULL) == 0)
		found |= JUDGE_USABLE;
	if (!add_authority(store, ca) || X509_STORE_CTX_init(ctx, store, c->x, NULL) != 1)
		return 0;
	if (crl.len && !add_list(store, crl))
		return found | JUDGE_SIGNED | JUDGE_REVOKED;
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)now);
	X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
	X509_VERIFY_PARAM_set_auth_level(param, 2);
	/* an authority in the store may be one that another has signed */
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | (crl.len ? X509_V_FLAG_CRL_CHECK : 0));
	if (X509_verify_cert(ctx) == 1)
		return found | JUDGE_SIGNED;
	why = X509_STORE_CTX_get_error(ctx);
	ERR_clear_error();
	switch (why) {
	case X509_V_ERR_CERT_REVOKED:
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
		return found | JUDGE_SIGNED | JUDGE_REVOKED;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return JUDGE_SIGNED;
	default:
		return found;
	}
}
