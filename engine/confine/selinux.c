/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts as text, and the kernel's files that know whether they mean anything. */
#include "engine/confine/selinux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/base/str.h"

#define FILE_TYPE "container_file_t"
#define CATEGORIES 1024

bool selinux_here(void)
{
	/* where no policy is loaded there is the file, and no class of objects */
	return access("/sys/fs/selinux/enforce", F_OK) == 0 &&
	       access("/sys/fs/selinux/class/process", F_OK) == 0;
}

/* "c3,c500": the lower first, as the kernel wants them. */
static char *categories(const char *uuid)
{
	unsigned long n = strtoul(uuid, NULL, 16); /* its first eight digits */
	unsigned a = (unsigned)(n % CATEGORIES), b = (unsigned)(n / CATEGORIES % CATEGORIES);

	if (a == b)
		b = (a + 1) % CATEGORIES;
	return xasprintf("c%u,c%u", MIN(a, b), MAX(a, b));
}

char *selinux_process(const char *type, const char *uuid)
{
	AUTO(free) char *own = categories(uuid);

	return xasprintf("system_u:system_r:%s:s0:%s", type, own);
}

char *selinux_files(const char *uuid)
{
	AUTO(free) char *own = categories(uuid);

	return xasprintf("system_u:object_r:" FILE_TYPE ":s0:%s", own);
}

int selinux_check(const char *context, struct err *err)
{
	/* with its terminator */
	int r = path_write(AT_FDCWD, "/sys/fs/selinux/context", (struct str){context, strlen(context) + 1});

	return r < 0 ? err_set(err, -r, "this host's SELinux policy has no context %s", context) : 0;
}

char *selinux_context(pid_t pid)
{
	AUTO(free) char *path = xasprintf("/proc/%d/attr/current", pid), *text = NULL;

	if (!selinux_here() || path_read(AT_FDCWD, path, 4096, &text) < 0)
		return NULL;
	return str_dup(str_trim(str_from(text)));
}
