/* SPDX-License-Identifier: Apache-2.0 */
/* security.syscalls.intercept.*: what of it a container that runs, or starts, has. */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/base/auto.h"
#include "engine/confine/intercept.h"
#include "engine/instance/apply.h"
#include "engine/instance/guard.h"
#include "engine/instance/instance.h"
#include "engine/instance/intercept.h"
#include "engine/instance/limits.h"

#define PREFIX "security.syscalls.intercept."
#define RTPRIO_MAX 99

static bool is_on(const struct config *c, const char *key)
{
	return value_bool(config_get(c, SECTION_CONFIG, key));
}

static char **lines_of(const struct config *c, const char *key)
{
	const char *text = config_get(c, SECTION_CONFIG, key);

	return text ? texts_split(text) : NULL;
}

/* The hard limit of limits.kernel.rtprio, where it is set. */
static int rtprio_max(const struct config *c)
{
	size_t n;
	struct container_rlimit *l = limits_kernel(c, &n);
	int max = RTPRIO_MAX;

	for (size_t i = 0; i < n; i++)
		if (l[i].resource == RLIMIT_RTPRIO)
			max = (int)MIN(l[i].hard, RTPRIO_MAX);
	free(l);
	return max;
}

unsigned instance_intercept(const struct config *c, struct intercepts *ret)
{
	static const struct {
		const char *key;
		unsigned what;
	} keys[] = {
	    {PREFIX "mknod", INTERCEPT_MKNOD},	   {PREFIX "setxattr", INTERCEPT_SETXATTR},
	    {PREFIX "mount", INTERCEPT_MOUNT},	   {PREFIX "sched_setscheduler", INTERCEPT_SCHED},
	    {PREFIX "sysinfo", INTERCEPT_SYSINFO},
	};
	unsigned what = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		what |= is_on(c, keys[i].key) ? keys[i].what : 0;
	if (ret)
		*ret = (struct intercepts){
		    .what = what,
		    .shift = is_on(c, PREFIX "mount.shift"),
		    .rtprio = rtprio_max(c),
		    .allowed = lines_of(c, PREFIX "mount.allowed"),
		    .fuse = lines_of(c, PREFIX "mount.fuse"),
		};
	return what;
}

void intercepts_done(struct intercepts *i)
{
	texts_free(i->allowed);
	texts_free(i->fuse);
}

int instance_serve_held(struct object *o, const struct config *c, struct err *err)
{
	__attribute__((cleanup(intercepts_done_auto))) struct intercepts has = {0};
	struct instance *in = instance_of(o);
	AUTO(free) char *profile = guard_instance_label(o), *context = guard_instance_context(o);
	struct intercept_spec spec;

	if (!in->container)
		return 0;
	instance_intercept(c, &has);
	spec = (struct intercept_spec){
	    .what = has.what,
	    .allowed = (const char *const *)has.allowed,
	    .fuse = (const char *const *)has.fuse,
	    .shift = has.shift,
	    .rtprio = has.rtprio,
	    .filter = in->seccomp_fd >= 0 ? in->seccomp_fd : -1,
	    .caps_drop = in->caps_drop,
	    .profile = profile,
	    .context = context,
	};
	return intercept_start(&instances_of(o)->env, in->container, &spec, err);
}

int instance_apply_mounts(struct object *o, const struct config *old, const struct config *new,
			  const char *device, struct err *err)
{
	(void)old;
	(void)device;
	/* one that was started without has no calls to be done */
	if (instance_of(o)->notify_fd < 0)
		return 0;
	return instance_serve_held(o, new, err);
}
