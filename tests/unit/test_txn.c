/* SPDX-License-Identifier: Apache-2.0 */
/* Changes: checked before anything is touched, applied in order, undone when one fails, on the disk when they
 * return; through profiles, too. Kinds and keys are this test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/model/host.h"

/* ---- a kernel that can refuse */

static char kernel[1024];   /* what was applied, in order */
static const char *refuses; /* a value that it takes not */
static bool keeps_device;   /* taking one off fails in the middle */

static void note(const char *what, const char *value)
{
	size_t n = strlen(kernel);

	snprintf(kernel + n, sizeof(kernel) - n, "%s=%s ", what, value ? value : "-");
}

static int apply(const char *key, const struct config *new, struct err *err)
{
	const char *value = config_get(new, SECTION_CONFIG, key);

	if (refuses && value && !strcmp(value, refuses))
		return err_set(err, EBUSY, "the kernel takes no %s", value);
	note(key, value);
	return 0;
}

static int apply_a(struct object *o, const struct config *old, const struct config *new, const char *device,
		   struct err *err)
{
	(void)o;
	(void)old;
	(void)device;
	return apply("a", new, err);
}

static int apply_b(struct object *o, const struct config *old, const struct config *new, const char *device,
		   struct err *err)
{
	(void)o;
	(void)old;
	(void)device;
	return apply("b", new, err);
}

static int plug(const char *what, const struct config *c, const char *device, struct err *err)
{
	const char *size = config_device_get(c, device, "size");

	if (refuses && size && !strcmp(size, refuses))
		return err_set(err, EBUSY, "the kernel takes no %s", size);
	note(what, size);
	return 0;
}

static int attach(struct object *o, const struct config *c, const char *device, struct err *err)
{
	(void)o;
	return plug("attach", c, device, err);
}

static int detach(struct object *o, const struct config *c, const char *device, struct err *err)
{
	(void)o;
	(void)c;
	(void)device;
	note("detach", NULL);
	return keeps_device ? err_set(err, EIO, "it is off by half") : 0;
}

/* ---- kinds and keys */

static const struct key keys[] = {
    {.name = "a", .type = &type_string, .apply = apply_a, .text = "."},
    {.name = "b", .type = &type_integer, .max = 9, .apply = apply_b, .text = "."},
    {.name = "host", .type = &type_string, .class = CLASS_HOST, .text = "."},
    {.name = "later", .type = &type_string, .refuse = "can't be set yet: it is later", .text = "."},
    {.name = "user.*", .type = &type_string, .text = "."},
    {.name = "volatile.*", .type = &type_string, .mode = 0440, .text = "."},
};
static const struct key props[] = {
    {.name = "profiles", .type = &type_names, .def = "default", .text = "."},
};
static const struct key device_keys[] = {
    {.name = "size", .type = &type_string, .live = LIVE_REPLUG, .is_required = true, .text = "."},
    {.name = "type", .type = &type_string, .text = "."},
};
static const struct key_table table = {"things", ".", keys, ARRAY_SIZE(keys)};
static const struct key_table prop_table = {"props", ".", props, ARRAY_SIZE(props)};
static const struct device_type box = {.name = "box",
				       .type = "box",
				       .keys = {"box", ".", device_keys, ARRAY_SIZE(device_keys)},
				       .attach = attach,
				       .detach = detach};
static const struct device_type *const devices[] = {&box, NULL};

static struct object **users(struct object *o)
{
	return host_all(o->parent, KIND_INSTANCE);
}

static int refuse_gone(struct object *o, struct err *err)
{
	return o->is_live ? err_set(err, EBUSY, "it is live") : 0;
}

/* Somebody removes what it is to be in, while it is made. */
static bool parent_goes;

static int activate_child(struct object *o, struct err *err)
{
	return parent_goes ? object_remove(o->parent, &caller_core, err) : 0;
}

static const struct kind child = {
    .number = KIND_EXEC, .name = "child", .plural = "children", .activate = activate_child};
static const struct kind server = {.number = KIND_SERVER, .name = "server", .plural = "server"};
static const struct kind project = {.number = KIND_PROJECT, .name = "project", .plural = "projects"};
static const struct kind instance = {.number = KIND_INSTANCE,
				     .name = "instance",
				     .plural = "instances",
				     .has_profiles = true,
				     .may_remove = refuse_gone};
static const struct kind profile = {
    .number = KIND_PROFILE, .name = "profile", .plural = "profiles", .dependents = users};
static const struct kind_tables none = {0};
static const struct kind_tables with_keys = {.config = &table, .props = &prop_table, .devices = devices};

/* ---- a host in a directory */

static char dir[] = "/tmp/lxdfs-unit.XXXXXX";
static struct host host;
static struct object *foo, *common;

static void start(void)
{
	static char state[64], run[64];
	struct err err = ERR_NULL;

	snprintf(state, sizeof(state), "%s/state", dir);
	snprintf(run, sizeof(run), "%s/run", dir);
	host = (struct host){
	    .mount = "/lxd", .state = state, .run = run, .name = "unit", .state_fd = -1, .run_fd = -1};
	if (host_open(&host, &err) < 0)
		fail_msg("%s", err_text(&err));
	foo = host_find(host.project, KIND_INSTANCE, STR("foo"));
	common = host_find(host.project, KIND_PROFILE, STR("default"));
}

static void stop(void)
{
	object_unref(foo);
	object_unref(common);
	host_close(&host);
}

static int set_up(void **state)
{
	struct err err = ERR_NULL;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	kind_register(&server, &none);
	kind_register(&project, &none);
	kind_register(&instance, &with_keys);
	kind_register(&profile, &with_keys);
	kind_register(&child, &none);
	start();
	assert_int_equal(
	    object_create(host.project, &profile, STR("default"), &caller_core, NULL, 0, &common, &err), 0);
	assert_int_equal(
	    object_create(host.project, &instance, STR("foo"), &caller_core, NULL, 0, &foo, &err), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stop();
	return path_remove_tree(dir) < 0 ? -1 : 0;
}

static int fresh(void **state)
{
	(void)state;
	kernel[0] = 0;
	refuses = NULL;
	keeps_device = parent_goes = false;
	foo->is_live = true;
	return 0;
}

static int set(struct object *o, const char *section, const char *key, const char *value, struct err *err)
{
	struct change c = {section, key, value};

	return object_change(o, &caller_core, &c, 1, UINT64_MAX, err);
}

static void assert_value(struct object *o, const char *key, const char *want)
{
	AUTO(config_unref) struct config *c = object_effective(o);
	const char *got = config_get(c, SECTION_CONFIG, key);

	if (want)
		assert_string_equal(got ? got : "(unset)", want);
	else
		assert_null(got);
}

#define REFUSED(call, number, words)                                                                         \
	do {                                                                                                 \
		struct err e_ = ERR_NULL;                                                                    \
		struct err *err = &e_;                                                                       \
		assert_int_equal(call, -(number));                                                           \
		assert_int_equal(e_.errnum, number);                                                         \
		if (!strstr(err_text(&e_), words))                                                           \
			fail_msg("\"%s\" should say \"%s\"", err_text(&e_), words);                          \
		err_done(&e_);                                                                               \
	} while (0)

static void test_applied_and_kept(void **state)
{
	(void)state;
	assert_int_equal(set(foo, SECTION_CONFIG, "a", "1", NULL), 0);
	assert_string_equal(kernel, "a=1 ");
	/* the same again tells the kernel nothing */
	assert_int_equal(set(foo, SECTION_CONFIG, "a", "1", NULL), 0);
	assert_string_equal(kernel, "a=1 ");
	stop();
	start();
	assert_value(foo, "a", "1");
	/* who isn't live has nothing to apply to */
	kernel[0] = 0;
	assert_int_equal(set(foo, SECTION_CONFIG, "a", NULL, NULL), 0);
	assert_string_equal(kernel, "");
	assert_value(foo, "a", NULL);
}

static void test_refused(void **state)
{
	(void)state;
	REFUSED(set(foo, SECTION_CONFIG, "b", "10", err), ERANGE, "b is \"10\"");
	REFUSED(set(foo, SECTION_CONFIG, "b", "x", err), EINVAL, "b is \"x\"");
	REFUSED(set(foo, SECTION_CONFIG, "aa", "x", err), EINVAL, "no key aa");
	REFUSED(set(foo, SECTION_CONFIG, "later", "x", err), EOPNOTSUPP, "it is later");
	REFUSED(set(foo, SECTION_CONFIG, "a", NULL, err), ENOENT, "a isn't set");
	REFUSED(set(foo, SECTION_DEVICES "-x", NULL, "", err), EINVAL, "no name for a device");
	assert_string_equal(kernel, "");
}

/* One of many fails: none of them is, and the kernel is told the old values, the newest first. */
static void test_undone(void **state)
{
	const struct change changes[] = {{SECTION_CONFIG, "a", "new"}, {SECTION_CONFIG, "b", "5"}};

	(void)state;
	assert_int_equal(set(foo, SECTION_CONFIG, "a", "old", NULL), 0);
	kernel[0] = 0;
	refuses = "5";
	REFUSED(object_change(foo, &caller_core, changes, 2, UINT64_MAX, err), EBUSY, "takes no 5");
	assert_string_equal(kernel, "a=new a=old ");
	assert_value(foo, "a", "old");
	assert_value(foo, "b", NULL);
	stop();
	start();
	assert_value(foo, "a", "old");
}

static void test_version(void **state)
{
	const struct change change = {SECTION_CONFIG, "a", "versioned"};
	uint64_t version = foo->version;

	(void)state;
	assert_int_equal(object_change(foo, &caller_core, &change, 1, version, NULL), 0);
	REFUSED(object_change(foo, &caller_core, &change, 1, version, err), ESTALE, "its version is");
}

static void test_devices(void **state)
{
	(void)state;
	assert_int_equal(set(foo, SECTION_DEVICES "d", NULL, "", NULL), 0);
	REFUSED(set(foo, SECTION_DEVICES "d", NULL, "", err), EEXIST, "there already");
	assert_int_equal(set(foo, SECTION_DEVICES "d", "type", "box", NULL), 0);
	assert_string_equal(kernel, "");
	/* the write that makes it complete attaches it */
	assert_int_equal(set(foo, SECTION_DEVICES "d", "size", "1", NULL), 0);
	assert_string_equal(kernel, "attach=1 ");
	kernel[0] = 0;
	refuses = "2";
	REFUSED(set(foo, SECTION_DEVICES "d", "size", "2", err), EBUSY, "device d: the kernel takes no 2");
	assert_string_equal(kernel, "detach=- attach=1 ");
	refuses = NULL;
	kernel[0] = 0;
	assert_int_equal(set(foo, SECTION_DEVICES "d", NULL, NULL, NULL), 0);
	assert_string_equal(kernel, "detach=- ");
	REFUSED(set(foo, SECTION_DEVICES "d", "sise", "2", err), EINVAL, "size");
}

static void test_profile(void **state)
{
	struct object *bar = NULL;

	(void)state;
	set(foo, SECTION_CONFIG, "a", NULL, NULL);
	assert_int_equal(
	    object_create(host.project, &instance, STR("bar"), &caller_core, NULL, 0, &bar, NULL), 0);
	bar->is_live = true;
	kernel[0] = 0;
	assert_int_equal(set(common, SECTION_CONFIG, "a", "p", NULL), 0);
	assert_string_equal(kernel, "a=p a=p ");
	assert_value(bar, "a", "p");
	REFUSED(set(bar, SECTION_CONFIG, "a", NULL, err), EPERM, "comes from profile default");
	/* an own value wins, and is told of no change below it */
	assert_int_equal(set(bar, SECTION_CONFIG, "a", "own", NULL), 0);
	kernel[0] = 0;
	assert_int_equal(set(common, SECTION_CONFIG, "a", "q", NULL), 0);
	assert_string_equal(kernel, "a=q ");
	assert_int_equal(set(bar, SECTION_CONFIG, "a", NULL, NULL), 0);
	assert_value(bar, "a", "q");
	/* the second user's kernel refuses: the first one's is put back */
	kernel[0] = 0;
	refuses = "r";
	REFUSED(set(common, SECTION_CONFIG, "a", "r", err), EBUSY, "takes no r");
	assert_value(foo, "a", "q");
	refuses = NULL;
	REFUSED(object_remove(bar, &caller_core, err), EBUSY, "it is live");
	bar->is_live = false;
	assert_int_equal(object_remove(bar, &caller_core, NULL), 0);
	assert_null(host_find(host.project, KIND_INSTANCE, STR("bar")));
	object_unref(bar);
	assert_int_equal(set(common, SECTION_CONFIG, "a", NULL, NULL), 0);
}

static void test_access(void **state)
{
	struct caller who = {.uid = 1000, .gid = 1000, .cancel_fd = -1, .may_wait = true};
	const struct change owner = {SECTION_CONFIG, "a", "mine"}, over = {SECTION_CONFIG, "host", "mine"},
			    own = {SECTION_CONFIG, "volatile.x", "mine"};

	(void)state;
	REFUSED(object_change(foo, &who, &owner, 1, UINT64_MAX, err), EACCES, "you (uid 1000) may not");
	assert_int_equal(
	    object_set_access(foo, "", CLASS_OWNER, 0770, (uid_t)-1, 1000, (mode_t)-1, &caller_core, NULL),
	    0);
	assert_int_equal(object_change(foo, &who, &owner, 1, UINT64_MAX, NULL), 0);
	REFUSED(object_change(foo, &who, &over, 1, UINT64_MAX, err), EACCES, "reach the host");
	REFUSED(object_change(foo, &who, &own, 1, UINT64_MAX, err), EPERM, "lxdfs alone");
	/* chgrp -R doesn't give the host away; chown root:GROUP does */
	REFUSED(object_set_access(foo, "config/host", CLASS_HOST, 0660, (uid_t)-1, 1000, (mode_t)-1,
				  &caller_core, err),
		EPERM, "chown root:GROUP");
	assert_int_equal(
	    object_set_access(foo, "config/host", CLASS_HOST, 0660, 0, 1000, (mode_t)-1, &caller_core, NULL),
	    0);
	assert_int_equal(object_change(foo, &who, &over, 1, UINT64_MAX, NULL), 0);
	stop();
	start();
	assert_int_equal(object_change(foo, &who, &over, 1, UINT64_MAX, NULL), 0);
	assert_int_equal(object_set_access(foo, "config/a", CLASS_OWNER, 0660, (uid_t)-1, (gid_t)-1, 0440,
					   &caller_core, NULL),
			 0);
	REFUSED(object_change(foo, &who, &owner, 1, UINT64_MAX, err), EACCES, "mode 440");
}

static void test_names(void **state)
{
	struct object *o = NULL;

	(void)state;
	REFUSED(object_create(host.project, &instance, STR("foo"), &caller_core, NULL, 0, &o, err), EEXIST,
		"named foo already");
	assert_int_equal(object_create(host.project, &instance, STR("one"), &caller_core, NULL, 0, &o, NULL),
			 0);
	REFUSED(object_rename(o, STR("foo"), &caller_core, err), EEXIST, "named foo already");
	assert_int_equal(object_rename(o, STR("two"), &caller_core, NULL), 0);
	object_unref(o);
	stop();
	start();
	o = host_find(host.project, KIND_INSTANCE, STR("two"));
	assert_non_null(o);
	assert_null(host_find(host.project, KIND_INSTANCE, STR("one")));
	assert_int_equal(object_remove(o, &caller_core, NULL), 0);
	object_unref(o);
}

/* Files of a crash and of a bad disk: the one is forgotten, the other set aside. */
static void test_files(void **state)
{
	AUTO(free) char *new = xasprintf("%s/state/objects/instances/%u.conf.new", dir, foo->id);
	AUTO(free) char *torn = xasprintf("%s/state/objects/instances/9999.conf", dir);
	AUTO(free) char *bad = xasprintf("%s.bad", torn);

	(void)state;
	close(open(new, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	close(open(torn, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	stop();
	start();
	assert_non_null(foo);
	assert_int_not_equal(access(new, F_OK), 0);
	assert_int_not_equal(access(torn, F_OK), 0);
	assert_int_equal(access(bad, F_OK), 0);
}

static void test_half_detached(void **state)
{
	AUTO(err_done) struct err err = ERR_NULL;

	(void)state;
	assert_int_equal(set(foo, "devices/half", "type", "box", &err), 0);
	assert_int_equal(set(foo, "devices/half", "size", "1", &err), 0);
	kernel[0] = 0;
	keeps_device = true;
	assert_int_equal(set(foo, "devices/half", "size", "2", &err), -EIO);
	assert_string_equal(err_text(&err), "device half: it is off by half");
	assert_string_equal(kernel, "detach=- attach=1 ");
}

static size_t count_files(const char *below)
{
	AUTO(free) char *path = xasprintf("%s/%s", dir, below);
	AUTO(closedir) DIR *d = opendir(path);
	size_t n = 0;

	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.';
	return n;
}

static void test_orphans(void **state)
{
	AUTO(object_unref) struct object *brief = NULL, *o = NULL;
	AUTO(err_done) struct err err = ERR_NULL;

	(void)state;
	assert_int_equal(
	    object_create(host.project, &instance, STR("brief"), &caller_core, NULL, 0, &brief, &err), 0);
	parent_goes = true;
	assert_int_equal(object_create(brief, &child, STR("one"), &caller_core, NULL, 0, &o, &err), -ENOENT);
	assert_string_equal(err_text(&err), "the instance in which it should be made is gone");
	assert_null(o);
	assert_int_equal(count_files("state/objects/children"), 0);
	parent_goes = false;
	assert_int_equal(object_create(brief, &child, STR("two"), &caller_core, NULL, 0, &o, &err), -ENOENT);
	assert_int_equal(count_files("state/objects/children"), 0);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_applied_and_kept), TEST(test_refused),	   TEST(test_undone),  TEST(test_version),
	    TEST(test_devices),		 TEST(test_profile),	   TEST(test_names),   TEST(test_files),
	    TEST(test_access),		 TEST(test_half_detached), TEST(test_orphans),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
