/* SPDX-License-Identifier: Apache-2.0 */
/* Rights that a process gives up for good. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** sandbox_is_namespaced() - whether we are in a user namespace, as in a container: root isn't the host's */
bool sandbox_is_namespaced(void);

/** sandbox_drop_caps() - remove capabilities (bits 1 << CAP_X) from every set, the bounding set included.
 * Return: 0 or -errno */
int sandbox_drop_caps(uint64_t bits);

/** sandbox_filter() - load a compiled system call filter from a sealed memfd (struct sock_filter[]); wants
 * CAP_SYS_ADMIN in the own user namespace or no_new_privs. Makes no call after it. Return: 0 or -errno */
int sandbox_filter(int fd);

/** sandbox_listen() - load one whose calls are handed over, before any other filter. Return: the descriptor
 * that they come from, close-on-exec; -EBUSY there is one around us already; -errno. Source:
 * seccomp_unotify(2) */
int sandbox_listen(int fd);

/** sandbox_become() - another user and group, without further groups. @keep: capabilities that stay until
 * execve; root keeps all. Return: 0 or -errno */
int sandbox_become(unsigned uid, unsigned gid, uint64_t keep);

/**
 * sandbox_label_exec() - have the next execve change to a label of AppArmor's
 * @proc: the host's /proc, opened before the namespaces were changed: nothing in a container's is believed
 *
 * Return: 0; -ENOENT the kernel knows no such profile; -errno
 */
int sandbox_label_exec(int proc, const char *label);
/** sandbox_context_exec() - the same with a context of SELinux'. Return: 0; -EINVAL its policy has no such */
int sandbox_context_exec(int proc, const char *context);

/** sandbox_lock_down() - for a helper that has what it needs: no capabilities, no_new_privs. Return: 0 or
 * -errno */
int sandbox_lock_down(void);

/** sandbox_limit() - a resource of setrlimit(2), its hard limit too; what is less already stays. Return: 0;
 * -1 with errno */
int sandbox_limit(int resource, uint64_t value);

/** sandbox_fs_ids() - take on other file system ids, keeping all capabilities: what is made belongs to them.
 * Return: 0 or -errno */
int sandbox_fs_ids(unsigned uid, unsigned gid);
