/* SPDX-License-Identifier: Apache-2.0 */
/* NICs that are attached now, and what their types have in common. Guarded by the instance's token. */
#pragma once

#include "engine/model/kind.h"
#include "net/nic.h"
#include "net/tc.h"

#include <linux/if.h>

struct nic_live;

/* Of a type of NIC, while one is attached. */
struct nic_ops {
	enum shape_at shape_at; /* where its packets are met, of a type that has bounds */
	/** detach() - take it down. @ret_gone: it isn't attached any more, whatever else failed */
	int (*detach)(struct object *o, struct nic_live *l, bool *ret_gone, struct err *err);
	/** restore() - put back what somebody else may have removed: rules, routes. NULL: there is none */
	int (*restore)(struct object *o, const struct config *effective, struct nic_live *l, struct err *err);
	/** done() - free what the type keeps in it; NULL: nothing */
	void (*done)(struct nic_live *l);
};

struct nic_live {
	struct nic_live *next;
	const struct nic_ops *ops;
	char *device;
	char host_name[IFNAMSIZ]; /* "": it has no link on the host */
	/* bridged */
	char *network; /* managed one that has its hosts entry; NULL: none */
	char *bridge;
	struct ip_net *routes; /* of the host to it */
	size_t n_routes;
	/* routed and p2p */
	struct direct_plan *direct;
	struct macvlan_live *macvlan;
	struct physical_live *physical;
	struct ipvlan_plan *ipvlan;
};

/** nic_live_find() - NULL: it isn't attached */
struct nic_live *nic_live_find(struct object *o, const char *device);
/** nic_live_add() - the caller fills in what its type keeps */
struct nic_live *nic_live_add(struct object *o, const char *device, const struct nic_ops *ops,
			      const char host_name[IFNAMSIZ]);

/** nic_netns() - Return: 1, @ret a new descriptor; 0 the instance doesn't run; or a failure */
int nic_netns(struct object *o, int *ret, struct err *err);
/** nic_unplug() - device_type.detach of every type */
int nic_unplug(struct object *o, const struct config *effective, const char *device, struct err *err);
/** nic_restore() - its rules and routes again; one that isn't attached is no failure */
int nic_restore(struct object *o, const struct config *effective, const char *device, struct err *err);
/** nics_detach_all() - every one that is attached; never fails */
void nics_detach_all(struct object *o);
/** nics_forget() - free the list; the NICs stay */
void nics_forget(struct object *o);

/** nic_choose_name() - for inside: ethN, the lowest that neither is there nor is asked for by another device.
 * Return: 0; -EEXIST */
int nic_choose_name(const struct config *effective, int netns, char ret[IFNAMSIZ], struct err *err);
/** nic_inner_name() - what the device's `name` says, else as nic_choose_name() */
int nic_inner_name(const struct config *effective, const char *device, int netns, char ret[IFNAMSIZ],
		   struct err *err);
/** nic_check_name() - that no other device of the instance asks for the same. Return: 0; -EINVAL */
int nic_check_name(const struct config *effective, const char *device, struct err *err);
/** nic_clear_leftover() - a veth that a core which was killed left: only for names that nobody else uses */
void nic_clear_leftover(const char *host_name);
