/* SPDX-License-Identifier: Apache-2.0 */
/* When profiles are loaded and removed: before the first process, after the last one. */
#include "engine/instance/guard.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/log.h"
#include "engine/confine/apparmor.h"
#include "engine/confine/selinux.h"
#include "engine/instance/instance.h"

/* Such as lxdfs-0a1b2c3d-..., which tells nobody what it is of. */
static char *name_of(const struct object *o)
{
	return xasprintf("%s-%s", o->host->name, o->uuid);
}

void guard_detect(struct instances *all)
{
	all->has_apparmor = apparmor_here(NULL) == 0;
	all->apparmor_stacks = all->has_apparmor && apparmor_stacks();
}

bool guard_has_apparmor(const struct host *h)
{
	const struct instances *all = h->instances;

	return all && all->has_apparmor;
}

static void sweep(struct host *h)
{
	AUTO(err_done) struct err err = ERR_NULL;

	if (guard_has_apparmor(h) && apparmor_sweep(h->name, &err) < 0)
		log_warning("%s", err_text(&err));
}

void guard_open(struct host *h)
{
	AUTO(err_done) struct err err = ERR_NULL;

	if (apparmor_here(&err) < 0 && !selinux_here())
		host_warn(h, NULL, "apparmor",
			  "%s. Containers run without a profile: everything else holds them as ever, and "
			  "what that leaves open doc/security.md tells",
			  err_text(&err));
	else
		host_warn_resolve(h, NULL, "apparmor");
	sweep(h);
}

void guard_close(struct host *h)
{
	sweep(h);
}

static struct apparmor_profile profile_of(const struct object *o, const char *name, const struct config *c)
{
	struct apparmor_profile p = {
	    .name = name,
	    .privileged = value_bool(config_get(c, SECTION_CONFIG, "security.privileged")),
	    .nesting = value_bool(config_get(c, SECTION_CONFIG, "security.nesting")),
	    .raw = config_get(c, SECTION_CONFIG, "raw.apparmor"),
	};

	p.stacking = p.nesting && !p.privileged && instances_of(o)->apparmor_stacks;
	return p;
}

/* In its namespace it is unconfined, which is for its own root to change. */
static char *label_of(const char *name, bool stacking)
{
	return stacking ? xasprintf("%s//&:%s:unconfined", name, name) : xstrdup(name);
}

int guard_instance(struct object *o, const struct config *effective, char **ret_label, struct err *err)
{
	AUTO(free) char *name = name_of(o);
	AUTO(buf_done) struct buf text = BUF_NULL;
	struct apparmor_profile p = profile_of(o, name, effective);
	int r = 0;

	if (!guard_has_apparmor(o->host))
		return 0;
	if (p.stacking)
		r = apparmor_space_make(name, err);
	if (r < 0)
		return r;
	apparmor_text(&p, &text, NULL);
	r = apparmor_load(o->host->run, name, buf_str(&text), err);
	if (r < 0)
		return r;
	*ret_label = label_of(name, p.stacking);
	return 0;
}

char *guard_instance_label(struct object *o)
{
	AUTO(free) char *name = name_of(o), *has = NULL;
	pid_t pid = instance_pid(o);

	has = pid ? apparmor_label(pid) : NULL;
	if (!has || !str_has_prefix(str_from(has), str_from(name)))
		return NULL;
	return label_of(name, strstr(has, "//&") != NULL);
}

void guard_context(struct object *o, char **ret_process, char **ret_files)
{
	AUTO(config_unref) struct config *server = NULL;
	AUTO(free) char *process = NULL, *files = NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	const char *type;

	if (!selinux_here())
		return;
	server = object_own(o->host->server);
	type = config_get(server, SECTION_CONFIG, "lxdfs.selinux_type");
	type = type ? type : SELINUX_TYPE;
	if (!strcmp(type, "none"))
		return;
	process = selinux_process(type, o->uuid);
	files = selinux_files(o->uuid);
	if (selinux_check(process, &err) < 0 || selinux_check(files, &err) < 0) {
		host_warn(o->host, NULL, "selinux",
			  "%s: instances have the context of lxdfsd. Install a policy for containers, or set "
			  "lxdfs.selinux_type to a type of this one, or to none",
			  err_text(&err));
		return;
	}
	host_warn_resolve(o->host, NULL, "selinux");
	*ret_process = TAKE(process);
	*ret_files = TAKE(files);
}

char *guard_instance_context(struct object *o)
{
	pid_t pid = instance_pid(o);
	AUTO(free) char *own = selinux_context(getpid()), *its = pid ? selinux_context(pid) : NULL;

	return own && its && strcmp(own, its) != 0 ? TAKE(its) : NULL;
}

int guard_dnsmasq(struct object *o, const char *program, const char *run_dir, const char *lease_dir,
		  char **ret_name, struct err *err)
{
	AUTO(free) char *name = name_of(o);
	AUTO(buf_done) struct buf text = BUF_NULL;
	int r;

	if (!guard_has_apparmor(o->host))
		return 0;
	apparmor_dnsmasq_text(name, program, run_dir, lease_dir, &text);
	r = apparmor_load(o->host->run, name, buf_str(&text), err);
	if (r < 0)
		return r;
	*ret_name = TAKE(name);
	return 0;
}

void guard_drop(struct object *o, bool for_good)
{
	AUTO(free) char *name = name_of(o);
	AUTO(err_done) struct err err = ERR_NULL;

	if (!guard_has_apparmor(o->host))
		return;
	/* one that a daemon of another version started and that ours doesn't understand */
	if (for_good && apparmor_is_used(name))
		return;
	/* what is left is found at the next start */
	if (apparmor_unload(name, &err) < 0 || apparmor_space_remove(name, &err) < 0)
		log_warning("%s", err_text(&err));
	if (for_good)
		apparmor_forget(o->host->run, name);
}
