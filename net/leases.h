/* SPDX-License-Identifier: Apache-2.0 */
/* dnsmasq's lease file. Its names come from containers: what isn't a valid value is left out, never passed
 * on. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/ip.h"

#include <stddef.h>
#include <stdint.h>

#define LEASES_MAX 65536		   /* leases */
#define LEASES_MAX_BYTES (8 * 1024 * 1024) /* of the file */

struct lease {
	uint64_t expiry; /* seconds since 1970; 0: never */
	struct ip ip;
	struct mac mac; /* DHCPv4; of DHCPv6 where the DUID holds one */
	bool has_mac;
	char name[64]; /* a DNS label; "" where there was none, or none that is valid */
};

/* zero-initialise; leases_done() frees */
struct leases {
	struct lease *list;
	size_t n;
};

/** leases_parse() - from text; lines that don't read are passed over, their number returned */
size_t leases_parse(struct str text, struct leases *ret);
/** leases_read() - the leases of a dnsmasq_spec.lease_dir; no file is an empty list. Return: 0; -EFBIG */
int leases_read(const char *lease_dir, struct leases *ret, struct err *err);
void leases_done(struct leases *leases);
static inline void leases_done_auto(struct leases *leases)
{
	leases_done(leases);
}
