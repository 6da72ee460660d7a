/* SPDX-License-Identifier: Apache-2.0 */
/* The table of rows of each kind of object; a file of fs/tree/ for each. */
#pragma once

#include "fs/tree/node.h"

extern const struct node_table table_server, table_project, table_instance, table_profile, table_image,
    table_network, table_pool, table_exec, table_warning, table_acl, table_forward;

/* images/aliases/ */
extern const struct node_class class_aliases, class_alias;
