/* SPDX-License-Identifier: Apache-2.0 */
/* Commands as objects. What a command printed and how it ended stands in files that its helper writes, so a
 * new core reads what an old one would have. The lock of struct command is a leaf: it keeps `run` from being
 * freed while somebody looks. */
#include "engine/kind/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/job.h"
#include "engine/base/loop.h"
#include "engine/base/msg.h"
#include "engine/base/path.h"
#include "engine/base/sys.h"
#include "engine/instance/environ.h"
#include "engine/instance/exec.h"
#include "engine/instance/guard.h"
#include "engine/instance/instance.h"
#include "engine/kind/exec-user.h"

#define COMMANDS_MAX 256 /* of one instance */
#define STDIN_MAX (16 * 1024 * 1024)
#define STDIN_ALL_MAX (64 * 1024 * 1024) /* of all commands of an instance: it stands in memory */
#define ROWS 24
#define COLUMNS 80
#define END_MS 5000 /* for a helper to note how its command ended */

/* object.data */
struct command {
	pthread_mutex_t lock;
	struct exec *run; /* NULL: it wasn't run, or is_lost */
	bool is_lost;	  /* its helper was killed */
	int watched_fd;	  /* in the loop, which holds a reference then */
};

static struct command *command_of(struct object *o)
{
	return o->data;
}

static char *dir_of(const struct object *o)
{
	return xasprintf("%s/exec/%s/%s", o->host->run, o->parent->uuid, o->uuid);
}

/* ---- what it is in */

/* The lock is held. */
static enum exec_phase phase_locked(struct command *c, struct exec_status *ret)
{
	*ret = (struct exec_status){.code = -1};
	if (c->is_lost)
		return EXEC_DONE;
	if (!c->run)
		return EXEC_NEW;
	if (exec_status(c->run, ret, NULL) < 0) {
		c->is_lost = true;
		return EXEC_DONE;
	}
	return ret->is_done ? EXEC_DONE : EXEC_RUNNING;
}

static enum exec_phase phase(struct object *o, struct exec_status *ret)
{
	struct command *c = command_of(o);
	enum exec_phase p;

	pthread_mutex_lock(&c->lock);
	p = phase_locked(c, ret);
	pthread_mutex_unlock(&c->lock);
	return p;
}

enum exec_phase exec_phase(struct object *o)
{
	struct exec_status st;

	return phase(o, &st);
}

void exec_status_text(struct object *o, struct buf *b)
{
	struct exec_status st;
	enum exec_phase p = phase(o, &st);

	if (p == EXEC_NEW)
		buf_adds(b, "new\n");
	else if (p == EXEC_RUNNING)
		buf_adds(b, "running\n");
	else if (!st.is_done)
		buf_adds(b, "lost\n");
	else if (st.signal)
		buf_printf(b, "signal %d\n", st.signal);
	else
		buf_printf(b, "exit %d\n", st.code);
}

static void told(struct object *o)
{
	static const char *const places[] = {"state", "status", "stdout", "stderr", "terminal"};

	for (size_t i = 0; o->host->on.touched && i < ARRAY_SIZE(places); i++)
		o->host->on.touched(o->host, o, places[i]);
}

/* ---- noticing its end */

static void end_job(void *arg)
{
	AUTO(object_unref) struct object *o = arg;

	told(o);
}

/* In the loop; takes over the reference that it had. */
static void on_end(void *arg)
{
	struct object *o = arg;
	struct command *c = command_of(o);
	bool is_mine;

	pthread_mutex_lock(&c->lock);
	is_mine = c->watched_fd >= 0;
	if (is_mine)
		loop_del(TAKE_FD(c->watched_fd));
	pthread_mutex_unlock(&c->lock);
	/* the files tell it all, so a news that finds no thread is no loss of state */
	if (is_mine && job_start(end_job, o, NULL) < 0)
		object_unref(o);
}

static void watch(struct object *o)
{
	struct command *c = command_of(o);
	int fd;

	object_ref(o);
	pthread_mutex_lock(&c->lock);
	fd = c->watched_fd = exec_fd(c->run);
	pthread_mutex_unlock(&c->lock);
	if (loop_add(fd, on_end, o, NULL) < 0) {
		pthread_mutex_lock(&c->lock);
		c->watched_fd = -EBADF;
		pthread_mutex_unlock(&c->lock);
		object_unref(o);
	}
}

static void unwatch(struct object *o)
{
	struct command *c = command_of(o);
	int fd;

	pthread_mutex_lock(&c->lock);
	fd = TAKE_FD(c->watched_fd);
	pthread_mutex_unlock(&c->lock);
	if (fd < 0)
		return;
	loop_del(fd);
	object_unref(o);
}

/* ---- running it */

/* What it reads: none was given, nothing. Return: descriptor or -1 */
static int open_stdin(const char *dir)
{
	AUTO(free) char *path = xasprintf("%s/stdin", dir);

	return open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

static char **make_env(struct object *o, const struct config *own, const struct exec_user *user)
{
	AUTO(config_unref) struct config *instance = object_effective(o->parent);
	AUTO(texts_free) char **from_instance = instance_environment(instance), **both = NULL;
	AUTO(free) char *home = user->home ? xasprintf("HOME=%s", user->home) : NULL;
	AUTO(free) char *name = user->name ? xasprintf("USER=%s", user->name) : NULL;
	const char *const of_user[] = {home ? home : name, home ? name : NULL, NULL};
	const char *text = config_get(own, SECTION_PROPS, "environment");
	AUTO(texts_free) char **given = texts_split(text ? text : "");

	both = environ_make(of_user, (const char *const *)from_instance);
	return environ_make((const char *const *)both, (const char *const *)given);
}

static void add_terminal(struct object *o, const struct config *own, struct exec_spec *spec)
{
	struct access a = object_access(o, "", CLASS_OWNER, 0770);

	spec->has_terminal = value_bool(config_get(own, SECTION_PROPS, "interactive"));
	spec->rows = (unsigned short)value_int(config_get(own, SECTION_PROPS, "height"), ROWS);
	spec->columns = (unsigned short)value_int(config_get(own, SECTION_PROPS, "width"), COLUMNS);
	spec->terminal_uid = a.uid;
	spec->terminal_gid = a.gid;
}

/* Both tokens are held. */
static int run_held(struct object *o, struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(o);
	struct instance *in = instance_of(o->parent);
	struct command *c = command_of(o);
	struct exec_spec spec = EXEC_SPEC_NULL;
	AUTO(exec_user_done) struct exec_user user = {0};
	AUTO(texts_free) char **env = NULL;
	AUTO(free) char *dir = dir_of(o), *profile = NULL, *context = NULL;
	AUTO(fd) int input = -EBADF;
	struct exec *run = NULL;
	int r;

	if (exec_phase(o) != EXEC_NEW)
		return err_set(err, EBUSY, "it was run already: mkdir another one");
	spec.command = config_get(own, SECTION_PROPS, "command");
	if (!spec.command)
		return err_set(err, EINVAL,
			       "there is nothing to run: write a command to its file command first");
	if (instance_state(o->parent) == INSTANCE_STOPPED || !in->container)
		return err_set(err, EBUSY, "the instance isn't running");
	if (instance_state(o->parent) == INSTANCE_FROZEN)
		return err_set(err, EBUSY, "the instance is frozen: nothing runs in it");
	r = exec_user_find(in->container, config_get(own, SECTION_PROPS, "user"),
			   config_get(own, SECTION_PROPS, "group"), &user, err);
	if (r < 0)
		return r;
	env = make_env(o, own, &user);
	input = open_stdin(dir);
	spec.env = (const char *const *)env;
	spec.cwd = config_get(own, SECTION_PROPS, "cwd");
	spec.uid = user.uid;
	spec.gid = user.gid;
	spec.dir = dir;
	spec.stdin_fd = input < 0 ? -1 : input;
	add_terminal(o, own, &spec);
	spec.seccomp_fd = in->seccomp_fd >= 0 ? in->seccomp_fd : -1;
	spec.is_filter_early = in->is_filter_early;
	spec.notify_fd = in->notify_fd >= 0 ? in->notify_fd : -1;
	spec.caps_drop = in->caps_drop;
	profile = guard_instance_label(o->parent);
	spec.profile = profile;
	context = guard_instance_context(o->parent);
	spec.context = context;
	spec.rlimits = in->rlimits;
	spec.n_rlimits = in->n_rlimits;
	r = exec_start(&instances_of(o)->env, in->container, &spec, &run, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&c->lock);
	c->run = run;
	pthread_mutex_unlock(&c->lock);
	o->is_live = true;
	watch(o);
	told(o);
	return 0;
}

static int load(struct object *o, struct err *err);

int exec_run(struct object *o, bool wait, const struct caller *who, struct err *err)
{
	int r;

	/* run by the core before, which didn't live to say so */
	if (who->is_lenient && exec_phase(o) != EXEC_NEW)
		return wait ? exec_wait(o, who, err) : 0;
	/* the instance's as well: so the container stays what it is meanwhile; it has the smaller number */
	r = object_take(o->parent, "running a command", who, err);

	if (r < 0)
		return r;
	r = object_take(o, "being run", who, err);
	if (!r) {
		r = run_held(o, err);
		/* its helper may not have come as far as its lock when this core looked */
		if (r == -EEXIST && who->is_lenient) {
			err_done(err);
			r = load(o, err);
		}
		object_release(o);
	}
	object_release(o->parent);
	return r == 0 && wait ? exec_wait(o, who, err) : r;
}

/* Return: 0; -ETIMEDOUT; -EINTR; -EBUSY it wasn't run */
static int await_end(struct object *o, uint64_t deadline, const struct caller *who, struct err *err)
{
	struct command *c = command_of(o);
	struct exec_status st;
	AUTO(fd) int fd = -EBADF;
	enum exec_phase p;
	int r;

	pthread_mutex_lock(&c->lock);
	p = phase_locked(c, &st);
	if (p == EXEC_RUNNING)
		fd = fcntl(exec_fd(c->run), F_DUPFD_CLOEXEC, 3);
	pthread_mutex_unlock(&c->lock);
	if (p == EXEC_NEW)
		return err_set(err, EBUSY, "it wasn't run yet: echo run > state");
	if (p == EXEC_DONE)
		return 0;
	if (fd < 0)
		return err_set(err, EMFILE, "no descriptor to wait with");
	r = sys_poll_in(fd, who->cancel_fd, deadline);
	if (r < 0)
		return err_set(err, -r, "waiting failed: %s", strerror(-r));
	if (r == 0)
		return err_set(err, ETIMEDOUT, "the command still runs");
	return r & 1 ? 0 : err_set(err, EINTR, "interrupted: the command goes on");
}

int exec_wait(struct object *o, const struct caller *who, struct err *err)
{
	int r = await_end(o, UINT64_MAX, who, err);
	struct exec_status st;

	if (r == 0 && phase(o, &st) == EXEC_DONE && !st.is_done)
		return err_set(err, EIO,
			       "the helper of the command was killed: nobody knows how the command ended");
	return r;
}

void exec_end(struct object *o)
{
	if (exec_phase(o) != EXEC_RUNNING)
		return;
	exec_signal(o, STR("KILL"), NULL);
	await_end(o, sys_deadline(END_MS), &caller_core, NULL);
}

/* ---- signals */

static int signal_number(struct str name)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {
	    {"HUP", SIGHUP},   {"INT", SIGINT},	  {"QUIT", SIGQUIT}, {"ABRT", SIGABRT},
	    {"KILL", SIGKILL}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"PIPE", SIGPIPE},
	    {"ALRM", SIGALRM}, {"TERM", SIGTERM}, {"CONT", SIGCONT}, {"STOP", SIGSTOP},
	    {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU}, {"WINCH", SIGWINCH},
	};
	int n = 0;

	if (name.len > 3 && !strncasecmp(name.ptr, "sig", 3))
		name = (struct str){name.ptr + 3, name.len - 3};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (name.len == strlen(names[i].name) && !strncasecmp(name.ptr, names[i].name, name.len))
			return names[i].number;
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] < '0' || name.ptr[i] > '9' || i > 2)
			return -1;
		n = n * 10 + (name.ptr[i] - '0');
	}
	return n >= 1 && n <= SIGRTMAX ? n : -1;
}

int exec_signal(struct object *o, struct str name, struct err *err)
{
	struct command *c = command_of(o);
	int number = signal_number(name), r;
	AUTO(buf_done) struct buf b = BUF_NULL;

	if (number < 0) {
		buf_escape(&b, name.len > 32 ? (struct str){name.ptr, 32} : name);
		return err_set(err, EINVAL, "\"%s\" is no signal: kill, TERM, SIGHUP or 9 would be one",
			       buf_cstr(&b));
	}
	pthread_mutex_lock(&c->lock);
	r = c->run ? exec_kill(c->run, number, err) : err_set(err, ESRCH, "the command isn't running");
	pthread_mutex_unlock(&c->lock);
	return r;
}

/* ---- what goes in and comes out */

int exec_output(struct object *o, int which)
{
	AUTO(free) char *dir = dir_of(o), *path = xasprintf("%s/%s", dir, which == 2 ? "stderr" : "stdout");
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

char *exec_terminal_path(struct object *o)
{
	AUTO(free) char *dir = dir_of(o), *path = xasprintf("%s/terminal", dir), *text = NULL;

	/* its number is another's soon after the end */
	if (exec_phase(o) != EXEC_RUNNING || path_read(AT_FDCWD, path, PATH_MAX, &text) < 0)
		return NULL;
	return TAKE(text);
}

int exec_apply_size(struct object *o, const struct config *old, const struct config *new, const char *device,
		    struct err *err)
{
	struct command *c = command_of(o);
	int r = 0;

	(void)old;
	(void)device;
	if (exec_phase(o) != EXEC_RUNNING || !value_bool(config_get(new, SECTION_PROPS, "interactive")))
		return 0;
	pthread_mutex_lock(&c->lock);
	if (c->run)
		r = exec_resize(
		    c->run, (unsigned short)value_int(config_get(new, SECTION_PROPS, "height"), ROWS),
		    (unsigned short)value_int(config_get(new, SECTION_PROPS, "width"), COLUMNS), err);
	pthread_mutex_unlock(&c->lock);
	return r == -ESRCH ? 0 : r;
}

static uint64_t stdin_of_all(struct object *instance)
{
	AUTO(objects_free) struct object **all = host_all(instance, KIND_EXEC);
	uint64_t sum = 0;

	for (size_t i = 0; all[i]; i++) {
		AUTO(free) char *dir = dir_of(all[i]), *path = xasprintf("%s/stdin", dir);
		struct stat st;

		if (lstat(path, &st) == 0)
			sum += (uint64_t)st.st_size;
	}
	return sum;
}

int exec_stdin_add(struct object *o, struct str bytes, struct err *err)
{
	AUTO(free) char *dir = dir_of(o), *path = xasprintf("%s/stdin", dir);
	AUTO(fd) int fd = -EBADF;
	struct stat st;
	int r;

	if (exec_phase(o) != EXEC_NEW)
		return err_set(err, EBUSY, "it was run already, with what stood in stdin then");
	r = path_make_dir(dir, 0700);
	if (r < 0)
		return err_set(err, -r, "%s can't be made: %s", dir, strerror(-r));
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno, "stdin can't be kept: %s", strerror(errno));
	if ((uint64_t)st.st_size + bytes.len > STDIN_MAX)
		return err_set(err, EFBIG, "stdin holds at most %d MiB", STDIN_MAX >> 20);
	if (stdin_of_all(o->parent) + bytes.len > STDIN_ALL_MAX)
		return err_set(
		    err, ENOSPC,
		    "stdin of all commands of an instance holds at most %d MiB: rmdir those that have "
		    "ended",
		    STDIN_ALL_MAX >> 20);
	r = sys_write_all(fd, bytes.ptr, bytes.len);
	return r < 0 ? err_set(err, -r, "stdin can't be kept: %s", strerror(-r)) : 0;
}

/* ---- the kind */

static int check_name(struct str name, struct err *err)
{
	AUTO(buf_done) struct buf b = BUF_NULL;
	size_t n = 0;

	if (name.len > 63)
		return err_set(err, ENAMETOOLONG, "a command's name has at most 63 characters, this one %zu",
			       name.len);
	while (n < name.len &&
	       memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", name.ptr[n], 65))
		n++;
	if (n && n == name.len && name.ptr[0] != '.' && name.ptr[0] != '-')
		return 0;
	buf_escape(&b, name);
	return err_set(
	    err, EINVAL,
	    "\"%s\" is no name for a command: letters, digits, '.', '_' and '-' make one, the first a "
	    "letter or digit",
	    buf_cstr(&b));
}

static int init(struct object *o, struct err *err)
{
	struct command *c = xcalloc(1, sizeof(*c));

	(void)err;
	pthread_mutex_init(&c->lock, NULL);
	c->watched_fd = -EBADF;
	o->data = c;
	return 0;
}

static void done(struct object *o)
{
	struct command *c = command_of(o);

	if (!c)
		return;
	exec_free(c->run);
	pthread_mutex_destroy(&c->lock);
	free(c);
	o->data = NULL;
}

static int create(struct object *o, struct config *own, const struct caller *who, struct err *err)
{
	(void)own;
	(void)who;
	if (host_count(o->parent, KIND_EXEC) < COMMANDS_MAX)
		return 0;
	return err_set(err, ENOSPC, "the instance has %d commands already: rmdir those that have ended",
		       COMMANDS_MAX);
}

static int check(struct object *o, const struct config *old, const struct config *own,
		 const struct config *effective, struct err *err)
{
	static const char *const fixed[] = {"command", "cwd", "environment", "group", "user", "interactive"};

	(void)effective;
	if (!old || exec_phase(o) == EXEC_NEW)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		const char *was = config_get(old, SECTION_PROPS, fixed[i]);
		const char *is = config_get(own, SECTION_PROPS, fixed[i]);

		if (was && is ? strcmp(was, is) != 0 : was != is)
			return err_set(err, EBUSY,
				       "it was run already: what was run can't change, mkdir another one");
	}
	return 0;
}

static int load(struct object *o, struct err *err)
{
	struct command *c = command_of(o);
	AUTO(free) char *dir = dir_of(o);
	AUTO(err_done) struct err own = ERR_NULL;
	struct exec *run = NULL;
	int r = exec_adopt(dir, &run, &own);

	pthread_mutex_lock(&c->lock);
	c->run = run;
	c->is_lost = r == -ECHILD;
	pthread_mutex_unlock(&c->lock);
	if (r == 0) {
		o->is_live = true;
		watch(o);
		return 0;
	}
	return r == -ENOENT || r == -ECHILD ? 0 : err_move(err, &own);
}

static int may_remove(struct object *o, struct err *err)
{
	if (exec_phase(o) == EXEC_RUNNING)
		return err_set(err, EBUSY,
			       "the command still runs: echo kill > state first, or wait for its end");
	return 0;
}

static void remove_exec(struct object *o)
{
	AUTO(free) char *dir = dir_of(o), *above = xasprintf("%s/exec/%s", o->host->run, o->parent->uuid);

	unwatch(o);
	path_remove_tree(dir);
	/* the last one takes the instance's directory along */
	rmdir(above);
}

const struct kind kind_exec = {
    .number = KIND_EXEC,
    .name = "exec",
    .plural = "exec",
    .is_volatile = true,
    .check_name = check_name,
    .init = init,
    .done = done,
    .create = create,
    .check = check,
    .load = load,
    .may_remove = may_remove,
    .remove = remove_exec,
};
