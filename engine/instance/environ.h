/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of processes in a container. */
#pragma once

/** environ_default - what every process in a container starts with */
extern const char *const environ_default[];

/** environ_make() - a list of NAME=VALUE where the later wins: @defaults, then @more (may be NULL); freed
 * with texts_free() */
char **environ_make(const char *const *defaults, const char *const *more);
