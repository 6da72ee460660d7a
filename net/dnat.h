/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of the host that go on to an instance without a process: rules of table `inet lxdfs`, three chains
 * for each owner of such ports. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dnat_port {
	uint16_t from, to;
};

/* Borrowed. */
struct dnat {
	const char *key;  /* of its chains: letters and digits, at most 20 */
	bool is_udp;	  /* else TCP */
	struct ip listen; /* unspecified: all addresses of the host */
	struct ip target; /* of the same family */
	const struct dnat_port *ports;
	size_t n;
};

/** dnat_set() - make or replace them, in one transaction. Return: 0; -EINVAL; what nftables says */
int dnat_set(const struct dnat *d, struct err *err);
/** dnat_clear() - none there is no failure */
int dnat_clear(const char *key, struct err *err);
/** dnat_text() - the commands that dnat_set() would run, for tests */
int dnat_text(struct buf *b, const struct dnat *d, struct err *err);
/** dnat_restore() - all that this process has set, after somebody changed the table */
int dnat_restore(struct err *err);
/** dnat_forget() - of all owners, without telling the kernel: the table goes */
void dnat_forget(void);
