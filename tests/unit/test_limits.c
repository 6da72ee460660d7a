/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of limits.* to what a control group takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/base/auto.h"
#include "engine/instance/limits.h"
#include "engine/instance/rlimits.h"
#include "engine/model/config.h"

#define GIB (1ULL << 30)

static struct config *with(const char *key, const char *value, const char *key2, const char *value2)
{
	struct config *c = config_new();

	if (key)
		config_set(c, SECTION_CONFIG, key, value, 1);
	if (key2)
		config_set(c, SECTION_CONFIG, key2, value2, 1);
	return c;
}

static void test_memory(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
		int r;
	} rows[] = {
	    {NULL, CGROUP_NONE, 0}, {"64MiB", 64ULL << 20, 0}, {"50%", 4 * GIB, 0},
	    {"100%", 8 * GIB, 0},   {"0%", 0, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(config_unref)
		struct config *c = with(rows[i].text ? "limits.memory" : NULL, rows[i].text, NULL, NULL);
		AUTO(err_done) struct err err = ERR_NULL;
		struct cgroup_limits l = {0};

		assert_int_equal(limits_memory(c, 8 * GIB, &l, &err), rows[i].r);
		assert_true(l.fields & CGROUP_MEMORY);
		/* a host's memory isn't always a multiple of 100 */
		assert_true(l.memory <= rows[i].bytes &&
			    (l.memory == rows[i].bytes || rows[i].bytes - l.memory < 100));
		assert_false(l.memory_soft || l.no_swap);
	}
}

static void test_memory_how(void **state)
{
	AUTO(config_unref)
	struct config *c = with("limits.memory.enforce", "soft", "limits.memory.swap", "false");
	struct cgroup_limits l = {0};

	(void)state;
	assert_int_equal(limits_memory(c, GIB, &l, NULL), 0);
	assert_true(l.memory_soft && l.no_swap);
	assert_true(l.memory == CGROUP_NONE);
}

static void test_cpu(void **state)
{
	static const struct {
		const char *cpus, *allowance;
		const char *set;
		unsigned count;
		uint64_t quota, period, shares;
		int r;
	} rows[] = {
	    {NULL, NULL, NULL, 0, CGROUP_NONE, 100000, 1024, 0},
	    {"2", NULL, NULL, 2, CGROUP_NONE, 100000, 1024, 0},
	    {"0-1,3", NULL, "0-1,3", 0, CGROUP_NONE, 100000, 1024, 0},
	    {"1-1", NULL, "1-1", 0, CGROUP_NONE, 100000, 1024, 0},
	    {NULL, "50%", NULL, 0, CGROUP_NONE, 100000, 524, 0},
	    {NULL, "100%", NULL, 0, CGROUP_NONE, 100000, 1024, 0},
	    {NULL, "25ms/100ms", NULL, 0, 25000, 100000, 1024, 0},
	    {NULL, "200ms/100ms", NULL, 0, 200000, 100000, 1024, 0},
	    {NULL, "25ms/0ms", NULL, 0, CGROUP_NONE, 100000, 0, -EINVAL},
	    {NULL, "25ms", NULL, 0, CGROUP_NONE, 100000, 0, -EINVAL},
	    {NULL, "much", NULL, 0, CGROUP_NONE, 100000, 0, -EINVAL},
	    {NULL, "25ms/100ms ", NULL, 0, CGROUP_NONE, 100000, 0, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(config_unref)
		struct config *c = with(rows[i].cpus ? "limits.cpu" : NULL, rows[i].cpus,
					rows[i].allowance ? "limits.cpu.allowance" : NULL, rows[i].allowance);
		AUTO(err_done) struct err err = ERR_NULL;
		struct cgroup_limits l = {0};

		assert_int_equal(limits_cpu(c, &l, &err), rows[i].r);
		if (rows[i].r)
			continue;
		assert_int_equal(l.cpu_count, rows[i].count);
		assert_true(rows[i].set ? l.cpus && !strcmp(l.cpus, rows[i].set) : !l.cpus);
		assert_true(l.cpu_quota_us == rows[i].quota);
		assert_true(l.cpu_period_us == rows[i].period);
		assert_true(l.cpu_shares == rows[i].shares);
	}
}

static void test_priority(void **state)
{
	AUTO(config_unref) struct config *c = with("limits.cpu.priority", "0", "limits.cpu.allowance", "1%");
	struct cgroup_limits l = {0};

	(void)state;
	assert_int_equal(limits_cpu(c, &l, NULL), 0);
	assert_true(l.cpu_shares == 24); /* 34 of the share, less 10 */
}

static void test_processes(void **state)
{
	AUTO(config_unref) struct config *none = with(NULL, NULL, NULL, NULL);
	AUTO(config_unref) struct config *some = with("limits.processes", "20", NULL, NULL);
	struct cgroup_limits l = {0};

	(void)state;
	assert_int_equal(limits_processes(none, &l, NULL), 0);
	assert_true(l.pids == CGROUP_NONE && l.fields == CGROUP_PIDS);
	assert_int_equal(limits_processes(some, &l, NULL), 0);
	assert_true(l.pids == 20);
}

static void test_rlimits(void **state)
{
	/* clang-format off */
	static const struct { const char *name, *value; int r; uint64_t soft, hard; } rows[] = {
		{"nofile", "1024", 0, 1024, 1024},
		{"nofile", "1024:4096", 0, 1024, 4096},
		{"nofile", "0", 0, 0, 0},
		{"core", "0:unlimited", 0, 0, RLIM_INFINITY},
		{"memlock", "64KiB:1MiB", 0, 65536, 1 << 20},
		{"as", "unlimited", 0, RLIM_INFINITY, RLIM_INFINITY},
		{"as", "unlimited:5", -EINVAL, 0, 0},
		{"as", "5:", -EINVAL, 0, 0},
		{"as", ":5", -EINVAL, 0, 0},
		{"as", "1:2:3", -EINVAL, 0, 0},
		{"as", "-1", -EINVAL, 0, 0},
		{"as", "", -EINVAL, 0, 0},
		{"files", "5", -ENOENT, 0, 0},
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct container_rlimit l = {0};

		assert_int_equal(rlimits_parse(str_from(rows[i].name), str_from(rows[i].value), &l, NULL),
				 rows[i].r);
		if (rows[i].r)
			continue;
		assert_true(l.soft == rows[i].soft && l.hard == rows[i].hard);
		assert_string_equal(rlimits_name(l.resource), rows[i].name);
	}
}

static void test_kernel(void **state)
{
	AUTO(config_unref)
	struct config *c = with("limits.kernel.nofile", "10:20", "limits.kernel.core", "0");
	struct container_rlimit *l;
	size_t n;

	(void)state;
	config_set(c, SECTION_CONFIG, "limits.memory", "1GiB", 1);
	l = limits_kernel(c, &n);
	assert_int_equal(n, 2);
	assert_true(l[0].resource == RLIMIT_CORE && l[1].resource == RLIMIT_NOFILE && l[1].hard == 20);
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rlimits),    cmocka_unit_test(test_kernel), cmocka_unit_test(test_memory),
	    cmocka_unit_test(test_memory_how), cmocka_unit_test(test_cpu),    cmocka_unit_test(test_priority),
	    cmocka_unit_test(test_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
