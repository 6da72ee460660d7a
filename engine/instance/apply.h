/* SPDX-License-Identifier: Apache-2.0 */
/* The live part of an instance's keys: each a key_apply_fn, named in the rows of engine/keys/instance.c. */
#pragma once

#include "engine/model/key.h"

/** instance_apply_memory() - limits.memory, .memory.enforce, .memory.swap */
key_apply_fn instance_apply_memory;
/** instance_apply_cpu() - limits.cpu, .cpu.allowance, .cpu.priority */
key_apply_fn instance_apply_cpu;
/** server_apply_hide_names() - lxdfs.hide_names of the server, at once */
key_apply_fn server_apply_hide_names;
/** instance_apply_mounts() - security.syscalls.intercept.mount.* but for .mount itself */
key_apply_fn instance_apply_mounts;
/** instance_apply_processes() - limits.processes */
key_apply_fn instance_apply_processes;
