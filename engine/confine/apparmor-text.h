/* SPDX-License-Identifier: Apache-2.0 */
/* AppArmor profiles as text, for apparmor_parser(8) to compile. Pure. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

#include <stdbool.h>

#define APPARMOR_NAME_MAX 128

struct apparmor_profile {
	const char *name; /* letters, digits, '-', '_', '.': what apparmor_name() gives */
	bool privileged;  /* root inside is root of the host: new file systems are the harmless ones alone */
	bool nesting;	  /* mounts as containers in containers need them */
	bool stacking;	  /* with nesting: profiles of its own, in a policy namespace called as the profile */
	const char *raw;  /* raw.apparmor, NULL: none */
};

/**
 * apparmor_text() - of a container's init and all that it starts
 * @ret_raw_line: the number of the line on which @raw begins, for messages of the parser; may be NULL
 *
 * Source: apparmor.d(5)
 */
void apparmor_text(const struct apparmor_profile *p, struct buf *b, unsigned *ret_raw_line);

/** apparmor_dnsmasq_text() - of a bridge's dnsmasq, @program, which has its files in these directories */
void apparmor_dnsmasq_text(const char *name, const char *program, const char *run_dir, const char *lease_dir,
			   struct buf *b);

/**
 * apparmor_raw_check() - that rules stay within the profile's braces, so that they can't begin another
 * program's profile
 *
 * Return: 0; -EINVAL with the line
 */
int apparmor_raw_check(struct str raw, struct err *err);

/**
 * apparmor_deny_but() - rules that deny writing to all below a directory but some names in it
 * @names: sorted; one that ends in '*' stands for all that begin so. What is below these isn't denied
 */
void apparmor_deny_but(struct buf *b, const char *dir, const char *const *names, size_t n);
