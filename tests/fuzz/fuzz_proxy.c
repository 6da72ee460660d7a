/* SPDX-License-Identifier: Apache-2.0 */
/* An address of a proxy, whatever is written: what is taken stays within its bounds, and what isn't says why.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/device/proxy-order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* a copy without a terminator: a read beyond is seen */
	char *text = malloc(size + !size);
	AUTO(err_done) struct err err = ERR_NULL;
	struct proxy_end e;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	if (proxy_end_parse((struct str){text, size}, &e, &err) == 0) {
		must(e.n >= 1 && e.n <= PROXY_PORTS_MAX);
		for (size_t i = 0; i < e.n && e.kind != PROXY_UNIX; i++)
			must(e.ports[i] && ip_bits(&e.ip));
		if (e.kind == PROXY_UNIX) {
			size_t n = strlen(e.path);

			must(n && n < PROXY_PATH_MAX && n <= size);
			must(e.is_abstract || (e.path[0] == '/' && !strstr(e.path, "/../")));
		}
	} else {
		must(err.text && !strchr(err.text, '\n'));
	}
	free(text);
	return 0;
}
