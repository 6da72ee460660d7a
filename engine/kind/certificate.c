/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of clients: objects named by their fingerprints. */
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <time.h>

#include "engine/base/msg.h"
#include "engine/kind/trust.h"

#define NAME_MAX_LEN 128
#define SEEN_EVERY_S 60 /* a client that comes and goes isn't written down each time */

static int check_name(struct str name, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;

	if (cert_is_fingerprint(name))
		return 0;
	buf_escape(&shown, name);
	return err_set(
	    err, EINVAL,
	    "\"%s\" is no fingerprint: a certificate is added by copying its file, as in cp client.crt "
	    "certificates/",
	    buf_cstr(&shown));
}

static int certificate_create(struct object *o, struct config *own, const struct caller *who, struct err *err)
{
	(void)o;
	(void)own;
	return who->is_core
		   ? 0
		   : err_set(err, EPERM,
			     "a certificate is added by copying its file, as in cp client.crt certificates/");
}

static int certificate_rename(struct object *o, const char *name, struct err *err)
{
	(void)o;
	(void)name;
	return err_set(err, EPERM,
		       "a certificate's directory is its fingerprint; what people call it is in `name`");
}

static int check_projects(struct object *o, const char *list, struct err *err)
{
	AUTO(texts_free) char **names = texts_split(list);

	for (char **p = names; *p; p++) {
		AUTO(object_unref)
		struct object *project = host_find(o->host->server, KIND_PROJECT, str_from(*p));

		if (!project)
			return err_set(err, EINVAL,
				       "there is no project \"%s\": ls %s/projects shows which there are", *p,
				       o->host->mount);
	}
	return 0;
}

static int certificate_check(struct object *o, const struct config *old, const struct config *own,
			     const struct config *effective, struct err *err)
{
	const char *group = config_get(own, SECTION_PROPS, "group");
	const char *projects = config_get(own, SECTION_PROPS, "projects");

	(void)effective;
	/* a group that was removed since is no reason to refuse another change */
	if (group && (!old || strcmp(group, config_get(old, SECTION_PROPS, "group") ?: "")) &&
	    !getgrnam(group))
		return err_set(err, EINVAL, "there is no group \"%s\" on this host", group);
	return projects && (!old || strcmp(projects, config_get(old, SECTION_PROPS, "projects") ?: ""))
		   ? check_projects(o, projects, err)
		   : 0;
}

const struct kind kind_certificate = {
    .number = KIND_CERTIFICATE,
    .name = "certificate",
    .plural = "certificates",
    .check_name = check_name,
    .create = certificate_create,
    .check = certificate_check,
    .rename = certificate_rename,
};

/* ---- adding */

static void name_of(const struct cert *c, const char *given, struct buf *ret)
{
	if (given)
		buf_adds(ret, given);
	else
		cert_common_name(c, ret);
	if (ret->len > NAME_MAX_LEN)
		ret->ptr[ret->len = NAME_MAX_LEN] = 0;
	if (!ret->len)
		buf_adds(ret, "unnamed");
}

int certificate_add(struct host *h, struct str text, const char *name, const struct change *more, size_t n,
		    struct object **ret, struct err *err)
{
	AUTO(cert_free) struct cert *c = NULL;
	AUTO(buf_done) struct buf called = BUF_NULL, pem = BUF_NULL;
	AUTO(object_unref) struct object *there = NULL;
	char fingerprint[CERT_FINGERPRINT_LEN + 1];
	struct change set[16];
	int r = cert_parse(text, &c, err);

	if (!r)
		r = cert_check(c, time(NULL), err);
	if (r < 0)
		return r;
	cert_fingerprint(c, fingerprint);
	there = host_find(h->server, KIND_CERTIFICATE, str_from(fingerprint));
	if (there)
		return err_set(err, EEXIST, "this certificate is trusted already: certificates/%s",
			       fingerprint);
	name_of(c, name, &called);
	cert_pem(c, &pem);
	/* the last newline isn't part of a value */
	while (pem.len && pem.ptr[pem.len - 1] == '\n')
		pem.ptr[--pem.len] = 0;
	set[0] = (struct change){SECTION_PROPS, "name", buf_cstr(&called)};
	set[1] = (struct change){SECTION_PROPS, "certificate", buf_cstr(&pem)};
	for (size_t i = 0; i < n && i < ARRAY_SIZE(set) - 2; i++)
		set[i + 2] = more[i];
	return object_create(h->server, &kind_certificate, str_from(fingerprint), &caller_core, set,
			     MIN(n, ARRAY_SIZE(set) - 2) + 2, ret, err);
}

void certificate_seen(struct object *o, const char *address)
{
	AUTO(config_unref) struct config *own = object_own(o);
	const struct pair *p = config_pair(own, SECTION_PROPS, "last_seen");
	AUTO(free) char *text = NULL;
	struct change change = {SECTION_PROPS, "last_seen", NULL};
	time_t now = time(NULL);
	struct tm tm;
	char when[32];

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	text = xasprintf("%s %s", when, address);
	if (p && now_ns() - p->mtime < SEEN_EVERY_S * 1000000000ULL &&
	    !strcmp(p->value + strcspn(p->value, " "), text + strcspn(text, " ")))
		return;
	change.value = text;
	(void)object_change(o, &caller_core, &change, 1, UINT64_MAX, NULL);
}
