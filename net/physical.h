/* SPDX-License-Identifier: Apache-2.0 */
/* A link of the host that an instance has for a time, and how it is given back as it was. */
#pragma once

#include "engine/base/err.h"
#include "net/link.h"

/* What a link was before it went, and how it is found again; as text it is the record that outlives a core.
 */
struct physical {
	struct link_info was; /* on the host */
	int index;	      /* while it is away: no other link has it */
	char *settings;	      /* of /proc/sys/net, see sysctl_net_dump() */
};
#define PHYSICAL_NULL ((struct physical){0})

/**
 * physical_look() - describe a link of the host that is to go
 *
 * Return: 0; -ENODEV; -EBUSY it is a port of a bridge or the like; -EINVAL it is lo
 */
int physical_look(const char *name, struct physical *ret, struct err *err);
void physical_done(struct physical *p);
static inline void physical_done_auto(struct physical *p)
{
	physical_done(p);
}

/** physical_text() - a record, and back. Return of the latter: 0; -EINVAL */
void physical_text(struct buf *b, const struct physical *p);
int physical_parse(struct str text, struct physical *ret);

/**
 * physical_give() - move it into a namespace, where it is down
 * @name: there
 * @mtu: 0: as it was; @mac: NULL: as it was
 *
 * Return: 0; as link_move(), what the link refuses: it is as it was then
 */
int physical_give(const struct physical *p, int netns_fd, const char *name, unsigned mtu,
		  const struct mac *mac, struct err *err);

/**
 * physical_take_back() - wherever it is: under its old name, with MAC, MTU and settings as they were; down
 * @netns_fd: the instance's; NETNS_OWN where that is gone: then the kernel gave it back, if it is hardware
 *
 * Also for one that never went, or came back half. A link that the instance put in its place is deleted.
 * Return: 0; -ENODEV it isn't found; -EEXIST another link has its name: it is there under the name of
 * physical_spare_name()
 */
int physical_take_back(const struct physical *p, int netns_fd, struct err *err);
/** physical_spare_name() - what it is called on the host until it has its name back */
void physical_spare_name(const struct physical *p, char ret[IFNAMSIZ]);
