/* SPDX-License-Identifier: Apache-2.0 */
/* certificates/: who is trusted, tokens, the server's own pair and authority; and join, for who isn't yet. */
#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/base/parse.h"
#include "engine/base/path.h"
#include "engine/kind/trust.h"
#include "fs/tree/common.h"
#include "fs/tree/keydir.h"
#include "fs/tree/setfile.h"
#include "fs/tree/tables.h"

static struct node named(const struct node *dir, const struct node_row *row, struct str name)
{
	return (struct node){.o = object_ref(dir->o), .row = row, .name = str_dup(name)};
}

/* ---- server.crt: certificate and key in, certificate out */

static int server_crt_read(const struct node *n, struct buf *b, struct err *err)
{
	return server_identity_text(n->o->host, b, err);
}

static int server_crt_write(const struct node *n, struct str text, const struct caller *who, struct err *err)
{
	(void)who;
	return server_identity_set(n->o->host, text, err);
}

const struct node_class class_server_crt = {
    .read = server_crt_read, .write = server_crt_write, .is_staged = true};

/* ---- server.ca, ca.crl: there or not */

static enum authority which(const struct node *n)
{
	return strcmp(n->row->arg, "server.ca") ? AUTHORITY_CRL : AUTHORITY_CA;
}

bool certificates_has_ca(const struct object *server)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	server_authority(server->host, AUTHORITY_CA, &b);
	return b.len > 0;
}

bool certificates_has_crl(const struct object *server)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	server_authority(server->host, AUTHORITY_CRL, &b);
	return b.len > 0;
}

static int authority_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	server_authority(n->o->host, which(n), b);
	return 0;
}

static int authority_write(const struct node *n, struct str text, const struct caller *who, struct err *err)
{
	(void)who;
	return server_authority_set(n->o->host, which(n), &text, err);
}

static int authority_unlink(const struct node *n, const struct caller *who, struct err *err)
{
	(void)who;
	return server_authority_set(n->o->host, which(n), NULL, err);
}

const struct node_class class_authority = {
    .read = authority_read, .write = authority_write, .unlink = authority_unlink, .is_staged = true};

/* ---- a file that is copied in */

static int new_check(const struct node *n, struct str text, const struct caller *who, struct err *err)
{
	static const char pem[] = "-----BEGIN";

	(void)n;
	(void)who;
	if (text.len > CERT_MAX)
		return err_set(err, EFBIG, "a certificate has at most %d bytes", CERT_MAX);
	if (text.len && text.ptr[0] != 0x30 && memcmp(text.ptr, pem, MIN(text.len, sizeof(pem) - 1)))
		return err_set(
		    err, EINVAL,
		    "this is no certificate: wanted is an X.509 certificate as PEM, which begins with "
		    "-----BEGIN CERTIFICATE-----, or as DER");
	return 0;
}

static int new_write(const struct node *n, struct str text, const struct caller *who, struct err *err)
{
	const char *dot = strrchr(n->name, '.');
	AUTO(free)
	char *name =
	    dot && dot != n->name ? xasprintf("%.*s", (int)(dot - n->name), n->name) : xstrdup(n->name);

	(void)who;
	return certificate_add(n->o->host, text, name, NULL, 0, NULL, err);
}

const struct node_class class_certificate_new = {.write = new_write, .check = new_check, .is_staged = true};

static int certificates_may_create(const struct node *dir, struct str name, const struct caller *who,
				   struct node *ret, struct err *err)
{
	struct access a = node_access(dir);

	/* what editors and tools make beside a file is for others to look at */
	if (name.ptr[0] == '.' || name.ptr[name.len - 1] == '~')
		return -ENOENT;
	if (!access_may(&a, who, 2))
		return err_set(err, EACCES, "certificates are added by root and group lxd");
	for (size_t i = 0; i < 2; i++) {
		static const char *const authority[] = {"server.ca", "ca.crl"};
		const struct node_row *row =
		    str_is(name, authority[i]) ? certificates_row(authority[i]) : NULL;

		if (row) {
			*ret = (struct node){.o = object_ref(dir->o), .row = row};
			return 0;
		}
	}
	*ret = named(dir, node_unnamed_row(dir), name);
	return 0;
}

const struct node_class class_certificates = {.may_create = certificates_may_create};

/* ---- tokens/ */

static int tokens_list(const struct node *dir, node_visit_fn *visit, void *arg)
{
	AUTO(objects_free) struct object **all = host_all(dir->o, KIND_TOKEN);
	int r = 0;

	for (struct object **p = all; *p && !r; p++) {
		AUTO(free) char *name = object_name(*p);
		AUTO(node_done) struct node child = named(dir, node_unnamed_row(dir), str_from(name));

		r = visit(arg, name, &child);
	}
	return r;
}

static struct object *token_of(const struct node *n)
{
	return host_find(n->o, KIND_TOKEN, str_from(n->name));
}

static int tokens_child(const struct node *dir, struct str name, struct node *ret, struct err *err)
{
	AUTO(object_unref) struct object *o = host_find(dir->o, KIND_TOKEN, name);

	(void)err;
	if (!o)
		return -ENOENT;
	*ret = named(dir, node_unnamed_row(dir), name);
	return 0;
}

static int tokens_may_create(const struct node *dir, struct str name, const struct caller *who,
			     struct node *ret, struct err *err)
{
	struct access a = node_access(dir);
	int r;

	if (name.ptr[0] == '.' || name.ptr[name.len - 1] == '~')
		return -ENOENT;
	if (!access_may(&a, who, 2))
		return err_set(err, EACCES, "tokens are made by root and group lxd");
	r = kind_token.check_name(name, err);
	if (!r)
		*ret = named(dir, node_unnamed_row(dir), name);
	return r;
}

const struct node_class class_tokens = {
    .list = tokens_list, .child = tokens_child, .may_create = tokens_may_create};

static int token_read(const struct node *n, struct buf *b, struct err *err)
{
	AUTO(object_unref) struct object *o = token_of(n);

	if (!o)
		return err_set(err, ENOENT, "this token was used, or has been removed");
	return token_show(o, b, err);
}

static int token_create_file(const struct node *n, const struct caller *who, struct err *err)
{
	(void)who;
	return token_make(n->o->host, str_from(n->name), NULL, err);
}

/* What the client that uses it gets: lines such as restricted=true. */
static int token_write(const struct node *n, struct str text, const struct caller *who, struct err *err)
{
	AUTO(object_unref) struct object *o = token_of(n);
	AUTO(texts_free) char **lines = NULL;
	AUTO(free) char *all = NULL;
	struct change set[16];
	size_t count = 0;

	if (!o)
		return err_set(err, ENOENT, "this token was used, or has been removed");
	all = str_dup(text);
	lines = texts_split(all);
	for (char **p = lines; *p; p++) {
		char *equals = strchr(*p, '=');

		if (!equals || count == ARRAY_SIZE(set))
			return err_set(
			    err, EINVAL,
			    "\"%s\" isn't a line such as restricted=true, projects=web or group=webteam", *p);
		*equals = 0;
		set[count++] = (struct change){SECTION_PROPS, *p, equals + 1};
	}
	return object_change(o, who, set, count, UINT64_MAX, err);
}

static int token_unlink(const struct node *n, const struct caller *who, struct err *err)
{
	AUTO(object_unref) struct object *o = token_of(n);

	(void)who;
	return o ? object_remove(o, &caller_core, err) : -ENOENT;
}

const struct node_class class_token = {.read = token_read,
				       .write = token_write,
				       .make = token_create_file,
				       .unlink = token_unlink,
				       .is_staged = true};

/* ---- join */

static int join_write(const struct node *n, struct str text, const struct caller *who, struct err *err)
{
	struct host *h = n->o->host;

	if (!h->on.join)
		return err_set(err, EPERM, "nobody can join here");
	return h->on.join(h, who, text, err);
}

const struct node_class class_join = {.write = join_write};

/* ---- certificates/FINGERPRINT/ */

enum { SELF, ERROR, NAME, TYPE, CERTIFICATE, PROJECTS, GROUP, RESTRICTED, LAST_SEEN, SET, VERSION };

/* clang-format off */
static const struct node_row rows[] = {
	{SELF, SELF, NODE_DIR, "/", .mode = 0770},
	{ERROR, SELF, NODE_FILE, "error", .ops = &class_error, .is_live = true},
	{NAME, SELF, NODE_FILE, "name", .ops = &class_prop, .arg = "name"},
	{TYPE, SELF, NODE_FILE, "type", 0440, .ops = &class_prop_fixed, .arg = "type"},
	{CERTIFICATE, SELF, NODE_FILE, "certificate", 0440, .ops = &class_prop_fixed, .arg = "certificate"},
	{PROJECTS, SELF, NODE_FILE, "projects", .ops = &class_prop, .arg = "projects"},
	{GROUP, SELF, NODE_FILE, "group", .ops = &class_prop, .arg = "group"},
	{RESTRICTED, SELF, NODE_FILE, "restricted", .ops = &class_prop, .arg = "restricted"},
	{LAST_SEEN, SELF, NODE_FILE, "last_seen", 0440, .ops = &class_prop_fixed, .arg = "last_seen", .is_live = true},
	{SET, SELF, NODE_FILE, "set", .ops = &class_set, .is_live = true},
	{VERSION, SELF, NODE_FILE, "version", .ops = &class_version, .is_live = true},
};
/* A token's file is in the server's table. */
static const struct node_row token_rows[] = {{SELF, SELF, NODE_DIR, "/", .mode = 0770}};
/* clang-format on */

const struct node_table table_certificate = {KIND_CERTIFICATE, rows, ARRAY_SIZE(rows)};
const struct node_table table_token = {KIND_TOKEN, token_rows, ARRAY_SIZE(token_rows)};
