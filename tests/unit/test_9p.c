/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of 9P: what is encoded is decoded as it was, and nothing that is cut or stretched is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/auto.h"
#include "fs/9p/wire.h"

static struct p9_msg filled(uint8_t type)
{
	struct p9_msg m;

	memset(&m, 0, sizeof(m));
	m.type = type;
	m.tag = 0x1234;
	m.fid = 0x01020304;
	m.newfid = 0x05060708;
	m.name = STR("first");
	m.name2 = STR("");
	m.data = STR("da\0ta");
	m.flags = 0xf1;
	m.mode = 0644;
	m.offset = 0x1122334455667788;
	m.size = UINT64_MAX;
	m.n = 3;
	for (unsigned i = 0; i < m.n; i++) {
		m.names[i] = STR("name");
		m.qids[i] = (struct p9_qid){P9_QID_DIR, i, i + 7};
	}
	return m;
}

static void round_trip(void **state)
{
	char bytes[4096], again[4096];
	unsigned rows = 0;

	(void)state;
	for (int type = 0; type < 256; type++) {
		struct p9_msg m = filled((uint8_t)type), back;
		int len = p9_encode(&m, bytes, sizeof(bytes));

		if (!p9_name((uint8_t)type)) {
			assert_int_equal(len, -EINVAL);
			continue;
		}
		rows++;
		assert_true(len >= P9_HEADER);
		assert_int_equal(p9_size(bytes), len);
		assert_int_equal(p9_decode((struct str){bytes, (size_t)len}, &back), 0);
		assert_int_equal(back.type, type);
		assert_int_equal(back.tag, 0x1234);
		assert_int_equal(p9_encode(&back, again, sizeof(again)), len);
		assert_memory_equal(bytes, again, (size_t)len);
		/* each cut, and a byte too many */
		for (int cut = 0; cut < len; cut++) {
			assert_int_equal(p9_decode((struct str){bytes, (size_t)cut}, &back), -EBADMSG);
			assert_int_equal(p9_encode(&m, again, (size_t)cut), -EMSGSIZE);
		}
		bytes[0]++;
		bytes[len] = 0;
		assert_int_equal(p9_decode((struct str){bytes, (size_t)len + 1}, &back),
				 len == 255 ? 0 : -EBADMSG);
	}
	assert_int_equal(rows, 57);
}

/* Bytes as Linux sends them: what both ends agree on mustn't only be each other. */
static void known_bytes(void **state)
{
	static const char walk[] = "\x17\0\0\0\x6e\x01\0\x02\0\0\0\x03\0\0\0\x01\0\x04\0main";
	struct p9_msg m;

	(void)state;
	assert_int_equal(p9_decode((struct str){walk, sizeof(walk) - 1}, &m), 0);
	assert_int_equal(m.type, P9_TWALK);
	assert_int_equal(m.fid, 2);
	assert_int_equal(m.newfid, 3);
	assert_int_equal(m.n, 1);
	assert_true(str_is(m.names[0], "main"));
}

static void entries(void **state)
{
	const struct p9_qid qid = {P9_QID_SYMLINK, 0, 99};
	struct p9_qid got;
	char data[64];
	size_t used = 0;
	struct str rest, name;
	uint64_t offset;
	uint8_t type;

	(void)state;
	assert_int_equal(p9_dirent_put(data, sizeof(data), &used, &qid, 5, 10, STR("link")), 0);
	assert_int_equal(p9_dirent_put(data, sizeof(data), &used, &qid, 6, 10, STR("other")), 0);
	assert_int_equal(used, 24 + 4 + 24 + 5);
	assert_int_equal(p9_dirent_put(data, sizeof(data), &used, &qid, 7, 10, STR("no")), -EMSGSIZE);
	assert_int_equal(used, 24 + 4 + 24 + 5);
	rest = (struct str){data, used};
	assert_int_equal(p9_dirent_get(&rest, &got, &offset, &type, &name), 0);
	assert_true(str_is(name, "link") && offset == 5 && type == 10 && got.path == 99);
	assert_int_equal(p9_dirent_get(&rest, &got, &offset, &type, &name), 0);
	assert_true(str_is(name, "other"));
	assert_int_equal(p9_dirent_get(&rest, &got, &offset, &type, &name), -ENODATA);
	rest = (struct str){data, used - 1};
	assert_int_equal(p9_dirent_get(&rest, &got, &offset, &type, &name), 0);
	assert_int_equal(p9_dirent_get(&rest, &got, &offset, &type, &name), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(known_bytes),
	    cmocka_unit_test(entries),
	};

	return cmocka_run_group_tests_name("9p", tests, NULL, NULL);
}
