/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: each row sent and received, each way to break a row refused, packing as the mirror of unpacking.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/instance/wire.h"

static const struct msg_type types[] = {
    {1, "empty", 0, 0, 0, 0},
    {2, "some", 4, 8, 0, 0},
    {3, "fds", 0, 4, 1, 2},
};
static const struct msg_table table = {"test", types, ARRAY_SIZE(types)};
/* what a peer of another mind believes */
static const struct msg_type other_types[] = {
    {1, "empty", 0, 100, 0, 8},
    {2, "some", 0, 100, 0, 8},
    {3, "fds", 0, 100, 0, 8},
    {9, "unknown", 0, 100, 0, 8},
};
static const struct msg_table other = {"other", other_types, ARRAY_SIZE(other_types)};

static int fds_open(void)
{
	int n = 0;

	for (int i = 0; i < 256; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

static void pair(int sv[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
}

static void test_rows(void **state)
{
	char bytes[8] = "abcdefg";
	int before = fds_open(), sv[2], fds[2] = {0, 1};

	(void)state;
	pair(sv);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		const struct msg_type *t = &types[i];

		for (int max = 0; max < 2; max++) {
			AUTO(msg_done) struct msg m = MSG_NULL;
			AUTO(err_done) struct err err = ERR_NULL;
			uint32_t len = max ? t->max : t->min;
			unsigned n = max ? t->max_fds : t->min_fds;

			assert_int_equal(
			    msg_send(sv[0], &table, t->number, 7, (struct str){bytes, len}, fds, n), 0);
			assert_int_equal(msg_recv(sv[1], &table, &m, &err), 1);
			assert_ptr_equal(m.type, t);
			assert_int_equal(m.id, 7);
			assert_int_equal(m.len, len);
			assert_int_equal(m.n_fds, n);
			assert_memory_equal(m.body, bytes, len);
			for (unsigned f = 0; f < n; f++)
				assert_int_equal(fcntl(m.fds[f], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		}
	}
	close(sv[0]);
	close(sv[1]);
	assert_int_equal(fds_open(), before);
}

static void test_refused(void **state)
{
	/* clang-format off */
	static const struct { uint32_t number, len; unsigned n_fds; const char *text; } rows[] = {
		{9, 0, 0, "unknown kind, 9"},
		{1, 1, 0, "1 bytes as empty, which has 0 to 0"},
		{2, 3, 0, "3 bytes as some, which has 4 to 8"},
		{2, 9, 0, "9 bytes as some"},
		{1, 0, 1, "1 descriptors with empty"},
		{3, 0, 0, "0 descriptors with fds, which has 1 to 2"},
		{3, 0, 3, "3 descriptors with fds"},
	};
	/* clang-format on */
	char bytes[16] = "";
	int before = fds_open(), sv[2], fds[3] = {0, 1, 2};

	(void)state;
	pair(sv);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(msg_done) struct msg m = MSG_NULL;
		AUTO(err_done) struct err err = ERR_NULL;
		struct str body = {bytes, rows[i].len};

		assert_int_equal(msg_send(sv[0], &table, rows[i].number, 0, body, fds, rows[i].n_fds),
				 -EINVAL);
		assert_int_equal(msg_send(sv[0], &other, rows[i].number, 0, body, fds, rows[i].n_fds), 0);
		assert_int_equal(msg_recv(sv[1], &table, &m, &err), -EBADMSG);
		assert_non_null(strstr(err_text(&err), rows[i].text));
	}
	assert_int_equal(write(sv[0], "short", 5), 5);
	{
		AUTO(msg_done) struct msg m = MSG_NULL;
		AUTO(err_done) struct err err = ERR_NULL;

		assert_int_equal(msg_recv(sv[1], &table, &m, &err), -EBADMSG);
		assert_non_null(strstr(err_text(&err), "wrong size"));
		fcntl(sv[1], F_SETFL, O_NONBLOCK);
		assert_int_equal(msg_recv(sv[1], &table, &m, &err), -EAGAIN);
		close(sv[0]);
		assert_int_equal(msg_recv(sv[1], &table, &m, &err), 0);
		assert_int_equal(msg_send(sv[1], &table, 1, 0, STR_NULL, NULL, 0), -EPIPE);
	}
	close(sv[1]);
	assert_int_equal(fds_open(), before);
}

static void test_pack(void **state)
{
	const char *const list[] = {"a", "", "c c", NULL};
	AUTO(buf_done) struct buf b = BUF_NULL;
	AUTO(err_done) struct err err = ERR_NULL, back = ERR_NULL;
	struct unpack u;
	char **texts;
	char *text;

	(void)state;
	err_set(&err, EINVAL, "it is wrong");
	pack_u32(&b, 0xdeadbeef);
	pack_u64(&b, UINT64_MAX - 1);
	pack_text(&b, "text");
	pack_text(&b, NULL);
	pack_texts(&b, list);
	pack_texts(&b, NULL);
	pack_err(&b, &err);
	for (size_t cut = 0; cut <= b.len; cut++) {
		u = (struct unpack){(const unsigned char *)b.ptr, b.len - cut, false};
		unpack_u32(&u);
		unpack_u64(&u);
		text = unpack_text(&u);
		free(text);
		free(unpack_text(&u));
		texts = unpack_texts(&u, 3);
		if (!cut)
			for (int i = 0; i < 4; i++)
				list[i] ? assert_string_equal(texts[i], list[i]) : assert_null(texts[i]);
		texts_free(texts);
		texts_free(unpack_texts(&u, 0));
		unpack_err(&u, &back);
		assert_int_equal(unpack_ok(&u), cut == 0);
	}
	u = (struct unpack){(const unsigned char *)b.ptr, b.len, false};
	assert_int_equal(unpack_u32(&u), 0xdeadbeef);
	assert_true(unpack_u64(&u) == UINT64_MAX - 1);
	text = unpack_text(&u);
	assert_string_equal(text, "text");
	free(text);
	assert_null(unpack_text(&u));
	assert_null(unpack_texts(&u, 2)); /* more than allowed */
	assert_false(unpack_ok(&u));
}

/* ---- orders */

static void order_pack(struct buf *b)
{
	static const char *const lower[] = {"/l0", "/l1", NULL}, *const argv[] = {"/sbin/init", "x", NULL};
	static const struct container_rlimit rlimits[] = {{7, 1, UINT64_MAX}};
	static const struct container_sysctl sysctls[] = {{"net.a", "1"}};
	static const struct container_mount mounts[] = {
	    {.source = "/src", .source_fd = -1, .target = "/dst", .flags = 5, .attrs = 0x100000001},
	    {.source_fd = 9, .target = "/fd"},
	    {.source_fd = -1,
	     .target = "/dev/x",
	     .node = 'c',
	     .major = 10,
	     .minor = 229,
	     .mode = 0640,
	     .uid = 7,
	     .gid = 8},
	};
	struct wire_hierarchy groups[] = {{(char *)"memory", (char *)"memory"}, {(char *)"unified", NULL}};
	struct container_spec s = CONTAINER_SPEC_NULL;

	s.uuid = "u";
	s.hostname = "h";
	idmap_own(100000, 65536, &s.map);
	s.lower = lower;
	s.layer = "/layer";
	s.argv = argv;
	s.rlimits = rlimits;
	s.n_rlimits = 1;
	s.sysctls = sysctls;
	s.n_sysctls = 1;
	s.mounts = mounts;
	s.n_mounts = 3;
	s.seccomp_fd = 8;
	s.caps_drop = 1ULL << 40;
	s.console_log = "/log";
	assert_int_equal(start_order_pack(b, "/run", groups, 2, &s, NULL), 0);
}

static void message(struct msg *m, unsigned n_fds)
{
	*m = MSG_NULL;
	while (m->n_fds < n_fds)
		m->fds[m->n_fds++] = dup(0);
}

static void test_start_order(void **state)
{
	AUTO(buf_done) struct buf b = BUF_NULL;
	int before = fds_open();
	struct start_order o;
	struct msg m;

	(void)state;
	order_pack(&b);
	message(&m, 3);
	assert_int_equal(start_order_unpack(buf_str(&b), &m, &o, NULL), 0);
	assert_string_equal(o.rundir, "/run");
	assert_string_equal(o.spec.lower[1], "/l1");
	assert_null(o.spec.rootfs);
	assert_int_equal(o.spec.map.gid[0].outside, 100000);
	assert_true(o.spec.rlimits[0].hard == UINT64_MAX);
	assert_string_equal(o.spec.sysctls[0].value, "1");
	assert_int_equal(o.spec.mounts[0].source_fd, -EBADF);
	assert_true(o.spec.mounts[1].source_fd >= 0 && o.spec.seccomp_fd >= 0);
	assert_int_equal(o.spec.mounts[0].flags, 5);
	assert_true(o.spec.mounts[0].attrs == 0x100000001);
	assert_int_equal(o.spec.mounts[2].source_fd, -EBADF);
	assert_int_equal(o.spec.mounts[2].node, 'c');
	assert_int_equal(o.spec.mounts[2].minor, 229);
	assert_int_equal(o.spec.mounts[2].mode, 0640);
	assert_int_equal(o.spec.mounts[2].gid, 8);
	assert_true(o.spec.caps_drop == 1ULL << 40);
	assert_null(o.cgroups[1].opts);
	start_order_done(&o);
	msg_done(&m);
	/* torn anywhere, with a descriptor too few or too many */
	for (size_t len = 0; len < b.len; len++) {
		message(&m, 3);
		assert_int_equal(start_order_unpack((struct str){b.ptr, len}, &m, &o, NULL), -EBADMSG);
		msg_done(&m);
	}
	for (unsigned n = 1; n < 6; n++) {
		message(&m, n);
		assert_int_equal(start_order_unpack(buf_str(&b), &m, &o, NULL), n == 3 ? 0 : -EBADMSG);
		if (n == 3)
			start_order_done(&o);
		msg_done(&m);
	}
	/* any byte changed: whatever it says, nothing is lost or overrun */
	for (size_t i = 0; i < b.len; i++) {
		char old = b.ptr[i];

		b.ptr[i] = (char)~old;
		message(&m, 3);
		if (!start_order_unpack(buf_str(&b), &m, &o, NULL))
			start_order_done(&o);
		msg_done(&m);
		b.ptr[i] = old;
	}
	assert_int_equal(fds_open(), before);
}

static void test_exec_order(void **state)
{
	static const char *const groups[] = {"/a", "/b", NULL};
	AUTO(buf_done) struct buf b = BUF_NULL;
	struct exec_spec s = EXEC_SPEC_NULL;
	int before = fds_open();
	struct exec_order o;
	struct msg m;

	(void)state;
	s.command = "echo";
	s.dir = "/d";
	s.uid = 5;
	s.stdin_fd = 4;
	assert_int_equal(exec_order_pack(&b, &s, groups, true, NULL), 0);
	message(&m, 3);
	assert_int_equal(exec_order_unpack(buf_str(&b), &m, &o, NULL), 0);
	assert_string_equal(o.spec.command, "echo");
	assert_string_equal(o.groups[1], "/b");
	assert_true(o.privileged && o.spec.uid == 5 && o.spec.stdin_fd >= 0 && o.spec.seccomp_fd < 0);
	exec_order_done(&o);
	msg_done(&m);
	for (size_t len = 0; len < b.len; len++) {
		message(&m, 3);
		assert_int_equal(exec_order_unpack((struct str){b.ptr, len}, &m, &o, NULL), -EBADMSG);
		msg_done(&m);
	}
	assert_int_equal(fds_open(), before);
}

/* Numbers are for ever: each is there once, sorted, with bounds that can be met. */
static void test_tables(void **state)
{
	const struct msg_table *tables[] = {&monitor_table, &child_table, &enter_table};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		for (size_t t = 0; t < tables[i]->count; t++) {
			const struct msg_type *type = &tables[i]->types[t];

			assert_true(t == 0 || type->number > type[-1].number);
			assert_true(type->min <= type->max && type->max <= MSG_MAX_BODY);
			assert_true(type->min_fds <= type->max_fds && type->max_fds <= MSG_MAX_FDS);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),       cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_pack),       cmocka_unit_test(test_start_order),
	    cmocka_unit_test(test_exec_order), cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
