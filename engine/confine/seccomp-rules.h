/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for system calls as an admin writes them, in LXC's syntax, read into typed values. Pure. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECCOMP_ARGS 6 /* a system call takes no more */

struct seccomp_rule {
	uint32_t arch; /* SCMP_ARCH_X; 0: every one */
	int nr;	       /* libseccomp's number, which it translates for other architectures */
	uint32_t action;
	struct scmp_arg_cmp args[SECCOMP_ARGS];
	unsigned n_args; /* 0: every call */
};

struct seccomp_rules {
	uint32_t otherwise; /* what happens to calls without a rule: SCMP_ACT_X */
	struct seccomp_rule *list;
	size_t n;
	struct buf unknown; /* names that this libseccomp has no number for, which are left out: "a, b" */
};

enum seccomp_syntax {
	SECCOMP_DENY,	/* lines of security.syscalls.deny; a name alone kills the caller, as with LXC */
	SECCOMP_ALLOW,	/* of security.syscalls.allow; a name alone allows, all without a line kills */
	SECCOMP_POLICY, /* raw.seccomp: a whole policy, "2", then "denylist" or "allowlist", then lines */
};

/**
 * seccomp_rules_parse() - add the rules of a text to those that are there
 * @text: lines of `NAME [errno N | kill | trap | allow] [[INDEX,VALUE,OP[,MASK]]...]`; `#` begins a remark,
 *        `reject_force_umount` stands for its rule; in a policy [all], [x86_64] and so on begin a section
 *
 * A rule without conditions takes the place of all earlier ones of that call. Sets ret->otherwise but for
 * SECCOMP_DENY.
 *
 * Return: 0; -EINVAL with line and word. A name that nobody knows is no failure unless it looks like a slip
 * of the finger: a newer kernel may have it
 * Source: lxc.container.conf(5)
 */
int seccomp_rules_parse(struct str text, enum seccomp_syntax syntax, struct seccomp_rules *ret,
			struct err *err);

/** seccomp_rules_add() - one more, in the place of all earlier ones of that call if it has no condition */
void seccomp_rules_add(struct seccomp_rules *rules, const struct seccomp_rule *rule);

void seccomp_rules_done(struct seccomp_rules *rules);
static inline void seccomp_rules_done_auto(struct seccomp_rules *rules)
{
	seccomp_rules_done(rules);
}
