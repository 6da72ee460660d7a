/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts entry of a NIC on a managed bridge: its DNS name, and the addresses that DHCP gives to it and to
 * nobody else. */
#pragma once

#include "engine/device/nic-plan.h"

/**
 * nic_hosts_set() - find the address that is to be pinned, if one is, and write the entry
 * @p: v4 and what is allowed are completed
 *
 * Pinned is the address of its lease or entry, or what it had before it went, where that is free and in the
 * ranges, else the lowest free one.
 * None to be had: it is allowed none, which is a warning. Return: 0; -ENOSPC all ranges are taken, where
 * @p->must_pin4 says so; another failure
 */
int nic_hosts_set(struct object *o, const char *device, struct nic_plan *p, struct err *err);
/** nic_hosts_clear() - remove the entry and end the NIC's leases, with which its DNS records go; none there
 * is no failure. An address that it had is its own again when it comes back, if it is free */
int nic_hosts_clear(struct object *o, const char *device, const char *network, struct err *err);

/** nic_dns_name() - how an instance is called below a network's domain: NAME, or NAME.PROJECT outside of
 * project default; freed by the caller. NULL: it can't be part of a DNS name */
char *nic_dns_name(const struct object *o);
/** nic_entry_key() - a file name that stands for a NIC: the instance's uuid, a dot, the device's name with
 * what a file name can't hold escaped; freed by the caller */
char *nic_entry_key(const struct object *o, const char *device);

/* Addresses from first to last of one family; for tests. */
struct ip_range {
	struct ip first, last;
};
/** ip4_ranges() - "a-b, c-d" or, where @text is NULL, what dnsmasq gives out of a network without ranges.
 * Return: their number, at most @max; -EINVAL */
int ip4_ranges(const char *text, const struct ip_net *net, struct ip_range *ret, int max);
/** ip4_lowest_free() - Return: 0; -ENOSPC all of the ranges are taken */
int ip4_lowest_free(const struct ip_range *ranges, size_t n, const struct ip *taken, size_t n_taken,
		    struct ip *ret);
