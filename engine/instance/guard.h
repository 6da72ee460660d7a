/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles of the kernel's security modules for what lxdfs starts: containers, and dnsmasq of bridges. Every
 * object has a name there of its own, HOST-UUID. */
#pragma once

#include "engine/model/host.h"

struct instances;
/** guard_detect() - find out what this kernel has; before anything is started */
void guard_detect(struct instances *all);
/** guard_open() - a warning where there is no AppArmor; profiles that nobody uses any more go. At the
 * daemon's start, when what runs was found again */
void guard_open(struct host *h);
/** guard_close() - everything was stopped: nothing is left in the kernel */
void guard_close(struct host *h);

/** guard_has_apparmor() - profiles are loaded on this host */
bool guard_has_apparmor(const struct host *h);

/**
 * guard_instance() - load the profile that an instance's config asks for
 * @ret_label: what its init is to have; NULL where the kernel has no AppArmor. Freed by the caller
 */
int guard_instance(struct object *o, const struct config *effective, char **ret_label, struct err *err);
/** guard_instance_label() - what commands in a running one are to have: what its init has, as the kernel
 * says. NULL: nothing. Freed by the caller */
char *guard_instance_label(struct object *o);

/** guard_context() - SELinux' contexts for an instance's processes and files, as lxdfs.selinux_type says;
 * NULL without SELinux, and, with a warning, where its policy hasn't such a type. Freed by the caller */
void guard_context(struct object *o, char **ret_process, char **ret_files);
/** guard_instance_context() - what commands in a running one are to have: as init. NULL: what lxdfsd has */
char *guard_instance_context(struct object *o);

/** guard_dnsmasq() - load a network's; @ret_name NULL as above */
int guard_dnsmasq(struct object *o, const char *program, const char *run_dir, const char *lease_dir,
		  char **ret_name, struct err *err);

/** guard_drop() - of an instance or network whose last process is gone. @for_good: it is being removed */
void guard_drop(struct object *o, bool for_good);
