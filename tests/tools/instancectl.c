/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon without a tree, for tests of instances: reads orders from standard input, a line each, and answers
 * each with "ok", or with its sentence as "ERRNO: text". Killing it is what killing the core is. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/job.h"
#include "engine/base/loop.h"
#include "engine/base/sys.h"
#include "engine/instance/guard.h"
#include "engine/keys/keys.h"
#include "engine/kind/defaults.h"
#include "engine/kind/exec.h"
#include "engine/kind/image.h"
#include "engine/kind/instance.h"
#include "engine/kind/network.h"
#include "net/nft.h"

static const char usage_text[] =
    "instancectl MOUNT STATE RUN NAME LIBEXEC, then lines of\n"
    "  image FILE ALIAS          create NAME           remove NAME          rename NAME NEW\n"
    "  set KIND NAME SECTION KEY VALUE...              unset KIND NAME SECTION KEY   (SECTION - is the "
    "object's own)\n"
    "  section KIND NAME SECTION drop KIND NAME SECTION        get KIND NAME SECTION KEY\n"
    "  start|freeze NAME         stop|restart NAME [force|MS]\n"
    "  state|pid|processes|addresses|root NAME         wait NAME STATE MS\n"
    "  exec NAME COMMAND...      prints stdout, stderr, status\n"
    "  autostart                 stop-all\n"
    "  job ORDER...              does it beside, answers at once with \"ok\"\n";

static struct host host = {.state_fd = -1, .run_fd = -1};
/* This thread does a job: what it prints would stand in the answer to another order. */
static _Thread_local bool is_beside;

static void say(int r, const struct err *err)
{
	if (r < 0)
		printf("%s: %s\n", strerrorname_np(-r), err_text(err));
	else
		printf("ok\n");
	fflush(stdout);
}

/* The next word of a line, which is cut there; "" at the end. */
static char *word(char **line)
{
	char *w = *line + strspn(*line, " ");
	size_t n = strcspn(w, " ");

	*line = w + n + !!w[n];
	w[n] = 0;
	return w;
}

static struct object *find(enum kind_number kind, const char *name, struct err *err)
{
	struct object *o =
	    kind == KIND_SERVER ? object_ref(host.server) : host_find(host.project, kind, str_from(name));

	if (!o)
		err_set(err, ENOENT, "there is no %s", name);
	return o;
}

static enum kind_number kind_of(const char *text)
{
	for (unsigned n = 0; n < KINDS; n++)
		if (kind_get(n) && !strcmp(kind_get(n)->name, text))
			return n;
	return KIND_INSTANCE;
}

static int add_image(const char *file, const char *alias, struct err *err)
{
	AUTO(fd) int fd = open(file, O_RDONLY | O_CLOEXEC);
	AUTO(object_unref) struct object *image = NULL;
	struct image_upload *u = NULL;
	char bytes[65536];
	uint64_t done = 0;
	ssize_t n;
	int r = image_upload_new(host.project, STR("image.tar.xz"), &caller_core, &u, err);

	while (!r && (n = sys_read(fd, bytes, sizeof(bytes))) > 0) {
		r = image_upload_write(u, (struct str){bytes, (size_t)n}, done, err);
		done += (uint64_t)n;
	}
	if (!r)
		r = image_upload_finish(u, &caller_core, &image, err);
	if (u)
		image_upload_free(u);
	if (!r && image)
		r = image_alias_set(host.project, str_from(alias), image, &caller_core, err);
	return r;
}

static int change(char *rest, bool is_set, bool is_section, struct err *err)
{
	enum kind_number kind = kind_of(word(&rest));
	AUTO(object_unref) struct object *o = find(kind, word(&rest), err);
	const char *section = word(&rest);
	struct change c = {.section = strcmp(section, "-") ? section : ""};

	if (!o)
		return -ENOENT;
	c.key = is_section ? NULL : word(&rest);
	c.value = is_set ? rest : NULL;
	return object_change(o, &caller_core, &c, 1, UINT64_MAX, err);
}

static int run_command(const char *name, const char *command, struct err *err)
{
	AUTO(object_unref) struct object *o = find(KIND_INSTANCE, name, err), *e = NULL;
	AUTO(buf_done) struct buf status = BUF_NULL;
	struct change c = {"", "command", command};
	static unsigned counter;
	AUTO(free) char *id = xasprintf("x%u", ++counter);
	int r = o ? object_create(o, &kind_exec, str_from(id), &caller_core, &c, 1, &e, err) : -ENOENT;

	if (!r)
		r = exec_run(e, true, &caller_core, err);
	for (int which = 1; !r && which <= 2; which++) {
		AUTO(fd) int fd = exec_output(e, which);
		char bytes[4096];
		ssize_t n;

		while ((n = sys_read(fd, bytes, sizeof(bytes))) > 0)
			fwrite(bytes, 1, is_beside ? 0 : (size_t)n, stdout);
	}
	if (!r) {
		exec_status_text(e, &status);
		printf("%s", is_beside ? "" : buf_cstr(&status));
	}
	if (e)
		object_remove(e, &caller_core, NULL);
	return r;
}

static int act(const char *verb, struct object *o, const char *how, struct err *err)
{
	static const char *const verbs[] = {"start", "stop", "restart", "freeze"};
	bool force = !strcmp(how, "force");

	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i], verb))
			return instance_act(o, (enum instance_action)i, force,
					    force || !*how ? -1 : (int)strtol(how, NULL, 10), &caller_core,
					    err);
	return 1;
}

static int look(const char *verb, struct object *o, char *rest, struct err *err)
{
	AUTO(buf_done) struct buf b = BUF_NULL;
	AUTO(free) char *path = NULL;

	if (!strcmp(verb, "state")) {
		printf("%s\n", instance_state_text(instance_state(o)));
	} else if (!strcmp(verb, "pid")) {
		printf("%d\n", instance_pid(o));
	} else if (!strcmp(verb, "processes")) {
		printf("%d\n", instance_processes(o));
	} else if (!strcmp(verb, "addresses")) {
		instance_addresses(o, &b);
		printf("%s", buf_cstr(&b));
	} else if (!strcmp(verb, "root")) {
		path = instance_root_path(o);
		printf("%s\n", path ? path : "none");
	} else if (!strcmp(verb, "wait")) {
		const char *text = word(&rest);
		enum instance_state s = INSTANCE_STOPPED;

		while (s < INSTANCE_FROZEN && strcmp(instance_state_text(s), text) != 0)
			s++;
		return instance_wait(o, s, (int)strtol(rest, NULL, 10), &caller_core, err);
	} else {
		return err_set(err, EINVAL, "there is no order %s", verb);
	}
	return 0;
}

static int get(char *rest, struct err *err)
{
	enum kind_number kind = kind_of(word(&rest));
	AUTO(object_unref) struct object *o = find(kind, word(&rest), err);
	AUTO(config_unref) struct config *c = o ? object_effective(o) : NULL;
	const char *section = word(&rest), *value;

	if (!o)
		return -ENOENT;
	value = config_get(c, strcmp(section, "-") ? section : "", word(&rest));
	printf("%s\n", value ? value : "(none)");
	return 0;
}

static int obey(char *line, struct err *err);

static void beside(void *arg)
{
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(free) char *line = arg;

	is_beside = true;
	obey(line, &err);
	is_beside = false;
}

static int obey(char *line, struct err *err)
{
	const char *verb = word(&line), *name;
	AUTO(object_unref) struct object *o = NULL;
	char *rest;
	int r;

	if (!strcmp(verb, "image")) {
		name = word(&line);
		return add_image(name, line, err);
	}
	if (!strcmp(verb, "set") || !strcmp(verb, "unset"))
		return change(line, *verb == 's', false, err);
	if (!strcmp(verb, "section") || !strcmp(verb, "drop"))
		return change(line, *verb == 's', true, err);
	if (!strcmp(verb, "get"))
		return get(line, err);
	if (!strcmp(verb, "job"))
		return job_start(beside, xstrdup(line), err);
	if (!strcmp(verb, "autostart")) {
		instances_autostart(&host);
		return 0;
	}
	if (!strcmp(verb, "stop-all")) {
		r = instances_stop_all(&host, err);
		if (!r)
			r = networks_stop_all(&host, err);
		if (!r)
			guard_close(&host);
		return r;
	}
	name = word(&line);
	rest = line;
	if (!strcmp(verb, "create"))
		return object_create(host.project, &kind_instance, str_from(name), &caller_core, NULL, 0,
				     NULL, err);
	if (!strcmp(verb, "exec"))
		return run_command(name, rest, err);
	o = find(KIND_INSTANCE, name, err);
	if (!o)
		return -ENOENT;
	if (!strcmp(verb, "remove"))
		return object_remove(o, &caller_core, err);
	if (!strcmp(verb, "rename"))
		return object_rename(o, str_from(rest), &caller_core, err);
	r = act(verb, o, rest, err);
	return r == 1 ? look(verb, o, rest, err) : r;
}

int main(int argc, char **argv)
{
	AUTO(err_done) struct err err = ERR_NULL;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int r;

	if (argc != 6) {
		fputs(usage_text, stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	host.mount = argv[1];
	host.state = argv[2];
	host.run = argv[3];
	host.name = argv[4];
	host.libexec = argv[5];
	net_init(host.name);
	kinds_register();
	r = loop_start(&err);
	if (!r)
		r = instances_open(&host, &err);
	if (!r)
		r = host_open(&host, &err);
	if (!r) {
		host_load(&host);
		guard_open(&host);
		r = defaults_make(&host, &err);
	}
	say(r, &err);
	if (r < 0)
		return 1;
	while ((n = getline(&line, &cap, stdin)) > 0) {
		AUTO(err_done) struct err said = ERR_NULL;

		if (line[n - 1] == '\n')
			line[n - 1] = 0;
		say(obey(line, &said), &said);
	}
	free(line);
	return 0;
}
