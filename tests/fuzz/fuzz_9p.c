/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are a message or are refused; what was a message is the same bytes again. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "fs/9p/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = {(const char *)data, size}, rest, name;
	struct p9_qid qid;
	struct p9_msg m;
	uint64_t offset;
	uint8_t type;

	if (p9_decode(bytes, &m) == 0) {
		AUTO(free) char *again = malloc(size);

		if (p9_encode(&m, again, size) != (int)size || memcmp(again, data, size))
			abort();
		rest = m.data;
		while (p9_dirent_get(&rest, &qid, &offset, &type, &name) == 0)
			if (memchr(name.ptr, 0, name.len))
				abort();
	}
	return 0;
}
