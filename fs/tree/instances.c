/* SPDX-License-Identifier: Apache-2.0 */
/* instances/NAME/: what can be set, what is live, what can be done. */
#include "engine/kind/instance.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/parse.h"
#include "engine/base/path.h"
#include "engine/confine/cgroup.h"
#include "fs/tree/common.h"
#include "fs/tree/keydir.h"
#include "fs/tree/setfile.h"
#include "fs/tree/tables.h"

#define LOG_SHOWN (1024 * 1024) /* bytes of the console's log, its end */
#define WAIT_MAX 86400		/* seconds */

/* ---- state and wait */

static int state_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	buf_printf(b, "%s\n", instance_state_text(instance_state(n->o)));
	return 0;
}

/* The words of a line, at most @max. Return: how many there are */
static size_t words_of(struct str text, struct str *ret, size_t max)
{
	struct str rest = str_trim(text), word;
	size_t n = 0;

	while (str_next(&rest, ' ', &word))
		if (word.len && n++ < max)
			ret[n - 1] = word;
	return n;
}

static const struct action {
	const char *word;
	enum instance_action action;
	bool takes_more; /* force, seconds */
} actions[] = {
    {"running", INSTANCE_START, false},
    {"stopped", INSTANCE_STOP, true},
    {"restart", INSTANCE_RESTART, true},
    {"frozen", INSTANCE_FREEZE, false},
};

static int bad_state(struct str text, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;

	buf_escape(&shown, (struct str){text.ptr, MIN(text.len, (size_t)64)});
	return err_set(err, EINVAL,
		       "state is \"%s\": running, stopped, frozen or restart is wanted; behind stopped and "
		       "restart also `force`, or how many seconds it may take",
		       buf_cstr(&shown));
}

static int state_write(const struct node *n, struct str text, const struct caller *who, struct err *err)
{
	struct str words[2] = {STR_NULL, STR_NULL};
	size_t count = words_of(text, words, 2);
	bool force = false;
	int timeout = -1;
	uint64_t seconds;

	text = str_trim(text);
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		const struct action *a = &actions[i];

		if (!str_is(words[0], a->word))
			continue;
		if (count > 2 || (count == 2 && !a->takes_more))
			return bad_state(text, err);
		if (count == 2 && str_is(words[1], "force"))
			force = true;
		else if (count == 2 && parse_u64(words[1], 0, WAIT_MAX, &seconds) < 0)
			return bad_state(text, err);
		else if (count == 2)
			timeout = (int)seconds * 1000;
		return instance_act(n->o, a->action, force, timeout, who, err);
	}
	return bad_state(text, err);
}

static int wait_write(const struct node *n, struct str text, const struct caller *who, struct err *err)
{
	static const enum instance_state states[] = {INSTANCE_STOPPED, INSTANCE_RUNNING, INSTANCE_FROZEN};
	struct str words[2] = {STR_NULL, STR_NULL};
	size_t count = words_of(text, words, 2);
	uint64_t seconds = 0;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (!str_is(words[0], instance_state_text(states[i])))
			continue;
		if (count > 2 || (count == 2 && parse_u64(words[1], 0, WAIT_MAX, &seconds) < 0))
			break;
		return instance_wait(n->o, states[i], count == 2 ? (int)seconds * 1000 : -1, who, err);
	}
	return err_set(
	    err, EINVAL,
	    "what to wait for is running, stopped or frozen, and behind it how many seconds, 0 to %d",
	    WAIT_MAX);
}

static int nothing(const struct node *n, struct buf *b, struct err *err)
{
	(void)n;
	(void)b;
	(void)err;
	return 0;
}

static const struct node_class class_state = {.read = state_read, .write = state_write};
static const struct node_class class_wait = {.read = nothing, .write = wait_write};

/* ---- live figures */

static int addresses_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	instance_addresses(n->o, b);
	return 0;
}

static void addresses_settle(const struct node *n, const struct caller *who)
{
	instance_await_address(n->o, who->cancel_fd);
}

static int confinement_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	instance_confinement(n->o, b);
	return 0;
}

static int pid_read(const struct node *n, struct buf *b, struct err *err)
{
	pid_t pid = instance_pid(n->o);

	(void)err;
	if (pid)
		buf_printf(b, "%d\n", pid);
	return 0;
}

static int processes_read(const struct node *n, struct buf *b, struct err *err)
{
	(void)err;
	buf_printf(b, "%d\n", instance_processes(n->o));
	return 0;
}

static int last_used_read(const struct node *n, struct buf *b, struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(n->o);
	const char *value = config_get(own, SECTION_CONFIG, "volatile.last_used_at");

	(void)err;
	if (value)
		buf_printf(b, "%s\n", value);
	return 0;
}

static const struct node_class class_addresses = {.read = addresses_read, .settle = addresses_settle};
static const struct node_class class_confinement = {.read = confinement_read};
static const struct node_class class_pid = {.read = pid_read};
static const struct node_class class_processes = {.read = processes_read};
static const struct node_class class_last_used = {.read = last_used_read};

/* usage/: one figure a file, in the unit that the name tells */
enum usage { USAGE_MEMORY, USAGE_MEMORY_PEAK, USAGE_SWAP, USAGE_CPU, USAGE_PIDS };
static const enum usage usage_memory = USAGE_MEMORY, usage_peak = USAGE_MEMORY_PEAK, usage_swap = USAGE_SWAP,
			usage_cpu = USAGE_CPU, usage_pids = USAGE_PIDS;

static int usage_read(const struct node *n, struct buf *b, struct err *err)
{
	struct cgroup_usage u;
	uint64_t v;

	(void)err;
	if (instance_usage(n->o, &u) < 0)
		return 0;
	switch (*(const enum usage *)n->row->arg) {
	case USAGE_MEMORY:
		v = u.memory;
		break;
	case USAGE_MEMORY_PEAK:
		v = u.memory_peak;
		break;
	case USAGE_SWAP:
		v = u.swap;
		break;
	case USAGE_CPU:
		v = u.cpu_ns;
		break;
	default:
		v = u.pids;
	}
	if (v != CGROUP_NONE)
		buf_printf(b, "%llu\n", (unsigned long long)v);
	return 0;
}

static const struct node_class class_usage = {.read = usage_read};

/* ---- network/: a file for each link inside */

static struct node link_node(const struct node *dir, const char *name)
{
	return (struct node){.o = dir->o, .row = node_unnamed_row(dir), .name = (char *)name};
}

/* A container names its links: what can't be a file's name isn't shown. */
static bool is_file_name(const char *name)
{
	return path_is_name(str_from(name));
}

static int links_list(const struct node *dir, node_visit_fn *visit, void *arg)
{
	AUTO(link_list_done) struct link_list list = {0};
	int r = 0;

	if (instance_links(dir->o, &list, NULL) < 0)
		return 0;
	for (size_t i = 0; i < list.n_links && !r; i++) {
		struct node child = link_node(dir, list.links[i].name);

		if (is_file_name(list.links[i].name))
			r = visit(arg, list.links[i].name, &child);
	}
	return r;
}

static int links_child(const struct node *dir, struct str name, struct node *ret, struct err *err)
{
	AUTO(link_list_done) struct link_list list = {0};

	(void)err;
	if (instance_links(dir->o, &list, NULL) < 0)
		return -ENOENT;
	for (size_t i = 0; i < list.n_links; i++)
		if (str_is(name, list.links[i].name)) {
			struct node child = link_node(dir, list.links[i].name);

			*ret = node_copy(&child);
			return 0;
		}
	return -ENOENT;
}

static void print_link(struct buf *b, const struct link_list *list, const struct link_info *l)
{
	const struct link_counters *c = &l->counters;

	buf_printf(b, "state %s\n", link_oper_text(l->operstate));
	if (l->has_mac) {
		buf_adds(b, "hwaddr ");
		buf_mac(b, l->mac);
		buf_addc(b, '\n');
	}
	buf_printf(b, "mtu %u\n", l->mtu);
	for (size_t i = 0; i < list->n_addrs; i++) {
		if (list->addrs[i].index != l->index)
			continue;
		buf_adds(b, "address ");
		buf_ip_net(b, &list->addrs[i].net);
		buf_addc(b, '\n');
	}
	buf_printf(b, "rx_bytes %llu\nrx_packets %llu\ntx_bytes %llu\ntx_packets %llu\n",
		   (unsigned long long)c->rx_bytes, (unsigned long long)c->rx_packets,
		   (unsigned long long)c->tx_bytes, (unsigned long long)c->tx_packets);
}

static int link_read(const struct node *n, struct buf *b, struct err *err)
{
	AUTO(link_list_done) struct link_list list = {0};

	(void)err;
	if (instance_links(n->o, &list, NULL) < 0)
		return 0;
	for (size_t i = 0; i < list.n_links; i++)
		if (!strcmp(list.links[i].name, n->name))
			print_link(b, &list, &list.links[i]);
	return 0;
}

static const struct node_class class_links = {.list = links_list, .child = links_child};
static const struct node_class class_link = {.read = link_read};

/* ---- console, files, logs */

static char *files_link(const struct node *n)
{
	return instance_root_path(n->o);
}

static char *console_link(const struct node *n)
{
	return instance_console_path(n->o);
}

/* Raw bytes of the container: who prints them to a terminal is warned by the name. */
static int log_read(const struct node *n, struct buf *b, struct err *err)
{
	AUTO(free) char *path = instance_log_path(n->o), *text = NULL;
	ssize_t len = path ? path_read(AT_FDCWD, path, 4 * LOG_SHOWN, &text) : -ENOENT;

	(void)err;
	if (len > 0)
		buf_add(b, text + MAX(0, len - LOG_SHOWN), (size_t)MIN(len, LOG_SHOWN));
	return 0;
}

static const struct node_class class_files = {.link = files_link};
static const struct node_class class_console = {.link = console_link};
static const struct node_class class_log = {.read = log_read};

enum {
	SELF,
	ERROR,
	STATE,
	WAIT,
	SOURCE,
	PROFILES,
	DESCRIPTION,
	ARCHITECTURE,
	TYPE,
	EPHEMERAL,
	CREATED_AT,
	LAST_USED_AT,
	UUID,
	VERSION,
	SET,
	ADDRESSES,
	PID,
	PROCESSES,
	FILES,
	CONSOLE,
	CONSOLE_LOG,
	CONFIG,
	CONFIG_KEY,
	CONFIG_SET,
	DEVICES,
	DEVICE,
	DEVICE_KEY,
	DEVICE_SET,
	LOCAL,
	LOCAL_CONFIG,
	LOCAL_CONFIG_KEY,
	LOCAL_DEVICES,
	LOCAL_DEVICE,
	LOCAL_DEVICE_KEY,
	EFFECTIVE,
	EFFECTIVE_CONFIG,
	EFFECTIVE_CONFIG_KEY,
	EFFECTIVE_DEVICES,
	EFFECTIVE_DEVICE,
	EFFECTIVE_DEVICE_KEY,
	USAGE,
	USAGE_MEMORY_FILE,
	USAGE_PEAK_FILE,
	USAGE_SWAP_FILE,
	USAGE_CPU_FILE,
	USAGE_PIDS_FILE,
	NETWORK,
	NETWORK_LINK,
	EXEC,
	CONFINEMENT,
};

/* `error` comes first: it can't be unset, so that rm -r is known for what it is before it comes to a key. */
/* clang-format off */
static const struct node_row rows[] = {
	{SELF, SELF, NODE_DIR, "/", .mode = 0770},
	{ERROR, SELF, NODE_FILE, "error", .ops = &class_error, .is_live = true},
	{STATE, SELF, NODE_FILE, "state", .ops = &class_state, .is_live = true, .is_own_when_busy = true},
	{WAIT, SELF, NODE_FILE, "wait", .ops = &class_wait, .is_each_own = true},
	{SOURCE, SELF, NODE_FILE, "source", .ops = &class_prop, .arg = "source"},
	{PROFILES, SELF, NODE_FILE, "profiles", .ops = &class_prop, .arg = "profiles"},
	{DESCRIPTION, SELF, NODE_FILE, "description", .ops = &class_prop, .arg = "description"},
	{ARCHITECTURE, SELF, NODE_FILE, "architecture", 0440, .ops = &class_prop, .arg = "architecture"},
	{TYPE, SELF, NODE_FILE, "type", 0440, .ops = &class_prop, .arg = "type"},
	{EPHEMERAL, SELF, NODE_FILE, "ephemeral", .ops = &class_prop, .arg = "ephemeral"},
	{CREATED_AT, SELF, NODE_FILE, "created_at", .ops = &class_created_at},
	{LAST_USED_AT, SELF, NODE_FILE, "last_used_at", .ops = &class_last_used, .is_live = true},
	{UUID, SELF, NODE_FILE, "uuid", .ops = &class_uuid},
	{VERSION, SELF, NODE_FILE, "version", .ops = &class_version, .is_live = true},
	{SET, SELF, NODE_FILE, "set", .ops = &class_set, .is_live = true},
	{ADDRESSES, SELF, NODE_FILE, "addresses", .ops = &class_addresses, .is_live = true},
	{PID, SELF, NODE_FILE, "pid", .ops = &class_pid, .is_live = true},
	{PROCESSES, SELF, NODE_FILE, "processes", .ops = &class_processes, .is_live = true},
	{CONFINEMENT, SELF, NODE_FILE, "confinement", .ops = &class_confinement, .is_live = true},
	{FILES, SELF, NODE_LINK, "files", .ops = &class_files, .is_live = true},
	{CONSOLE, SELF, NODE_LINK, "console", .ops = &class_console, .is_live = true},
	{CONSOLE_LOG, SELF, NODE_FILE, "console.log", .ops = &class_log, .is_live = true},

	{CONFIG, SELF, NODE_DIR, "config", .ops = &class_config_dir, .arg = &view_set},
	{CONFIG_KEY, CONFIG, NODE_FILE, NULL, .ops = &class_key, .arg = &view_set},
	{CONFIG_SET, CONFIG, NODE_FILE, "set", .ops = &class_set, .is_live = true},
	{DEVICES, SELF, NODE_DIR, "devices", .ops = &class_devices_dir, .arg = &view_set},
	{DEVICE, DEVICES, NODE_DIR, NULL, .ops = &class_device_dir, .arg = &view_set},
	{DEVICE_KEY, DEVICE, NODE_FILE, NULL, .ops = &class_key, .arg = &view_set},
	{DEVICE_SET, DEVICE, NODE_FILE, "set", .ops = &class_set, .is_live = true},

	{LOCAL, SELF, NODE_DIR, "local", .mode = 0770},
	{LOCAL_CONFIG, LOCAL, NODE_DIR, "config", .ops = &class_config_dir, .arg = &view_local},
	{LOCAL_CONFIG_KEY, LOCAL_CONFIG, NODE_FILE, NULL, .ops = &class_key, .arg = &view_local},
	{LOCAL_DEVICES, LOCAL, NODE_DIR, "devices", .ops = &class_devices_dir, .arg = &view_local},
	{LOCAL_DEVICE, LOCAL_DEVICES, NODE_DIR, NULL, .ops = &class_device_dir, .arg = &view_local},
	{LOCAL_DEVICE_KEY, LOCAL_DEVICE, NODE_FILE, NULL, .ops = &class_key, .arg = &view_local},

	{EFFECTIVE, SELF, NODE_DIR, "effective", .mode = 0770},
	{EFFECTIVE_CONFIG, EFFECTIVE, NODE_DIR, "config", .ops = &class_fixed_dir, .arg = &view_effective},
	{EFFECTIVE_CONFIG_KEY, EFFECTIVE_CONFIG, NODE_FILE, NULL, .ops = &class_key_fixed, .arg = &view_effective},
	{EFFECTIVE_DEVICES, EFFECTIVE, NODE_DIR, "devices", .ops = &class_fixed_devices, .arg = &view_effective},
	{EFFECTIVE_DEVICE, EFFECTIVE_DEVICES, NODE_DIR, NULL, .ops = &class_fixed_dir, .arg = &view_effective},
	{EFFECTIVE_DEVICE_KEY, EFFECTIVE_DEVICE, NODE_FILE, NULL, .ops = &class_key_fixed, .arg = &view_effective},

	{USAGE, SELF, NODE_DIR, "usage", .mode = 0770},
	{USAGE_MEMORY_FILE, USAGE, NODE_FILE, "memory.bytes", .ops = &class_usage, .arg = &usage_memory, .is_live = true},
	{USAGE_PEAK_FILE, USAGE, NODE_FILE, "memory.peak.bytes", .ops = &class_usage, .arg = &usage_peak, .is_live = true},
	{USAGE_SWAP_FILE, USAGE, NODE_FILE, "swap.bytes", .ops = &class_usage, .arg = &usage_swap, .is_live = true},
	{USAGE_CPU_FILE, USAGE, NODE_FILE, "cpu.ns", .ops = &class_usage, .arg = &usage_cpu, .is_live = true},
	{USAGE_PIDS_FILE, USAGE, NODE_FILE, "pids", .ops = &class_usage, .arg = &usage_pids, .is_live = true},
	{NETWORK, SELF, NODE_DIR, "network", .ops = &class_links},
	{NETWORK_LINK, NETWORK, NODE_FILE, NULL, .ops = &class_link, .is_live = true},
	{EXEC, SELF, NODE_DIR, "exec", .has_objects = true, .kind = KIND_EXEC},
};
/* clang-format on */

const struct node_table table_instance = {KIND_INSTANCE, rows, ARRAY_SIZE(rows)};
