/* SPDX-License-Identifier: Apache-2.0 */
/* How a running instance is confined, as the kernel tells of its init: not what was asked for, but what is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/confine/apparmor.h"
#include "engine/confine/selinux.h"
#include "engine/instance/instance.h"

#define MAX_FILE (1 << 20)

static char *file_of(pid_t pid, const char *name)
{
	AUTO(free) char *path = xasprintf("/proc/%d/%s", pid, name);
	char *text = NULL;

	return path_read(AT_FDCWD, path, MAX_FILE, &text) < 0 ? xstrdup("") : text;
}

/* The value of a line "NAME:<tab>VALUE" of status. */
static struct str status_line(const char *status, const char *name)
{
	struct str rest = str_from(status), line;
	AUTO(free) char *prefix = xasprintf("%s:", name);

	while (str_next(&rest, '\n', &line))
		if (str_has_prefix(line, str_from(prefix)))
			return str_trim((struct str){line.ptr + strlen(prefix), line.len - strlen(prefix)});
	return STR_NULL;
}

static void add_map(pid_t pid, const char *file, struct buf *b)
{
	AUTO(free) char *text = file_of(pid, file);
	struct str rest = str_from(text), line;

	while (str_next(&rest, '\n', &line)) {
		unsigned inside, outside, count;
		AUTO(free) char *copy = str_dup(line);

		if (sscanf(copy, "%u %u %u", &inside, &outside, &count) == 3)
			buf_printf(b, "%s %u %u %u\n", file, inside, outside, count);
	}
}

/* Those that aren't the host's. */
static void add_namespaces(pid_t pid, struct buf *b)
{
	static const char *const names[] = {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"};

	buf_adds(b, "namespaces");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO(free) char *its = xasprintf("/proc/%d/ns/%s", pid, names[i]);
		AUTO(free) char *ours = xasprintf("/proc/self/ns/%s", names[i]);
		char a[64], c[64];
		ssize_t n = readlink(its, a, sizeof(a)), m = readlink(ours, c, sizeof(c));

		if (n > 0 && (n != m || memcmp(a, c, (size_t)n) != 0))
			buf_printf(b, " %s", names[i]);
	}
	buf_addc(b, '\n');
}

static void add_capabilities(struct str bounding, struct buf *b)
{
	AUTO(free) char *text = str_dup(bounding);
	unsigned long long bits = strtoull(text, NULL, 16);

	buf_adds(b, "capabilities_dropped");
	for (int cap = 0; CAP_IS_SUPPORTED(cap); cap++) {
		char *name = bits & 1ULL << cap ? NULL : cap_to_name(cap);

		if (name)
			buf_printf(b, " %s", str_has_prefix(str_from(name), STR("cap_")) ? name + 4 : name);
		cap_free(name);
	}
	buf_addc(b, '\n');
}

/* A mount over a file of /proc or /sys, from a line of proc(5)'s mountinfo. */
static void add_mask(struct str line, struct buf *b)
{
	const char *dash = memmem(line.ptr, line.len, " - ", 3), *how;
	struct str f[6], tail = STR_NULL, type = STR_NULL;

	if (dash)
		tail = (struct str){dash + 3, line.len - (size_t)(dash + 3 - line.ptr)};

	for (int i = 0; i < 6; i++)
		if (!str_next(&line, ' ', &f[i]))
			return;
	if ((!str_has_prefix(f[4], STR("/proc/")) && !str_has_prefix(f[4], STR("/sys/"))) ||
	    str_has_prefix(f[4], STR("/sys/fs/cgroup")))
		return;
	str_next(&tail, ' ', &type);
	if (str_is(type, "tmpfs") || str_is(f[3], "/null"))
		how = "hidden";
	else
		how = str_has_prefix(f[5], STR("ro,")) || str_is(f[5], "ro") ? "read_only" : "writable";
	buf_printf(b, "%s ", how);
	buf_escape(b, f[4]);
	buf_addc(b, '\n');
}

void instance_confinement(struct object *o, struct buf *b)
{
	AUTO(buf_done) struct buf all = BUF_NULL;
	pid_t pid = instance_pid(o);
	AUTO(free) char *status = NULL, *mounts = NULL, *profile = NULL, *context = NULL;
	struct str rest, line, seccomp;

	if (!pid)
		return;
	status = file_of(pid, "status");
	mounts = file_of(pid, "mountinfo");
	context = selinux_context(pid);
	profile = context ? NULL : apparmor_label(pid);
	add_namespaces(pid, &all);
	add_map(pid, "uid_map", &all);
	add_map(pid, "gid_map", &all);
	add_capabilities(status_line(status, "CapBnd"), &all);
	seccomp = status_line(status, "Seccomp");
	buf_printf(&all, "seccomp %s\n", str_is(seccomp, "2") ? "filter" : "none");
	buf_printf(&all, "no_new_privs %s\n",
		   str_is(status_line(status, "NoNewPrivs"), "1") ? "true" : "false");
	if (context) {
		buf_adds(&all, "selinux ");
		buf_escape(&all, str_from(context));
		buf_addc(&all, '\n');
	}
	buf_adds(&all, "profile ");
	line = str_trim(str_from(profile));
	buf_escape(&all, line.len ? line : STR("none"));
	buf_addc(&all, '\n');
	rest = str_from(mounts);
	while (str_next(&rest, '\n', &line))
		add_mask(line, &all);
	/* not of another process that has its number by now */
	if (instance_pid(o) == pid && status_line(status, "Pid").len)
		buf_add(b, buf_cstr(&all), all.len);
}
