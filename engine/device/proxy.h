/* SPDX-License-Identifier: Apache-2.0 */
/* Proxy devices: what comes to one end goes on to another, across namespaces. Either a helper of each passes
 * bytes on (engine/bin/proxy.c), or, with nat=true, the kernel translates addresses (net/dnat.h). */
#pragma once

#include "engine/device/proxy-order.h"
#include "engine/model/host.h"

/** proxy_check_end() - check of keys listen and connect */
int proxy_check_end(const struct key *key, struct str value, struct err *err);
int proxy_check(struct object *o, const struct config *effective, const char *device, struct err *err);
/** proxy_attach() - of an instance that runs: it serves when this returns */
int proxy_attach(struct object *o, const struct config *effective, const char *device, struct err *err);
int proxy_detach(struct object *o, const struct config *effective, const char *device, struct err *err);
int proxy_adopt(struct object *o, const struct config *effective, const char *device, struct err *err);
void proxy_clear(struct object *o, const struct config *effective, const char *device);
/** proxies_attach() - all of an instance that was started. Return: 0, or the first failure: those before it
 * serve */
int proxies_attach(struct object *o, const struct config *effective, struct err *err);
/** proxies_detach_all() - never fails */
void proxies_detach_all(struct object *o);
/** proxies_sweep() - helpers and rules that nobody has adopted go; all instances are loaded */
void proxies_sweep(struct host *h);
/** proxies_unwatch() - none is started again from now on; before the loop and the host end */
void proxies_unwatch(void);
