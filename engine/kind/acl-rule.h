/* SPDX-License-Identifier: Apache-2.0 */
/* A rule of an access control list as text: "action=allow protocol=tcp destination_port=443
 * source=10.0.0.0/8". */
#pragma once

#include "engine/base/buf.h"
#include "net/acl.h"

/**
 * acl_rule_parse() - KEY=VALUE words, parted by blanks or newlines; description takes the rest of its line
 * @canonical: may be NULL: the same rule as one line, its words in a fixed order
 * @ret:       acl_rule_done() it; name and direction are the caller's to set
 *
 * Return: 0; -EINVAL with a sentence that wants the rule's name before it
 */
int acl_rule_parse(struct str text, struct buf *canonical, struct acl_rule *ret, struct err *err);
