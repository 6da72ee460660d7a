/* SPDX-License-Identifier: Apache-2.0 */
/* Users and groups inside a container, by number or by name. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/str.h"
#include "engine/instance/container.h"

#include <stdint.h>

struct exec_user {
	uint32_t uid, gid;
	char *name, *home; /* NULL: not known */
};

/**
 * exec_user_find() - as whom a command is to run
 * @user, @group: numbers or names; NULL: root, and the user's own group
 *
 * The container's /etc/passwd and /etc/group are text from a stranger: bounded, never anything but text.
 * Return: 0; -EINVAL no such user or group
 */
int exec_user_find(struct container *c, const char *user, const char *group, struct exec_user *ret,
		   struct err *err);
void exec_user_done(struct exec_user *u);
static inline void exec_user_done_auto(struct exec_user *u)
{
	exec_user_done(u);
}

/** passwd_find() - the line of a name, or where @name is NULL of @id, in the text of a passwd file.
 * Return: 0; -ENOENT */
int passwd_find(struct str text, const char *name, uint32_t id, struct exec_user *ret);
/** group_find() - Return: 0; -ENOENT */
int group_find(struct str text, const char *name, uint32_t *ret);
