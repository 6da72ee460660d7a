/* SPDX-License-Identifier: Apache-2.0 */
/* Links, their addresses and routes: made, changed, listed, through rtnetlink and safe from any thread. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/ip.h"

#include <linux/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As netns_fd: the caller's own network namespace. */
#ifndef NETNS_OWN
#define NETNS_OWN (-1)
#endif

struct link_counters {
	uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets;
	uint64_t rx_errors, tx_errors, rx_dropped, tx_dropped;
};

struct link_info {
	int index;
	int master; /* index of the bridge, 0 for none */
	char name[IFNAMSIZ];
	char kind[IFNAMSIZ]; /* "bridge", "veth", ...; "" for hardware and lo */
	struct mac mac;
	bool has_mac;
	uint16_t type;	    /* ARPHRD_ETHER, ... */
	unsigned flags;	    /* IFF_UP, IFF_LOWER_UP, ... of linux/if.h */
	unsigned operstate; /* IF_OPER_UP, ... */
	unsigned mtu, txqueuelen;
	int peer;  /* index of a veth's other end, in that end's namespace; 0: none */
	int below; /* the same of whatever a link lies on: of a VLAN its parent; itself, or 0: nothing */
	int below_netns; /* our number of the namespace which that is in; -1: its own */
	struct link_counters counters;
};

struct link_addr {
	int index; /* of the link */
	struct ip_net net;
	unsigned scope; /* RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, ... */
	unsigned flags; /* IFA_F_TENTATIVE, ... */
};

/* zero-initialise; link_list_done() frees */
struct link_list {
	struct link_info *links;
	size_t n_links;
	struct link_addr *addrs; /* of all links, in the kernel's order */
	size_t n_addrs;
};

/** link_get() - one link by name. Return: 0; -ENODEV no such link */
int link_get(int netns_fd, const char *name, struct link_info *ret, struct err *err);
/** link_get_at() - one link by its index. Return: 0; -ENODEV no such link */
int link_get_at(int netns_fd, int index, struct link_info *ret, struct err *err);

/**
 * link_list() - all links of a network namespace with counters and addresses
 * @netns_fd: /proc/PID/ns/net of a container, or NETNS_OWN
 * @ret:      bounded by what the kernel gives; a container may have made thousands, so at most 4096 of each
 */
int link_list(int netns_fd, struct link_list *ret, struct err *err);
void link_list_done(struct link_list *list);
static inline void link_list_done_auto(struct link_list *list)
{
	link_list_done(list);
}
/** link_oper_text() - "up", "down", "lowerlayerdown", ... as ip(8) says it */
const char *link_oper_text(unsigned operstate);

/* What link_set() changes: the fields named by @set. */
enum {
	LINK_STATE = 1 << 0,
	LINK_MTU = 1 << 1,
	LINK_TXQUEUELEN = 1 << 2,
	LINK_MASTER = 1 << 3,
	LINK_MAC = 1 << 4,
};
struct link_change {
	unsigned set;
	bool up;
	unsigned mtu, txqueuelen;
	const char *master; /* name of the bridge; NULL: leave it */
	struct mac mac;
};

/** link_set() - one request for all changes. Return: 0; -ENODEV; what the kernel refuses */
int link_set(const char *name, const struct link_change *change, struct err *err);
/** link_set_in() - the same in another network namespace */
int link_set_in(int netns_fd, const char *name, const struct link_change *change, struct err *err);
/**
 * link_move() - from one network namespace to another, under another name; it is down then
 * @index: in @from_fd; @new_index: in @to_fd, 0: the kernel keeps it if it can
 *
 * Return: 0; -EEXIST the name is taken there; -EBUSY the index is; -EINVAL it is of a kind that can't leave;
 * it is where it was then
 */
int link_move(int from_fd, int index, int to_fd, const char *name, int new_index, struct err *err);
/** link_rename() - one that is down. Return: 0; -EEXIST the name is taken; -ENODEV */
int link_rename(int netns_fd, int index, const char *name, struct err *err);
/** link_delete() - Return: 0; -ENODEV there is none: callers that undo pass that over */
int link_delete(const char *name, struct err *err);
/** link_delete_in() - the same in another network namespace */
int link_delete_in(int netns_fd, const char *name, struct err *err);
/** link_random_name() - "veth" and eight random hex digits, not in use now */
void link_random_name(char ret[IFNAMSIZ]);

struct bridge_spec {
	const char *name;
	struct mac mac;
	unsigned mtu; /* 0: the kernel's 1500 */
};
/**
 * bridge_create() - a bridge that is down, without addresses
 *
 * The MAC is set, so that the kernel never takes a port's. Return: 0; -EEXIST a link has the name
 */
int bridge_create(const struct bridge_spec *spec, struct err *err);

/* Flags of a port; a port may not talk to another isolated port. */
struct bridge_port {
	bool isolated;
	bool hairpin;
	bool no_learning;
};
/**
 * bridge_port_set() - flags of a port; and none of its frames go past the bridge's hooks from then on
 *
 * Return: 0; -ENODEV; -EOPNOTSUPP the link is no port of a bridge
 */
int bridge_port_set(const char *name, const struct bridge_port *port, struct err *err);
int bridge_port_get(const char *name, struct bridge_port *ret, struct err *err);

/* VLANs from first to last. */
struct vlan_range {
	uint16_t first, last;
};
struct port_vlans {
	uint16_t untagged;	       /* of frames without a tag; 0: they are dropped */
	const struct vlan_range *list; /* of frames that have one, to the port and from it; borrowed */
	size_t n;
};
/**
 * bridge_tell_vlans() - a bridge tells VLANs apart
 * @may_set: where it doesn't, it does from now on; its ports stay in VLAN 1, so for them nothing changes
 *
 * Return: 0; -ENODEV; -EINVAL it doesn't, with the command that would do it; -EOPNOTSUPP the kernel can't
 */
int bridge_tell_vlans(const char *name, bool may_set, struct err *err);
/** bridge_port_vlans() - the port is in these VLANs and no others. Return: 0; -ENODEV */
int bridge_port_vlans(const char *name, const struct port_vlans *vlans, struct err *err);

struct veth_spec {
	const char *host_name;
	const char *peer_name;
	struct mac peer_mac;
	int peer_netns_fd;   /* where the peer is made; NETNS_OWN: here */
	unsigned mtu;	     /* of both ends; 0: 1500 */
	unsigned txqueuelen; /* of both ends; 0: the kernel's */
};
/**
 * veth_create() - both ends in one request, the peer directly in its namespace; both are left down
 *
 * Return: 0; -EEXIST a name is taken; else nothing was made
 */
int veth_create(const struct veth_spec *spec, struct err *err);

/** address_add() - Return: 0; -EEXIST it is there already */
int address_add(int netns_fd, const char *link, const struct ip_net *net, struct err *err);
/** address_add_sure() - the same, of use at once: whether another on the link has it isn't asked (IPv6) */
int address_add_sure(int netns_fd, const char *link, const struct ip_net *net, struct err *err);
/** address_del() - Return: 0; -EADDRNOTAVAIL it isn't there */
int address_del(int netns_fd, const char *link, const struct ip_net *net, struct err *err);

struct route {
	struct ip_net dst; /* family is needed; len 0: default */
	struct ip gateway; /* family 0: none, on the link */
	const char *link;  /* NULL: by the gateway */
	struct ip source;  /* preferred source; family 0: none */
	uint32_t table;	   /* 0: main */
	uint32_t metric;   /* 0: the kernel's */
	uint8_t protocol;  /* 0: static */
};
/** route_add() - Return: 0; -EEXIST; -ENETUNREACH the gateway can't be reached */
int route_add(int netns_fd, const struct route *route, struct err *err);
/** route_del() - Return: 0; -ESRCH it isn't there */
int route_del(int netns_fd, const struct route *route, struct err *err);

/* zero-initialise; free() the array */
struct ip_net_list {
	struct ip_net *nets;
	size_t n;
};
/**
 * route_networks() - every network that this host uses: addresses of links and routes of all tables
 *
 * Default routes, multicast, broadcast and what the local table says about single addresses are left out;
 * only the first 65536 are looked at.
 */
int route_networks(int family, struct ip_net_list *ret, struct err *err);
/** route_on_link() - where to lead the static routes of the main table that go by a link; free() the array */
int route_on_link(const char *link, int family, struct ip_net_list *ret, struct err *err);

/**
 * vlan_create() - a VLAN of another link, down, with a mark that it is lxdfs's
 * @id: 1 to 4094
 *
 * Return: 0; -EEXIST a link has the name; -ENODEV no parent; -EOPNOTSUPP the kernel has no VLANs
 */
int vlan_create(const char *name, const char *parent, unsigned id, struct err *err);
/** vlan_is_ours() - there is a link of that name, and vlan_create() made it */
bool vlan_is_ours(const char *name);

struct macvlan_spec {
	const char *name, *parent;
	struct mac mac;
	unsigned mtu; /* 0: the parent's */
	int netns_fd; /* where it is made */
};
/**
 * macvlan_create() - another MAC address on a link, in another namespace; down. Those of one parent reach
 * each other, but not the host
 *
 * Return: 0; -EEXIST the name is taken there; -ENODEV no parent; -EBUSY the parent is a bridge's port;
 * -EOPNOTSUPP the kernel has no macvlan
 */
int macvlan_create(const struct macvlan_spec *spec, struct err *err);
