/* SPDX-License-Identifier: Apache-2.0 */
/* The lease file: whatever containers bring into it, what is returned is bounded and of its type. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "net/leases.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(leases_done) struct leases l = {0};
	size_t lines = 1, bad = leases_parse((struct str){(const char *)data, size}, &l);

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	if (l.n + bad > lines || l.n > LEASES_MAX)
		abort();
	for (size_t i = 0; i < l.n; i++) {
		const struct lease *lease = &l.list[i];

		if (!ip_bits(&lease->ip) || (lease->ip.family == AF_INET && !lease->has_mac) ||
		    (lease->name[0] && !dns_label_ok(str_from(lease->name))))
			abort();
	}
	return 0;
}
