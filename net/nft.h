/* SPDX-License-Identifier: Apache-2.0 */
/* The one door to nftables: one libnftables context, which isn't safe for two threads, behind one leaf lock.
 */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"

/**
 * net_init() - name of lxdfs's tables: `bridge NAME`, `inet NAME`. Before the first thread; default "lxdfs"
 * @table: letters, digits, '-', '_', begins with a letter; else the program aborts
 */
void net_init(const char *table);
/** net_table() - that name */
const char *net_table(void);

/**
 * nft_run() - run commands as one transaction: all of them or none
 * @commands: nft syntax, made of typed values only
 * @err:      holds the first line of nft's complaint
 *
 * Return: 0; -ENOENT something named isn't there; -EEXIST; -EBUSY; -EPERM; -EINVAL anything else
 */
int nft_run(const char *commands, struct err *err);

/** nft_list() - run a command that lists, and append its output to @out. Return: as nft_run() */
int nft_list(const char *command, struct buf *out, struct err *err);
/** nft_list_terse() - the same without the elements of sets: there may be very many */
int nft_list_terse(const char *command, struct buf *out, struct err *err);

/**
 * buf_nft_ifname() - append a link's name in quotes, so that nft takes it as nothing else
 *
 * Return: 0; -EINVAL: no name of a link, or one that nft's quotes can't hold ('"', '\', '*', unprintable)
 */
int buf_nft_ifname(struct buf *b, const char *name);

/** buf_nft_chain() - append @prefix and an encoding of a link's name that is a valid name of a chain,
 * distinct for distinct names */
void buf_nft_chain(struct buf *b, const char *prefix, const char *name);

/** nft_watch() - a netlink socket that becomes readable when somebody changes the ruleset. Return:
 * descriptor, non-blocking; read it empty with nft_watch_read() */
int nft_watch(struct err *err);
/** nft_watch_read() - empty the socket. Return: 1 a table of ours was deleted, flushed or changed by another
 * process (or news were lost: assume so); 0 nothing that concerns us */
int nft_watch_read(int fd);
/** nft_changes() - how often nft_watch_read() has returned 1: who remembers what is in the kernel compares it
 */
unsigned nft_changes(void);
