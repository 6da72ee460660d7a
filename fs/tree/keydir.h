/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of keys: config/, devices/DEV/, and the same below local/ and effective/. */
#pragma once

#include "fs/tree/node.h"

/* A row's arg: what a directory of keys shows. */
enum keydir_view {
	VIEW_SET,	/* what is set here or inherited */
	VIEW_LOCAL,	/* only what is set here */
	VIEW_EFFECTIVE, /* what applies, defaults included */
};
extern const enum keydir_view view_set, view_local, view_effective;

/* config/, devices/, devices/DEV/, a key's file in either. Of effective/ none can be written. */
extern const struct node_class class_config_dir, class_devices_dir, class_device_dir, class_key,
    class_key_fixed;

/* The same of effective/, where nothing is made or removed. */
extern const struct node_class class_fixed_dir, class_fixed_devices;

/* A file of the object's own directory that is a key of its props table; the row's arg is the key's name. */
extern const struct node_class class_prop, class_prop_fixed;

/** keydir_section() - which section a node's keys are of; freed by the caller */
char *keydir_section(const struct node *n);
/** keydir_view_of() - of a directory or of a key's file */
enum keydir_view keydir_view_of(const struct node *n);
