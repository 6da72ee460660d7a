/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and reads tokens. JSON is read by libyaml elsewhere; this subset is an object of texts and one list.
 */
#include "certs/token.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"

#define ADDRESSES_MAX 32

int token_secret(char ret[TOKEN_SECRET_LEN + 1])
{
	unsigned char bytes[TOKEN_SECRET_BYTES];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* ---- writing */

static void json_text(struct buf *b, const char *text)
{
	buf_addc(b, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_addc(b, '\\');
		if ((unsigned char)*text < ' ')
			buf_printf(b, "\\u%04x", *text);
		else
			buf_addc(b, *text);
	}
	buf_addc(b, '"');
}

static void time_json(struct buf *b, int64_t seconds)
{
	time_t t = seconds;
	struct tm tm;
	char text[32];

	gmtime_r(&t, &tm);
	/* LXD's zero time means never */
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_text(b, seconds ? text : "0001-01-01T00:00:00Z");
}

void token_text(const struct token *t, struct buf *b)
{
	AUTO(buf_done) struct buf json = BUF_NULL;
	AUTO(free) char *text = NULL;

	buf_adds(&json, "{\"client_name\":");
	json_text(&json, t->name);
	buf_adds(&json, ",\"fingerprint\":");
	json_text(&json, t->fingerprint);
	buf_adds(&json, ",\"addresses\":[");
	for (char **a = t->addresses; a && *a; a++) {
		if (a != t->addresses)
			buf_addc(&json, ',');
		json_text(&json, *a);
	}
	buf_adds(&json, "],\"secret\":");
	json_text(&json, t->secret);
	buf_adds(&json, ",\"expires_at\":");
	time_json(&json, t->expires);
	buf_addc(&json, '}');
	text = xcalloc(1, 4 * (json.len + 2) / 3 + 5);
	EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)json.ptr, (int)json.len);
	buf_adds(b, text);
}

/* ---- reading: a cursor over the JSON */

struct in {
	const char *p, *end;
	bool bad;
};

static void blanks(struct in *in)
{
	while (in->p < in->end && strchr(" \t\r\n", *in->p) && *in->p)
		in->p++;
}

static bool next_is(struct in *in, char c)
{
	blanks(in);
	if (in->p >= in->end || *in->p != c)
		return false;
	in->p++;
	return true;
}

static void need(struct in *in, char c)
{
	if (!next_is(in, c))
		in->bad = true;
}

/* Texts of tokens are ASCII: of escapes, \u is that of a control character, and none is taken. */
static char *get_text(struct in *in)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	need(in, '"');
	while (!in->bad && in->p < in->end && *in->p != '"') {
		char c = *in->p++;

		if (c == '\\' && in->p < in->end)
			c = *in->p == '"' || *in->p == '\\' || *in->p == '/' ? *in->p++ : 0;
		if ((unsigned char)c < ' ')
			in->bad = true;
		buf_addc(&b, c);
	}
	need(in, '"');
	return in->bad ? NULL : buf_take(&b);
}

static char **get_texts(struct in *in)
{
	AUTO(texts_free) char **list = xcalloc(ADDRESSES_MAX + 1, sizeof(*list));
	size_t n = 0;

	need(in, '[');
	if (next_is(in, ']'))
		return TAKE(list);
	do {
		if (n == ADDRESSES_MAX)
			in->bad = true;
		else
			list[n++] = get_text(in);
	} while (!in->bad && next_is(in, ','));
	need(in, ']');
	return in->bad ? NULL : TAKE(list);
}

static void get_expiry(struct in *in, struct token *t)
{
	AUTO(free) char *text = get_text(in);
	struct tm tm = {0};

	if (!text || !strptime(text, "%Y-%m-%dT%H:%M:%S", &tm)) {
		in->bad = true;
		return;
	}
	/* a fraction and the zone, which Go writes, are within a second and UTC */
	t->expires = tm.tm_year < 70 ? 0 : timegm(&tm);
}

static void get_pair(struct in *in, struct token *t)
{
	AUTO(free) char *name = get_text(in);
	char **texts[] = {&t->name, &t->fingerprint, &t->secret};
	static const char *const names[] = {"client_name", "fingerprint", "secret"};

	need(in, ':');
	for (size_t i = 0; name && !in->bad && i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i])) {
			free(*texts[i]);
			*texts[i] = get_text(in);
			return;
		}
	if (in->bad || !name) {
		in->bad = true;
	} else if (!strcmp(name, "addresses")) {
		texts_free(t->addresses);
		t->addresses = get_texts(in);
	} else if (!strcmp(name, "expires_at")) {
		get_expiry(in, t);
	} else {
		/* what a newer release may add, as long as it is a text */
		free(get_text(in));
	}
}

static int decode(struct str text, struct buf *json)
{
	AUTO(free) char *bytes = NULL;
	int n;

	if (!text.len || text.len > TOKEN_MAX || text.len % 4)
		return -EINVAL;
	bytes = xcalloc(1, text.len);
	n = EVP_DecodeBlock((unsigned char *)bytes, (const unsigned char *)text.ptr, (int)text.len);
	for (size_t i = text.len; n > 0 && i > text.len - 2 && text.ptr[i - 1] == '='; i--)
		n--;
	if (n <= 0)
		return -EINVAL;
	buf_add(json, bytes, (size_t)n);
	return 0;
}

int token_parse(struct str text, struct token *ret, struct err *err)
{
	AUTO(buf_done) struct buf json = BUF_NULL;
	AUTO(token_done) struct token t = TOKEN_NULL;
	struct in in = {.bad = decode(str_trim(text), &json) < 0};

	in.p = buf_cstr(&json);
	in.end = in.p + json.len;
	need(&in, '{');
	do
		get_pair(&in, &t);
	while (!in.bad && next_is(&in, ','));
	need(&in, '}');
	blanks(&in);
	if (in.bad || in.p != in.end || !t.name || !t.fingerprint || !t.secret || !t.addresses)
		return err_set(err, EINVAL,
			       "this is no token: wanted is the whole line that the file of "
			       "certificates/tokens/ holds");
	*ret = t;
	t = TOKEN_NULL;
	return 0;
}

int token_secret_is(struct str given, const char *secret)
{
	return given.len == TOKEN_SECRET_LEN && strlen(secret) == TOKEN_SECRET_LEN &&
	       CRYPTO_memcmp(given.ptr, secret, TOKEN_SECRET_LEN) == 0;
}

void token_done(struct token *t)
{
	free(t->name);
	free(t->fingerprint);
	free(t->secret);
	texts_free(t->addresses);
	*t = TOKEN_NULL;
}
