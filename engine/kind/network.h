/* SPDX-License-Identifier: Apache-2.0 */
/* Managed bridges. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/ip.h"
#include "engine/model/host.h"

extern const struct kind kind_network;

/** network_apply() - the key_apply_fn of every key of a bridge: brings link, addresses, sysctls, firewall and
 * dnsmasq to the new config, touching only what differs */
int network_apply(struct object *o, const struct config *old, const struct config *new, const char *device,
		  struct err *err);

/** network_state_text() - for the file state: link, MAC, MTU, addresses, counters, a line each */
void network_state_text(struct object *o, struct buf *b);
/** network_leases_text() - one lease a line: IP MAC name expiry */
void network_leases_text(struct object *o, struct buf *b);
/** networks_watch() - put the rules of networks and NICs back when somebody else takes them away, within a
 * second; idempotent. Return: 0 or a failure */
int networks_watch(struct host *h, struct err *err);
/** networks_unwatch() - nothing is put back or started again from now on; before the loop and the host end */
void networks_unwatch(struct host *h);
/** networks_sweep() - take down what was half made or half removed when an earlier core died */
void networks_sweep(struct host *h);
/** networks_load() - host_load(), with the filters of all NICs that run in one transaction */
void networks_load(struct host *h);
/** networks_refilter() - a job: when the change of @o is published, the filters of all bridged NICs of
 * running instances are set again */
void networks_refilter(struct object *o);
/** networks_stop_all() - dnsmasq, firewall, links of all managed networks, and what NICs have left; for the
 * daemon's end */
int networks_stop_all(struct host *h, struct err *err);
