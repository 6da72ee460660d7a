/* SPDX-License-Identifier: Apache-2.0 */
/* From what a client proved to who it is here: user, groups, view. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <time.h>

#include "certs/judge.h"
#include "engine/base/msg.h"
#include "engine/base/spawn.h"
#include "engine/base/sys.h"
#include "engine/kind/trust.h"
#include "fs/remote-internal.h"

#define JUDGE_MS 10000
#define NAMES_MAX 16384

int remote_user(const char *name, uint32_t *uid, uint32_t *gid, struct err *err)
{
	char room[NAMES_MAX];
	struct passwd pw, *found = NULL;

	getpwnam_r(name, &pw, room, sizeof(room), &found);
	if (!found || !found->pw_uid)
		return err_set(err, ENOENT,
			       "the user %s isn't on this host: scripts/setup-host of lxdfs adds it, or "
			       "useradd --system "
			       "%s",
			       name, name);
	*uid = found->pw_uid;
	*gid = found->pw_gid;
	return 0;
}

static int group_id(const char *name, uint32_t *gid, struct err *err)
{
	char room[NAMES_MAX];
	struct group gr, *found = NULL;

	getgrnam_r(name, &gr, room, sizeof(room), &found);
	if (!found)
		return err_set(err, ENOENT, "the group %s of the certificate isn't on this host any more",
			       name);
	*gid = found->gr_gid;
	return 0;
}

void verdict_done(struct verdict *v)
{
	object_unref(v->certificate);
	texts_free(v->projects);
	free(v->key);
	*v = VERDICT_NULL;
}

/* ---- facts */

/* A certificate of the store is compared as bytes, and the proof checked with the one that was put there. */
static int look_in_store(struct host *h, const struct claim *c, struct verdict *v, struct trust_facts *f)
{
	AUTO(config_unref) struct config *own = NULL;
	AUTO(cert_free) struct cert *known = NULL;
	char fingerprint[CERT_FINGERPRINT_LEN + 1];
	const char *pem;

	cert_fingerprint_of(buf_str(&c->der), fingerprint);
	v->certificate = host_find(h->server, KIND_CERTIFICATE, str_from(fingerprint));
	if (!v->certificate)
		return 0;
	own = object_own(v->certificate);
	pem = config_get(own, SECTION_PROPS, "certificate");
	if (!pem || cert_parse(str_from(pem), &known, NULL) < 0 ||
	    !str_eq(cert_der(known), buf_str(&c->der)) ||
	    proof_check(&c->proof, known, buf_str(&c->verify)) < 0)
		return -EKEYREJECTED;
	f->in_store = true;
	f->is_restricted = value_bool(config_get(own, SECTION_PROPS, "restricted"));
	f->usable = cert_check(known, time(NULL), NULL) == 0;
	return 0;
}

/* With an authority: a helper without rights reads the stranger's certificate first. */
static int ask_judge(struct host *h, const struct claim *c, struct str ca, struct str crl,
		     struct trust_facts *f, struct err *err)
{
	AUTO(fd) int link = -EBADF;
	AUTO(msg_done) struct msg msg = MSG_NULL;
	AUTO(cert_free) struct cert *cert = NULL;
	struct unpack u;
	uint32_t found;
	int r = spawn_helper(h->libexec, "lxdfs-judge", NULL, &link, err);

	if (!r)
		r = judge_ask(link, buf_str(&c->der), ca, crl, time(NULL), err);
	if (!r && sys_poll_in(link, -1, sys_deadline(JUDGE_MS)) != 1)
		r = err_set(err, ETIMEDOUT, "lxdfs-judge doesn't answer");
	if (!r && (msg_recv(link, &judge_table, &msg, err) <= 0 || msg.type->number != JUDGE_FOUND))
		r = err_set(err, EBADMSG, "lxdfs-judge has ended without an answer");
	if (r < 0)
		return r;
	u = (struct unpack){.ptr = msg.body, .left = msg.len};
	found = unpack_u32(&u);
	f->is_signed = found & JUDGE_SIGNED;
	f->is_revoked = found & JUDGE_REVOKED;
	if (!f->in_store)
		f->usable = found & JUDGE_USABLE;
	if (!f->is_signed || f->in_store)
		return 0;
	/* the authority's own: it may be read here */
	if (cert_parse(buf_str(&c->der), &cert, NULL) < 0 ||
	    proof_check(&c->proof, cert, buf_str(&c->verify)) < 0)
		return -EKEYREJECTED;
	return 0;
}

/* ---- rights */

static bool all_restricted(struct host *h, char *const *projects)
{
	bool all = projects && *projects;

	for (char *const *p = projects; p && *p; p++) {
		AUTO(object_unref) struct object *o = host_find(h->server, KIND_PROJECT, str_from(*p));
		AUTO(config_unref) struct config *own = o ? object_own(o) : NULL;

		all = all && own && value_bool(config_get(own, SECTION_CONFIG, "restricted"));
	}
	return all;
}

/* In a view of projects group lxd could set what reaches the host, unless the projects themselves forbid it:
 * then the rights are the group's that the projects were given to, and without one nobody's. */
static int give_rights(struct host *h, struct verdict *v, struct err *err)
{
	AUTO(config_unref) struct config *own = v->certificate ? object_own(v->certificate) : NULL;
	const char *group = own ? config_get(own, SECTION_PROPS, "group") : NULL;
	const char *projects = own ? config_get(own, SECTION_PROPS, "projects") : NULL;
	int r = remote_user(v->trust == TRUST_GUEST ? USER_GUEST : USER_REMOTE, &v->uid, &v->gid, err);

	if (r < 0)
		return r;
	v->view = v->trust == TRUST_GUEST ? VIEW_GUEST : VIEW_ALL;
	if (v->trust == TRUST_GUEST)
		return 0;
	if (v->trust == TRUST_RESTRICTED) {
		v->view = VIEW_PROJECTS;
		v->projects = texts_split(projects ? projects : "");
		if (!group && !all_restricted(h, v->projects))
			return 0;
	}
	if (!group) {
		v->gid = h->gid;
		return 0;
	}
	return group_id(group, &v->gid, err);
}

static void name_rights(struct verdict *v)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	buf_printf(&b, "%d %u %u %u %d", v->trust, v->certificate ? v->certificate->id : 0, v->uid, v->gid,
		   v->view);
	for (char **p = v->projects; p && *p; p++)
		buf_printf(&b, " %s", *p);
	v->key = buf_take(&b);
}

int remote_judge(struct host *h, const struct claim *c, struct verdict *ret, struct err *err)
{
	AUTO(config_unref) struct config *server = object_own(h->server);
	AUTO(buf_done) struct buf ca = BUF_NULL, crl = BUF_NULL;
	AUTO(verdict_done) struct verdict v = VERDICT_NULL;
	struct trust_facts f = {.shown = c->shown};
	int r = 0;

	server_authority(h, AUTHORITY_CA, &ca);
	server_authority(h, AUTHORITY_CRL, &crl);
	f.has_ca = ca.len > 0;
	f.trusts_signed = value_bool(config_get(server, SECTION_CONFIG, "core.trust_ca_certificates"));
	if (c->shown)
		r = look_in_store(h, c, &v, &f);
	if (!r && c->shown && f.has_ca)
		r = ask_judge(h, c, buf_str(&ca), buf_str(&crl), &f, err);
	if (r == -EKEYREJECTED)
		return err_set(err, EKEYREJECTED, "a client showed a certificate whose key it hasn't");
	if (r < 0)
		return r;
	v.trust = trust_judge(&f);
	if (v.trust != TRUST_REFUSED)
		r = give_rights(h, &v, err);
	if (r < 0)
		return r;
	name_rights(&v);
	*ret = v;
	v = VERDICT_NULL;
	return 0;
}
