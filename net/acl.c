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

struct policy {
	unsigned id;
	unsigned n_users;
	char *key; /* says all that its text depends on but the lists' content */
};

/* A port or a bridge; what the pointers lead to is its own. */
struct user {
	struct acl_use use;
	bool is_bridge;
	unsigned policy; /* of a port */
};

static struct {
	pthread_mutex_t lock;
	struct acl_list *lists;
	size_t n_lists;
	struct user *users;
	size_t n_users;
	struct policy *policies;
	size_t n_policies;
	unsigned last_id, n_batches;
	int can_reject; /* -1: nobody has asked the kernel yet */
} known = {.lock = PTHREAD_MUTEX_INITIALIZER, .can_reject = -1};

/* ---- what is known */

static struct acl_list *find_list(const char *name)
{
	for (size_t i = 0; i < known.n_lists; i++)
		if (!strcmp(known.lists[i].name, name))
			return &known.lists[i];
	return NULL;
}

static struct user *find_user(const char *link, bool is_bridge)
{
	for (size_t i = 0; i < known.n_users; i++)
		if (known.users[i].is_bridge == is_bridge && !strcmp(known.users[i].use.link, link))
			return &known.users[i];
	return NULL;
}

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

static void user_done(struct user *u)
{
	for (size_t i = 0; i < u->use.n_lists; i++)
		free((char *)u->use.lists[i]);
	free((void *)u->use.lists);
	free((char *)u->use.link);
}

static struct user user_copy(const struct acl_use *use, bool is_bridge)
{
	const char **lists = xcalloc(use->n_lists + 1, sizeof(*lists));
	struct user u = {.use = *use, .is_bridge = is_bridge};

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

/* ---- texts */

static void policy_key(struct buf *b, const struct acl_use *use)
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

static void chain_name(struct buf *b, const struct user *u, enum acl_chain which)
{
	static const char *const words[] = {"host", "out", "in"};

	if (u->is_bridge)
		buf_nft_chain(b, which == ACL_IN ? "aclb-in-" : "aclb-out-", u->use.link);
	else
		buf_printf(b, "aclp-%u-%s", u->policy, words[which]);
}

static const char *family_of(const struct user *u)
{
	return u->is_bridge ? "inet" : "bridge";
}

static void group_text(struct buf *b, const char *family, const char *list)
{
	buf_printf(b, "add set %s %s ", family, net_table());
	buf_nft_chain(b, "aclg-", list);
	buf_adds(b, " { type ifname; }\n");
}

/* The sets that rules look at. */
static void groups_text(struct buf *b, const char *family, const struct acl_list *l)
{
	group_text(b, family, l->name);
	for (size_t i = 0; i < l->n; i++) {
		const struct acl_rule *r = &l->rules[i];

		for (size_t k = 0; k < r->n_sources; k++)
			if (r->sources[k].kind == ACL_GROUP)
				group_text(b, family, r->sources[k].group);
		for (size_t k = 0; k < r->n_destinations; k++)
			if (r->destinations[k].kind == ACL_GROUP)
				group_text(b, family, r->destinations[k].group);
	}
}

/* The chains that a port's or a bridge's policy is made of. */
static void chains_text(struct buf *b, const struct user *u)
{
	const struct acl_list **lists = xcalloc(u->use.n_lists + 1, sizeof(*lists));
	size_t n = 0;

	for (size_t i = 0; i < u->use.n_lists; i++) {
		const struct acl_list *l = find_list(u->use.lists[i]);

		if (!l)
			continue;
		lists[n++] = l;
		groups_text(b, family_of(u), l);
	}
	for (int which = u->is_bridge ? ACL_OUT : ACL_HOST; which < ACL_CHAINS; which++) {
		AUTO(buf_done) struct buf chain = BUF_NULL;
		struct acl_place place = {.is_bridge_table = !u->is_bridge,
					  .which = (enum acl_chain)which,
					  .use = &u->use,
					  .can_reject = known.can_reject > 0};

		chain_name(&chain, u, place.which);
		place.chain = chain.ptr;
		acl_policy_text(b, &place, lists, n);
	}
	free(lists);
}

static void unchains_text(struct buf *b, const struct user *u)
{
	for (int which = u->is_bridge ? ACL_OUT : ACL_HOST; which < ACL_CHAINS; which++) {
		AUTO(buf_done) struct buf chain = BUF_NULL;

		chain_name(&chain, u, (enum acl_chain)which);
		for (int i = 0; i < 3; i++)
			buf_printf(b, "%s chain %s %s %s\n",
				   i == 0   ? "add"
				   : i == 1 ? "flush"
					    : "delete",
				   family_of(u), net_table(), chain.ptr);
	}
}

/* A port's or bridge's places in maps and groups. It is put in before it is taken out, as nft refuses to take
 * out what isn't there; what is there with another verdict is taken out before. */
static void members_text(struct buf *b, const struct user *u, const struct user *before, bool is_member)
{
	static const char *const maps[] = {"acl_host", "acl_out", "acl_in"};
	const char *family = family_of(u), *t = net_table(), *link = u->use.link;

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
static void strangers_text(struct buf *b, const struct user *u)
{
	static const char *const maps[] = {"acl_host", "acl_out", "acl_in"};
	AUTO(buf_done) struct buf member = BUF_NULL;

	buf_printf(&member, "\"%s\" : ", u->use.link);
	for (int which = u->is_bridge ? ACL_OUT : ACL_HOST; which < ACL_CHAINS; which++) {
		AUTO(buf_done) struct buf command = BUF_NULL, listing = BUF_NULL;

		buf_printf(&command, "list map %s %s %s", family_of(u), net_table(), maps[which]);
		if (nft_list(command.ptr, &listing, NULL) == 0 && strstr(buf_cstr(&listing), member.ptr))
			buf_printf(b, "delete element %s %s %s { \"%s\" }\n", family_of(u), net_table(),
				   maps[which], u->use.link);
	}
}

static size_t count_users(bool is_bridge)
{
	size_t n = 0;

	for (size_t i = 0; i < known.n_users; i++)
		n += known.users[i].is_bridge == is_bridge;
	return n;
}

/* All of one table, whatever of it is there. */
static void table_text(struct buf *b, bool is_bridge)
{
	const char *family = is_bridge ? "inet" : "bridge", *t = net_table();
	unsigned last = 0;

	acl_base_text(b, !is_bridge);
	buf_printf(b, "flush map %s %s acl_out\nflush map %s %s acl_in\n", family, t, family, t);
	if (!is_bridge)
		buf_printf(b, "flush map bridge %s acl_host\n", t);
	for (size_t i = 0; i < known.n_lists; i++) {
		AUTO(buf_done) struct buf set = BUF_NULL;

		buf_nft_chain(&set, "aclg-", known.lists[i].name);
		group_text(b, family, known.lists[i].name);
		buf_printf(b, "flush set %s %s %s\n", family, t, set.ptr);
	}
	/* a policy's chains once, before all that leads there */
	for (size_t p = 0; p < known.n_policies && !is_bridge; p++)
		for (size_t i = 0; i < known.n_users; i++)
			if (!known.users[i].is_bridge && known.users[i].policy == known.policies[p].id &&
			    known.policies[p].id != last) {
				chains_text(b, &known.users[i]);
				last = known.policies[p].id;
			}
	for (size_t i = 0; i < known.n_users; i++) {
		if (known.users[i].is_bridge != is_bridge)
			continue;
		if (is_bridge)
			chains_text(b, &known.users[i]);
		members_text(b, &known.users[i], NULL, true);
	}
}

/* ---- the kernel */

bool acl_can_reject(void)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	bool can;

	pthread_mutex_lock(&known.lock);
	if (known.can_reject < 0) {
		const char *t = net_table();

		buf_printf(&text,
			   "add table bridge %s-try\nadd chain bridge %s-try try { type filter hook input "
			   "priority 0; }\n"
			   "add rule bridge %s-try try ether type ip reject\ndelete table bridge %s-try\n",
			   t, t, t, t);
		known.can_reject = nft_run(text.ptr, NULL) == 0;
	}
	can = known.can_reject > 0;
	pthread_mutex_unlock(&known.lock);
	return can;
}

/* Members in a line of the set of all that have lists: it is never flushed, as all else rests on it. */
static void users_stale_text(struct buf *b, struct str line, bool is_bridge)
{
	struct str name;

	while (str_next(&line, '"', &name) && str_next(&line, '"', &name)) {
		AUTO(free) char *link = str_dup(name);

		if (!find_user(link, is_bridge))
			buf_printf(b, "delete element %s %s acl_users { \"%s\" }\n",
				   is_bridge ? "inet" : "bridge", net_table(), link);
	}
}

/* Chains and groups of the tables that nobody has said: what a process before has left. After the maps were
 * filled anew, so that nothing leads there. */
static void stale_text(struct buf *b, struct str listing, bool is_bridge)
{
	const char *family = is_bridge ? "inet" : "bridge", *t = net_table();
	AUTO(buf_done) struct buf chains = BUF_NULL;
	struct str line;
	bool is_users = false;

	while (str_next(&listing, '\n', &line)) {
		struct str word;
		bool is_known = false, is_set;

		line = str_trim(line);
		if (is_users) {
			users_stale_text(b, line, is_bridge);
			is_users = !str_is(line, "}");
			continue;
		}
		is_users = str_has_prefix(line, STR("set acl_users "));
		if (!str_next(&line, ' ', &word) || (!str_is(word, "chain") && !str_is(word, "set")))
			continue;
		is_set = str_is(word, "set");
		str_next(&line, ' ', &word);
		if (!str_has_prefix(word, is_set ? STR("aclg-") : is_bridge ? STR("aclb-") : STR("aclp-")))
			continue;
		for (size_t i = 0; i < known.n_lists && is_set && !is_known; i++) {
			AUTO(buf_done) struct buf name = BUF_NULL;

			buf_nft_chain(&name, "aclg-", known.lists[i].name);
			is_known = str_eq(word, buf_str(&name));
		}
		for (size_t i = 0; i < known.n_users && !is_set && !is_known; i++)
			for (int which = 0; which < ACL_CHAINS && !is_known; which++) {
				AUTO(buf_done) struct buf name = BUF_NULL;

				if (known.users[i].is_bridge != is_bridge)
					continue;
				chain_name(&name, &known.users[i], (enum acl_chain)which);
				is_known = str_eq(word, buf_str(&name));
			}
		if (is_known)
			continue;
		if (!is_set)
			buf_printf(b, "flush chain %s %s %.*s\n", family, t, STR_FMT(word));
		buf_printf(&chains, "delete %s %s %s %.*s\n", is_set ? "set" : "chain", family, t,
			   STR_FMT(word));
	}
	buf_adds(b, buf_cstr(&chains));
}

static int say_table(bool is_bridge, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL, command = BUF_NULL, listing = BUF_NULL;
	const bool is_used = count_users(is_bridge);
	bool was_there;

	buf_printf(&command, "list table %s %s", is_bridge ? "inet" : "bridge", net_table());
	was_there =
	    nft_list(command.ptr, &listing, NULL) == 0 && strstr(buf_cstr(&listing), "chain acl-input");
	if (!is_used && !was_there)
		return 0;
	table_text(&text, is_bridge);
	stale_text(&text, buf_str(&listing), is_bridge);
	if (!is_used) {
		for (size_t i = 0; i < known.n_lists; i++) {
			AUTO(buf_done) struct buf set = BUF_NULL;

			buf_nft_chain(&set, "aclg-", known.lists[i].name);
			buf_printf(&text, "delete set %s %s %s\n", is_bridge ? "inet" : "bridge", net_table(),
				   set.ptr);
		}
		acl_unbase_text(&text, !is_bridge);
	}
	return inet_run(text.ptr, is_bridge && !is_used, err);
}

static int say_all(struct err *err)
{
	int r = say_table(false, err);

	return r < 0 ? r : say_table(true, err);
}

/* One change; where the table isn't as it was left, all of it. */
static int say(const struct buf *text, bool is_bridge, bool may_wait, struct err *err)
{
	int r;

	if (known.n_batches && may_wait)
		return 0;
	r = text->len ? inet_run(text->ptr, false, err) : 0;
	if (r == -ENOENT) {
		err_done(err);
		r = say_table(is_bridge, err);
	}
	return r;
}

/* ---- policies */

static struct policy *policy_find(unsigned id)
{
	for (size_t i = 0; i < known.n_policies; i++)
		if (known.policies[i].id == id)
			return &known.policies[i];
	return NULL;
}

/* @ret_new: nobody has it yet */
static unsigned policy_get(const struct acl_use *use, bool *ret_new)
{
	AUTO(buf_done) struct buf key = BUF_NULL;

	policy_key(&key, use);
	for (size_t i = 0; i < known.n_policies; i++)
		if (!strcmp(known.policies[i].key, key.ptr)) {
			known.policies[i].n_users++;
			*ret_new = false;
			return known.policies[i].id;
		}
	known.policies = xrealloc(known.policies, (known.n_policies + 1) * sizeof(*known.policies));
	known.policies[known.n_policies++] =
	    (struct policy){.id = ++known.last_id, .n_users = 1, .key = buf_take(&key)};
	*ret_new = true;
	return known.last_id;
}

/* Return: whether nobody has it any more */
static bool policy_put(unsigned id)
{
	struct policy *p = policy_find(id);

	if (--p->n_users)
		return false;
	free(p->key);
	*p = known.policies[--known.n_policies];
	return true;
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
		if (!find_list(use->lists[i]))
			return err_set(err, ENOENT, "there is no access control list %s", use->lists[i]);
	return 0;
}

/* With the lock held: what @new and @old (NULL: none) share stays. */
static int change(struct user *new, struct user *old, bool may_wait, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	const bool is_first = count_users(new->is_bridge) == 0 || known.n_batches;
	bool is_new_policy = new->is_bridge, is_old_gone = false;
	int r;

	if (!new->is_bridge)
		new->policy = policy_get(&new->use, &is_new_policy);
	if (is_first)
		acl_base_text(&text, !new->is_bridge);
	/* of one that waits the kernel has nothing yet */
	if (is_new_policy || known.n_batches)
		chains_text(&text, new);
	else
		for (size_t i = 0; i < new->use.n_lists; i++)
			group_text(&text, family_of(new), new->use.lists[i]);
	/* out of the groups that it leaves */
	for (size_t i = 0; old && i < old->use.n_lists; i++) {
		if (use_has(&new->use, old->use.lists[i]))
			continue;
		buf_printf(&text, "delete element %s %s ", family_of(new), net_table());
		buf_nft_chain(&text, "aclg-", old->use.lists[i]);
		buf_printf(&text, " { \"%s\" }\n", new->use.link);
	}
	if (known.n_batches && !old && !may_wait)
		strangers_text(&text, new);
	members_text(&text, new, old, true);
	if (old && !old->is_bridge) {
		is_old_gone = policy_put(old->policy);
		if (is_old_gone)
			unchains_text(&text, old);
	}
	r = say(&text, new->is_bridge, may_wait, err);
	if (r < 0) {
		bool unused;

		/* the text is what it was: the old policy takes its number back */
		if (!new->is_bridge)
			policy_put(new->policy);
		if (old && !old->is_bridge && is_old_gone) {
			unsigned id = policy_get(&old->use, &unused);

			policy_find(id)->id = old->policy;
		} else if (old && !old->is_bridge) {
			policy_get(&old->use, &unused);
		}
	}
	return r;
}

static bool use_is_same(const struct acl_use *a, const struct acl_use *b)
{
	AUTO(buf_done) struct buf one = BUF_NULL, other = BUF_NULL;

	policy_key(&one, a);
	policy_key(&other, b);
	return str_eq(buf_str(&one), buf_str(&other));
}

static int set(const struct acl_use *use, bool is_bridge, bool may_wait, struct err *err)
{
	struct user *old = find_user(use->link, is_bridge), new;
	int r = check_use(use, err);

	if (r < 0)
		return r;
	new = user_copy(use, is_bridge);
	/* what somebody else did to it is acl_restore()'s to put right */
	if (old && !known.n_batches && use_is_same(&new.use, &old->use)) {
		user_done(&new);
		return 0;
	}
	r = change(&new, old, may_wait, err);
	if (r < 0) {
		user_done(&new);
		return r;
	}
	if (old) {
		user_done(old);
		*old = new;
		return 0;
	}
	known.users = xrealloc(known.users, (known.n_users + 1) * sizeof(*known.users));
	known.users[known.n_users++] = new;
	return 0;
}

static int clear(const char *link, bool is_bridge, struct err *err)
{
	struct user *old = find_user(link, is_bridge), gone;
	AUTO(buf_done) struct buf text = BUF_NULL;
	bool is_policy_gone = is_bridge;
	int r;

	if (!old)
		return 0;
	gone = *old;
	members_text(&text, &gone, &gone, false);
	if (!is_bridge)
		is_policy_gone = policy_find(gone.policy)->n_users == 1;
	if (is_policy_gone)
		unchains_text(&text, &gone);
	r = say(&text, is_bridge, false, err);
	if (r < 0)
		return r;
	if (!is_bridge)
		policy_put(gone.policy);
	*old = known.users[--known.n_users];
	user_done(&gone);
	if (!known.n_batches && !count_users(is_bridge))
		r = say_table(is_bridge, err);
	return r;
}

static int port_set(const struct acl_use *use, bool may_wait, struct err *err)
{
	int r;

	if (!use->n_lists)
		return acl_port_clear(use->link, err);
	(void)acl_can_reject();
	pthread_mutex_lock(&known.lock);
	r = set(use, false, may_wait, err);
	pthread_mutex_unlock(&known.lock);
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

	pthread_mutex_lock(&known.lock);
	r = clear(link, false, err);
	pthread_mutex_unlock(&known.lock);
	return r;
}

int acl_bridge_set(const struct acl_use *use, struct err *err)
{
	int r;

	if (!use->n_lists)
		return acl_bridge_clear(use->link, err);
	pthread_mutex_lock(&known.lock);
	r = set(use, true, true, err);
	pthread_mutex_unlock(&known.lock);
	return r;
}

int acl_bridge_clear(const char *link, struct err *err)
{
	int r;

	pthread_mutex_lock(&known.lock);
	r = clear(link, true, err);
	pthread_mutex_unlock(&known.lock);
	return r;
}

/* ---- lists */

/* Every policy and bridge that has the list, filled anew: one text, one transaction over both tables. */
static int redefine(const char *name, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	bool has_bridge = false;

	for (size_t i = 0; i < known.n_users; i++) {
		const struct user *u = &known.users[i];
		bool is_done = false;

		for (size_t k = 0; k < i && !u->is_bridge && !is_done; k++)
			is_done = !known.users[k].is_bridge && known.users[k].policy == u->policy;
		if (is_done || !use_has(&u->use, name))
			continue;
		has_bridge |= u->is_bridge;
		chains_text(&text, u);
	}
	if (!text.len || known.n_batches)
		return 0;
	/* a table that somebody removed is for both */
	if (inet_run(text.ptr, false, err) < 0) {
		if (err && err->errnum != ENOENT)
			return -err->errnum;
		err_done(err);
		return has_bridge ? say_all(err) : say_table(false, err);
	}
	return 0;
}

int acl_define(const char *name, const struct acl_rule *rules, size_t n, struct err *err)
{
	AUTO(err_done) struct err own = ERR_NULL;
	struct acl_list *l, old;
	int r;

	err = err ? err : &own;
	pthread_mutex_lock(&known.lock);
	l = find_list(name);
	if (!l) {
		known.lists = xrealloc(known.lists, (known.n_lists + 1) * sizeof(*known.lists));
		l = &known.lists[known.n_lists++];
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
	pthread_mutex_unlock(&known.lock);
	return r;
}

void acl_forget(const char *name)
{
	struct acl_list *l;

	pthread_mutex_lock(&known.lock);
	l = find_list(name);
	if (l) {
		AUTO(buf_done) struct buf text = BUF_NULL;

		for (int is_bridge = 0; is_bridge < 2; is_bridge++) {
			if (!count_users(is_bridge))
				continue;
			group_text(&text, is_bridge ? "inet" : "bridge", name);
			buf_printf(&text, "delete set %s %s ", is_bridge ? "inet" : "bridge", net_table());
			buf_nft_chain(&text, "aclg-", name);
			buf_addc(&text, '\n');
		}
		if (text.len && !known.n_batches)
			inet_run(text.ptr, false, NULL);
		free(l->name);
		rules_free(l->rules, l->n);
		*l = known.lists[--known.n_lists];
	}
	pthread_mutex_unlock(&known.lock);
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
		known.last_id = MAX(known.last_id, (unsigned)strtoul(p + strlen("chain aclp-"), NULL, 10));
}

void acl_batch_begin(void)
{
	pthread_mutex_lock(&known.lock);
	if (!known.n_users)
		skip_numbers();
	known.n_batches++;
	pthread_mutex_unlock(&known.lock);
}

int acl_batch_end(struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&known.lock);
	if (!--known.n_batches)
		r = say_all(err);
	pthread_mutex_unlock(&known.lock);
	return r;
}

int acl_restore(struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&known.lock);
	if (!known.n_batches && known.n_users)
		r = say_all(err);
	pthread_mutex_unlock(&known.lock);
	return r;
}

void acl_teardown(void)
{
	pthread_mutex_lock(&known.lock);
	while (known.n_users)
		user_done(&known.users[--known.n_users]);
	while (known.n_policies)
		free(known.policies[--known.n_policies].key);
	while (known.n_lists) {
		struct acl_list *l = &known.lists[--known.n_lists];

		free(l->name);
		rules_free(l->rules, l->n);
	}
	pthread_mutex_unlock(&known.lock);
}

void acl_text(struct buf *b)
{
	pthread_mutex_lock(&known.lock);
	table_text(b, false);
	table_text(b, true);
	pthread_mutex_unlock(&known.lock);
}
