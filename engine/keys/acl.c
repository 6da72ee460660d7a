/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of access control lists: their properties, and rules, each a file of ingress/ or egress/. */
#include "engine/kind/acl.h"

#include "engine/base/auto.h"
#include "engine/keys/keys.h"
#include "engine/kind/acl-rule.h"

static int parse_rule(const struct key *key, struct str text, struct buf *canonical, struct err *err)
{
	struct acl_rule rule = {0};
	int r = acl_rule_parse(text, canonical, &rule, err);

	(void)key;
	acl_rule_done(&rule);
	return r;
}

static const struct key_type type_acl_rule = {
    .name = "rule",
    .accepts = "a rule such as action=allow protocol=tcp destination_port=443",
    .parse = parse_rule,
};

/* What sed and vi call the files that they put in a key's place is no name for a rule. */
static bool is_rule_name(struct str name)
{
	bool is_scratch = (name.len == 9 && str_has_prefix(name, STR("sed"))) || str_is(name, "4913");

	return acl_rule_name_ok(name) && !is_scratch && !str_is(name, "set");
}

static const struct key rule_rows[] = {
    {.name = "*",
     .type = &type_acl_rule,
     .is_member = is_rule_name,
     .apply = acl_apply,
     .text = "A rule: words KEY=VALUE on one line. Whatever rules are called and whichever list they are in, "
	     "those of "
	     "action drop come first, then reject, allow-stateless and allow."},
};
const struct key_table keys_acl_rules = {
    .name = "acl-rules",
    .text = "Files in ingress/ (towards instances) and egress/ (from them) of an access control list, each a "
	    "rule. `action` is "
	    "allow, allow-stateless, drop or reject. `source` and `destination` are addresses, networks, "
	    "ranges FIRST-LAST, "
	    "@internal (the network's own addresses), @external (all others) or names of lists (whatever has "
	    "them), with "
	    "commas between. `protocol` is tcp, udp, icmp4 or icmp6; `source_port` and `destination_port` "
	    "are ports and ranges "
	    "of them, `icmp_type` and `icmp_code` numbers. What is left out is any. `state` is enabled, "
	    "logged or disabled. "
	    "`description` comes last and takes the rest of the line.",
    .keys = rule_rows,
    .n = ARRAY_SIZE(rule_rows),
};

static const struct key rows[] = {
    {.name = "user.*",
     .type = &type_text,
     .text = "Free for notes and for tools of your own. lxdfs keeps it and does nothing with it."},
};
const struct key_table keys_acl = {
    .name = "acl",
    .text = "Keys in config/ of an access control list.",
    .keys = rows,
    .n = ARRAY_SIZE(rows),
};

static const struct key prop_rows[] = {
    {.name = "description", .type = &type_string, .def = "", .text = "A line for people who look at it."},
};
const struct key_table keys_acl_props = {
    .name = "acl-properties",
    .text = "Files of an access control list's own directory.",
    .keys = prop_rows,
    .n = ARRAY_SIZE(prop_rows),
};
