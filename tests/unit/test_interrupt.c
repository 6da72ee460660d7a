/* SPDX-License-Identifier: Apache-2.0 */
/* Which pending signals mean that a request is to be broken off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/base/auto.h"
#include "engine/base/signals.h"
#include "engine/base/str.h"

static void signals(void **state)
{
	static const struct {
		const char *pending, *shared, *blocked, *ignored;
		bool meant;
	} cases[] = {
	    {"0", "0", "0", "0", false},       {"2", "0", "0", "0", true}, /* SIGINT */
	    {"0", "4000", "0", "0", true},				   /* SIGTERM */
	    {"0", "100", "0", "0", true},				   /* SIGKILL */
	    {"0", "10000", "0", "0", false},				   /* SIGCHLD */
	    {"8000000", "0", "0", "0", false},				   /* SIGWINCH */
	    {"0", "10002", "0", "0", true},				   /* SIGCHLD and SIGINT */
	    {"2", "2", "2", "0", false},				   /* blocked */
	    {"2", "0", "0", "2", false},				   /* ignored */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free)
		char *text = xasprintf(
		    "Name:\tSigPnd:\nSigQ:\t1/2\nSigPnd:\t%s\nShdPnd:\t%s\nSigBlk:\t%s\nSigIgn:\t%s\n"
		    "SigCgt:\tffff\n",
		    cases[i].pending, cases[i].shared, cases[i].blocked, cases[i].ignored);

		assert_int_equal(signals_in_status(text), cases[i].meant);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(signals)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
