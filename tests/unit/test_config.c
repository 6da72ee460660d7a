/* SPDX-License-Identifier: Apache-2.0 */
/* Configs: set, unset, sorted, copied, and merged from profiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/model/config.h"

#define ETH0 SECTION_DEVICES "eth0"

static struct config *make(const char *const *rows)
{
	struct config *c = config_new();

	for (; *rows; rows += 3)
		config_set(c, rows[0], rows[1], rows[2], 1);
	return c;
}
#define MAKE(...) make((const char *const[]){__VA_ARGS__, NULL})

static void test_sorted(void **state)
{
	AUTO(config_unref) struct config *c = config_new();
	const struct section *s;

	(void)state;
	for (const char *const *k = (const char *const[]){"m", "a", "z", "mm", "b", "m", NULL}; *k; k++)
		config_set(c, SECTION_CONFIG, *k, *k, 1);
	s = config_section(c, SECTION_CONFIG);
	assert_int_equal(s->n, 5);
	for (size_t i = 1; i < s->n; i++)
		assert_true(strcmp(s->pairs[i - 1].key, s->pairs[i].key) < 0);
	assert_string_equal(config_get(c, SECTION_CONFIG, "mm"), "mm");
	assert_null(config_get(c, SECTION_CONFIG, "mmm"));
	assert_null(config_get(c, SECTION_CONFIG, ""));
	assert_null(config_get(c, "no", "m"));
	config_set(c, SECTION_CONFIG, "m", NULL, 2);
	assert_null(config_get(c, SECTION_CONFIG, "m"));
	assert_string_equal(config_get(c, SECTION_CONFIG, "mm"), "mm");
	assert_int_equal(s->mtime, 2);
	/* what isn't there can be unset */
	config_set(c, SECTION_CONFIG, "m", NULL, 3);
	config_set(c, "none", "m", NULL, 3);
	assert_null(config_section(c, "none"));
}

static void test_copy(void **state)
{
	AUTO(config_unref) struct config *a = MAKE(SECTION_CONFIG, "k", "1", ETH0, "type", "nic");
	AUTO(config_unref) struct config *b = config_copy(a);

	(void)state;
	config_set(b, SECTION_CONFIG, "k", "2", 2);
	assert_true(config_drop_section(b, ETH0));
	assert_false(config_drop_section(b, ETH0));
	assert_string_equal(config_get(a, SECTION_CONFIG, "k"), "1");
	assert_string_equal(config_device_get(a, "eth0", "type"), "nic");
	assert_null(config_device(b, "eth0"));
}

static void test_merge(void **state)
{
	AUTO(config_unref)
	struct config *p1 =
	    MAKE(SECTION_CONFIG, "a", "p1", SECTION_CONFIG, "b", "p1", ETH0, "type", "nic", ETH0, "network",
		 "n1", ETH0, "name", "eth0", SECTION_PROPS, "description", "p1");
	AUTO(config_unref)
	struct config *p2 = MAKE(SECTION_CONFIG, "b", "p2", SECTION_DEVICES "eth1", "type", "nic");
	AUTO(config_unref)
	struct config *own =
	    MAKE(SECTION_PROPS, "description", "own", SECTION_CONFIG, "c", "own", ETH0, "network", "n2");
	const struct config *layers[] = {p1, p2};
	const char *names[] = {"one", "two"};
	AUTO(config_unref) struct config *c = config_merge(own, layers, names, 2);

	(void)state;
	assert_string_equal(config_get(c, SECTION_CONFIG, "a"), "p1");
	assert_string_equal(config_pair(c, SECTION_CONFIG, "a")->origin, "one");
	assert_string_equal(config_get(c, SECTION_CONFIG, "b"), "p2");
	assert_string_equal(config_pair(c, SECTION_CONFIG, "b")->origin, "two");
	assert_null(config_pair(c, SECTION_CONFIG, "c")->origin);
	/* devices merge key by key; props don't come from profiles */
	assert_string_equal(config_device_get(c, "eth0", "network"), "n2");
	assert_string_equal(config_device_get(c, "eth0", "name"), "eth0");
	assert_string_equal(config_device_get(c, "eth1", "type"), "nic");
	assert_string_equal(config_get(c, SECTION_PROPS, "description"), "own");
}

static void test_merge_type(void **state)
{
	AUTO(config_unref) struct config *p = MAKE(ETH0, "type", "nic", ETH0, "network", "n1");
	AUTO(config_unref) struct config *own = MAKE(ETH0, "type", "none");
	const struct config *layers[] = {p};
	const char *names[] = {"one"};
	AUTO(config_unref) struct config *c = config_merge(own, layers, names, 1);

	(void)state;
	/* who sets the type replaces the device whole */
	assert_string_equal(config_device_get(c, "eth0", "type"), "none");
	assert_null(config_device_get(c, "eth0", "network"));
}

static void test_split(void **state)
{
	AUTO(texts_free) char **list = texts_split(" a \n\nb\n");
	AUTO(texts_free) char **none = texts_split("");

	(void)state;
	assert_string_equal(list[0], "a");
	assert_string_equal(list[1], "b");
	assert_null(list[2]);
	assert_null(none[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sorted),     cmocka_unit_test(test_copy),  cmocka_unit_test(test_merge),
	    cmocka_unit_test(test_merge_type), cmocka_unit_test(test_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
