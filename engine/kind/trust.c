/* SPDX-License-Identifier: Apache-2.0 */
/* The server's certificate and key, its authority and what that revoked: files of the state directory. */
#include "engine/kind/trust.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"

/* Certificate and key in one file: they are replaced as one. */
#define PAIR "server.pem"
#define MAX_FILE (256 * 1024)

static const char *const files[] = {"server.ca", "ca.crl"};

struct server_trust {
	pthread_mutex_t making; /* of the pair: there is one, whoever asks first; before lock */
	pthread_mutex_t lock;	/* of all below; a leaf */
	struct identity *id;
	char *pem;	    /* the certificate with its chain */
	char *authority[2]; /* texts of files, NULL: none */
};

static struct server_trust *trust_of(struct host *h)
{
	return h->server->data;
}

/* ---- PEM */

/* Text from a PEM block's beginning on to the last END of that kind; the key is left out of what is shown. */
static void certificates_only(struct str text, struct buf *ret)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
	AUTO(free) char *whole = str_dup(text);

	for (char *p = whole; (p = strstr(p, begin));) {
		char *stop = strstr(p, end);

		if (!stop)
			return;
		stop += sizeof(end) - 1;
		buf_add(ret, p, (size_t)(stop - p));
		buf_addc(ret, '\n');
		p = stop;
	}
}

static int load(struct server_trust *t, struct str text, struct err *err)
{
	AUTO(buf_done) struct buf pem = BUF_NULL;
	struct identity *id;
	int r = identity_load(text, text, &id, err);

	if (r < 0)
		return r;
	certificates_only(text, &pem);
	if (!pem.len)
		buf_add(&pem, "", 0);
	pthread_mutex_lock(&t->lock);
	identity_unref(t->id);
	free(t->pem);
	t->id = id;
	t->pem = buf_take(&pem);
	pthread_mutex_unlock(&t->lock);
	return 0;
}

/* ---- the pair */

static int make_pair(struct host *h, struct server_trust *t, struct err *err)
{
	AUTO(buf_done) struct buf cert = BUF_NULL, key = BUF_NULL;
	char name[65] = "";
	const char *const names[] = {name, "127.0.0.1", "::1", NULL};
	int r;

	gethostname(name, sizeof(name) - 1);
	if (!*name)
		snprintf(name, sizeof(name), "lxdfs");
	r = cert_make(name, names, &cert, &key, err);
	if (r < 0)
		return r;
	buf_add(&cert, key.ptr, key.len);
	r = path_replace(h->state_fd, PAIR, buf_str(&cert), 0600, true);
	if (r < 0)
		return err_set(err, -r, "the server's key can't be written to %s/" PAIR ": %s", h->state,
			       strerror(-r));
	return load(t, buf_str(&cert), err);
}

static struct identity *known(struct server_trust *t)
{
	struct identity *id;

	pthread_mutex_lock(&t->lock);
	id = identity_ref(t->id);
	pthread_mutex_unlock(&t->lock);
	return id;
}

/* The first time: from its file, or made. */
static int find_pair(struct host *h, struct server_trust *t, struct err *err)
{
	AUTO(free) char *text = NULL;
	ssize_t n;
	int r;

	n = path_read(h->state_fd, PAIR, MAX_FILE, &text);
	if (n == -ENOENT)
		r = make_pair(h, t, err);
	else if (n < 0)
		r = err_set(err, (int)-n, "%s/" PAIR " can't be read: %s", h->state, strerror((int)-n));
	else
		r = load(t, (struct str){text, (size_t)n}, err);
	return r;
}

struct identity *server_identity(struct host *h, struct err *err)
{
	struct server_trust *t = trust_of(h);
	struct identity *id = known(t);
	int r = 0;

	if (id)
		return id;
	pthread_mutex_lock(&t->making);
	id = known(t);
	if (!id)
		r = find_pair(h, t, err);
	pthread_mutex_unlock(&t->making);
	return id || r < 0 ? id : known(t);
}

static int listen_anew(struct host *h, struct err *err)
{
	return h->on.listen ? h->on.listen(h, NULL, err) : 0;
}

int server_identity_set(struct host *h, struct str text, struct err *err)
{
	AUTO(free) char *old = NULL;
	ssize_t old_len = path_read(h->state_fd, PAIR, MAX_FILE, &old);
	int r = load(trust_of(h), text, err);

	if (r < 0)
		return r;
	r = path_replace(h->state_fd, PAIR, text, 0600, true);
	if (r < 0)
		err_set(err, -r, "%s/" PAIR " can't be written: %s", h->state, strerror(-r));
	else
		r = listen_anew(h, err);
	if (r < 0 && old_len > 0) {
		load(trust_of(h), (struct str){old, (size_t)old_len}, NULL);
		path_replace(h->state_fd, PAIR, (struct str){old, (size_t)old_len}, 0600, true);
	}
	return r;
}

int server_identity_text(struct host *h, struct buf *b, struct err *err)
{
	AUTO(identity_unref) struct identity *id = server_identity(h, err);
	struct server_trust *t = trust_of(h);

	if (!id)
		return err ? -err->errnum : -EIO;
	pthread_mutex_lock(&t->lock);
	buf_adds(b, t->pem);
	pthread_mutex_unlock(&t->lock);
	return 0;
}

int server_apply_listen(struct object *server, const struct config *old, const struct config *new,
			const char *device, struct err *err)
{
	const char *address = config_get(new, SECTION_CONFIG, "core.https_address");

	(void)old;
	(void)device;
	return server->host->on.listen ? server->host->on.listen(server->host, address ? address : "", err)
				       : 0;
}

/* ---- the authority */

void server_authority(struct host *h, enum authority which, struct buf *b)
{
	struct server_trust *t = trust_of(h);

	pthread_mutex_lock(&t->lock);
	if (t->authority[which])
		buf_adds(b, t->authority[which]);
	pthread_mutex_unlock(&t->lock);
}

static bool is_crl(struct str text)
{
	BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
	X509_CRL *crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
	bool is = crl != NULL;

	X509_CRL_free(crl);
	BIO_free(bio);
	ERR_clear_error();
	return is;
}

static int check_authority(enum authority which, struct str text, struct err *err)
{
	AUTO(cert_free) struct cert *c = NULL;

	if (text.len > MAX_FILE)
		return err_set(err, EFBIG, "this file has at most %d bytes, these are %zu", MAX_FILE,
			       text.len);
	if (memchr(text.ptr, 0, text.len))
		return err_set(err, EINVAL, "this file is text: PEM");
	if (which == AUTHORITY_CA)
		return cert_parse(text, &c, err);
	return is_crl(text)
		   ? 0
		   : err_set(err, EINVAL,
			     "this is no revocation list: wanted is PEM, which begins with -----BEGIN X509 "
			     "CRL-----");
}

int server_authority_set(struct host *h, enum authority which, const struct str *text, struct err *err)
{
	struct server_trust *t = trust_of(h);
	int r = text ? check_authority(which, *text, err) : 0;

	if (r < 0)
		return r;
	if (text)
		r = path_replace(h->state_fd, files[which], *text, 0600, true);
	else if (unlinkat(h->state_fd, files[which], 0) < 0)
		r = errno == ENOENT ? 0 : -errno;
	if (r < 0)
		return err_set(err, -r, "%s/%s can't be written: %s", h->state, files[which], strerror(-r));
	pthread_mutex_lock(&t->lock);
	free(t->authority[which]);
	t->authority[which] = text ? str_dup(*text) : NULL;
	pthread_mutex_unlock(&t->lock);
	if (h->on.changed)
		h->on.changed(h, h->server, NULL, NULL);
	return 0;
}

/* ---- the server object's data */

int server_trust_init(struct object *server, struct err *err)
{
	struct server_trust *t = xcalloc(1, sizeof(*t));

	pthread_mutex_init(&t->making, NULL);
	pthread_mutex_init(&t->lock, NULL);
	server->data = t;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		ssize_t n = path_read(server->host->state_fd, files[i], MAX_FILE, &t->authority[i]);

		/* who can't tell whom to refuse lets in nobody */
		if (n < 0 && n != -ENOENT)
			return err_set(err, (int)-n, "%s/%s can't be read: %s", server->host->state, files[i],
				       strerror((int)-n));
	}
	return 0;
}

void server_trust_done(struct object *server)
{
	struct server_trust *t = server->data;

	if (!t)
		return;
	identity_unref(t->id);
	free(t->pem);
	free(t->authority[AUTHORITY_CA]);
	free(t->authority[AUTHORITY_CRL]);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->making);
	free(t);
}
