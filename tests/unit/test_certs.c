/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, and the proof that a client has the key of the one it shows, over real handshakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "certs/handshake.h"
#include "certs/orders.h"
#include "certs/token.h"
#include "certs/trust.h"
#include "engine/base/fd.h"

struct pair {
	struct buf cert, key;
};

static struct pair make(const char *name, bool server)
{
	const char *const names[] = {"host.example", "192.0.2.7", "2001:db8::7", "a,b", NULL};
	struct pair p = {0};

	assert_int_equal(cert_make(name, server ? names : NULL, &p.cert, &p.key, NULL), 0);
	return p;
}

static void pair_done(struct pair *p)
{
	buf_done(&p->cert);
	buf_done(&p->key);
}

/* ---- by themselves */

static void made_certificates(void **state)
{
	struct pair p = make("a host", true);
	AUTO(cert_free) struct cert *c = NULL, *again = NULL;
	AUTO(buf_done) struct buf name = BUF_NULL, pem = BUF_NULL;
	char one[CERT_FINGERPRINT_LEN + 1], two[CERT_FINGERPRINT_LEN + 1];
	int64_t now = time(NULL), years = 10LL * 365 * 86400;

	(void)state;
	assert_int_equal(cert_parse(buf_str(&p.cert), &c, NULL), 0);
	assert_int_equal(cert_parse(cert_der(c), &again, NULL), 0);
	cert_fingerprint(c, one);
	cert_fingerprint(again, two);
	assert_string_equal(one, two);
	assert_true(cert_is_fingerprint(str_from(one)));
	cert_common_name(c, &name);
	assert_string_equal(buf_cstr(&name), "a host");
	cert_pem(c, &pem);
	assert_string_equal(buf_cstr(&pem), buf_cstr(&p.cert));
	assert_true(cert_until(c) > now + years - 86400 && cert_until(c) <= now + years + 1);
	assert_int_equal(cert_check(c, now, NULL), 0);
	assert_int_equal(cert_check(c, now + years + 2, NULL), -EKEYEXPIRED);
	assert_int_equal(cert_check(c, now - 86400, NULL), -EKEYEXPIRED);
	pair_done(&p);
}

static void not_certificates(void **state)
{
	static const char *const texts[] = {"", "x",
					    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
					    "\x30\x82\x01\x01", "\x30"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct err err = ERR_NULL;
		struct cert *c;

		assert_int_equal(cert_parse(str_from(texts[i]), &c, &err), -EINVAL);
		assert_non_null(strstr(err_text(&err), "no certificate"));
		err_done(&err);
	}
	assert_false(cert_is_fingerprint(STR("abc")));
	assert_false(
	    cert_is_fingerprint(STR("G000000000000000000000000000000000000000000000000000000000000000")));
}

/* A certificate of a key made by @make_key. */
static struct cert *certificate_of(EVP_PKEY *key, struct buf *pem, struct buf *key_pem)
{
	X509 *x = X509_new();
	BIO *out = BIO_new(BIO_s_mem()), *key_out = BIO_new(BIO_s_mem());
	struct cert *c;
	char *text = NULL, *key_text = NULL;
	long len, key_len;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -10);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
				   (const unsigned char *)"x\n\x1b[1m", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, key);
	assert_true(X509_sign(x, key, EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256()) > 0);
	PEM_write_bio_X509(out, x);
	PEM_write_bio_PKCS8PrivateKey(key_out, key, NULL, NULL, 0, NULL, NULL);
	len = BIO_get_mem_data(out, &text);
	key_len = BIO_get_mem_data(key_out, &key_text);
	buf_add(pem, text, (size_t)len);
	buf_add(key_pem, key_text, (size_t)key_len);
	BIO_free(out);
	BIO_free(key_out);
	X509_free(x);
	assert_int_equal(cert_parse(buf_str(pem), &c, NULL), 0);
	return c;
}

static void weak_keys(void **state)
{
	static const struct {
		int bits, wanted;
	} rows[] = {{1024, -EKEYREJECTED}, {2048, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		EVP_PKEY *key = EVP_RSA_gen((unsigned)rows[i].bits);
		struct pair p = {0};
		AUTO(cert_free) struct cert *c = certificate_of(key, &p.cert, &p.key);
		AUTO(buf_done) struct buf name = BUF_NULL;
		struct identity *id;

		assert_int_equal(cert_check(c, time(NULL), NULL), rows[i].wanted);
		cert_common_name(c, &name);
		assert_null(strpbrk(buf_cstr(&name), "\n\x1b"));
		/* and a server signs with a curve */
		assert_int_equal(identity_load(buf_str(&p.cert), buf_str(&p.key), &id, NULL), -EINVAL);
		pair_done(&p);
		EVP_PKEY_free(key);
	}
}

static void identities(void **state)
{
	struct pair p = make("one", true), q = make("two", true);
	AUTO(identity_unref) struct identity *id = NULL;
	struct err err = ERR_NULL;

	(void)state;
	assert_int_equal(identity_load(buf_str(&p.cert), buf_str(&p.key), &id, NULL), 0);
	identity_unref(id);
	id = NULL;
	assert_int_equal(identity_load(buf_str(&p.cert), buf_str(&q.key), &id, &err), -EINVAL);
	assert_non_null(strstr(err_text(&err), "doesn't belong"));
	err_done(&err);
	assert_int_equal(identity_load(buf_str(&p.cert), STR("nothing"), &id, NULL), -EINVAL);
	pair_done(&p);
	pair_done(&q);
}

/* ---- over a handshake */

struct client {
	int fd;
	const struct pair *own; /* NULL: no certificate */
	char said[64];
};

static void *client_run(void *arg)
{
	struct client *c = arg;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	if (c->own) {
		BIO *cert = BIO_new_mem_buf(c->own->cert.ptr, (int)c->own->cert.len);
		BIO *key = BIO_new_mem_buf(c->own->key.ptr, (int)c->own->key.len);
		X509 *x = PEM_read_bio_X509(cert, NULL, NULL, NULL);
		EVP_PKEY *k = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);

		SSL_CTX_use_certificate(ctx, x);
		SSL_CTX_use_PrivateKey(ctx, k);
		X509_free(x);
		EVP_PKEY_free(k);
		BIO_free(cert);
		BIO_free(key);
	}
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, c->fd);
	if (SSL_connect(ssl) == 1 && SSL_write(ssl, "hello", 5) == 5)
		SSL_read(ssl, c->said, sizeof(c->said) - 1);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	shutdown(c->fd, SHUT_RDWR);
	return NULL;
}

/* What lxdfs-tls does for a connection, in a process as there. */
static void serve(struct str cert, int tls, int core)
{
	SSL_CTX *ctx;
	SSL *ssl;
	int plain;
	char text[16] = "";

	signal(SIGPIPE, SIG_IGN);
	if (handshake_context(cert, &ctx, NULL) < 0 || handshake_run(ctx, tls, core, 5000, &ssl, &plain) < 0)
		_exit(1);
	for (int tries = 0; tries < 1000 && SSL_read(ssl, text, 5) != 5; tries++)
		usleep(1000);
	SSL_write(ssl, "good day", 8);
	SSL_shutdown(ssl);
	_exit(!strcmp(text, "hello") ? 0 : 1);
}

struct claim {
	struct proof proof;
	struct proof_marks at;
	struct buf transcript, verify;
	bool is_guest;
};

/* The core's part. Return: whether the client was heard of */
static bool core_run(int link, const struct identity *id, struct claim *ret)
{
	for (;;) {
		AUTO(msg_done) struct msg msg = MSG_NULL;
		unsigned char signature[PROOF_SIGNATURE_MAX];
		struct unpack u;
		struct str bytes;
		int n;

		if (msg_recv(link, &handshake_table, &msg, NULL) <= 0)
			return false;
		switch (msg.type->number) {
		case HANDSHAKE_SIGN:
			n = proof_sign(&ret->proof, id, (struct str){(char *)msg.body, msg.len}, signature);
			assert_true(n > 0);
			msg_send(link, &handshake_table, HANDSHAKE_SIGNED, 0,
				 (struct str){(char *)signature, (size_t)n}, NULL, 0);
			break;
		case HANDSHAKE_GUEST:
			ret->is_guest = true;
			break;
		case HANDSHAKE_CLAIM:
			u = (struct unpack){.ptr = msg.body, .left = msg.len};
			ret->at.server = unpack_u32(&u);
			ret->at.signed_ = unpack_u32(&u);
			ret->at.client = unpack_u32(&u);
			ret->at.end = unpack_u32(&u);
			buf_add(&ret->verify, u.ptr, u.left);
			assert_int_equal(fd_map_sealed(msg.fds[0], PROOF_TRANSCRIPT_MAX, &bytes), 0);
			buf_add(&ret->transcript, bytes.ptr, bytes.len);
			break;
		default:
			return false;
		}
		if (msg.type->number != HANDSHAKE_SIGN) {
			int pair[2];

			assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
			msg_send(link, &handshake_table, HANDSHAKE_SERVED, 0, STR_NULL, &pair[0], 1);
			close(pair[0]);
			close(pair[1]);
			return true;
		}
	}
}

static void handshake_with(const struct pair *server, const struct identity *id, const struct pair *client,
			   struct claim *ret)
{
	struct client c = {.own = client};
	int tls[2], link[2], status;
	pthread_t thread;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, tls), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link), 0);
	pid = fork();
	if (!pid)
		serve(buf_str(&server->cert), tls[0], link[0]);
	close(tls[0]);
	close(link[0]);
	c.fd = tls[1];
	pthread_create(&thread, NULL, client_run, &c);
	assert_true(core_run(link[1], id, ret));
	pthread_join(thread, NULL);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_string_equal(c.said, "good day");
	close(tls[1]);
	close(link[1]);
}

static void claim_done(struct claim *c)
{
	buf_done(&c->transcript);
	buf_done(&c->verify);
}

/* Whether a claim holds for the certificate that is in it. */
static int judge(const struct claim *c, const struct identity *id, const struct cert *shown)
{
	struct proof proof = c->proof;
	struct str der;
	int r = proof_client(&proof, id, buf_str(&c->transcript), &c->at, &der);

	if (!r && !str_eq(der, cert_der(shown)))
		r = -ENOENT;
	return r ? r : proof_check(&proof, shown, buf_str(&c->verify));
}

static void proofs(void **state)
{
	struct pair server = make("server", true), other = make("other", true), key = {0};
	AUTO(identity_unref) struct identity *id = NULL, *other_id = NULL;

	(void)state;
	assert_int_equal(identity_load(buf_str(&server.cert), buf_str(&server.key), &id, NULL), 0);
	assert_int_equal(identity_load(buf_str(&other.cert), buf_str(&other.key), &other_id, NULL), 0);
	for (int kind = 0; kind < 5; kind++) {
		EVP_PKEY *pkey = kind == 0   ? EVP_EC_gen("P-384")
				 : kind == 1 ? EVP_EC_gen("P-256")
				 : kind == 2 ? EVP_EC_gen("P-521")
				 : kind == 3 ? EVP_RSA_gen(2048)
					     : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		struct pair client = {0};
		AUTO(cert_free) struct cert *shown = certificate_of(pkey, &client.cert, &client.key);
		struct claim claim = {0}, wrong;
		struct buf bent = BUF_NULL;

		handshake_with(&server, id, &client, &claim);
		assert_false(claim.is_guest);
		assert_int_equal(judge(&claim, id, shown), 0);
		/* of another server's handshake */
		assert_int_equal(judge(&claim, other_id, shown), -EBADMSG);
		/* nothing was signed for this connection, or something else */
		wrong = claim;
		wrong.proof.hash_len = 0;
		assert_int_equal(judge(&wrong, id, shown), -EBADMSG);
		wrong = claim;
		wrong.proof.hash[5] ^= 1;
		assert_int_equal(judge(&wrong, id, shown), -EBADMSG);
		/* each byte of the client's part, and of what it signed, counts */
		buf_add(&bent, claim.transcript.ptr, claim.transcript.len);
		for (size_t i = claim.at.signed_; i < bent.len; i += 7) {
			wrong = claim;
			wrong.transcript = bent;
			bent.ptr[i] ^= 1;
			assert_int_not_equal(judge(&wrong, id, shown), 0);
			bent.ptr[i] ^= 1;
		}
		buf_done(&bent);
		buf_add(&bent, claim.verify.ptr, claim.verify.len);
		for (size_t i = 0; i < bent.len; i++) {
			wrong = claim;
			wrong.verify = bent;
			bent.ptr[i] ^= 1;
			assert_int_not_equal(judge(&wrong, id, shown), 0);
			bent.ptr[i] ^= 1;
		}
		buf_done(&bent);
		/* marks that lie */
		for (uint32_t by = 1; by < 200; by += 13) {
			wrong = claim;
			wrong.at.client += by;
			assert_int_not_equal(judge(&wrong, id, shown), 0);
			wrong = claim;
			wrong.at.end -= by;
			assert_int_not_equal(judge(&wrong, id, shown), 0);
			wrong = claim;
			wrong.at.signed_ += by;
			assert_int_not_equal(judge(&wrong, id, shown), 0);
			wrong = claim;
			wrong.at.server += by;
			assert_int_not_equal(judge(&wrong, id, shown), 0);
		}
		claim_done(&claim);
		pair_done(&client);
		EVP_PKEY_free(pkey);
	}
	pair_done(&key);
	pair_done(&server);
	pair_done(&other);
}

static void guests(void **state)
{
	struct pair server = make("server", true);
	AUTO(identity_unref) struct identity *id = NULL;
	struct claim claim = {0};

	(void)state;
	assert_int_equal(identity_load(buf_str(&server.cert), buf_str(&server.key), &id, NULL), 0);
	handshake_with(&server, id, NULL, &claim);
	assert_true(claim.is_guest);
	claim_done(&claim);
	pair_done(&server);
}

static void one_signature(void **state)
{
	struct pair server = make("server", true);
	AUTO(identity_unref) struct identity *id = NULL;
	struct proof p = {0};
	unsigned char out[PROOF_SIGNATURE_MAX];
	const char hash[48] = {0};

	(void)state;
	assert_int_equal(identity_load(buf_str(&server.cert), buf_str(&server.key), &id, NULL), 0);
	assert_int_equal(proof_sign(&p, id, (struct str){hash, 20}, out), -EINVAL);
	assert_true(proof_sign(&p, id, (struct str){hash, 32}, out) > 0);
	assert_int_equal(proof_sign(&p, id, (struct str){hash, 32}, out), -EALREADY);
	pair_done(&server);
}

/* ---- trust: every cell, said in another way than the code does */

static enum trust wanted(const struct trust_facts *f)
{
	bool passes_ca = f->shown && f->is_signed && !f->is_revoked;

	if (f->has_ca) {
		if (!passes_ca || !f->usable)
			return TRUST_REFUSED;
		if (f->in_store)
			return f->is_restricted ? TRUST_RESTRICTED : TRUST_FULL;
		return f->trusts_signed ? TRUST_FULL : TRUST_GUEST;
	}
	if (f->shown && f->in_store)
		return !f->usable ? TRUST_REFUSED : f->is_restricted ? TRUST_RESTRICTED : TRUST_FULL;
	return TRUST_GUEST;
}

static void trust_matrix(void **state)
{
	unsigned full = 0, restricted = 0, refused = 0;

	(void)state;
	for (unsigned bits = 0; bits < 256; bits++) {
		struct trust_facts f = {bits & 1,  bits & 2,  bits & 4,	 bits & 8,
					bits & 16, bits & 32, bits & 64, bits & 128};
		enum trust t = trust_judge(&f);

		assert_int_equal(t, wanted(&f));
		full += t == TRUST_FULL;
		restricted += t == TRUST_RESTRICTED;
		refused += t == TRUST_REFUSED;
		/* whatever else holds */
		if (f.has_ca && f.is_revoked)
			assert_int_equal(t, TRUST_REFUSED);
		if (!f.shown)
			assert_true(t <= TRUST_GUEST);
	}
	assert_true(full && restricted && refused);
}

/* ---- tokens */

static void tokens(void **state)
{
	char *addresses[] = {(char *)"192.0.2.7:8443", (char *)"[2001:db8::7]:8443", NULL};
	char secret[TOKEN_SECRET_LEN + 1], other[TOKEN_SECRET_LEN + 1];
	struct token t = {(char *)"a \"client\"", (char *)"00ff", addresses, secret, 1893456000}, back;
	AUTO(buf_done) struct buf text = BUF_NULL;

	(void)state;
	assert_int_equal(token_secret(secret), 0);
	assert_int_equal(token_secret(other), 0);
	assert_string_not_equal(secret, other);
	token_text(&t, &text);
	assert_int_equal(token_parse(buf_str(&text), &back, NULL), 0);
	assert_string_equal(back.name, t.name);
	assert_string_equal(back.fingerprint, t.fingerprint);
	assert_string_equal(back.secret, secret);
	assert_string_equal(back.addresses[1], addresses[1]);
	assert_null(back.addresses[2]);
	assert_int_equal(back.expires, t.expires);
	token_done(&back);
	assert_true(token_secret_is(str_from(secret), secret));
	assert_false(token_secret_is(str_from(other), secret));
	assert_false(token_secret_is(STR(""), secret));
	for (size_t cut = 0; cut < text.len; cut++)
		assert_int_equal(token_parse((struct str){text.ptr, cut}, &back, NULL), -EINVAL);
}

/* As LXD 5 makes them: the order of its fields, a fraction in the time, a type. */
static void token_of_lxd(void **state)
{
	static const char json[] =
	    "{\"client_name\":\"me\",\"fingerprint\":\"ab\",\"addresses\":[\"10.0.0.1:8443\"],"
	    "\"secret\":\"cd\",\"expires_at\":\"2030-01-01T00:00:00.123456789Z\"}";
	unsigned char text[512];
	struct token t;

	(void)state;
	EVP_EncodeBlock(text, (const unsigned char *)json, sizeof(json) - 1);
	assert_int_equal(token_parse(str_from((char *)text), &t, NULL), 0);
	assert_string_equal(t.name, "me");
	assert_int_equal(t.expires, 1893456000);
	token_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(trust_matrix),	cmocka_unit_test(tokens),
	    cmocka_unit_test(token_of_lxd),	cmocka_unit_test(made_certificates),
	    cmocka_unit_test(not_certificates), cmocka_unit_test(weak_keys),
	    cmocka_unit_test(identities),	cmocka_unit_test(proofs),
	    cmocka_unit_test(guests),		cmocka_unit_test(one_signature),
	};

	return cmocka_run_group_tests_name("certs", tests, NULL, NULL);
}
