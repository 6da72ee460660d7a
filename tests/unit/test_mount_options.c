/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of mount.lxdfs: what is taken, and what is refused in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "engine/base/auto.h"
#include "fs/9p/options.h"

/* As mount(8) calls it: options stand behind the directory. */
static int parse(const char *source, const char *options, struct mount_options *ret, struct err *err)
{
	const char *argv[] = {"mount.lxdfs", source, "/mnt", "-o", options, NULL};

	*ret = MOUNT_OPTIONS_NULL;
	optind = 0;
	return mount_options_parse(options ? 5 : 3, (char **)argv, ret, err);
}

static void sources(void **state)
{
	static const struct {
		const char *source, *host, *port, *path;
	} rows[] = {
	    {"host:/", "host", "8443", ""},
	    {"host", "host", "8443", ""},
	    {"host:/projects/web", "host", "8443", "/projects/web"},
	    {"host:99:/", "host", "99", ""},
	    {"host:99:/a", "host", "99", "/a"},
	    {"host:99", "host", "99", ""},
	    {"[2001:db8::1]:/", "2001:db8::1", "8443", ""},
	    {"[2001:db8::1]:99:/a/b", "2001:db8::1", "99", "/a/b"},
	    {"192.0.2.1:/", "192.0.2.1", "8443", ""},
	};
	static const char *const refused[] = {"",     ":/",   "host:", "host:x:/", "host:0:/", "host:70000:/",
					      "[::1", "[]:/", "host/x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mount_options o;

		assert_int_equal(parse(rows[i].source, NULL, &o, NULL), 0);
		assert_string_equal(o.host, rows[i].host);
		assert_string_equal(o.port, rows[i].port);
		assert_string_equal(o.path, rows[i].path);
		assert_string_equal(o.where, "/mnt");
		mount_options_done(&o);
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		AUTO(err_done) struct err err = ERR_NULL;
		struct mount_options o;

		assert_int_equal(parse(refused[i], NULL, &o, &err), -EINVAL);
		assert_non_null(err.text);
		mount_options_done(&o);
	}
}

static void options(void **state)
{
	struct mount_options o;
	char upper[] = "fingerprint=AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:"
		       "AA:AA:AA:AA:AA:"
		       "AA:AA:AA";

	(void)state;
	assert_int_equal(
	    parse("h:/",
		  "rw,_netdev,noauto,x-systemd.automount,x-y=1,defaults,nofail,ro,port=99,msize=65536,"
		  "uid=5,gid=6,reconnect,allow_other,fuse,project=web,cert=/c,key=/k",
		  &o, NULL),
	    0);
	assert_true(o.read_only && o.reconnect && o.allow_other && o.way == MOUNT_FUSE);
	assert_int_equal(o.uid, 5);
	assert_int_equal(o.gid, 6);
	assert_int_equal(o.msize, 65536);
	assert_string_equal(o.port, "99");
	assert_string_equal(o.path, "/projects/web");
	assert_string_equal(o.cert, "/c");
	mount_options_done(&o);
	assert_int_equal(parse("h:/", upper, &o, NULL), 0);
	assert_int_equal(strlen(o.fingerprint), 64);
	assert_int_equal(strspn(o.fingerprint, "a"), 64);
	mount_options_done(&o);
}

static void wrong_options(void **state)
{
	static const char *const rows[] = {
	    "nonsense", "port",	       "port=0",	 "port=x",  "msize=23", "msize=1048577", "uid=-1",
	    "token",	"fingerprint", "fingerprint=12", "project", "ro=1",	"reconnect=x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(err_done) struct err err = ERR_NULL;
		struct mount_options o;

		if (parse("h:/", rows[i], &o, &err) != -EINVAL)
			fail_msg("%s is taken", rows[i]);
		assert_non_null(err.text);
		mount_options_done(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sources),
	    cmocka_unit_test(options),
	    cmocka_unit_test(wrong_options),
	};

	return cmocka_run_group_tests_name("mount_options", tests, NULL, NULL);
}
