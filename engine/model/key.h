/* SPDX-License-Identifier: Apache-2.0 */
/* A key is a row of a table: from it come the file and its mode, validation, default, live apply, schema/ and
 * the reference pages. Rows are constants in engine/keys/; this is their form and the look-up. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct config;
struct key;
struct object;

/* The only place that reads a value's text. */
struct key_type {
	const char *name;    /* as schema/ says it: "bool", "integer", "size" */
	const char *accepts; /* a phrase for sentences: "true or false", "a size such as 64MiB" */
	/* Lines, of which `>>` adds one; else `>>` assigns. */
	bool is_list;
	/* May hold newlines: staged by the handle and taken when it is flushed. */
	bool is_multiline;
	/* parse() - text, already without its final newline, to its canonical text, which parses to itself.
	 * Return: 0; -EINVAL, -ERANGE with a sentence that wants the key's name before it ("is ...: ...") */
	int (*parse)(const struct key *key, struct str text, struct buf *canonical, struct err *err);
};

enum key_class {
	CLASS_OWNER, /* who owns the object rules it */
	CLASS_HOST,  /* could reach the host: root:lxd whatever the object's group is */
	/* Whose the project is, whatever the object's group is; where the project has no profiles of its own,
	 * and in project default, that is CLASS_HOST */
	CLASS_PROJECT,
};

enum key_live {
	LIVE_NOW,     /* in force when the write returns */
	LIVE_RESTART, /* at the instance's next start */
	LIVE_REPLUG,  /* of a device: it is detached and attached anew */
	LIVE_NEVER,   /* only while the object is new */
};

/**
 * key_apply_fn - bring the kernel from @old to @new, both effective
 * @device: whose key changed; NULL for keys of the object itself
 *
 * Shared by many keys, run once a change, idempotent; called with @old and @new swapped to undo. Only called
 * for objects that are live.
 */
typedef int key_apply_fn(struct object *o, const struct config *old, const struct config *new,
			 const char *device, struct err *err);

struct key {
	const char *name; /* exact, or a family: "user.*" */
	const struct key_type *type;
	const char *def;      /* as a user would write it; NULL: none */
	const char *def_text; /* said where the default is no constant: "a random address" */
	enum key_class class;
	mode_t mode; /* 0: 0660; 0440 for what only the daemon sets */
	enum key_live live;
	int64_t min, max; /* of numbers; both 0: what the type takes */
	/* NULL-terminated words: of type_choice all that it takes, of other types what it takes besides. */
	const char *const *choices;
	/* Of a family: whether a name can be one of its members. NULL: any that key_find() takes */
	bool (*is_member)(struct str name);
	/* Beyond the type: pure. @value is canonical. */
	int (*check)(const struct key *key, struct str value, struct err *err);
	key_apply_fn *apply;
	/* Refuses every value, while the effect isn't built: a sentence's rest after the key's name. */
	const char *refuse;
	bool is_required; /* of a device: it isn't complete without */
	const char *text; /* what it means; ends in a full stop */
};

/* Rows sorted by name (strcmp), families included. */
struct key_table {
	const char *name; /* "instance", "nic-bridged": directory in schema/ */
	const char *text; /* one sentence on what has these keys */
	const struct key *keys;
	size_t n;
};

/** key_find() - exact match first, then the longest family; of what its members are called '=', '/', '*',
 * blanks and control characters are no part. Return: NULL for none */
const struct key *key_find(const struct key_table *table, struct str name);
static inline bool key_is_family(const struct key *k)
{
	size_t n = strlen(k->name);

	return n && k->name[n - 1] == '*';
}
/** key_guess() - a row whose name is close to a mistyped one, for sentences; NULL for none */
const struct key *key_guess(const struct key_table *table, struct str name);

/** key_accepts() - what it takes, a phrase for sentences, schema/ and reference pages: "auto, none, or an
 * IPv4 address with its prefix length, such as 10.1.2.1/24" */
void key_accepts(const struct key *key, struct buf *b);

#define KEY_NAME_MAX 128	  /* bytes of a key's name */
#define KEY_VALUE_MAX (64 * 1024) /* bytes of a value */

/**
 * key_parse() - a user's text to the value that is stored
 * @name: as the user wrote it: a family's member has its own
 *
 * Refuses what the row refuses, NUL and control characters (newlines, tabs where the type takes them).
 * Return: 0; -EINVAL, -ERANGE, -EFBIG, -EOPNOTSUPP with a sentence that begins with @name
 */
int key_parse(const struct key *key, struct str name, struct str text, struct buf *canonical,
	      struct err *err);

/* ---- types, in engine/model/types.c. Lists are read from lines or with commas (type_lines: lines alone);
 * their canonical text has an entry a line, none twice */
extern const struct key_type type_bool, type_integer, type_string, type_text, type_size, type_rate,
    type_percent_or_size, type_duration, type_expiry, type_allowance, type_lines, type_choice, type_mac,
    type_ip4, type_ip6, type_ip4s, type_ip6s, type_ip4_net, type_ip6_net, type_ip4_nets, type_ip6_nets,
    type_ip4_ranges, type_ip6_ranges, type_ifname, type_ifnames, type_dns_name, type_dns_names, type_cpus,
    type_name, type_names, type_ips, type_vlans, type_source, type_path, type_host_path, type_mode,
    type_listen, type_nets;

/* ---- values of canonical text, for those who apply them */
/** value_bool() - NULL is false */
bool value_bool(const char *value);
/** value_int() - NULL or what is no number is @otherwise */
int64_t value_int(const char *value, int64_t otherwise);
/** value_size() - bytes of "64MiB"; NULL is @otherwise */
uint64_t value_size(const char *value, uint64_t otherwise);
/** value_rate() - bits a second of "100Mbit"; NULL is @otherwise */
uint64_t value_rate(const char *value, uint64_t otherwise);
/** value_seconds() - of "1h"; NULL is @otherwise */
uint64_t value_seconds(const char *value, uint64_t otherwise);
