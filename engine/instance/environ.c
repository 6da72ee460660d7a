/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of processes in a container. */
#include "engine/instance/environ.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/str.h"

const char *const environ_default[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "TERM=linux",
    "HOME=/root",
    "USER=root",
    "container=lxc",
    NULL,
};

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return n == strcspn(b, "=") && !strncmp(a, b, n);
}

char **environ_make(const char *const *defaults, const char *const *more)
{
	const char *const *lists[] = {defaults, more};
	size_t max = 1, n = 0;
	char **env;

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
		for (const char *const *p = lists[l]; p && *p; p++)
			max++;
	env = xcalloc(max, sizeof(*env));
	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		for (const char *const *p = lists[l]; p && *p; p++) {
			size_t i = 0;

			while (i < n && !same_name(env[i], *p))
				i++;
			free(env[i]);
			env[i] = xstrdup(*p);
			n = MAX(n, i + 1);
		}
	}
	return env;
}
