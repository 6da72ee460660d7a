/* SPDX-License-Identifier: Apache-2.0 */
/* Every row of every table of keys: that it holds together, and that no key is missing (core-keys.txt). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>

#include "engine/base/auto.h"
#include "engine/keys/keys.h"

/* Runs @check on every row; what it says is wrong fails the test with the row's name. */
static void each(const char *(*check)(const struct key_table *t, const struct key *k))
{
	int failures = 0;

	for (const struct key_table *const *t = keys_tables(); *t; t++) {
		for (size_t i = 0; i < (*t)->n; i++) {
			const char *wrong = check(*t, &(*t)->keys[i]);

			if (!wrong)
				continue;
			print_error("%s: %s: %s\n", (*t)->name, (*t)->keys[i].name, wrong);
			failures++;
		}
	}
	assert_int_equal(failures, 0);
}

static void test_tables(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct key_table *const *t = keys_tables(); *t; t++, n++) {
		assert_true((*t)->n > 0);
		assert_true((*t)->text[strlen((*t)->text) - 1] == '.');
		for (const struct key_table *const *u = keys_tables(); *u != *t; u++)
			assert_string_not_equal((*u)->name, (*t)->name);
		/* sorted and unique: look-up halves the table */
		for (size_t i = 1; i < (*t)->n; i++)
			if (strcmp((*t)->keys[i - 1].name, (*t)->keys[i].name) >= 0)
				fail_msg("%s: %s is not after %s", (*t)->name, (*t)->keys[i].name,
					 (*t)->keys[i - 1].name);
	}
	assert_true(n >= 12);
	for (const struct device_type *const *d = device_types; *d; d++) {
		assert_string_equal((*d)->name, (*d)->keys.name);
		assert_non_null(key_find(&(*d)->keys, STR("type")));
		assert_true(!(*d)->attach == !(*d)->detach);
	}
}

/* A name in a path, before '=' in `set`, and in a sentence. */
static const char *check_name(const struct key_table *t, const struct key *k)
{
	size_t n = strlen(k->name);

	if (!n || n > KEY_NAME_MAX)
		return "is no length for a name";
	for (size_t i = 0; i < n; i++) {
		char c = k->name[i];

		if (!islower((unsigned char)c) && !isdigit((unsigned char)c) && !strchr("._-*", c))
			return "holds a character that names of keys don't have";
		if (c == '*' && i + 1 != n)
			return "has a star that isn't at the end";
	}
	/* what is found by a member's name is the row itself, or a family within it */
	if (key_is_family(k)) {
		AUTO(free) char *member = xasprintf("%.*sx", (int)n - 1, k->name);

		return key_find(t, str_from(member)) == k ? NULL : "isn't found by a member's name";
	}
	return key_find(t, str_from(k->name)) == k ? NULL : "isn't found by its name";
}

static const char *check_text(const struct key_table *t, const struct key *k)
{
	size_t n = k->text ? strlen(k->text) : 0;

	(void)t;
	if (n < 20 || k->text[n - 1] != '.')
		return "its text is no sentence with a full stop";
	if (strchr(k->text, '\n') || strchr(k->text, '\t') || strstr(k->text, "  ") || n > 400)
		return "its text holds line breaks or double spaces, or is too long";
	if (k->refuse && (!islower((unsigned char)k->refuse[0]) || k->refuse[strlen(k->refuse) - 1] == '.'))
		return "its refusal is no sentence's rest: \"can't be set ...\"";
	if (k->refuse && strncmp(k->refuse, "can't be set", 12) != 0)
		return "its refusal doesn't begin with what is refused";
	return NULL;
}

/* A default is what a user could write, refused or not. */
static const char *check_default(const struct key_table *t, const struct key *k)
{
	AUTO(buf_done) struct buf b = BUF_NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	struct key built = *k;

	(void)t;
	if (!k->def)
		return NULL;
	if (key_is_family(k))
		return "is a family with a default";
	built.refuse = NULL;
	if (key_parse(&built, str_from(k->name), str_from(k->def), &b, &err) < 0) {
		print_error("%s\n", err_text(&err));
		return "its default isn't a value that it takes";
	}
	return strcmp(buf_cstr(&b), k->def) ? "its default isn't canonical" : NULL;
}

static const char *check_type(const struct key_table *t, const struct key *k)
{
	(void)t;
	if (!k->type || !k->type->parse || !k->type->name || !k->type->accepts)
		return "has no whole type";
	if ((k->type == &type_choice) != (k->type == &type_choice && k->choices && k->choices[0]))
		return "is a choice of nothing";
	if (k->min > k->max && k->max)
		return "its least is more than its most";
	if ((k->min || k->max) && k->type != &type_integer && k->type != &type_size &&
	    k->type != &type_percent_or_size && k->type != &type_duration)
		return "has bounds that its type doesn't look at";
	if (k->type == &type_integer && !k->min && !k->max)
		return "is a number without bounds";
	if (k->mode != 0 && k->mode != 0440)
		return "has another mode than those that are known";
	for (const char *const *c = k->choices; c && *c; c++) {
		AUTO(buf_done) struct buf b = BUF_NULL;
		struct key built = *k;

		built.refuse = NULL;
		if (key_parse(&built, str_from(k->name), str_from(*c), &b, NULL) < 0 ||
		    strcmp(buf_cstr(&b), *c))
			return "a word of its choice isn't taken";
	}
	return NULL;
}

/* Live without a function: in force because whoever needs it reads it then. */
static bool is_read_when_needed(const struct key_table *t, const char *name)
{
	static const struct {
		const char *table, *prefix;
	} rows[] = {
	    {NULL, "user."},			 /* nobody reads it */
	    {NULL, "description"},		 /* nobody reads it */
	    {"server", "core.shutdown_timeout"}, /* at the daemon's end */
	    {"server", "lxdfs.source"},		 /* at an instance's first start */
	    {"server", "core.https_allowed_"},	 /* when somebody comes */
	    {"server", "core.remote_token_"},	 /* when one is made */
	    {"server",
	     "core.trust_ca_"}, /* who may not connect any more is disconnected by the change itself */
	    {"certificate-properties", ""},	  /* likewise */
	    {"token-properties", ""},		  /* when it is used */
	    {"instance", "boot."},		  /* at the start and end of daemon and instance */
	    {"instance", "environment."},	  /* by each command */
	    {"instance", "security.protection."}, /* by what it refuses */
	    {"instance-properties", ""},	  /* profiles are applied by the change itself */
	    {"image-properties", "properties."},  /* nobody reads it */
	    {"image-properties", "public"},	  /* whenever public/ is looked at */
	    {"network-bridge", "bridge.mode"},	  /* it has one value */
	    {"exec-properties", ""},		  /* when `run` is written */
	    {"project", ""},			  /* whenever something is done in it */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if ((!rows[i].table || !strcmp(rows[i].table, t->name)) &&
		    !strncmp(name, rows[i].prefix, strlen(rows[i].prefix)))
			return true;
	return false;
}

static const char *check_live(const struct key_table *t, const struct key *k)
{
	bool is_device = false;

	for (const struct device_type *const *d = device_types; *d; d++)
		is_device |= t == &(*d)->keys;
	if (k->live == LIVE_REPLUG && !is_device)
		return "is to be plugged again, and no device";
	if (k->live != LIVE_NOW && k->apply)
		return "has a function that is never called";
	/* what the daemon alone sets tells of what it did */
	if (k->live == LIVE_NOW && !k->apply && !k->refuse && k->mode != 0440 &&
	    !is_read_when_needed(t, k->name))
		return "is live, and nothing applies it";
	if (k->is_required && k->def)
		return "is required, and has a default";
	return NULL;
}

static void test_names(void **state)
{
	(void)state;
	each(check_name);
}

static void test_texts(void **state)
{
	(void)state;
	each(check_text);
}

static void test_defaults(void **state)
{
	(void)state;
	each(check_default);
}

static void test_key_types(void **state)
{
	(void)state;
	each(check_type);
}

static void test_live(void **state)
{
	(void)state;
	each(check_live);
}

static const struct key_table *table_named(const char *name)
{
	for (const struct key_table *const *t = keys_tables(); *t; t++)
		if (!strcmp((*t)->name, name))
			return *t;
	return NULL;
}

static const struct key *find(const char *table, const char *key)
{
	const struct key_table *t = table_named(table);

	return t ? key_find(t, str_from(key)) : NULL;
}

/* Whatever could lead from an instance to the host stays with those who rule the host. */
static void test_class_host(void **state)
{
	static const struct {
		const char *table, *key;
		enum key_class want;
	} rows[] = {
	    {"instance", "security.privileged", CLASS_HOST},
	    {"instance", "security.nesting", CLASS_HOST},
	    {"instance", "security.idmap.isolated", CLASS_HOST},
	    {"instance", "security.idmap.base", CLASS_HOST},
	    {"instance", "security.idmap.size", CLASS_HOST},
	    {"instance", "security.syscalls.deny_default", CLASS_HOST},
	    {"instance", "security.syscalls.deny_compat", CLASS_HOST},
	    {"instance", "security.syscalls.intercept.mount", CLASS_HOST},
	    {"instance", "raw.apparmor", CLASS_HOST},
	    {"instance", "raw.idmap", CLASS_HOST},
	    {"instance", "raw.seccomp", CLASS_HOST},
	    {"instance-properties", "profiles", CLASS_PROJECT},
	    {"instance-properties", "source", CLASS_PROJECT},
	    {"instance-properties", "ephemeral", CLASS_PROJECT},
	    {"disk", "type", CLASS_HOST},
	    {"nic-bridged", "type", CLASS_HOST},
	    {"disk", "source", CLASS_HOST},
	    {"disk", "pool", CLASS_HOST},
	    {"disk", "shift", CLASS_HOST},
	    {"disk", "readonly", CLASS_HOST},
	    {"disk", "recursive", CLASS_HOST},
	    {"disk", "propagation", CLASS_HOST},
	    {"nic-bridged", "network", CLASS_HOST},
	    {"nic-bridged", "parent", CLASS_HOST},
	    {"nic-bridged", "nictype", CLASS_HOST},
	    {"nic-bridged", "hwaddr", CLASS_HOST},
	    {"nic-bridged", "host_name", CLASS_HOST},
	    {"nic-bridged", "security.mac_filtering", CLASS_HOST},
	    {"nic-bridged", "security.ipv4_filtering", CLASS_HOST},
	    {"nic-bridged", "security.ipv6_filtering", CLASS_HOST},
	    {"nic-bridged", "ipv4.address", CLASS_HOST},
	    {"nic-bridged", "ipv6.address", CLASS_HOST},
	    {"unix-char", "source", CLASS_HOST},
	    {"unix-char", "major", CLASS_HOST},
	    {"unix-char", "path", CLASS_HOST},
	    {"unix-block", "source", CLASS_HOST},
	    {"network-bridge", "ipv4.address", CLASS_HOST},
	    {"network-bridge", "bridge.external_interfaces", CLASS_HOST},
	    {"network-bridge", "raw.dnsmasq", CLASS_HOST},
	    {"storage-properties", "driver", CLASS_HOST},
	    /* and an owner rules the rest */
	    {"instance", "limits.memory", CLASS_OWNER},
	    {"instance", "limits.cpu", CLASS_OWNER},
	    {"instance", "boot.autostart", CLASS_OWNER},
	    {"instance", "environment.PATH", CLASS_OWNER},
	    {"instance", "user.note", CLASS_OWNER},
	    {"instance", "security.protection.delete", CLASS_OWNER},
	    {"instance-properties", "description", CLASS_OWNER},
	    {"nic-bridged", "name", CLASS_OWNER},
	    {"disk", "path", CLASS_OWNER},
	    {"exec-properties", "command", CLASS_OWNER},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct key *k = find(rows[i].table, rows[i].key);

		if (!k || k->class != rows[i].want)
			fail_msg("%s: %s is not of the class that it must be", rows[i].table, rows[i].key);
	}
	/* all of raw. and security.syscalls., whatever comes later */
	for (size_t i = 0; i < keys_instance.n; i++) {
		const struct key *k = &keys_instance.keys[i];

		if (!strncmp(k->name, "raw.", 4) || !strncmp(k->name, "security.syscalls.", 18))
			assert_int_equal(k->class, CLASS_HOST);
	}
}

/* What this release builds isn't refused by a slip. */
static void test_values_that_are_taken(void **state)
{
	static const struct {
		const char *table, *key, *value;
	} rows[] = {
	    {"instance", "limits.memory", "64MiB"},
	    {"instance", "limits.memory", "50%"},
	    {"instance", "limits.cpu", "0-0"},
	    {"instance", "limits.cpu.allowance", "25ms/100ms"},
	    {"instance", "limits.processes", "100"},
	    {"instance", "security.privileged", "true"},
	    {"instance", "linux.sysctl.net.ipv4.ip_forward", "1"},
	    {"instance", "linux.sysctl.kernel.shmmax", "1"},
	    {"nic-bridged", "security.mac_filtering", "true"},
	    {"nic-bridged", "ipv4.address", "none"},
	    {"nic-bridged", "ipv4.address", "10.1.2.3"},
	    {"network-bridge", "ipv4.address", "auto"},
	    {"network-bridge", "ipv6.address", "fd42:1::1/64"},
	    {"network-bridge", "ipv4.dhcp.ranges", "10.1.2.3-10.1.2.9"},
	    {"disk", "source", "/srv/data"},
	    {"server", "lxdfs.source", "busybox"},
	    {"instance-properties", "profiles", "default\nweb"},
	};
	static const struct {
		const char *table, *key, *value, *sentence;
	} refused[] = {
	    {"instance", "limits.memory", "lots",
	     "limits.memory is \"lots\": a size such as 64MiB, or a percentage of the host's memory such as "
	     "50%, "
	     "is wanted"},
	    {"instance", "limits.cpu", "0",
	     "limits.cpu is \"0\": at least one CPU is wanted; CPU 0 alone is 0-0"},
	    {"instance", "limits.processes", "0",
	     "limits.processes is \"0\": a whole number from 1 to 4194304 is wanted"},
	    {"instance", "linux.sysctl.kernel.panic", "1",
	     "linux.sysctl.kernel.panic can't be set: it isn't a setting that a container has of its own; "
	     "those "
	     "of net, user, fs.mqueue, kernel.msg*, kernel.sem*, kernel.shm* and kernel.domainname are"},
	    {"server", "core.https_address", "host:0",
	     "core.https_address is \"host:0\": a port is a number from 1 to 65535"},
	    {"disk", "propagation", "shared",
	     "propagation is \"shared\": private, rprivate, slave, or rslave is wanted"},
	    {"storage-properties", "driver", "zfs", "driver is \"zfs\": dir or overlay is wanted"},
	    {"exec-properties", "environment", "A=1\nB",
	     "environment has the line \"B\": NAME=VALUE is wanted"},
	    {"exec-properties", "command", " ", "command is empty: a line for the shell is wanted"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(buf_done) struct buf b = BUF_NULL;
		AUTO(err_done) struct err err = ERR_NULL;
		const struct key *k = find(rows[i].table, rows[i].key);

		assert_non_null(k);
		if (key_parse(k, str_from(rows[i].key), str_from(rows[i].value), &b, &err) < 0)
			fail_msg("%s", err_text(&err));
		assert_string_equal(buf_cstr(&b), rows[i].value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		AUTO(buf_done) struct buf b = BUF_NULL;
		AUTO(err_done) struct err err = ERR_NULL;
		const struct key *k = find(refused[i].table, refused[i].key);

		assert_non_null(k);
		assert_true(key_parse(k, str_from(refused[i].key), str_from(refused[i].value), &b, &err) < 0);
		assert_string_equal(err_text(&err), refused[i].sentence);
	}
}

/* Key by key, in any order: a device is complete by the write that makes it so, not before. */
static void test_devices_complete(void **state)
{
	static const struct {
		const char *keys[9]; /* name, value, ... */
		const char *type;    /* row; NULL: none yet */
		bool is_complete;
	} rows[] = {
	    {{NULL}, NULL, false},
	    {{"type", "nic", NULL}, NULL, false},
	    {{"network", "lxdbr0", NULL}, NULL, false},
	    {{"type", "nic", "network", "lxdbr0", NULL}, "nic-bridged", true},
	    {{"type", "nic", "nictype", "bridged", NULL}, NULL, false},
	    {{"type", "nic", "parent", "br0", NULL}, NULL, false},
	    {{"type", "nic", "nictype", "bridged", "parent", "br0", NULL}, "nic-bridged", true},
	    {{"type", "disk", NULL}, "disk", false},
	    {{"type", "disk", "path", "/", NULL}, "disk", true},
	    {{"type", "none", NULL}, "none", true},
	    {{"type", "toaster", NULL}, NULL, false},
	};
	struct object o = {.kind = kind_get(KIND_INSTANCE)};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(config_unref) struct config *c = config_new();
		AUTO(err_done) struct err err = ERR_NULL;
		const struct device_type *t;

		config_add_section(c, SECTION_DEVICES "d", 1);
		for (const char *const *k = rows[i].keys; *k; k += 2)
			config_set(c, SECTION_DEVICES "d", k[0], k[1], 1);
		t = device_type_of(&o, config_device(c, "d"), NULL);
		assert_string_equal(t ? t->name : "", rows[i].type ? rows[i].type : "");
		assert_int_equal(device_is_complete(&o, c, "d", &err), rows[i].is_complete);
		assert_int_equal(err.errnum != 0, !rows[i].is_complete);
	}
}

/* Every kind is registered, with tables that keys_tables() has too. */
static void test_kinds(void **state)
{
	(void)state;
	for (int n = 0; n < KINDS; n++) {
		const struct kind *kind = kind_get((enum kind_number)n);
		const struct kind_tables *t;

		assert_non_null(kind);
		assert_int_equal(kind->number, n);
		t = kind_tables(kind);
		assert_true(!t->props || table_named(t->props->name) == t->props);
		assert_true(!t->config || table_named(t->config->name) == t->config);
		assert_true(!kind->has_profiles || t->devices);
	}
}

/* core-keys.txt, beside this file */
static void test_core_keys(void **state)
{
	AUTO(free)
	char *path = xasprintf("%.*score-keys.txt", (int)(strrchr(__FILE__, '/') - __FILE__) + 1, __FILE__);
	AUTO(fclose) FILE *f = fopen(path, "re");
	AUTO(free) char *line = NULL;
	size_t size = 0, n = 0;
	int missing = 0;

	(void)state;
	if (!f)
		fail_msg("%s can't be read", path);
	while (getline(&line, &size, f) > 0) {
		struct str rest = str_trim(str_from(line)), table, key;
		AUTO(free) char *name = NULL;
		const struct key_table *t;
		bool found = false;

		if (!rest.len || rest.ptr[0] == '#')
			continue;
		assert_true(str_next(&rest, ' ', &table) && str_next(&rest, ' ', &key));
		name = str_dup(table);
		t = table_named(name);
		n++;
		/* of a family the row itself: "user.*" */
		for (size_t i = 0; t && i < t->n && !found; i++)
			found = str_is(key, t->keys[i].name);
		if (found || (t && key_find(t, key)))
			continue;
		print_error("%s: %.*s is in no table\n", name, STR_FMT(key));
		missing++;
	}
	assert_int_equal(missing, 0);
	assert_true(n > 150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tables),     cmocka_unit_test(test_names),
	    cmocka_unit_test(test_texts),      cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_key_types),  cmocka_unit_test(test_live),
	    cmocka_unit_test(test_class_host), cmocka_unit_test(test_values_that_are_taken),
	    cmocka_unit_test(test_core_keys),  cmocka_unit_test(test_devices_complete),
	    cmocka_unit_test(test_kinds),
	};

	kinds_register();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
