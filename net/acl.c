/* SPDX-License-Identifier: Apache-2.0 */
/* Access control lists as this process knows them, and their way into the kernel.
 *
 * Ports that have the same lists, defaults and network share a policy: three chains with the rules of all
 * lists in order. A list's change fills the policies that have it anew; a port that comes is three entries of
 * maps. A policy's chain stays when its rules change, and only its content is replaced, in one transaction:
 * that leaves no gap.
 *
 * The lock is held over transactions: what is known is what the kernel has. Under it come those of inet.c and
 * nft.c. */
#include "net/acl.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "net/acl-internal.h"
#include "net/inet.h"
#include "net/nft.h"

struct acl_known acl_known = {.lock = PTHREAD_MUTEX_INITIALIZER, .can_reject = -1};

/* ---- what is known */

static void *copy(const void *from, size_t n, size_t size)
{
	void *to = xcalloc(n + 1, size);

	if (n)
		memcpy(to, from, n * size);
	return to;
}

static struct acl_rule *rules_copy(const struct acl_rule *rules, size_t n)
{
	struct acl_rule *list = copy(rules, n, sizeof(*rules));

	for (size_t i = 0; i < n; i++) {
		struct acl_rule *r = &list[i];

		r->sources = copy(r->sources, r->n_sources, sizeof(*r->sources));
		r->destinations = copy(r->destinations, r->n_destinations, sizeof(*r->destinations));
		r->sports = copy(r->sports, r->n_sports, sizeof(*r->sports));
		r->dports = copy(r->dports, r->n_dports, sizeof(*r->dports));
	}
	return list;
}

static void rules_free(struct acl_rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		acl_rule_done(&rules[i]);
	free(rules);
}

static bool use_has(const struct acl_use *use, const char *list)
{
	for (size_t i = 0; i < use->n_lists; i++)
		if (!strcmp(use->lists[i], list))
			return true;
	return false;
}

static void user_done(struct acl_user *u)
{
	for (size_t i = 0; i < u->use.n_lists; i++)
		free((char *)u->use.lists[i]);
	free((void *)u->use.lists);
	free((char *)u->use.link);
}

static struct acl_user user_copy(const struct acl_use *use, bool is_bridge)
{
	const char **lists = xcalloc(use->n_lists + 1, sizeof(*lists));
	struct acl_user u = {.use = *use, .is_bridge = is_bridge};

	u.use.n_lists = 0;
	for (size_t i = 0; i < use->n_lists; i++) {
		bool is_new = true;

		for (size_t k = 0; k < u.use.n_lists; k++)
			is_new &= strcmp(lists[k], use->lists[i]) != 0;
		if (is_new)
			lists[u.use.n_lists++] = xstrdup(use->lists[i]);
	}
	u.use.lists = lists;
	u.use.link = xstrdup(use->link);
	return u;
}

/* ---- the kernel */

bool acl_can_reject(void)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	bool can;

	pthread_mutex_lock(&acl_known.lock);
	if (acl_known.can_reject < 0) {
		const char *t = net_table();

		buf_printf(&text,
			   "add table bridge %s-try\nadd chain bridge %s-try try { type filter hook input "
			   "priority 0; }\n"
			   "add rule bridge %s-try try ether type ip reject\ndelete table bridge %s-try\n",
			   t, t, t, t);
		acl_known.can_reject = nft_run(text.ptr, NULL) == 0;
	}
	can = acl_known.can_reject > 0;
	pthread_mutex_unlock(&acl_known.lock);
	return can;
}

/* ---- policies */

/* @ret_new: nobody has it yet */
static unsigned policy_get(const struct acl_use *use, bool *ret_new)
{
	AUTO(buf_done) struct buf key = BUF_NULL;

	acl_policy_key(&key, use);
	for (size_t i = 0; i < acl_known.n_policies; i++)
		if (!strcmp(acl_known.policies[i].key, key.ptr)) {
			acl_known.policies[i].n_users++;
			*ret_new = false;
			return acl_known.policies[i].id;
		}
	acl_known.policies =
	    xrealloc(acl_known.policies, (acl_known.n_policies + 1) * sizeof(*acl_known.policies));
	acl_known.policies[acl_known.n_policies++] =
	    (struct acl_policy){.id = ++acl_known.last_id, .n_users = 1, .key = buf_take(&key)};
	*ret_new = true;
	return acl_known.last_id;
}

/* Return: whether nobody has it any more */
static bool policy_put(unsigned id)
{
	struct acl_policy *p = acl_policy_find(id);

	if (--p->n_users)
		return false;
	free(p->key);
	*p = acl_known.policies[--acl_known.n_policies];
	return true;
}

/* Undoes policy_put(): one that went has its number again. */
static void policy_get_back(const struct acl_user *u, bool was_gone)
{
	bool unused;
	struct acl_policy *p = acl_policy_find(policy_get(&u->use, &unused));

	if (was_gone)
		p->id = u->policy;
}

/* ---- uses */

static int check_use(const struct acl_use *use, struct err *err)
{
	AUTO(buf_done) struct buf quoted = BUF_NULL;

	if (buf_nft_ifname(&quoted, use->link) < 0) {
		AUTO(buf_done) struct buf shown = BUF_NULL;

		buf_escape(&shown, str_from(use->link));
		return err_set(
		    err, EINVAL,
		    "\"%s\" can't have access control lists: the name of a link has 1 to 15 printable "
		    "characters without quotes, '\\', '*', '/' or ':'",
		    buf_cstr(&shown));
	}
	for (size_t i = 0; i < use->n_lists; i++)
		if (!acl_find_list(use->lists[i]))
			return err_set(err, ENOENT, "there is no access control list %s", use->lists[i]);
	return 0;
}

/* With the lock held, @new is known already. Of @old (NULL: none) what both have stays. */
static int change(struct acl_user *new, struct acl_user *old, bool may_wait, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	/* in a batch the kernel has what an earlier process said, and nothing of this one that waits */
	const bool is_batch = acl_known.n_batches, is_first = !old && acl_count_users(new->is_bridge) == 1;
	bool is_new_policy = new->is_bridge, is_old_gone = false;
	int r;

	if (!new->is_bridge)
		new->policy = policy_get(&new->use, &is_new_policy);
	if (is_first || is_batch)
		acl_base_text(&text, !new->is_bridge);
	if (is_new_policy || is_batch)
		acl_chains_text(&text, new);
	else
		for (size_t i = 0; i < new->use.n_lists; i++)
			acl_group_text(&text, acl_family_of(new), new->use.lists[i]);
	/* out of the groups that it leaves */
	for (size_t i = 0; old && !is_batch && i < old->use.n_lists; i++) {
		if (use_has(&new->use, old->use.lists[i]))
			continue;
		buf_printf(&text, "delete element %s %s ", acl_family_of(new), net_table());
		buf_nft_chain(&text, "aclg-", old->use.lists[i]);
		buf_printf(&text, " { \"%s\" }\n", new->use.link);
	}
	if (is_batch && !may_wait)
		acl_strangers_text(&text, new);
	acl_members_text(&text, new, is_batch ? NULL : old, true);
	if (old && !old->is_bridge) {
		is_old_gone = policy_put(old->policy);
		if (is_old_gone && !is_batch)
			acl_unchains_text(&text, old);
	}
	r = acl_say(&text, new->is_bridge, may_wait, err);
	if (r == 0 || new->is_bridge)
		return r;
	policy_put(new->policy);
	if (old)
		policy_get_back(old, is_old_gone);
	return r;
}

static bool use_is_same(const struct acl_use *a, const struct acl_use *b)
{
	AUTO(buf_done) struct buf one = BUF_NULL, other = BUF_NULL;

	acl_policy_key(&one, a);
	acl_policy_key(&other, b);
	return str_eq(buf_str(&one), buf_str(&other));
}

static int set(const struct acl_use *use, bool is_bridge, bool may_wait, struct err *err)
{
	struct acl_user *old = acl_find_user(use->link, is_bridge), new, before = {0};
	int r = check_use(use, err);

	if (r < 0)
		return r;
	new = user_copy(use, is_bridge);
	/* what somebody else did to it is acl_restore()'s to put right */
	if (old && !acl_known.n_batches && use_is_same(&new.use, &old->use)) {
		user_done(&new);
		return 0;
	}
	if (old) {
		before = *old;
		*old = new;
	} else {
		acl_known.users =
		    xrealloc(acl_known.users, (acl_known.n_users + 1) * sizeof(*acl_known.users));
		acl_known.users[acl_known.n_users++] = new;
	}
	r = change(old ? old : &acl_known.users[acl_known.n_users - 1], old ? &before : NULL, may_wait, err);
	if (r < 0) {
		user_done(&new);
		if (old)
			*old = before;
		else
			acl_known.n_users--;
	} else if (old) {
		user_done(&before);
	}
	return r;
}

static int clear(const char *link, bool is_bridge, struct err *err)
{
	struct acl_user *old = acl_find_user(link, is_bridge), gone;
	AUTO(buf_done) struct buf text = BUF_NULL;
	bool is_last, is_policy_gone;
	int r;

	if (!old)
		return 0;
	gone = *old;
	*old = acl_known.users[--acl_known.n_users];
	is_last = !acl_known.n_batches && !acl_count_users(is_bridge);
	acl_members_text(&text, &gone, NULL, false);
	is_policy_gone = !is_bridge && policy_put(gone.policy);
	if (is_bridge || is_policy_gone)
		acl_unchains_text(&text, &gone);
	/* with the last one all goes */
	r = is_last ? acl_say_table(is_bridge, err) : acl_say(&text, is_bridge, false, err);
	if (r == 0) {
		user_done(&gone);
		return 0;
	}
	if (!is_bridge)
		policy_get_back(&gone, is_policy_gone);
	acl_known.users[acl_known.n_users++] = gone;
	return r;
}

static int port_set(const struct acl_use *use, bool may_wait, struct err *err)
{
	int r;

	if (!use->n_lists)
		return acl_port_clear(use->link, err);
	(void)acl_can_reject();
	pthread_mutex_lock(&acl_known.lock);
	r = set(use, false, may_wait, err);
	pthread_mutex_unlock(&acl_known.lock);
	return r;
}

int acl_port_set(const struct acl_use *use, struct err *err)
{
	return port_set(use, false, err);
}

int acl_port_set_later(const struct acl_use *use, struct err *err)
{
	return port_set(use, true, err);
}

int acl_port_clear(const char *link, struct err *err)
{
	int r;

	pthread_mutex_lock(&acl_known.lock);
	r = clear(link, false, err);
	pthread_mutex_unlock(&acl_known.lock);
	return r;
}

int acl_bridge_set(const struct acl_use *use, struct err *err)
{
	int r;

	if (!use->n_lists)
		return acl_bridge_clear(use->link, err);
	pthread_mutex_lock(&acl_known.lock);
	r = set(use, true, true, err);
	pthread_mutex_unlock(&acl_known.lock);
	return r;
}

int acl_bridge_clear(const char *link, struct err *err)
{
	int r;

	pthread_mutex_lock(&acl_known.lock);
	r = clear(link, true, err);
	pthread_mutex_unlock(&acl_known.lock);
	return r;
}

/* ---- lists */

/* Every policy and bridge that has the list, filled anew: one text, one transaction over both tables. */
static int redefine(const char *name, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	bool has_bridge = false;

	for (size_t i = 0; i < acl_known.n_users; i++) {
		const struct acl_user *u = &acl_known.users[i];
		bool is_done = false;

		for (size_t k = 0; k < i && !u->is_bridge && !is_done; k++)
			is_done = !acl_known.users[k].is_bridge && acl_known.users[k].policy == u->policy;
		if (is_done || !use_has(&u->use, name))
			continue;
		has_bridge |= u->is_bridge;
		acl_chains_text(&text, u);
	}
	if (!text.len || acl_known.n_batches)
		return 0;
	/* a table that somebody removed is for both */
	if (inet_run(text.ptr, false, err) < 0) {
		if (err && err->errnum != ENOENT)
			return -err->errnum;
		err_done(err);
		return has_bridge ? acl_say_all(err) : acl_say_table(false, err);
	}
	return 0;
}

int acl_define(const char *name, const struct acl_rule *rules, size_t n, struct err *err)
{
	AUTO(err_done) struct err own = ERR_NULL;
	struct acl_list *l, old;
	int r;

	err = err ? err : &own;
	pthread_mutex_lock(&acl_known.lock);
	l = acl_find_list(name);
	if (!l) {
		acl_known.lists =
		    xrealloc(acl_known.lists, (acl_known.n_lists + 1) * sizeof(*acl_known.lists));
		l = &acl_known.lists[acl_known.n_lists++];
		*l = (struct acl_list){.name = xstrdup(name)};
	}
	old = *l;
	l->rules = rules_copy(rules, n);
	l->n = n;
	r = redefine(name, err);
	if (r < 0) {
		rules_free(l->rules, l->n);
		*l = old;
	} else {
		rules_free(old.rules, old.n);
	}
	pthread_mutex_unlock(&acl_known.lock);
	return r;
}

void acl_forget(const char *name)
{
	struct acl_list *l;

	pthread_mutex_lock(&acl_known.lock);
	l = acl_find_list(name);
	if (l) {
		AUTO(buf_done) struct buf text = BUF_NULL;

		for (int is_bridge = 0; is_bridge < 2; is_bridge++) {
			if (!acl_count_users(is_bridge))
				continue;
			acl_group_text(&text, is_bridge ? "inet" : "bridge", name);
			buf_printf(&text, "delete set %s %s ", is_bridge ? "inet" : "bridge", net_table());
			buf_nft_chain(&text, "aclg-", name);
			buf_addc(&text, '\n');
		}
		if (text.len && !acl_known.n_batches)
			inet_run(text.ptr, false, NULL);
		free(l->name);
		rules_free(l->rules, l->n);
		*l = acl_known.lists[--acl_known.n_lists];
	}
	pthread_mutex_unlock(&acl_known.lock);
}

/* ---- all of it */

/* Policies of this process get numbers that no earlier one has used: theirs are in force until the end of the
 * batch. */
static void skip_numbers(void)
{
	AUTO(buf_done) struct buf listing = BUF_NULL;
	const char *p;

	if (nft_list("list chains bridge", &listing, NULL) < 0)
		return;
	for (p = buf_cstr(&listing); (p = strstr(p, "chain aclp-")); p++)
		acl_known.last_id =
		    MAX(acl_known.last_id, (unsigned)strtoul(p + strlen("chain aclp-"), NULL, 10));
}

void acl_batch_begin(void)
{
	pthread_mutex_lock(&acl_known.lock);
	if (!acl_known.n_users)
		skip_numbers();
	acl_known.n_batches++;
	pthread_mutex_unlock(&acl_known.lock);
}

int acl_batch_end(struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&acl_known.lock);
	if (!--acl_known.n_batches)
		r = acl_say_all(err);
	pthread_mutex_unlock(&acl_known.lock);
	return r;
}

int acl_restore(struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&acl_known.lock);
	if (!acl_known.n_batches && acl_known.n_users)
		r = acl_say_all(err);
	pthread_mutex_unlock(&acl_known.lock);
	return r;
}

void acl_teardown(void)
{
	pthread_mutex_lock(&acl_known.lock);
	while (acl_known.n_users)
		user_done(&acl_known.users[--acl_known.n_users]);
	while (acl_known.n_policies)
		free(acl_known.policies[--acl_known.n_policies].key);
	while (acl_known.n_lists) {
		struct acl_list *l = &acl_known.lists[--acl_known.n_lists];

		free(l->name);
		rules_free(l->rules, l->n);
	}
	pthread_mutex_unlock(&acl_known.lock);
}

void acl_text(struct buf *b)
{
	pthread_mutex_lock(&acl_known.lock);
	acl_table_text(b, false);
	acl_table_text(b, true);
	pthread_mutex_unlock(&acl_known.lock);
}
