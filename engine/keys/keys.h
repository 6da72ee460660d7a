/* SPDX-License-Identifier: Apache-2.0 */
/* Every table of keys, for schema/, the reference pages and the tests that walk all rows. */
#pragma once

#include "engine/model/kind.h"

extern const struct key_table keys_server, keys_project, keys_project_props, keys_instance,
    keys_instance_props, keys_profile_props, keys_image_props, keys_network_bridge, keys_network_props,
    keys_acl, keys_acl_props, keys_acl_rules, keys_forward, keys_forward_props, keys_forward_ports,
    keys_pool_dir, keys_pool_overlay, keys_pool_props, keys_exec_props, keys_certificate_props,
    keys_token_props;

/* Device types of instances and profiles, NULL-terminated; the first match wins. */
extern const struct device_type *const device_types[];

/** kinds_register() - every kind of engine/kind/ with its tables; first of all */
void kinds_register(void);

/** keys_tables() - all of the above and the device types', NULL-terminated */
const struct key_table *const *keys_tables(void);
