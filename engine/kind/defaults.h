/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds that need no header of their own, and what a new host begins with. */
#pragma once

#include "engine/model/host.h"

extern const struct kind kind_server, kind_project, kind_profile, kind_warning;

/** defaults_make() - what `lxd init --auto` makes: pool and profile default, bridge lxdbr0 with auto
 * addresses; each only where it never was. Return: 0; the first failure, all others were tried */
int defaults_make(struct host *h, struct err *err);
