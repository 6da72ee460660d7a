/* SPDX-License-Identifier: Apache-2.0 */
/* Instances as a kind of object, and all of them at the daemon's start and end. What is done with one is in
 * engine/instance/lifecycle.h, which this includes. */
#pragma once

#include "engine/instance/lifecycle.h"

extern const struct kind kind_instance;

/** instances_open() - cgroup layout, id maps; before host_load() */
int instances_open(struct host *h, struct err *err);
/** instances_autostart() - start what boot.autostart says, by priority and delay; blocks. Where the key isn't
 * set those come back that ran when the host went down. Once in a boot: for a core that comes after another
 * it only starts what rebooted meanwhile */
void instances_autostart(struct host *h);
/** instances_break() - the daemon ends: what waits for an instance that is being started gives up */
void instances_break(struct host *h);
/** instances_stop_all() - all, by boot.stop.priority, each within its boot.host_shutdown_timeout; blocks */
int instances_stop_all(struct host *h, struct err *err);
void instances_close(struct host *h);
