/* SPDX-License-Identifier: Apache-2.0 */
/* Sets access control lists for tests, without a daemon: all that is to be, in one run. `aclctl help` says
 * how. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/auto.h"
#include "engine/base/err.h"
#include "engine/kind/acl-rule.h"
#include "net/acl.h"
#include "net/filter.h"
#include "net/inet.h"
#include "net/nft.h"

static const char usage_text[] =
    "aclctl TABLE [set | text | teardown] WORD...\n"
    "aclctl TABLE time PORTS TIMES    a list on so many ports; microseconds of loading all, of a rule's "
    "change, and of a\n"
    "                                 port that comes and goes\n"
    "  list=NAME, then rules of it: in=TEXT, out=TEXT\n"
    "  port=LINK or bridge=LINK, then lists=A,B ingress=ACTION egress=ACTION logged managed dns net=NET; "
    "now: not with the rest\n"
    "Fails with status 1 and the sentence on standard error, as \"ERRNO: text\".\n";

enum { MAX_RULES = 64, MAX_LISTS = 16 };

static const char *list_name;
static struct acl_rule rules[MAX_RULES];
static size_t n_rules;
static struct acl_use use;
static const char *lists[MAX_LISTS];
static bool is_bridge, is_now;

static const char *value(const char *arg, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(arg, name, n) && arg[n] == '=' ? arg + n + 1 : NULL;
}

/* What was described until now. */
static int finish(struct err *err)
{
	int r = 0;

	if (list_name)
		r = acl_define(list_name, rules, n_rules, err);
	if (r == 0 && use.link)
		r = is_bridge ? acl_bridge_set(&use, err)
		    : is_now  ? acl_port_set(&use, err)
			      : acl_port_set_later(&use, err);
	list_name = NULL;
	n_rules = 0;
	use = (struct acl_use){.lists = lists, .ingress = ACL_REJECT, .egress = ACL_REJECT};
	return r;
}

static enum acl_action action(const char *text)
{
	static const char *const words[] = {"drop", "reject", "allow-stateless", "allow"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(text, words[i]))
			return (enum acl_action)i;
	abort();
}

static int word(const char *arg, struct err *err)
{
	const char *v;
	int r = 0;

	if ((v = value(arg, "list"))) {
		r = finish(err);
		list_name = v;
	} else if ((v = value(arg, "port")) || (v = value(arg, "bridge"))) {
		r = finish(err);
		use.link = v;
		is_bridge = *arg == 'b';
	} else if ((v = value(arg, "in")) || (v = value(arg, "out"))) {
		struct acl_rule *rule = &rules[n_rules];

		r = acl_rule_parse(str_from(v), NULL, rule, err);
		rule->is_ingress = *arg == 'i';
		snprintf(rule->name, sizeof(rule->name), "%zu", n_rules++);
	} else if ((v = value(arg, "lists"))) {
		for (char *p = strtok_r(xstrdup(v), ",", (char **)&v); p;
		     p = strtok_r(NULL, ",", (char **)&v))
			lists[use.n_lists++] = p;
	} else if ((v = value(arg, "ingress"))) {
		use.ingress = action(v);
	} else if ((v = value(arg, "egress"))) {
		use.egress = action(v);
	} else if (!strcmp(arg, "logged")) {
		use.ingress_logged = use.egress_logged = true;
	} else if (!strcmp(arg, "now")) {
		is_now = true;
	} else if (!strcmp(arg, "managed")) {
		use.is_managed = true;
	} else if (!strcmp(arg, "dns")) {
		use.has_dns = true;
	} else if ((v = value(arg, "net"))) {
		struct ip_net net;

		if (ip_net_parse(str_from(v), &net) < 0)
			return err_set(err, EINVAL, "%s is not understood", arg);
		use.nets[net.ip.family == AF_INET6] = net;
	} else {
		r = err_set(err, EINVAL, "%s is not understood", arg);
	}
	return r;
}

static unsigned now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned)(t.tv_sec % 1000 * 1000000 + t.tv_nsec / 1000);
}

static int measure(unsigned ports, unsigned times, struct err *err)
{
	struct acl_rule rule[11];
	const char *names[] = {"web"};
	unsigned began, loaded, changed;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rule); i++) {
		AUTO(free) char *text = xasprintf("action=allow protocol=tcp destination_port=%zu", 80 + i);

		r = acl_rule_parse(str_from(text), NULL, &rule[i], err);
		rule[i].is_ingress = true;
		snprintf(rule[i].name, sizeof(rule[i].name), "%zu", i);
	}
	use = (struct acl_use){.lists = names, .n_lists = 1};
	began = now_us();
	acl_batch_begin();
	if (r == 0)
		r = acl_define("web", rule, 10, err);
	for (unsigned i = 0; i < ports && r == 0; i++) {
		AUTO(free) char *link = xasprintf("veth%08x", i);

		use.link = link;
		r = acl_port_set_later(&use, err);
	}
	if (r == 0)
		r = acl_batch_end(err);
	loaded = now_us();
	for (unsigned i = 0; i < times && r == 0; i++)
		r = acl_define("web", rule, 11 - i % 2, err);
	changed = now_us();
	use.link = "other0";
	for (unsigned i = 0; i < times && r == 0; i++) {
		r = acl_port_set(&use, err);
		if (r == 0)
			r = acl_port_clear(use.link, err);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rule); i++)
		acl_rule_done(&rule[i]);
	acl_teardown();
	printf("load %u rule %u port %u\n", loaded - began, (changed - loaded) / times,
	       (now_us() - changed) / times / 2);
	return r;
}

int main(int argc, char **argv)
{
	AUTO(err_done) struct err err = ERR_NULL;
	int r = 0;

	if (argc < 3) {
		fputs(usage_text, stderr);
		return 2;
	}
	net_init(argv[1]);
	if (!strcmp(argv[2], "teardown")) {
		r = filter_teardown(&err);
		if (r == 0)
			r = inet_teardown(&err);
	} else if (!strcmp(argv[2], "time") && argc == 5) {
		r = measure((unsigned)strtoul(argv[3], NULL, 10), (unsigned)strtoul(argv[4], NULL, 10), &err);
	} else {
		acl_batch_begin();
		finish(&err);
		for (char **arg = argv + 3; *arg && r == 0; arg++)
			r = word(*arg, &err);
		if (r == 0)
			r = finish(&err);
		if (r == 0 && !strcmp(argv[2], "text")) {
			AUTO(buf_done) struct buf text = BUF_NULL;

			acl_text(&text);
			fputs(buf_cstr(&text), stdout);
		} else if (r == 0) {
			r = acl_batch_end(&err);
		}
	}
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", strerrorname_np(-r), err_text(&err));
		return 1;
	}
	return 0;
}
