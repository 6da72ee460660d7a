/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a host's state, loading what it holds, and telling of what happens. */
#include "engine/model/host.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/log.h"
#include "engine/base/path.h"
#include "engine/model/event.h"
#include "engine/model/internal.h"
#include "engine/model/registry.h"
#include "engine/model/store.h"

static gid_t group_lxd(void)
{
	struct group g, *found = NULL;
	char text[4096];

	return getgrnam_r("lxd", &g, text, sizeof(text), &found) == 0 && found ? found->gr_gid : 0;
}

static int open_dirs(struct host *h, struct err *err)
{
	int r = path_make_dir(h->state, 0711);

	if (!r)
		r = path_make_dir(h->run, 0711);
	if (r < 0)
		return err_set(err, -r, "%s and %s can't be made: %s", h->state, h->run, strerror(-r));
	h->state_fd = open(h->state, O_PATH | O_DIRECTORY | O_CLOEXEC);
	h->run_fd = open(h->run, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h->state_fd < 0 || h->run_fd < 0)
		return err_set(err, errno, "%s can't be opened: %s", h->state_fd < 0 ? h->state : h->run,
			       strerror(errno));
	return store_open(h, err);
}

/* The server is object 0, nobody's child, and not made by object_create(). */
static int make_server(struct host *h, struct err *err)
{
	const struct kind *kind = kind_get(KIND_SERVER);
	AUTO(object_unref) struct object *o = NULL;
	int r;

	h->server = host_get(h, 0);
	if (h->server)
		return 0;
	o = object_new(h, kind, NULL, 0, "server");
	memcpy(o->uuid, "00000000-0000-4000-8000-000000000000", sizeof(o->uuid));
	o->created_ns = now_ns();
	r = kind->init ? kind->init(o, err) : 0;
	if (!r)
		r = store_stage(o, o->name, o->own, o->access, err);
	if (!r)
		r = store_commit(o, err);
	if (!r)
		r = registry_add(o);
	if (!r)
		h->server = TAKE(o);
	return r;
}

int host_open(struct host *h, struct err *err)
{
	int r;

	h->registry = registry_new();
	h->events = events_new();
	pthread_rwlock_init(&h->shape, NULL);
	pthread_mutex_init(&h->id_lock, NULL);
	h->gid = group_lxd();
	r = open_dirs(h, err);
	/* parents before children, as the numbers of kinds are */
	for (unsigned n = 0; !r && n < KINDS; n++)
		if (kind_get(n) && n != KIND_WARNING) {
			r = store_load(h, kind_get(n), err);
			if (!r && n == KIND_SERVER)
				r = make_server(h, err);
		}
	if (r < 0)
		return r;
	h->project = host_find(h->server, KIND_PROJECT, STR("default"));
	return h->project ? 0
			  : object_create(h->server, kind_get(KIND_PROJECT), STR("default"), &caller_core,
					  NULL, 0, &h->project, err);
}

static void load_one(struct object *o)
{
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(free) char *name = NULL;

	if (!o->kind->load || object_take(o, "being looked at", &caller_core, &err) < 0)
		return;
	if (o->kind->load(o, &err) < 0) {
		name = object_name(o);
		object_set_error(o, &err, 0);
		host_warn(o->host, o, "load", "%s %s: %s", o->kind->name, name, err_text(&err));
	}
	object_release(o);
}

static void load_kind(struct object *parent, enum kind_number kind)
{
	AUTO(objects_free) struct object **list = host_all(parent, kind);

	for (size_t i = 0; list[i]; i++)
		load_one(list[i]);
}

void host_load(struct host *h)
{
	static const enum kind_number order[] = {KIND_POOL,    KIND_ACL,   KIND_NETWORK,
						 KIND_PROFILE, KIND_IMAGE, KIND_INSTANCE};
	AUTO(objects_free) struct object **projects = host_all(h->server, KIND_PROJECT);

	load_one(h->server);
	for (size_t p = 0; projects[p]; p++) {
		AUTO(objects_free) struct object **instances = NULL, **networks = NULL;

		load_one(projects[p]);
		for (size_t k = 0; k < ARRAY_SIZE(order); k++)
			load_kind(projects[p], order[k]);
		instances = host_all(projects[p], KIND_INSTANCE);
		for (size_t i = 0; instances[i]; i++)
			load_kind(instances[i], KIND_EXEC);
		networks = host_all(projects[p], KIND_NETWORK);
		for (size_t i = 0; networks[i]; i++)
			load_kind(networks[i], KIND_FORWARD);
	}
}

void host_bury(struct host *h)
{
	for (unsigned n = 0; n < KINDS; n++)
		if (kind_get(n))
			store_bury(h, kind_get(n));
}

void host_close(struct host *h)
{
	object_unref(h->project);
	object_unref(h->server);
	registry_free(h->registry);
	events_free(h->events);
	if (h->state_fd > 0)
		close(h->state_fd);
	if (h->run_fd > 0)
		close(h->run_fd);
}

/* ---- warnings */

static struct object *warning_of(struct host *h, struct object *about, const char *what)
{
	AUTO(free) char *name = xasprintf("%s-%u", what, about ? about->id : 0);

	return h->server ? host_find(h->server, KIND_WARNING, str_from(name)) : NULL;
}

static void warning_write(struct object *w, struct object *about, const char *text)
{
	AUTO(config_unref) struct config *old = object_own(w);
	AUTO(free) char *count = NULL, *entity = about ? object_path(about) : NULL;
	const char *had = config_get(old, SECTION_PROPS, "count");
	struct config *c = config_copy(old);
	uint64_t now = now_ns();

	count = xasprintf("%lu", (had ? strtoul(had, NULL, 10) : 0) + 1);
	config_set(c, SECTION_PROPS, "count", count, now);
	config_set(c, SECTION_PROPS, "message", text, now);
	config_set(c, SECTION_PROPS, "entity", entity, now);
	object_publish(w, c);
}

void host_warn(struct host *h, struct object *about, const char *what, const char *fmt, ...)
{
	const struct kind *kind = kind_get(KIND_WARNING);
	AUTO(object_unref) struct object *w = NULL;
	AUTO(buf_done) struct buf text = BUF_NULL;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	log_warning("%s", buf_cstr(&text));
	/* before there is a server the log has it */
	if (!h->server || !kind)
		return;
	w = warning_of(h, about, what);
	if (!w) {
		AUTO(free) char *name = xasprintf("%s-%u", what, about ? about->id : 0);

		if (object_create(h->server, kind, str_from(name), &caller_core, NULL, 0, &w, NULL) < 0)
			return;
	}
	warning_write(w, about, buf_cstr(&text));
	host_event(h, w, "warning");
}

void host_warn_resolve(struct host *h, struct object *about, const char *what)
{
	AUTO(object_unref) struct object *w = warning_of(h, about, what);

	if (w)
		object_remove(w, &caller_core, NULL);
}

/* ---- events */

static void json_text(struct buf *b, const char *text)
{
	buf_addc(b, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_printf(b, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			buf_printf(b, "\\u%04x", (unsigned)(unsigned char)*text);
		else
			buf_addc(b, *text);
	}
	buf_addc(b, '"');
}

void host_event(struct host *h, struct object *o, const char *action)
{
	AUTO(buf_done) struct buf b = BUF_NULL;
	struct object *project = o ? object_project(o) : NULL;
	AUTO(free) char *in = project ? object_name(project) : NULL;
	struct timespec t;
	char stamp[32] = "";
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &t);
	if (gmtime_r(&t.tv_sec, &tm))
		strftime(stamp, sizeof(stamp), "%FT%T", &tm);
	buf_printf(&b, "{\"timestamp\":\"%s.%03ldZ\",\"type\":\"lifecycle\",\"action\":", stamp,
		   t.tv_nsec / 1000000);
	json_text(&b, action);
	if (o) {
		AUTO(free) char *path = object_path(o), *source = xasprintf("/%s", path);

		buf_adds(&b, ",\"source\":");
		json_text(&b, source);
	}
	if (in) {
		buf_adds(&b, ",\"project\":");
		json_text(&b, in);
	}
	buf_addc(&b, '}');
	events_add(h->events, project ? project->id : 0, buf_cstr(&b));
}
