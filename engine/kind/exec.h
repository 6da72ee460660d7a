/* SPDX-License-Identifier: Apache-2.0 */
/* Commands in instances: an object of kind exec below its instance, of this boot only. Its props are command
 * (a line for /bin/sh -c), environment (NAME=VALUE lines), cwd, user, group, interactive, width, height. */
#pragma once

#include "engine/base/buf.h"
#include "engine/model/host.h"

extern const struct kind kind_exec;

enum exec_phase { EXEC_NEW, EXEC_RUNNING, EXEC_DONE };
enum exec_phase exec_phase(struct object *o);

/** exec_run() - run it; returns when it was executed, or with @wait when it ended; blocks. Return: 0; -EBUSY
 * it ran already, or the instance isn't running; -ENOENT, -EACCES the command */
int exec_run(struct object *o, bool wait, const struct caller *who, struct err *err);
/** exec_wait() - blocks until it ended. Return: 0; -EINTR; -EBUSY it wasn't run */
int exec_wait(struct object *o, const struct caller *who, struct err *err);
/** exec_end() - kill it if it runs, and wait for its end, a few seconds at most */
void exec_end(struct object *o);
/** exec_signal() - @name: "kill", "TERM", "SIGHUP", "9". Return: 0; -EINVAL; -ESRCH */
int exec_signal(struct object *o, struct str name, struct err *err);
/** exec_status_text() - "new", "running", "exit 0", "signal 9", and a newline */
void exec_status_text(struct object *o, struct buf *b);
/** exec_output() - open stdout (1) or stderr (2) for reading; a reader of a running command sees what is
 * there. Return: descriptor; -ENOENT nothing was run */
int exec_output(struct object *o, int which);
/** exec_terminal_path() - of the host's side of its terminal, to be freed; NULL: it has none, or has ended */
char *exec_terminal_path(struct object *o);
/** exec_apply_size() - key_apply_fn of width and height */
int exec_apply_size(struct object *o, const struct config *old, const struct config *new, const char *device,
		    struct err *err);
/** exec_stdin_add() - more of what the command reads; before it is run. Return: 0; -EBUSY; -EFBIG; -ENOSPC */
int exec_stdin_add(struct object *o, struct str bytes, struct err *err);
