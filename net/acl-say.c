/* SPDX-License-Identifier: Apache-2.0 */
/* From what is known of access control lists to what the kernel is told, whole or in part. All of it is
 * called with the lock of acl.c held. */
#include "net/acl-internal.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "net/inet.h"
#include "net/nft.h"

struct acl_list *acl_find_list(const char *name)
{
	for (size_t i = 0; i < acl_known.n_lists; i++)
		if (!strcmp(acl_known.lists[i].name, name))
			return &acl_known.lists[i];
	return NULL;
}

struct acl_user *acl_find_user(const char *link, bool is_bridge)
{
	for (size_t i = 0; i < acl_known.n_users; i++)
		if (acl_known.users[i].is_bridge == is_bridge && !strcmp(acl_known.users[i].use.link, link))
			return &acl_known.users[i];
	return NULL;
}

struct acl_policy *acl_policy_find(unsigned id)
{
	for (size_t i = 0; i < acl_known.n_policies; i++)
		if (acl_known.policies[i].id == id)
			return &acl_known.policies[i];
	return NULL;
}

/* ---- texts */

void acl_policy_key(struct buf *b, const struct acl_use *use)
{
	buf_printf(b, "%d%d%d%d%d%d", use->ingress, use->egress, use->ingress_logged, use->egress_logged,
		   use->is_managed, use->has_dns);
	for (int i = 0; i < 2; i++) {
		buf_addc(b, ' ');
		if (use->nets[i].ip.family)
			buf_ip_net(b, &use->nets[i]);
	}
	for (size_t i = 0; i < use->n_lists; i++)
		buf_printf(b, " %s", use->lists[i]);
}

static void chain_name(struct buf *b, const struct acl_user *u, enum acl_chain which)
{
	static const char *const words[] = {"host", "out", "in"};

	if (u->is_bridge)
		buf_nft_chain(b, which == ACL_IN ? "aclb-in-" : "aclb-out-", u->use.link);
	else
		buf_printf(b, "aclp-%u-%s", u->policy, words[which]);
}

const char *acl_family_of(const struct acl_user *u)
{
	return u->is_bridge ? "inet" : "bridge";
}

void acl_group_text(struct buf *b, const char *family, const char *list)
{
	buf_printf(b, "add set %s %s ", family, net_table());
	buf_nft_chain(b, "aclg-", list);
	buf_adds(b, " { type ifname; }\n");
}

/* The sets that rules look at. */
static void groups_text(struct buf *b, const char *family, const struct acl_list *l)
{
	acl_group_text(b, family, l->name);
	for (size_t i = 0; i < l->n; i++) {
		const struct acl_rule *r = &l->rules[i];

		for (size_t k = 0; k < r->n_sources; k++)
			if (r->sources[k].kind == ACL_GROUP)
				acl_group_text(b, family, r->sources[k].group);
		for (size_t k = 0; k < r->n_destinations; k++)
			if (r->destinations[k].kind == ACL_GROUP)
				acl_group_text(b, family, r->destinations[k].group);
	}
}

/* The chains that a port's or a bridge's policy is made of. */
void acl_chains_text(struct buf *b, const struct acl_user *u)
{
	const struct acl_list **lists = xcalloc(u->use.n_lists + 1, sizeof(*lists));
	size_t n = 0;

	for (size_t i = 0; i < u->use.n_lists; i++) {
		const struct acl_list *l = acl_find_list(u->use.lists[i]);

		if (!l)
			continue;
		lists[n++] = l;
		groups_text(b, acl_family_of(u), l);
	}
	for (int which = u->is_bridge ? ACL_OUT : ACL_HOST; which < ACL_CHAINS; which++) {
		AUTO(buf_done) struct buf chain = BUF_NULL;
		struct acl_place place = {.is_bridge_table = !u->is_bridge,
					  .which = (enum acl_chain)which,
					  .use = &u->use,
					  .can_reject = acl_known.can_reject > 0};

		chain_name(&chain, u, place.which);
		place.chain = chain.ptr;
		acl_policy_text(b, &place, lists, n);
	}
	free(lists);
}

void acl_unchains_text(struct buf *b, const struct acl_user *u)
{
	for (int which = u->is_bridge ? ACL_OUT : ACL_HOST; which < ACL_CHAINS; which++) {
		AUTO(buf_done) struct buf chain = BUF_NULL;

		chain_name(&chain, u, (enum acl_chain)which);
		for (int i = 0; i < 3; i++)
			buf_printf(b, "%s chain %s %s %s\n",
				   i == 0   ? "add"
				   : i == 1 ? "flush"
					    : "delete",
				   acl_family_of(u), net_table(), chain.ptr);
	}
}

/* A port's or bridge's places in maps and groups. It is put in before it is taken out, as nft refuses to take
 * out what isn't there; what is there with another verdict is taken out before. */
void acl_members_text(struct buf *b, const struct acl_user *u, const struct acl_user *before, bool is_member)
{
	static const char *const maps[] = {"acl_host", "acl_out", "acl_in"};
	const char *family = acl_family_of(u), *t = net_table(), *link = u->use.link;

	for (int which = u->is_bridge ? ACL_OUT : ACL_HOST; which < ACL_CHAINS; which++) {
		AUTO(buf_done) struct buf chain = BUF_NULL, old = BUF_NULL;

		chain_name(&chain, u, (enum acl_chain)which);
		if (before && before != u) {
			chain_name(&old, before, (enum acl_chain)which);
			if (strcmp(old.ptr, chain.ptr) != 0)
				buf_printf(b, "delete element %s %s %s { \"%s\" }\n", family, t, maps[which],
					   link);
		}
		buf_printf(b, "add element %s %s %s { \"%s\" : jump %s }\n", family, t, maps[which], link,
			   chain.ptr);
		if (!is_member)
			buf_printf(b, "delete element %s %s %s { \"%s\" }\n", family, t, maps[which], link);
	}
	buf_printf(b, "add element %s %s acl_users { \"%s\" }\n", family, t, link);
	if (!is_member)
		buf_printf(b, "delete element %s %s acl_users { \"%s\" }\n", family, t, link);
	for (size_t i = 0; i < u->use.n_lists; i++) {
		AUTO(buf_done) struct buf set = BUF_NULL;

		buf_nft_chain(&set, "aclg-", u->use.lists[i]);
		buf_printf(b, "add element %s %s %s { \"%s\" }\n", family, t, set.ptr, link);
		if (!is_member)
			buf_printf(b, "delete element %s %s %s { \"%s\" }\n", family, t, set.ptr, link);
	}
}

/* In a batch: what an earlier process has put into the maps for a port of this name. */
void acl_strangers_text(struct buf *b, const struct acl_user *u)
{
	static const char *const maps[] = {"acl_host", "acl_out", "acl_in"};
	AUTO(buf_done) struct buf member = BUF_NULL;

	buf_printf(&member, "\"%s\" : ", u->use.link);
	for (int which = u->is_bridge ? ACL_OUT : ACL_HOST; which < ACL_CHAINS; which++) {
		AUTO(buf_done) struct buf command = BUF_NULL, listing = BUF_NULL;

		buf_printf(&command, "list map %s %s %s", acl_family_of(u), net_table(), maps[which]);
		if (nft_list(command.ptr, &listing, NULL) == 0 && strstr(buf_cstr(&listing), member.ptr))
			buf_printf(b, "delete element %s %s %s { \"%s\" }\n", acl_family_of(u), net_table(),
				   maps[which], u->use.link);
	}
}

size_t acl_count_users(bool is_bridge)
{
	size_t n = 0;

	for (size_t i = 0; i < acl_known.n_users; i++)
		n += acl_known.users[i].is_bridge == is_bridge;
	return n;
}

/* All of one table, whatever of it is there. */
void acl_table_text(struct buf *b, bool is_bridge)
{
	const char *family = is_bridge ? "inet" : "bridge", *t = net_table();
	unsigned last = 0;

	acl_base_text(b, !is_bridge);
	buf_printf(b, "flush map %s %s acl_out\nflush map %s %s acl_in\n", family, t, family, t);
	if (!is_bridge)
		buf_printf(b, "flush map bridge %s acl_host\n", t);
	for (size_t i = 0; i < acl_known.n_lists; i++) {
		AUTO(buf_done) struct buf set = BUF_NULL;

		buf_nft_chain(&set, "aclg-", acl_known.lists[i].name);
		acl_group_text(b, family, acl_known.lists[i].name);
		buf_printf(b, "flush set %s %s %s\n", family, t, set.ptr);
	}
	/* a policy's chains once, before all that leads there */
	for (size_t p = 0; p < acl_known.n_policies && !is_bridge; p++)
		for (size_t i = 0; i < acl_known.n_users; i++)
			if (!acl_known.users[i].is_bridge &&
			    acl_known.users[i].policy == acl_known.policies[p].id &&
			    acl_known.policies[p].id != last) {
				acl_chains_text(b, &acl_known.users[i]);
				last = acl_known.policies[p].id;
			}
	for (size_t i = 0; i < acl_known.n_users; i++) {
		if (acl_known.users[i].is_bridge != is_bridge)
			continue;
		if (is_bridge)
			acl_chains_text(b, &acl_known.users[i]);
		acl_members_text(b, &acl_known.users[i], NULL, true);
	}
}

/* ---- what an earlier process has left */

/* Whether somebody has said a chain or a group of this name. */
static bool is_said(struct str name, bool is_bridge)
{
	AUTO(free) char *text = str_dup(name);

	if (str_has_prefix(name, STR("aclp-")))
		return acl_policy_find((unsigned)strtoul(text + strlen("aclp-"), NULL, 10)) != NULL;
	for (size_t i = 0; i < acl_known.n_users && is_bridge; i++)
		for (int which = ACL_OUT; which < ACL_CHAINS; which++) {
			AUTO(buf_done) struct buf chain = BUF_NULL;

			if (!acl_known.users[i].is_bridge)
				continue;
			chain_name(&chain, &acl_known.users[i], (enum acl_chain)which);
			if (str_is(name, chain.ptr))
				return true;
		}
	for (size_t i = 0; i < acl_known.n_lists; i++) {
		AUTO(buf_done) struct buf set = BUF_NULL;

		buf_nft_chain(&set, "aclg-", acl_known.lists[i].name);
		if (str_is(name, set.ptr))
			return true;
	}
	return false;
}

/* Chains and groups that nobody has said, of a listing of all tables of the family. Return: whether the
 * common part is there. */
static bool names_stale_text(struct buf *b, struct str listing, bool is_bridge)
{
	const char *family = is_bridge ? "inet" : "bridge", *t = net_table();
	AUTO(buf_done) struct buf end = BUF_NULL;
	bool is_ours = false, has_base = false;
	struct str line, kind, name;

	while (str_next(&listing, '\n', &line)) {
		line = str_trim(line);
		if (!str_next(&line, ' ', &kind) || !str_next(&line, ' ', &name))
			continue;
		if (str_is(kind, "table")) {
			struct str table = name;

			is_ours = (!str_is(name, family) || str_next(&line, ' ', &table)) && str_is(table, t);
			continue;
		}
		has_base |= is_ours && str_is(name, "acl-input");
		if (!is_ours ||
		    (!str_has_prefix(name, STR("aclg-")) && !str_has_prefix(name, STR("aclp-")) &&
		     !str_has_prefix(name, STR("aclb-"))) ||
		    is_said(name, is_bridge))
			continue;
		if (str_is(kind, "chain"))
			buf_printf(b, "flush chain %s %s %.*s\n", family, t, STR_FMT(name));
		/* chains name one another, and sets */
		buf_printf(&end, "delete %.*s %s %s %.*s\n", STR_FMT(kind), family, t, STR_FMT(name));
	}
	buf_adds(b, buf_cstr(&end));
	return has_base;
}

/* Members of the set of all that have lists: it is never flushed, as all else rests on it. */
static void users_stale_text(struct buf *b, struct str listing, bool is_bridge)
{
	struct str name;

	while (str_next(&listing, '"', &name) && str_next(&listing, '"', &name)) {
		AUTO(free) char *link = str_dup(name);

		if (!acl_find_user(link, is_bridge))
			buf_printf(b, "delete element %s %s acl_users { \"%s\" }\n",
				   is_bridge ? "inet" : "bridge", net_table(), link);
	}
}

/* What must go behind all that is said. Return: whether there is anything of ours */
static bool stale_text(struct buf *b, bool is_bridge)
{
	const char *family = is_bridge ? "inet" : "bridge";
	AUTO(buf_done) struct buf command = BUF_NULL, names = BUF_NULL, users = BUF_NULL;
	bool has_base;

	buf_printf(&command, "list chains %s", family);
	nft_list(command.ptr, &names, NULL);
	buf_clear(&command);
	buf_printf(&command, "list sets %s", family);
	nft_list_terse(command.ptr, &names, NULL);
	buf_clear(&command);
	buf_printf(&command, "list set %s %s acl_users", family, net_table());
	nft_list(command.ptr, &users, NULL);
	has_base = names_stale_text(b, buf_str(&names), is_bridge);
	users_stale_text(b, buf_str(&users), is_bridge);
	return has_base;
}

/* ---- saying it */

int acl_say_table(bool is_bridge, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL, stale = BUF_NULL;
	const bool is_used = acl_count_users(is_bridge), was_there = stale_text(&stale, is_bridge);

	if (!is_used && !was_there)
		return 0;
	acl_table_text(&text, is_bridge);
	buf_adds(&text, buf_cstr(&stale));
	if (!is_used) {
		for (size_t i = 0; i < acl_known.n_lists; i++) {
			buf_printf(&text, "delete set %s %s ", is_bridge ? "inet" : "bridge", net_table());
			buf_nft_chain(&text, "aclg-", acl_known.lists[i].name);
			buf_addc(&text, '\n');
		}
		acl_unbase_text(&text, !is_bridge);
	}
	return inet_run(text.ptr, is_bridge && !is_used, err);
}

int acl_say_all(struct err *err)
{
	int r = acl_say_table(false, err);

	return r < 0 ? r : acl_say_table(true, err);
}

/* One change; where the table isn't as it was left, all of it. */
int acl_say(const struct buf *text, bool is_bridge, bool may_wait, struct err *err)
{
	int r;

	if (acl_known.n_batches && may_wait)
		return 0;
	r = text->len ? inet_run(text->ptr, false, err) : 0;
	if (r == -ENOENT) {
		err_done(err);
		r = acl_say_table(is_bridge, err);
	}
	return r;
}
