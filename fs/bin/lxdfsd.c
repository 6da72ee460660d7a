/* SPDX-License-Identifier: Apache-2.0 */
/* lxdfsd: the daemon, keeper and core in one program. */
#include "fs/daemon.h"

int main(int argc, char **argv)
{
	static const struct daemon_roles roles = {core_run, core_teardown};

	return daemon_main(argc, argv, &roles);
}
