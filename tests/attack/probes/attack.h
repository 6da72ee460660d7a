/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks that root of a container tries on its host: a table a file, and what all of them use. Static and
 * free of lxdfs's own code, so that the same program runs in containers of any engine. None does harm where
 * it succeeds: a file is opened to be written and nothing is written, what is set is set to what it is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* What an attack returns: 0 where it reached what it tried, a negative errno of what refused it. */
struct attack {
	const char *name;
	const char *tries;
	int (*run)(const char *what);
	const char *what;
	bool is_unsafe; /* left out where there is no container around it */
};

#define N_ROWS(a) (sizeof(a) / sizeof(*(a)))

struct attack_table {
	const struct attack *rows;
	size_t n;
};

extern const struct attack_table attacks_calls, attacks_devices, attacks_entry, attacks_files, attacks_mounts,
    attacks_others;

/* A system call with wrong arguments came through if the kernel found fault with these, not with the caller.
 * Return: 0, or -EPERM, -EACCES, -ENOSYS */
int came_through(long result);

int open_to_write(const char *file);
/* -ENODATA: it is there and empty, as a masked one */
int read_a_byte(const char *file);
/* Whether a directory has an entry; -ENODATA if not. */
int list_entries(const char *dir);
/* Whether @text stands in the file; -ENODATA if not. */
int find_text(const char *file, const char *text);

/* The first of a list of files, parted by blanks, that opens to be written; below @root ("" is /). */
int open_any_to_write(const char *root, const char *files);
/* Files through which whoever writes them rules the host, whatever kernel it has. */
#define RULING_PROC                                                                                          \
	"sys/kernel/core_pattern sys/kernel/modprobe sys/vm/panic_on_oom sys/kernel/printk sysrq-trigger"
#define RULING_SYS                                                                                           \
	"kernel/uevent_helper power/state kernel/mm/transparent_hugepage/enabled kernel/profiling "          \
	"module/printk/parameters/time devices/system/cpu/cpu1/online kernel/mm/ksm/run bus/pci/rescan"

/* A file that only the host has, by its path there ($ATTACK_MARK): whether @dir, taken for the host's root,
 * has it. */
int has_mark(int dir);
/* The name that a link, a socket, a key and an instance outside bear ($ATTACK_NAME); a control group
 * ($ATTACK_GROUP). */
const char *foreign_name(void);
const char *foreign_group(void);

/* Attacks every process that appears, for so long: one that enters the container is one for a moment. */
int watch_entering(int seconds);

/* Whether there is no user namespace around: id 0 is the host's. */
bool is_host_root(void);
