/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of proxies, what goes together, messages to the helper, and the rules of those with nat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/device/proxy-order.h"
#include "net/dnat.h"

static void test_ends(void **state)
{
	static const struct {
		const char *text;
		enum proxy_kind kind;
		size_t n;
		unsigned first, last;
		const char *path; /* of a unix socket */
	} good[] = {
	    {"tcp:1.2.3.4:80", PROXY_TCP, 1, 80, 80, NULL},
	    {"tcp:0.0.0.0:80,443,9000-9002", PROXY_TCP, 5, 80, 9002, NULL},
	    {"udp:[::]:53", PROXY_UDP, 1, 53, 53, NULL},
	    {"udp:[fd42::1]:1-512", PROXY_UDP, 512, 1, 512, NULL},
	    {"unix:/run/x.sock", PROXY_UNIX, 1, 0, 0, "/run/x.sock"},
	    {"unix:@a b", PROXY_UNIX, 1, 0, 0, "a b"},
	    {"unix:/a..b/..c", PROXY_UNIX, 1, 0, 0, "/a..b/..c"},
	};
	static const char *const bad[] = {
	    "",
	    "tcp",
	    "tcp:",
	    "tcp:1.2.3.4",
	    "tcp:1.2.3.4:",
	    "tcp:1.2.3.4:0",
	    "tcp:1.2.3.4:65536",
	    "tcp:1.2.3.4:9-1",
	    "tcp:[1.2.3.4]:1",
	    "tcp:::1:1",
	    "tcp:[::1:1",
	    "tcp:host:1",
	    "tcp:1.2.3.4:1,",
	    "tcp:1.2.3.4:1-513",
	    "sctp:1.2.3.4:1",
	    "unix:",
	    "unix:@",
	    "unix:a",
	    "unix:/a/../b",
	    "unix:/..",
	    "unix:/a/",
	    "TCP:1.2.3.4:1",
	    "tcp:1.2.3.4:1;",
	    "tcp:1.2.3.4: 1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		AUTO(err_done) struct err err = ERR_NULL;
		struct proxy_end e;

		assert_int_equal(proxy_end_parse(str_from(good[i].text), &e, &err), 0);
		assert_int_equal(e.kind, good[i].kind);
		assert_int_equal(e.n, good[i].n);
		assert_int_equal(e.ports[0], good[i].first);
		assert_int_equal(e.ports[e.n - 1], good[i].last);
		if (good[i].path)
			assert_string_equal(e.path, good[i].path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO(err_done) struct err err = ERR_NULL;
		struct proxy_end e;

		if (proxy_end_parse(str_from(bad[i]), &e, &err) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_non_null(err.text);
	}
}

static int together(const char *listen, const char *connect)
{
	struct proxy_end l, c;

	assert_int_equal(proxy_end_parse(str_from(listen), &l, NULL), 0);
	assert_int_equal(proxy_end_parse(str_from(connect), &c, NULL), 0);
	return proxy_ends_check(&l, &c, NULL);
}

static void test_together(void **state)
{
	(void)state;
	assert_int_equal(together("tcp:1.2.3.4:1-3", "tcp:1.2.3.4:7"), 0);
	assert_int_equal(together("tcp:1.2.3.4:1-3", "tcp:1.2.3.4:7-9"), 0);
	assert_int_equal(together("unix:@a", "tcp:[::1]:7"), 0);
	assert_int_equal(together("tcp:1.2.3.4:1-3", "unix:/a"), 0);
	assert_int_equal(together("tcp:1.2.3.4:1-3", "tcp:1.2.3.4:7-8"), -EINVAL);
	assert_int_equal(together("tcp:1.2.3.4:1", "tcp:1.2.3.4:7-8"), -EINVAL);
	assert_int_equal(together("tcp:1.2.3.4:1", "udp:1.2.3.4:7"), -EINVAL);
	assert_int_equal(together("udp:1.2.3.4:1", "unix:/a"), -EINVAL);
}

static void test_order(void **state)
{
	const struct proxy_order o = {
	    (char *)"k", (char *)"tcp:1.2.3.4:1", (char *)"unix:/a", 1, 2, 3, 4, 5, 6, 7, 8};
	AUTO(buf_done) struct buf b = BUF_NULL;
	struct proxy_order got;
	struct msg msg = MSG_NULL;

	(void)state;
	proxy_order_pack(&b, &o);
	msg.body = (unsigned char *)b.ptr;
	msg.len = (uint32_t)b.len;
	assert_int_equal(proxy_order_unpack(&msg, &got), 0);
	assert_string_equal(got.key, o.key);
	assert_string_equal(got.listen, o.listen);
	assert_string_equal(got.connect, o.connect);
	assert_int_equal(got.says_protocol, 1);
	assert_int_equal(got.run_gid, 8);
	proxy_order_done(&got);
	for (msg.len = 0; msg.len < b.len; msg.len++)
		assert_int_equal(proxy_order_unpack(&msg, &got), -EBADMSG);
}

static struct ip ip(const char *text)
{
	struct ip a;

	assert_int_equal(ip_parse(str_from(text), &a), 0);
	return a;
}

static void test_dnat(void **state)
{
	const struct dnat_port ports[] = {{80, 8080}, {443, 443}};
	struct dnat d = {
	    .key = "k1", .listen = ip("192.0.2.1"), .target = ip("10.0.0.5"), .ports = ports, .n = 2};
	AUTO(buf_done) struct buf b = BUF_NULL;

	(void)state;
	assert_int_equal(dnat_text(&b, &d, NULL), 0);
	assert_non_null(
	    strstr(b.ptr, "proxy-in-k1 ip daddr 192.0.2.1 tcp dport 80 dnat ip to 10.0.0.5:8080\n"));
	assert_non_null(
	    strstr(b.ptr, "proxy-out-k1 ip daddr 192.0.2.1 tcp dport 443 dnat ip to 10.0.0.5:443\n"));
	assert_non_null(
	    strstr(b.ptr, "proxy-back-k1 ip saddr 10.0.0.5 ip daddr 10.0.0.5 tcp dport 8080 masquerade\n"));
	buf_clear(&b);
	d.listen = ip("::");
	d.target = ip("fd42::5");
	d.is_udp = true;
	assert_int_equal(dnat_text(&b, &d, NULL), 0);
	assert_non_null(strstr(
	    b.ptr, "meta nfproto ipv6 fib daddr type local udp dport 80 dnat ip6 to [fd42::5]:8080\n"));
	d.target = ip("10.0.0.5");
	assert_int_equal(dnat_text(&b, &d, NULL), -EINVAL);
	d.target = ip("::");
	assert_int_equal(dnat_text(&b, &d, NULL), -EINVAL);
	d.target = ip("fd42::5");
	d.key = "a b";
	assert_int_equal(dnat_text(&b, &d, NULL), -EINVAL);
	d.key = "k";
	d.n = 0;
	assert_int_equal(dnat_text(&b, &d, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ends),
	    cmocka_unit_test(test_together),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_dnat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
