/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of managed bridges share and nobody else needs. */
#pragma once

#include "engine/device/network.h"
#include "engine/kind/network.h"
#include "net/acl.h"
#include "net/dnsmasq.h"
#include "net/nat.h"
#include "net/tunnel.h"

/* object.data */
struct network {
	pthread_mutex_t lock; /* a leaf; protects the rest, held for moments */
	int pidfd;	      /* of its dnsmasq, watched; -EBADF: none is */
	unsigned deaths;      /* in a row, each soon after its start */
	uint64_t started_ns;
	char link[16]; /* the bridge's name while there is one; under the token, not the lock */
};

/* All that a config says of a bridge, as typed values; zero-initialise, network_spec_done() frees. */
struct network_spec {
	struct network_view view;
	struct mac mac;
	struct nat_bridge nat;
	struct acl_use acl;
	char **acls; /* what acl.lists is */
	struct dnsmasq_spec dns;
	bool has_dnsmasq;
	bool accept_ra;	       /* from its own instances */
	struct ip_net *routes; /* of both protocols, by way of the bridge */
	size_t n_routes;
	char **externals; /* links that are its ports */
	struct tunnel *tunnels;
	size_t n_tunnels;
	struct dnsmasq_range *ranges4, *ranges6;
	struct ip *servers;
	char **search;
	char *domain, *run_dir, *lease_dir, *raw;
};

/** network_spec_make() - read a config. Pure. Return: 0; -EINVAL with the key that is wrong */
int network_spec_make(struct host *h, const char *name, const struct config *c, struct network_spec *ret,
		      struct err *err);
void network_spec_done(struct network_spec *s);
static inline void network_spec_done_auto(struct network_spec *s)
{
	network_spec_done(s);
}

/** network_tunnels_read() - those that have all they need; @ret grows. Return: 0; -EINVAL with the key */
int network_tunnels_read(const struct config *c, const char *bridge, struct tunnel **ret, size_t *ret_n,
			 struct err *err);

/** network_taken() - networks of all configs but @but's; freed by the caller. Return: their number */
size_t network_taken(struct host *h, const struct object *but, struct ip_net **ret);

/**
 * network_bring() - from one spec to another, touching only what differs
 * @old: NULL: nothing is known of the link but that it is there
 *
 * The token is held. On failure some of it is done: bring it back. Return: 0 or a failure
 */
int network_bring(struct object *o, const struct network_spec *old, const struct network_spec *new,
		  struct err *err);
/** network_up() - make the bridge and bring it up; all or nothing. Return: 0; -EEXIST a link has that name */
int network_up(struct object *o, const struct network_spec *spec, struct err *err);
/** network_adopt() - at the daemon's start: make what is missing, take over what is there. Return: 0; -EEXIST
 * the link with that name isn't ours; what can't be brought up */
int network_adopt(struct object *o, const struct network_spec *spec, struct err *err);
/** network_down() - dnsmasq, rules, link; everything is tried. Return: 0 or the first failure */
int network_down(struct object *o, const char *name, struct err *err);
/** network_unwatch() - nobody waits for the end of its dnsmasq any more */
void network_unwatch(struct object *o);
