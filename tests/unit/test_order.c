/* SPDX-License-Identifier: Apache-2.0 */
/* Which instances start with the host, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/instance/order.h"

static struct config *with(const char *autostart, const char *power)
{
	struct config *c = config_new();

	if (autostart)
		config_set(c, SECTION_CONFIG, "boot.autostart", autostart, 1);
	if (power)
		config_set(c, SECTION_CONFIG, "volatile.last_state.power", power, 1);
	return c;
}

static void test_wants(void **state)
{
	static const struct {
		const char *autostart, *power;
		bool first, later;
	} rows[] = {
	    {NULL, NULL, false, false},		{NULL, "STOPPED", false, false},
	    {NULL, "RUNNING", true, false},	{"true", NULL, true, false},
	    {"true", "STOPPED", true, false},	{"true", "RUNNING", true, false},
	    {"false", "RUNNING", false, false}, {"false", NULL, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(config_unref) struct config *c = with(rows[i].autostart, rows[i].power);

		assert_int_equal(order_wants_start(c, true), rows[i].first);
		assert_int_equal(order_wants_start(c, false), rows[i].later);
	}
}

static void test_order(void **state)
{
	struct object o[4] = {{.id = 4}, {.id = 2}, {.id = 9}, {.id = 3}};
	static const char *const priorities[] = {"1", NULL, "-5", "1"};
	static const uint32_t want[] = {3, 4, 2, 9};
	struct ordered list[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		AUTO(config_unref) struct config *c = config_new();

		if (priorities[i])
			config_set(c, SECTION_CONFIG, "boot.autostart.priority", priorities[i], 1);
		config_set(c, SECTION_CONFIG, "boot.autostart.delay", "3", 1);
		list[i] = order_of_start(&o[i], c);
		assert_true(list[i].delay_ms == 3000);
	}
	order_start(list, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(list[i].o->id, want[i]);
	order_start(list, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_wants), cmocka_unit_test(test_order)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
