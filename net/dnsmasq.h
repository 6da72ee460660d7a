/* SPDX-License-Identifier: Apache-2.0 */
/* One dnsmasq for each managed bridge: DHCP, DNS and router advertisements, as an unprivileged user. It
 * outlives the core and is found again by dnsmasq_adopt(). */
#pragma once

#include "engine/base/err.h"
#include "engine/base/ip.h"

#include <stdbool.h>
#include <stddef.h>

enum dnsmasq_dns {
	DNSMASQ_DNS_MANAGED, /* names by MAC from the hosts files, what requests claim is worth nothing */
	DNSMASQ_DNS_DYNAMIC, /* believes requests */
	DNSMASQ_DNS_NONE,
};

struct dnsmasq_range {
	struct ip first, last;
};

/* All borrowed. Names are checked by dnsmasq_start(): no text reaches the file unread. */
struct dnsmasq_spec {
	const char
	    *run_dir; /* of this bridge: dnsmasq.conf, dnsmasq.pid, hosts/, names/; made, and kept on stop */
	const char *lease_dir; /* holds dnsmasq.leases, kept over reboots; NULL: run_dir */
	const char *bridge;
	const char *user;    /* NULL: "dnsmasq", or "nobody" where there is none */
	const char *profile; /* of AppArmor, loaded already, that it is to have; NULL: none */

	struct ip_net v4; /* the bridge's address; family 0: no IPv4 */
	bool dhcp4;
	const struct dnsmasq_range
	    *ranges4; /* none: all of the network but the first and last and the bridge */
	size_t n_ranges4;
	/* A host that has a line gets the address in it or none. Otherwise a REQUEST for another one of the
	 * ranges is granted, and its name goes there */
	bool is_promised4;
	unsigned expiry4;   /* seconds; 0: 3600 */
	struct ip gateway4; /* family 0: the bridge */

	struct ip_net v6; /* family 0: no IPv6 */
	bool dhcp6;	  /* false: router advertisements alone */
	bool stateful6;	  /* addresses by DHCPv6, not SLAAC */
	const struct dnsmasq_range *ranges6;
	size_t n_ranges6;
	unsigned expiry6; /* seconds; 0: 3600 */

	unsigned mtu; /* told to instances; 0: not */
	enum dnsmasq_dns dns;
	const char *domain;	   /* NULL: "lxd" */
	const char *const *search; /* NULL-terminated domains, or NULL */
	const struct ip *servers;  /* DNS servers told to instances instead of the bridge */
	size_t n_servers;
	const char *raw; /* lines of an admin's, taken as they are; NULL: none */
};

/** dnsmasq_program() - its path, or where Debian has it */
const char *dnsmasq_program(void);

/**
 * dnsmasq_start() - write the configuration, start dnsmasq, return when it serves
 * @ret_pidfd: readable when it dies; the caller closes it
 *
 * One that runs with this run_dir is stopped first. Return: 0; -EINVAL a value; -ENOENT dnsmasq isn't
 * installed; -EADDRINUSE and others with dnsmasq's own last words
 */
int dnsmasq_start(const struct dnsmasq_spec *spec, int *ret_pidfd, struct err *err);

/**
 * dnsmasq_test_raw() - whether dnsmasq would read these lines
 * @run_dir: of spec; made where it is missing
 *
 * Return: 0; -EINVAL with its words and the line; -ENOENT it isn't installed
 */
int dnsmasq_test_raw(const char *run_dir, const char *raw, struct err *err);

/**
 * dnsmasq_adopt() - find the dnsmasq that an earlier core started with this run_dir
 *
 * The pid file is believed only where that process's command line names our file. Return: 1 found; 0 none
 */
int dnsmasq_adopt(const char *run_dir, int *ret_pidfd, struct err *err);

/** dnsmasq_is_current() - what runs in run_dir was started with a configuration equal to @spec's: no restart
 * is needed */
bool dnsmasq_is_current(const struct dnsmasq_spec *spec);

/** dnsmasq_reload() - read the hosts files again, forget the DNS cache */
int dnsmasq_reload(const char *run_dir, struct err *err);

/** dnsmasq_stop() - end it and wait for its end; none there is no failure */
int dnsmasq_stop(const char *run_dir, struct err *err);

/* One NIC's line in the hosts directory. */
struct dnsmasq_host {
	const char *key; /* file name: letters, digits, '-', '_', '.'; instance's uuid and device, say */
	struct mac mac;
	struct ip v4, v6; /* family 0: not fixed */
	const char *name; /* a DNS label; NULL: none, as for DNSMASQ_DNS_NONE */
	/* Names of its addresses as they are, several labels each; NULL-terminated, or NULL. dnsmasq knows
	 * names of leases below one domain alone */
	const char *const *aliases;
	struct ip alias4, alias6; /* what they are of; family 0: not */
	/* The name is that of its DHCPv4 lease alone. DHCPv6 knows clients by ids that they choose: a name
	 * that went with its leases would go to whoever asks last */
	bool is_name4;
};

/** dnsmasq_host_text() - the file's content. Return: 0; -EINVAL a name or address of the wrong kind */
int dnsmasq_host_text(struct buf *b, const struct dnsmasq_host *host, struct err *err);
/** dnsmasq_alias_text() - the content of the file with its aliases. Return: 0; -EINVAL a name */
int dnsmasq_alias_text(struct buf *b, const struct dnsmasq_host *host, struct err *err);
/** dnsmasq_host_set() - write a NIC's file, and the one with its aliases; a running dnsmasq takes it at once.
 * The directory need not exist
 */
int dnsmasq_host_set(const char *run_dir, const struct dnsmasq_host *host, struct err *err);
/** dnsmasq_host_clear() - remove it; none there is no failure */
int dnsmasq_host_clear(const char *run_dir, const char *key, struct err *err);

/**
 * dnsmasq_release() - end a host's leases, as it would itself when it goes for good
 * @bridge:    dnsmasq serves it
 * @server:    its IPv4 address there; family 0: none
 * @lease_dir: of its spec
 * @host:      leases of its MAC, of its addresses, and those with its name: DHCPv6 may know it by another id
 * than the MAC
 *
 * The messages are sent, and dnsmasq obeys when it reads them; no lease, no failure. A name whose host was
 * cleared is answered until then. Return: 0; what sending or reading the leases met
 */
int dnsmasq_release(const char *bridge, const struct ip *server, const char *lease_dir,
		    const struct dnsmasq_host *host, struct err *err);

/** dnsmasq_conf_text() - the configuration file's content. Return: 0; -EINVAL */
int dnsmasq_conf_text(struct buf *b, const struct dnsmasq_spec *spec, struct err *err);
