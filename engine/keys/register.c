/* SPDX-License-Identifier: Apache-2.0 */
/* Where kinds and device types meet their keys. */
#include "engine/base/auto.h"
#include "engine/keys/devices.h"
#include "engine/kind/acl.h"
#include "engine/kind/defaults.h"
#include "engine/kind/exec.h"
#include "engine/kind/forward.h"
#include "engine/kind/image.h"
#include "engine/kind/instance.h"
#include "engine/kind/network.h"
#include "engine/kind/pool.h"
#include "engine/kind/trust.h"

const char *const device_type_words[] = {"nic", "disk", "proxy", "unix-char", "unix-block", "none", NULL};

static const struct key none_rows[] = {DEVICE_TYPE_ROW};

const struct device_type device_none = {
    .name = "none",
    .type = "none",
    .keys = {.name = "none",
	     .text = "A device of type `none` masks the one of that name that a profile gives.",
	     .keys = none_rows,
	     .n = ARRAY_SIZE(none_rows)},
};

const struct device_type *const device_types[] = {
    &device_nic_bridged, &device_nic_routed,   &device_nic_p2p, &device_nic_macvlan,
    &device_nic_ipvlan,	 &device_nic_physical, &device_disk,	&device_proxy,
    &device_unix_char,	 &device_unix_block,   &device_none,	NULL,
};

void kinds_register(void)
{
	static const struct kind_tables server = {.config = &keys_server};
	static const struct kind_tables project = {.props = &keys_project_props, .config = &keys_project};
	static const struct kind_tables instance = {
	    .props = &keys_instance_props, .config = &keys_instance, .devices = device_types};
	static const struct kind_tables profile = {
	    .props = &keys_profile_props, .config = &keys_instance, .devices = device_types};
	static const struct kind_tables image = {.props = &keys_image_props};
	static const struct kind_tables network = {.props = &keys_network_props,
						   .config = &keys_network_bridge};
	static const struct kind_tables pool = {.props = &keys_pool_props, .config = &keys_pool_overlay};
	static const struct kind_tables command = {.props = &keys_exec_props};
	static const struct key_section acl_sections[] = {
	    {"ingress", &keys_acl_rules}, {"egress", &keys_acl_rules}, {NULL, NULL}};
	static const struct kind_tables acl = {
	    .props = &keys_acl_props, .config = &keys_acl, .sections = acl_sections};
	static const struct key_section forward_sections[] = {{"ports", &keys_forward_ports}, {NULL, NULL}};
	static const struct kind_tables forward = {
	    .props = &keys_forward_props, .config = &keys_forward, .sections = forward_sections};
	static const struct kind_tables warning = {0};
	static const struct kind_tables certificate = {.props = &keys_certificate_props};
	static const struct kind_tables token = {.props = &keys_token_props};

	kind_register(&kind_server, &server);
	kind_register(&kind_project, &project);
	kind_register(&kind_instance, &instance);
	kind_register(&kind_profile, &profile);
	kind_register(&kind_image, &image);
	kind_register(&kind_network, &network);
	kind_register(&kind_pool, &pool);
	kind_register(&kind_exec, &command);
	kind_register(&kind_warning, &warning);
	kind_register(&kind_acl, &acl);
	kind_register(&kind_forward, &forward);
	kind_register(&kind_certificate, &certificate);
	kind_register(&kind_token, &token);
}

const struct key_table *const *keys_tables(void)
{
	static const struct key_table *const tables[] = {
	    &keys_server,
	    &keys_project,
	    &keys_project_props,
	    &keys_instance,
	    &keys_instance_props,
	    &keys_profile_props,
	    &keys_image_props,
	    &keys_network_bridge,
	    &keys_network_props,
	    &keys_acl,
	    &keys_acl_props,
	    &keys_acl_rules,
	    &keys_forward,
	    &keys_forward_props,
	    &keys_forward_ports,
	    &keys_pool_dir,
	    &keys_pool_overlay,
	    &keys_pool_props,
	    &keys_exec_props,
	    &keys_certificate_props,
	    &keys_token_props,
	    &device_nic_bridged.keys,
	    &device_nic_routed.keys,
	    &device_nic_p2p.keys,
	    &device_nic_macvlan.keys,
	    &device_nic_ipvlan.keys,
	    &device_nic_physical.keys,
	    &device_disk.keys,
	    &device_proxy.keys,
	    &device_unix_char.keys,
	    &device_unix_block.keys,
	    &device_none.keys,
	    NULL,
	};

	return tables;
}
