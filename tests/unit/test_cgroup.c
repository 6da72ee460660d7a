/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts as hosts have them, CPU lists, and a group of our own on this host: limits, rollback, freezing, its
 * end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/base/str.h"
#include "engine/confine/cgroup-internal.h"

static const char uuid[] = "0a1b2c3d-0000-4000-8000-0123456789ab";
static const char other_uuid[] = "0a1b2c3d-0000-4000-8000-0123456789ac";

static struct cgroup_layout *layout_of(const char *mountinfo)
{
	char path[] = "/tmp/test_cgroup.XXXXXX";
	struct cgroup_layout *l = NULL;
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	fputs(mountinfo, f);
	fclose(f);
	cgroup_layout_new(path, "lxdfs", &l, NULL);
	unlink(path);
	return l;
}

/* Memory nodes of a machine that this one isn't. */
static void test_nodes(void **state)
{
	/* clang-format off */
	static const struct { const char *text, *host, *others, *now, *want; } rows[] = {
		{"0-1", "0-3", "", "", "0-1"}, {"2", "0-3", "2\n2\n", "", "2"},
		{"balanced", "0-3", "", "", "0"}, {"balanced", "0-3", "0\n0\n1\n", "", "2"},
		{"balanced", "0-3", "0-3\n0\n\n", "0-3", "1"}, {"balanced", "0-3", "0\n", "0", "0"},
		{"balanced", "0", "0\n", "", "0"}, {"balanced", "0-1", "0\n", "3", "1"},
		{"4", "0-3", "", "", NULL}, {"", "0-3", "", "", NULL}, {"x", "0-3", "", "", NULL},
	};
	/* clang-format on */
	char dir[] = "/tmp/test_cgroup.XXXXXX";
	cpu_set_t host, got;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(err_done) struct err err = ERR_NULL;
		AUTO(free) char *text = NULL;
		int r;

		assert_int_equal(cpus_parse(rows[i].host, &host), 0);
		r = nodes_choose(rows[i].text, &host, rows[i].others, rows[i].now, &got, &err);
		text = cpus_text(&got);
		if (r != (rows[i].want ? 0 : -EINVAL) || (!r && strcmp(text, rows[i].want) != 0))
			fail_msg("row %zu: %d %s", i, r, text);
	}
	assert_non_null(mkdtemp(dir));
	for (int n = 0; n < 3; n++) {
		AUTO(free) char *node = xasprintf("%s/node%d", dir, n), *list = xasprintf("%s/cpulist", node);
		FILE *f;

		assert_int_equal(mkdir(node, 0755), 0);
		f = fopen(list, "w");
		fprintf(f, n < 2 ? "%d-%d,%d\n" : "\n", n * 2, n * 2 + 1, n + 8);
		fclose(f);
	}
	cpus_parse("0-1", &host);
	assert_int_equal(nodes_cpus(dir, &host, &got), 0);
	assert_true(cpus_parse("0-3,8-9", &host) == 0 && CPU_EQUAL(&got, &host));
	cpus_parse("2", &host);
	assert_int_equal(nodes_cpus(dir, &host, &got), 0);
	assert_int_equal(CPU_COUNT(&got), 0);
	cpus_parse("0,7", &host);
	assert_int_equal(nodes_cpus(dir, &host, &got), -ENOENT);
	assert_int_equal(path_remove_tree(dir), 0);
}

static void test_layouts(void **state)
{
	const char *dir, *opts, *why;
	struct cgroup_layout *l;

	(void)state;
	assert_null(layout_of("22 27 0:21 / /proc rw,relatime - proc proc rw\n"));
	assert_null(layout_of("garbage\n\n - \n1 2 3\n"));

	l = layout_of("30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
	assert_true(cgroup_layout_hierarchy(l, 0, &dir, &opts));
	assert_string_equal(dir, "");
	assert_null(opts);
	assert_false(cgroup_layout_hierarchy(l, 1, &dir, &opts));
	cgroup_layout_free(l);

	l = layout_of(
	    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
	    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:1 master:2 - cgroup cgroup rw,cpu,cpuacct\n"
	    "33 31 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
	    "34 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	    "35 31 0:29 / /mnt/again rw - cgroup cgroup rw,cpu,cpuacct\n");
	assert_int_equal(l->n, 3);
	assert_true(cgroup_layout_hierarchy(l, 0, &dir, &opts));
	assert_string_equal(dir, "cpu,cpuacct");
	assert_string_equal(opts, "cpu,cpuacct");
	assert_true(cgroup_layout_hierarchy(l, 1, &dir, &opts));
	assert_string_equal(opts, "none,name=systemd");
	assert_true(cgroup_layout_can(l, CGROUP_CPU_TIME, &why));
	assert_false(cgroup_layout_can(l, CGROUP_MEMORY, &why));
	assert_string_equal(why, "the memory controller");
	cgroup_layout_free(l);
	l = NULL;
	assert_int_equal(cgroup_layout_new(NULL, "a/b", &l, NULL), -EINVAL);
	assert_int_equal(cgroup_layout_new("/nowhere", "a", &l, NULL), -ENOENT);
}

static void test_cpus(void **state)
{
	/* clang-format off */
	static const struct { const char *text, *back; } rows[] = {
		{"0", "0"}, {"0-1,3", "0-1,3"}, {"3,1,0", "0-1,3"}, {"0,1,2,3", "0-3"}, {"", ""}, {" 5 \n", "5"},
		{"1-0", NULL}, {"a", NULL}, {"1,", NULL}, {"1-", NULL}, {"1-2-3", NULL}, {"99999", NULL}, {"-1", NULL},
		{"1 2", NULL}, {"1,,2", NULL},
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cpu_set_t set;
		AUTO(free) char *back = NULL;

		assert_int_equal(cpus_parse(rows[i].text, &set), rows[i].back ? 0 : -EINVAL);
		if (!rows[i].back)
			continue;
		back = cpus_text(&set);
		assert_string_equal(back, rows[i].back);
	}
}

/* ---- on this host */

static struct cgroup_layout *host;
static char root[32];

static pid_t sleeper(void)
{
	pid_t pid = (pid_t)syscall(SYS_fork);

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static uint64_t read_of(struct cgroup *cg, enum cgroup_controller ctl, const char *v1, const char *v2)
{
	int i = layout_find(cg->layout, ctl);
	uint64_t v = 0;

	assert_true(i >= 0);
	assert_int_equal(value_read_u64(cg->dirs[i], cg->layout->h[i].is_v2 ? v2 : v1, &v), 0);
	return v;
}

static void test_limits(void **state)
{
	struct cgroup_limits l = {
	    .fields = CGROUP_MEMORY | CGROUP_PIDS, .memory = (64 << 20) + 5, .pids = 77};
	AUTO(err_done) struct err err = ERR_NULL;
	struct cgroup *cg = NULL;
	const char *why;

	(void)state;
	if (!cgroup_layout_can(host, CGROUP_MEMORY, &why) || !cgroup_layout_can(host, CGROUP_PIDS, &why))
		skip();
	assert_int_equal(cgroup_create(host, uuid, &cg, &err), 0);
	assert_int_equal(cgroup_set(cg, &l, &err), 0);
	assert_int_equal(read_of(cg, CTL_MEMORY, "memory.limit_in_bytes", "memory.max"), 64 << 20);
	assert_int_equal(read_of(cg, CTL_PIDS, "pids.max", "pids.max"), 77);
	/* one that fails takes back those before it */
	l = (struct cgroup_limits){.fields = CGROUP_PIDS | CGROUP_CPUSET, .pids = 5, .cpus = "1023"};
	assert_int_equal(cgroup_set(cg, &l, &err), -EINVAL);
	assert_non_null(strstr(err_text(&err), "aren't all on this host"));
	assert_int_equal(read_of(cg, CTL_PIDS, "pids.max", "pids.max"), 77);
	l = (struct cgroup_limits){.fields = CGROUP_CPU_SHARES, .cpu_shares = 1};
	assert_int_equal(cgroup_set(cg, &l, &err), -EINVAL);
	l = (struct cgroup_limits){.fields = CGROUP_MEMORY, .memory = 32 << 20, .memory_soft = true};
	assert_int_equal(cgroup_set(cg, &l, &err), 0);
	assert_true(read_of(cg, CTL_MEMORY, "memory.limit_in_bytes", "memory.max") > 1ULL << 60);
	assert_int_equal(read_of(cg, CTL_MEMORY, "memory.soft_limit_in_bytes", "memory.high"), 32 << 20);
	assert_int_equal(cgroup_remove(cg, 1000, &err), 0);
	assert_int_equal(cgroup_remove(cg, 0, &err), 0);
	cgroup_free(cg);
}

/* Groups that ask for one CPU each don't all get the same. */
static void test_cpu_count(void **state)
{
	struct cgroup_limits l = {.fields = CGROUP_CPUSET, .cpu_count = 1};
	AUTO(free) char *one = NULL, *two = NULL;
	struct cgroup *a = NULL, *b = NULL;
	const char *why;
	int i;

	(void)state;
	if (!cgroup_layout_can(host, CGROUP_CPUSET, &why) || sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	i = layout_find(host, CTL_CPUSET);
	assert_int_equal(cgroup_create(host, uuid, &a, NULL), 0);
	assert_int_equal(cgroup_create(host, other_uuid, &b, NULL), 0);
	assert_int_equal(cgroup_set(a, &l, NULL), 0);
	assert_int_equal(cgroup_set(b, &l, NULL), 0);
	assert_int_equal(value_read(a->dirs[i], "cpuset.cpus", &one), 0);
	assert_int_equal(value_read(b->dirs[i], "cpuset.cpus", &two), 0);
	assert_string_not_equal(one, two);
	l.cpu_count = 1000;
	assert_int_equal(cgroup_set(a, &l, NULL), -EINVAL);
	cgroup_remove(a, 1000, NULL);
	cgroup_remove(b, 1000, NULL);
	cgroup_free(a);
	cgroup_free(b);
}

static void test_processes(void **state)
{
	AUTO(err_done) struct err err = ERR_NULL;
	struct cgroup *cg = NULL, *again = NULL;
	pid_t pid = sleeper(), *pids = NULL;
	struct cgroup_usage usage;
	siginfo_t si;

	(void)state;
	assert_int_equal(cgroup_open(host, uuid, &cg, &err), -ENOENT);
	assert_int_equal(cgroup_create(host, uuid, &cg, &err), 0);
	assert_int_equal(cgroup_put(cg, pid, &err), 0);
	assert_int_equal(cgroup_pids(cg, &pids), 1);
	assert_int_equal(pids[0], pid);
	free(pids);
	assert_int_equal(cgroup_create(host, uuid, &again, &err), -EBUSY);
	assert_int_equal(cgroup_remove(cg, 10, &err), -EBUSY);
	assert_int_equal(cgroup_usage(cg, &usage), 0);
	assert_true(usage.pids == 1 || usage.pids == CGROUP_NONE);
	assert_int_equal(cgroup_freeze(cg, true, 5000, -1, &err), 0);
	assert_int_equal(cgroup_is_frozen(cg), 1);
	assert_int_equal(cgroup_freeze(cg, false, 5000, -1, &err), 0);
	assert_int_equal(cgroup_is_frozen(cg), 0);
	assert_int_equal(cgroup_freeze(cg, true, 5000, -1, &err), 0);
	assert_int_equal(cgroup_kill(cg, &err), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED), 0);
	assert_int_equal(si.si_status, SIGKILL);
	assert_int_equal(cgroup_remove(cg, 5000, &err), 0);
	cgroup_free(cg);
}

/* The same where there is v1 alone: killing by list, the freezer controller. */
static void test_v1_alone(void **state)
{
	struct cgroup_layout v1 = *host;
	struct cgroup *cg = NULL;
	pid_t pid, pid2;
	siginfo_t si;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < host->n; i++)
		if (!host->h[i].is_v2)
			v1.h[n++] = host->h[i];
	v1.n = n;
	if (!n || layout_find(&v1, CTL_FREEZER) < 0)
		skip();
	pid = sleeper();
	pid2 = sleeper();
	assert_int_equal(cgroup_create(&v1, uuid, &cg, NULL), 0);
	assert_int_equal(cgroup_put(cg, pid, NULL), 0);
	assert_int_equal(cgroup_put(cg, pid2, NULL), 0);
	assert_int_equal(cgroup_freeze(cg, true, 5000, -1, NULL), 0);
	assert_int_equal(cgroup_is_frozen(cg), 1);
	assert_int_equal(cgroup_kill(cg, NULL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid2, &si, WEXITED), 0);
	assert_int_equal(cgroup_remove(cg, 5000, NULL), 0);
	cgroup_free(cg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_nodes), cmocka_unit_test(test_layouts),
					   cmocka_unit_test(test_cpus)};
	const struct CMUnitTest on_host[] = {
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_cpu_count),
	    cmocka_unit_test(test_processes),
	    cmocka_unit_test(test_v1_alone),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	snprintf(root, sizeof(root), "lxdfs-unit-%d", getpid());
	if (geteuid() != 0 || cgroup_layout_new(NULL, root, &host, NULL) < 0)
		return r;
	r += cmocka_run_group_tests(on_host, NULL, NULL);
	cgroup_layout_clear(host);
	cgroup_layout_free(host);
	return r;
}
