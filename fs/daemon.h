/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of lxdfsd, and which role a process of it plays: starter, keeper, core or stopper. */
#pragma once

#include "fs/core.h"

/* What is the core in this program: core_run() and core_teardown(), or a test's */
struct daemon_roles {
	int (*run)(const struct core_options *o, const struct session_link *link, struct err *err);
	int (*teardown)(const struct core_options *o, bool all, struct err *err);
};

/** daemon_main() - main() of the program. Return: its exit status */
int daemon_main(int argc, char **argv, const struct daemon_roles *roles);
