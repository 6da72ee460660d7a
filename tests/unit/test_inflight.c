/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in flight: noted, answered, and what a next core says to the kernel about those that are left. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/auto.h"
#include "fs/inflight.h"

#define RESEND_FLAG2 (1u << 7) /* FUSE_HAS_RESEND, bit 39 */

/* What stands for the kernel: each write is one packet. */
struct fixture {
	struct inflight *f;
	int ours, kernel;
};

static void set_up(struct fixture *x, uint32_t flags2)
{
	struct {
		struct fuse_in_header header;
		struct fuse_init_in in;
	} init = {{.len = sizeof(init), .opcode = FUSE_INIT, .unique = 2},
		  {.major = 7, .minor = 40, .flags = FUSE_INIT_EXT, .flags2 = flags2}};
	int sv[2], fd = inflight_make((struct str){(char *)&init, sizeof(init)}, NULL);

	assert_true(fd >= 0);
	assert_int_equal(inflight_map(fd, &x->f, NULL), 0);
	close(fd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, sv), 0);
	x->ours = sv[0];
	x->kernel = sv[1];
}

static void tear_down(struct fixture *x)
{
	inflight_unmap(x->f);
	close(x->ours);
	close(x->kernel);
}

static void arrive(struct fixture *x, unsigned desk, uint32_t opcode, uint64_t unique)
{
	x->f->desk[desk].header = (struct fuse_in_header){.opcode = opcode, .unique = unique};
}

static void hears(struct fixture *x, int32_t error, uint64_t unique)
{
	struct fuse_out_header out;

	assert_int_equal(read(x->kernel, &out, sizeof(out)), sizeof(out));
	assert_int_equal(out.len, sizeof(out));
	assert_int_equal(out.error, error);
	assert_int_equal(out.unique, unique);
}

static void hears_no_more(struct fixture *x)
{
	char c;

	assert_int_equal(recv(x->kernel, &c, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
}

/* Left on a desk, left in the table, answered, without an answer. */
static void four_requests(struct fixture *x, uint64_t bits)
{
	const struct {
		uint32_t opcode;
		uint64_t unique;
	} rows[] = {
	    {FUSE_READ, 10}, {FUSE_WRITE, 12}, {FUSE_MKDIR, 14}, {FUSE_FORGET, 16}, {FUSE_INTERRUPT, 11}};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		arrive(x, i, rows[i].opcode, rows[i].unique | bits);
		inflight_note(x->f, i);
		assert_int_equal(x->f->desk[i].header.unique, 0);
	}
	inflight_clear(x->f, 14 | bits);
	arrive(x, 7, FUSE_LOOKUP, 18 | bits);
}

static void test_answered_without_resend(void **state)
{
	struct fixture x;

	(void)state;
	set_up(&x, 0);
	assert_false(inflight_can_resend(x.f));
	four_requests(&x, 0);
	assert_int_equal(inflight_settle(x.f, x.ours, false, NULL), 3);
	hears(&x, -EINTR, 10);
	hears(&x, -EIO, 12);
	hears(&x, -EINTR, 18);
	hears_no_more(&x);
	assert_int_equal(inflight_settle(x.f, x.ours, false, NULL), 0);
	hears_no_more(&x);
	tear_down(&x);
}

static void test_sent_again(void **state)
{
	struct fixture x;

	(void)state;
	set_up(&x, RESEND_FLAG2);
	assert_true(inflight_can_resend(x.f));
	four_requests(&x, 0);
	assert_int_equal(inflight_settle(x.f, x.ours, true, NULL), 3);
	hears(&x, 7, 0);
	hears_no_more(&x);
	four_requests(&x, INFLIGHT_RESENT);
	assert_int_equal(inflight_settle(x.f, x.ours, false, NULL), 3);
	hears(&x, 7, 0);
	hears_no_more(&x);
	tear_down(&x);
}

/* Nothing comes a third time after cores that died soon. */
static void test_suspect(void **state)
{
	struct fixture x;

	(void)state;
	set_up(&x, RESEND_FLAG2);
	four_requests(&x, INFLIGHT_RESENT);
	assert_int_equal(inflight_settle(x.f, x.ours, true, NULL), 3);
	hears(&x, -EIO, 10 | INFLIGHT_RESENT);
	hears(&x, -EIO, 12 | INFLIGHT_RESENT);
	hears(&x, -EIO, 18 | INFLIGHT_RESENT);
	hears(&x, 7, 0);
	hears_no_more(&x);
	tear_down(&x);
}

/* More than there are slots near by: what finds none is left out, what has one is found. */
static void test_crowd(void **state)
{
	struct fixture x;
	int n = 0;

	(void)state;
	set_up(&x, 0);
	for (unsigned i = 0; i < 1000; i++) {
		arrive(&x, 0, FUSE_READ, 2 + 2 * (uint64_t)INFLIGHT_SLOTS * i);
		inflight_note(x.f, 0);
	}
	for (unsigned i = 0; i < INFLIGHT_SLOTS; i++)
		n += x.f->slot[i] != 0;
	assert_in_range(n, 64, 999);
	for (unsigned i = 0; i < 1000; i++)
		inflight_clear(x.f, 2 + 2 * (uint64_t)INFLIGHT_SLOTS * i);
	assert_int_equal(inflight_settle(x.f, x.ours, false, NULL), 0);
	tear_down(&x);
}

static void test_foreign_memory(void **state)
{
	AUTO(err_done) struct err err = ERR_NULL;
	struct inflight *f;
	int sv[2];

	(void)state;
	assert_int_equal(inflight_make(STR("short"), &err), -EPROTO);
	assert_non_null(strstr(err_text(&err), "5 bytes"));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	assert_int_equal(inflight_map(sv[0], &f, &err), -EINVAL);
	assert_non_null(strstr(err_text(&err), "isn't the keeper's shared memory"));
	close(sv[0]);
	close(sv[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answered_without_resend),
	    cmocka_unit_test(test_sent_again),
	    cmocka_unit_test(test_suspect),
	    cmocka_unit_test(test_crowd),
	    cmocka_unit_test(test_foreign_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
