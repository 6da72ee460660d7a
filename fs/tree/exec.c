/* SPDX-License-Identifier: Apache-2.0 */
/* instances/NAME/exec/ID/: a command, its streams and how it ended. */
#include "engine/kind/exec.h"

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/base/sys.h"
#include "fs/tree/common.h"
#include "fs/tree/keydir.h"
#include "fs/tree/setfile.h"
#include "fs/tree/tables.h"

static int status_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	exec_status_text(n->o, b);
	return 0;
}

static int state_read(const struct node *n, struct buf *b, struct err *err)
{
	static const char *const text[] = {
	    [EXEC_NEW] = "new", [EXEC_RUNNING] = "running", [EXEC_DONE] = "done"};

	(void)err;
	buf_printf(b, "%s\n", text[exec_phase(n->o)]);
	return 0;
}

/* `run` returns when the command has ended, so that the next line of a script can read what it printed. */
static int state_write(const struct node *n, struct str text, const struct caller *who, struct err *err)
{
	struct str word = str_trim(text), first;
	AUTO(buf_done) struct buf shown = BUF_NULL;

	if (str_is(word, "run"))
		return exec_run(n->o, true, who, err);
	if (str_is(word, "start"))
		return exec_run(n->o, false, who, err);
	if (str_is(word, "wait"))
		return exec_wait(n->o, who, err);
	if (str_is(word, "kill"))
		return exec_signal(n->o, STR("KILL"), err);
	if (str_has_prefix(word, STR("kill "))) {
		first = (struct str){word.ptr + 5, word.len - 5};
		return exec_signal(n->o, str_trim(first), err);
	}
	buf_escape(&shown, (struct str){word.ptr, MIN(word.len, (size_t)64)});
	return err_set(err, EINVAL,
		       "state is \"%s\": `run` (returns when it has ended), `start`, `wait`, `kill` or "
		       "`kill SIGNAL` is wanted",
		       buf_cstr(&shown));
}

static int read_fd(int fd, struct buf *b)
{
	char bytes[16384];
	ssize_t n = 0;

	if (fd < 0)
		return 0;
	while ((n = sys_read(fd, bytes, sizeof(bytes))) > 0)
		buf_add(b, bytes, (size_t)n);
	close(fd);
	return 0;
}

static int stdout_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	return read_fd(exec_output(n->o, 1), b);
}

static int stderr_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	return read_fd(exec_output(n->o, 2), b);
}

static int stdin_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)n;
	(void)b;
	(void)err;
	return 0;
}

static int stdin_write(const struct node *n, struct str text, const struct caller *who, struct err *err)
{
	(void)who;
	return exec_stdin_add(n->o, text, err);
}

static char *terminal_link(const struct node *n)
{
	return exec_terminal_path(n->o);
}

static const struct node_class class_terminal = {.link = terminal_link};
static const struct node_class class_state = {.read = state_read, .write = state_write};
static const struct node_class class_status = {.read = status_read};
static const struct node_class class_stdout = {.read = stdout_read};
static const struct node_class class_stderr = {.read = stderr_read};
static const struct node_class class_stdin = {.read = stdin_read, .write = stdin_write, .is_staged = true};

enum {
	SELF,
	ERROR,
	COMMAND,
	ENVIRONMENT,
	CWD,
	USER,
	GROUP,
	STATE,
	STATUS,
	STDIN,
	STDOUT,
	STDERR,
	SET,
	VERSION,
	INTERACTIVE,
	WIDTH,
	HEIGHT,
	TERMINAL,
};

/* clang-format off */
static const struct node_row rows[] = {
	{SELF, SELF, NODE_DIR, "/", .mode = 0770},
	{ERROR, SELF, NODE_FILE, "error", .ops = &class_error, .is_live = true},
	{COMMAND, SELF, NODE_FILE, "command", .ops = &class_prop, .arg = "command"},
	{ENVIRONMENT, SELF, NODE_FILE, "environment", .ops = &class_prop, .arg = "environment"},
	{CWD, SELF, NODE_FILE, "cwd", .ops = &class_prop, .arg = "cwd"},
	{USER, SELF, NODE_FILE, "user", .ops = &class_prop, .arg = "user"},
	{GROUP, SELF, NODE_FILE, "group", .ops = &class_prop, .arg = "group"},
	{INTERACTIVE, SELF, NODE_FILE, "interactive", .ops = &class_prop, .arg = "interactive"},
	{WIDTH, SELF, NODE_FILE, "width", .ops = &class_prop, .arg = "width"},
	{HEIGHT, SELF, NODE_FILE, "height", .ops = &class_prop, .arg = "height"},
	{STATE, SELF, NODE_FILE, "state", .ops = &class_state, .is_live = true, .is_own_when_busy = true},
	{STATUS, SELF, NODE_FILE, "status", .ops = &class_status, .is_live = true},
	{STDIN, SELF, NODE_FILE, "stdin", .ops = &class_stdin},
	{STDOUT, SELF, NODE_FILE, "stdout", .ops = &class_stdout, .is_live = true},
	{STDERR, SELF, NODE_FILE, "stderr", .ops = &class_stderr, .is_live = true},
	{TERMINAL, SELF, NODE_LINK, "terminal", .ops = &class_terminal, .is_live = true},
	{SET, SELF, NODE_FILE, "set", .ops = &class_set, .is_live = true},
	{VERSION, SELF, NODE_FILE, "version", .ops = &class_version, .is_live = true},
};
/* clang-format on */

const struct node_table table_exec = {KIND_EXEC, rows, ARRAY_SIZE(rows)};
