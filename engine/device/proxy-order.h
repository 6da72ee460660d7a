/* SPDX-License-Identifier: Apache-2.0 */
/* What a proxy is to do, as the core tells its helper; and their messages. The helper parses the same text as
 * the keys hold. */
#pragma once

#include "engine/base/ip.h"
#include "engine/base/msg.h"

#include <stdbool.h>
#include <stdint.h>

enum proxy_kind { PROXY_TCP, PROXY_UDP, PROXY_UNIX };

#define PROXY_PORTS_MAX 512
#define PROXY_PATH_MAX 107

/* "tcp:10.0.0.1:80,443", "udp:[::]:5000-5010", "unix:/run/x.sock", "unix:@name" */
struct proxy_end {
	enum proxy_kind kind;
	struct ip ip;
	uint16_t ports[PROXY_PORTS_MAX];
	size_t n; /* of ports; 1 of a unix socket */
	char path[PROXY_PATH_MAX + 1];
	bool is_abstract; /* path is its name, without the @ */
};

/** proxy_end_parse() - Return: 0; -EINVAL with a sentence's rest that says what is wanted */
int proxy_end_parse(struct str text, struct proxy_end *ret, struct err *err);
/** proxy_ends_check() - that they go together. Return: 0; -EINVAL */
int proxy_ends_check(const struct proxy_end *listen, const struct proxy_end *connect, struct err *err);

/* Ids are the host's. */
struct proxy_order {
	char *key;		     /* of its socket in the directory */
	char *listen, *connect;	     /* text */
	uint32_t says_protocol;	     /* the PROXY header goes first */
	uint32_t root_uid, root_gid; /* who makes a unix socket */
	uint32_t uid, gid, mode;     /* whose it is then */
	uint32_t run_uid, run_gid;   /* as whom the helper serves */
};

void proxy_order_pack(struct buf *b, const struct proxy_order *o);
/** proxy_order_unpack() - Return: 0; -EBADMSG */
int proxy_order_unpack(const struct msg *msg, struct proxy_order *ret);
void proxy_order_done(struct proxy_order *o);

/* Descriptors of PROXY_START. */
enum {
	PROXY_FD_LISTEN_NET, /* network namespaces */
	PROXY_FD_CONNECT_NET,
	PROXY_FD_LISTEN_ROOT, /* where paths begin */
	PROXY_FD_CONNECT_ROOT,
	PROXY_FD_INIT, /* pidfd of the instance's init: it ends with that */
	PROXY_FD_DIR,  /* where its own socket is made */
	PROXY_FDS,
};

enum {
	PROXY_START = 1,  /* core: the order */
	PROXY_READY = 2,  /* helper: it serves */
	PROXY_FAILED = 3, /* helper: err */
	PROXY_ASK = 4,	  /* core, at the helper's own socket */
	PROXY_ORDER = 5,  /* helper: the order that it had */
	PROXY_STOP = 6,	  /* core */
};

extern const struct msg_table proxy_table;
