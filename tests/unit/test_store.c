/* SPDX-License-Identifier: Apache-2.0 */
/* State files: what is written is read again, byte by byte the same; what is damaged is refused with a
 * sentence, set aside, and nothing else is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/model/internal.h"
#include "engine/model/store.h"

static const struct kind server = {.number = KIND_SERVER, .name = "server", .plural = "server"};
static const struct kind project = {.number = KIND_PROJECT, .name = "project", .plural = "projects"};
static const struct kind thing = {.number = KIND_PROFILE, .name = "thing", .plural = "things"};
static const struct kind warning = {
    .number = KIND_WARNING, .name = "warning", .plural = "warnings", .is_volatile = true};
static const struct key keys[] = {{.name = "user.*", .type = &type_text, .text = "."}};
static const struct key_table table = {"things", ".", keys, ARRAY_SIZE(keys)};
static const struct kind_tables none = {0}, with_keys = {.config = &table};

static char dir[] = "/tmp/lxdfs-unit.XXXXXX", state[64], run[64];
static struct host host;

static void start(void)
{
	AUTO(err_done) struct err err = ERR_NULL;

	host = (struct host){
	    .mount = "/lxd", .state = state, .run = run, .name = "unit", .state_fd = -1, .run_fd = -1};
	if (host_open(&host, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static int set_up(void **unused)
{
	(void)unused;
	kind_register(&server, &none);
	kind_register(&project, &none);
	kind_register(&thing, &with_keys);
	kind_register(&warning, &none);
	assert_non_null(mkdtemp(dir));
	snprintf(state, sizeof(state), "%s/state", dir);
	snprintf(run, sizeof(run), "%s/run", dir);
	start();
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	host_close(&host);
	return path_remove_tree(dir);
}

static void text_of(struct object *o, struct buf *b)
{
	AUTO(access_list_unref) struct access_list *access = object_access_list(o);
	AUTO(config_unref) struct config *own = object_own(o);

	assert_int_equal(store_text(b, o, o->name, own, access), 0);
}

/* Every byte that a value can have. */
static void what_is_written_is_read(void **unused)
{
	AUTO(object_unref)
	struct object *o = object_new(&host, &thing, host.project, 1234567, "a-name"), *again = NULL;
	AUTO(buf_done) struct buf text = BUF_NULL, second = BUF_NULL, value = BUF_NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	struct config *c = config_new();

	(void)unused;
	for (int i = 1; i < 256; i++)
		buf_addc(&value, (char)i);
	memcpy(o->uuid, "0a1b2c3d-0000-4000-8000-0123456789ab", 37);
	o->created_ns = 1700000000123456789ULL;
	o->created_by = (1ULL << 63) | 42;
	config_set(c, SECTION_PROPS, "description", "", 1);
	config_set(c, SECTION_CONFIG, "user.all", buf_cstr(&value), ~0ULL >> 1);
	config_set(c, SECTION_CONFIG, "user.quotes", "\"\\\" ; } ) # // /* @include \"/etc/passwd\"", 2);
	config_add_section(c, "devices/empty", 3);
	object_publish(o, c);
	access_list_put(o->access, "", 1000, 1001, 0750);
	access_list_put(o->access, "config/user.all", (uid_t)-2, (gid_t)-2, 0600);
	text_of(o, &text);
	again = store_parse(&host, &thing, buf_str(&text), &err);
	if (!again) {
		fail_msg("%s", err_text(&err));
		return;
	}
	text_of(again, &second);
	assert_string_equal(buf_cstr(&text), buf_cstr(&second));
	assert_string_equal(again->name, "a-name");
	assert_string_equal(again->uuid, o->uuid);
	assert_int_equal(again->id, 1234567);
	assert_ptr_equal(again->parent, host.project);
	assert_true(again->created_ns == o->created_ns && again->created_by == o->created_by);
	assert_string_equal(config_get(again->own, SECTION_CONFIG, "user.all"), buf_cstr(&value));
	assert_true(config_pair(again->own, SECTION_CONFIG, "user.all")->mtime == ~0ULL >> 1);
	assert_non_null(config_device(again->own, "empty"));
	assert_int_equal(again->access->n, 2);
	assert_int_equal(again->access->list[1].uid, (uid_t)-2);
	assert_int_equal(again->access->list[1].mode, 0600);
}

#define HEAD "format=1L;name=\"x\";uuid=\"0a1b2c3d-0000-4000-8000-0123456789ab\";id=7L;parent=1L;"

static void what_is_damaged_is_refused(void **unused)
{
	static const struct {
		const char *text, *said;
	} list[] = {
	    {"", "format"},
	    {"format", "line 1 doesn't read"},
	    {"format=1L;\nname=\"x", "line 2 doesn't read"},
	    {"format=2L;", "newer version"},
	    {"format=\"1\";", "format"},
	    {"format=1L;name=\"x\";", "no uuid"},
	    {"format=1L;name=\"x\";uuid=\"short\";", "no uuid"},
	    {"format=1L;name=\"\";uuid=\"0a1b2c3d-0000-4000-8000-0123456789ab\";", "no name"},
	    {"format=1L;name=5;uuid=\"0a1b2c3d-0000-4000-8000-0123456789ab\";", "no name"},
	    {"format=1L;name=\"x\";uuid=\"0a1b2c3d-0000-4000-8000-0123456789ab\";parent=99999L;", "99999"},
	    {HEAD "sections=(1);", "section 1"},
	    {HEAD "sections=((\"config\"));", "section 1"},
	    {HEAD "sections=((\"config\",1L),(5,5L));", "section 2"},
	    {HEAD "sections=((\"config\",1L,(\"a\",\"b\")));", "key 1 of section \"config\""},
	    {HEAD "sections=((\"config\",1L,(\"a\",5,5L)));", "key 1 of section \"config\""},
	    {HEAD "access=((\"\",1L,1L));", "row 1"},
	    {HEAD "access=((\"\",1L,1L,1L),5);", "row 2"},
	    {HEAD "@include \"/etc/passwd\"", ""},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		AUTO(err_done) struct err err = ERR_NULL;
		AUTO(object_unref)
		struct object *o = store_parse(&host, &thing, str_from(list[i].text), &err);

		if (o || !err.text || !strstr(err_text(&err), list[i].said))
			fail_msg("\"%s\": %s", list[i].text, o ? "it was taken" : err_text(&err));
	}
	assert_null(store_parse(&host, &thing, (struct str){"format=1L;\0", 11}, NULL));
}

/* What a newer version added at the top is no reason to refuse. */
static void more_than_is_known_is_no_damage(void **unused)
{
	AUTO(object_unref) struct object *o = store_parse(&host, &thing, STR(HEAD "extra={a=1;};"), NULL);

	(void)unused;
	assert_non_null(o);
}

static char *file_of(const char *name)
{
	return xasprintf("%s/objects/things/%s", state, name);
}

static void write_file(const char *name, const char *text)
{
	AUTO(free) char *path = file_of(name);
	AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static bool is_there(const char *name)
{
	AUTO(free) char *path = file_of(name);

	return access(path, F_OK) == 0;
}

static void what_does_not_read_is_set_aside(void **unused)
{
	AUTO(object_unref) struct object *good = NULL, *found = NULL;
	AUTO(free) char *conf = NULL, *staged = NULL;

	(void)unused;
	assert_int_equal(object_create(host.project, &thing, STR("good"), &caller_core, NULL, 0, &good, NULL),
			 0);
	conf = xasprintf("%u.conf", good->id);
	staged = xasprintf("%u.conf.new", good->id);
	write_file(staged, "half a fi");
	write_file("5000.conf", "format=1L;\nname=\"half");
	write_file("5001.conf", HEAD);
	write_file("5002.conf", "");
	host_close(&host);
	object_unref(TAKE(good));
	start();
	found = host_find(host.project, KIND_PROFILE, STR("good"));
	assert_non_null(found);
	assert_int_equal(host_count(host.project, KIND_PROFILE), 1);
	assert_true(is_there(conf) && !is_there(staged));
	for (int i = 5000; i < 5003; i++) {
		AUTO(free) char *name = xasprintf("%d.conf", i), *bad = xasprintf("%d.conf.bad", i);

		assert_true(!is_there(name) && is_there(bad));
	}
	/* one warning of each kind */
	assert_int_equal(host_count(host.server, KIND_WARNING), 1);
}

static void ids_are_never_used_again(void **unused)
{
	uint32_t last = store_next_id(&host, NULL);

	(void)unused;
	for (int i = 0; i < 3; i++) {
		uint32_t next;

		host_close(&host);
		start();
		next = store_next_id(&host, NULL);
		assert_true(next > last);
		last = next;
	}
}

/* The file that says which were used is lost: those that are in use say so themselves. */
static void ids_in_use_are_never_given(void **unused)
{
	AUTO(free) char *next_id = xasprintf("%s/objects/next-id", state);
	AUTO(object_unref) struct object *o = NULL;
	uint32_t id;

	(void)unused;
	assert_int_equal(object_create(host.project, &thing, STR("kept"), &caller_core, NULL, 0, &o, NULL),
			 0);
	id = o->id;
	object_unref(TAKE(o));
	host_close(&host);
	assert_int_equal(unlink(next_id), 0);
	start();
	assert_true(store_next_id(&host, NULL) > id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_is_read),
	    cmocka_unit_test(what_is_damaged_is_refused),
	    cmocka_unit_test(more_than_is_known_is_no_damage),
	    cmocka_unit_test(what_does_not_read_is_set_aside),
	    cmocka_unit_test(ids_are_never_used_again),
	    cmocka_unit_test(ids_in_use_are_never_given),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
