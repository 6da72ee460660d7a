/* SPDX-License-Identifier: Apache-2.0 */
/* passwd and group files that a container wrote: what fits is taken, the rest is passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/kind/exec-user.h"

static const char passwd[] = "# a comment\n"
			     "root:x:0:0:root:/root:/bin/sh\n"
			     "half:x:1\n"
			     "neg:x:-1:0::/:/bin/sh\n"
			     "big:x:4294967295:0::/:/bin/sh\n"
			     "bigger:x:99999999999:0::/:/bin/sh\n"
			     "web:x:1000:33::/srv/web:/bin/sh\n"
			     "odd:x:1001:33::/srv/\033[2J:/bin/sh\n"
			     "rel:x:1002:33::srv:/bin/sh\n"
			     "web:x:7:7::/:/bin/sh\n"
			     "last:x:9:9";

static void test_passwd(void **state)
{
	static const struct {
		const char *name;
		uint32_t id;
		int r;
		uint32_t uid, gid;
		const char *home;
	} rows[] = {
	    {"root", 0, 0, 0, 0, "/root"},	 {NULL, 0, 0, 0, 0, "/root"},
	    {"web", 0, 0, 1000, 33, "/srv/web"}, {NULL, 1000, 0, 1000, 33, "/srv/web"},
	    {"odd", 0, 0, 1001, 33, NULL},	 {"rel", 0, 0, 1002, 33, NULL},
	    {"last", 0, 0, 9, 9, NULL},		 {"half", 0, -ENOENT, 0, 0, NULL},
	    {"neg", 0, -ENOENT, 0, 0, NULL},	 {"big", 0, -ENOENT, 0, 0, NULL},
	    {"bigger", 0, -ENOENT, 0, 0, NULL},	 {"none", 0, -ENOENT, 0, 0, NULL},
	    {"", 0, -ENOENT, 0, 0, NULL},	 {NULL, 5, -ENOENT, 0, 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(exec_user_done) struct exec_user u = {0};

		assert_int_equal(passwd_find(str_from(passwd), rows[i].name, rows[i].id, &u), rows[i].r);
		if (rows[i].r)
			continue;
		assert_int_equal(u.uid, rows[i].uid);
		assert_int_equal(u.gid, rows[i].gid);
		if (rows[i].home)
			assert_string_equal(u.home, rows[i].home);
		else
			assert_null(u.home);
	}
}

static void test_group(void **state)
{
	static const char text[] = "root:x:0:\nwww:x:33:web,x\nbroken\nwww:x:1:\nbad:x:q:\n";
	uint32_t gid;

	(void)state;
	assert_int_equal(group_find(str_from(text), "www", &gid), 0);
	assert_int_equal(gid, 33);
	assert_int_equal(group_find(str_from(text), "bad", &gid), -ENOENT);
	assert_int_equal(group_find(str_from(text), "broken", &gid), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_passwd), cmocka_unit_test(test_group)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
