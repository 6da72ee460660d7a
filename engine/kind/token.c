/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens: whoever has one may add his certificate, once. */
#include "certs/token.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "engine/base/msg.h"
#include "engine/base/path.h"
#include "engine/kind/trust.h"

/* What a token gives to the certificate that it lets in. */
static const char *const given[] = {"projects", "restricted", "group"};

static int check_name(struct str name, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;

	if (path_is_name(name) && name.len <= 64 && name.ptr[0] != '.')
		return 0;
	buf_escape(&shown, name);
	return err_set(
	    err, name.len > 64 ? ENAMETOOLONG : EINVAL,
	    "\"%s\" can't be a client's name: it has 1 to 64 characters and doesn't begin with '.'",
	    buf_cstr(&shown));
}

static int token_create(struct object *o, struct config *own, const struct caller *who, struct err *err)
{
	AUTO(config_unref) struct config *server = object_own(o->host->server);
	uint64_t seconds = value_seconds(config_get(server, SECTION_CONFIG, "core.remote_token_expiry"), 0);
	AUTO(free) char *expires = NULL;
	char secret[TOKEN_SECRET_LEN + 1];

	(void)who;
	if (token_secret(secret) < 0)
		return err_set(err, EIO, "the kernel has no randomness for a token's secret");
	expires = xasprintf("%lld", (long long)time(NULL) + (long long)(seconds ? seconds : 15 * 86400));
	config_set(own, SECTION_PROPS, "secret", secret, now_ns());
	config_set(own, SECTION_PROPS, "expires_at", expires, now_ns());
	return 0;
}

const struct kind kind_token = {
    .number = KIND_TOKEN,
    .name = "token",
    .plural = "tokens",
    .check_name = check_name,
    .create = token_create,
};

static int64_t expires_of(const struct config *own)
{
	return value_int(config_get(own, SECTION_PROPS, "expires_at"), 0);
}

int token_make(struct host *h, struct str name, struct object **ret, struct err *err)
{
	tokens_expire(h);
	return object_create(h->server, &kind_token, name, &caller_core, NULL, 0, ret, err);
}

int token_show(struct object *o, struct buf *b, struct err *err)
{
	AUTO(identity_unref) struct identity *id = server_identity(o->host, err);
	AUTO(config_unref) struct config *own = object_own(o), *server = object_own(o->host->server);
	const char *address = config_get(server, SECTION_CONFIG, "core.https_address");
	char fingerprint[CERT_FINGERPRINT_LEN + 1], *addresses[] = {(char *)address, NULL};
	AUTO(free) char *name = object_name(o);
	struct token t = {.name = name,
			  .fingerprint = fingerprint,
			  .addresses = addresses,
			  .secret = (char *)config_get(own, SECTION_PROPS, "secret"),
			  .expires = expires_of(own)};

	if (!id)
		return err ? -err->errnum : -EIO;
	if (!t.secret)
		return err_set(err, EIO, "this token has lost its secret: remove it and make another");
	cert_fingerprint(identity_cert(id), fingerprint);
	token_text(&t, b);
	buf_addc(b, '\n');
	return 0;
}

static int refuse(struct err *err)
{
	return err_set(err, EACCES, "no token has this secret: it was used, has expired, or never was");
}

/* All are compared, so that the time tells nothing. */
static struct object *find(struct host *h, struct str secret)
{
	AUTO(objects_free) struct object **all = host_all(h->server, KIND_TOKEN);
	struct object *found = NULL;

	for (struct object **p = all; *p; p++) {
		AUTO(config_unref) struct config *own = object_own(*p);
		const char *its = config_get(own, SECTION_PROPS, "secret");

		if (its && token_secret_is(secret, its) && expires_of(own) > time(NULL))
			found = *p;
	}
	return found ? object_ref(found) : NULL;
}

int token_redeem(struct host *h, struct str text, struct str der,
		 int (*prove)(void *arg, const struct cert *c), void *arg, struct err *err)
{
	AUTO(token_done) struct token t = TOKEN_NULL;
	AUTO(object_unref) struct object *o = NULL;
	AUTO(config_unref) struct config *own = NULL;
	AUTO(free) char *name = NULL;
	AUTO(cert_free) struct cert *c = NULL;
	struct change more[ARRAY_SIZE(given)];
	struct str secret = str_trim(text);
	size_t n = 0;
	int r;

	if (secret.len != TOKEN_SECRET_LEN && token_parse(text, &t, NULL) == 0)
		secret = str_from(t.secret);
	o = find(h, secret);
	if (!o)
		return refuse(err);
	/* whoever has a secret may have his certificate read */
	r = cert_parse(der, &c, err);
	if (!r)
		r = cert_check(c, time(NULL), err);
	if (r < 0)
		return r;
	if (prove(arg, c) < 0)
		return err_set(err, EKEYREJECTED,
			       "the client hasn't the key of the certificate that it showed");
	own = object_own(o);
	name = object_name(o);
	for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
		const char *value = config_get(own, SECTION_PROPS, given[i]);

		if (value)
			more[n++] = (struct change){SECTION_PROPS, given[i], value};
	}
	/* used up first: of two at the same time one gets in */
	r = object_remove(o, &caller_core, err);
	if (r < 0)
		return refuse(err);
	return certificate_add(h, der, name, more, n, NULL, err);
}

void tokens_expire(struct host *h)
{
	AUTO(objects_free) struct object **all = host_all(h->server, KIND_TOKEN);

	for (struct object **p = all; *p; p++) {
		AUTO(config_unref) struct config *own = object_own(*p);

		if (expires_of(own) <= time(NULL))
			object_remove(*p, &caller_core, NULL);
	}
}
