/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of 9P2000.L: one table of their fields, from which decoder and encoder come, for server and client
 * alike. Source: the protocol pages of diod and Linux's net/9p/protocol.c. */
#pragma once

#include "engine/base/str.h"

#include <stddef.h>
#include <stdint.h>

#define P9_VERSION "9P2000.L"
#define P9_NOTAG 0xffff
#define P9_NOFID 0xffffffffu
#define P9_HEADER 7	/* size[4] type[1] tag[2] */
#define P9_IO_HEADER 11 /* of Rread and Rreaddir: then the data */
#define P9_WRITE_HEADER 23
#define P9_MSIZE_MIN 4096
#define P9_MSIZE_MAX (1024 * 1024)
#define P9_NAMES_MAX 16
#define P9_AT_REMOVEDIR 0x200

enum {
	P9_RLERROR = 7,
	P9_TSTATFS = 8,
	P9_TLOPEN = 12,
	P9_TLCREATE = 14,
	P9_TSYMLINK = 16,
	P9_TMKNOD = 18,
	P9_TRENAME = 20,
	P9_TREADLINK = 22,
	P9_TGETATTR = 24,
	P9_TSETATTR = 26,
	P9_TXATTRWALK = 30,
	P9_TXATTRCREATE = 32,
	P9_TREADDIR = 40,
	P9_TFSYNC = 50,
	P9_TLOCK = 52,
	P9_TGETLOCK = 54,
	P9_TLINK = 70,
	P9_TMKDIR = 72,
	P9_TRENAMEAT = 74,
	P9_TUNLINKAT = 76,
	P9_TVERSION = 100,
	P9_TAUTH = 102,
	P9_TATTACH = 104,
	P9_TFLUSH = 108,
	P9_TWALK = 110,
	P9_TREAD = 116,
	P9_TWRITE = 118,
	P9_TCLUNK = 120,
	P9_TREMOVE = 122,
};

enum { P9_QID_DIR = 0x80, P9_QID_SYMLINK = 0x02, P9_QID_FILE = 0 };
enum { P9_GETATTR_BASIC = 0x7ff };
enum {
	P9_SETATTR_MODE = 1,
	P9_SETATTR_UID = 2,
	P9_SETATTR_GID = 4,
	P9_SETATTR_SIZE = 8,
	P9_SETATTR_ATIME = 0x10,
	P9_SETATTR_MTIME = 0x20,
	P9_SETATTR_CTIME = 0x40,
	P9_SETATTR_ATIME_SET = 0x80,
	P9_SETATTR_MTIME_SET = 0x100,
};
enum { P9_LOCK_READ = 0, P9_LOCK_WRITE = 1, P9_LOCK_NONE = 2 };
enum { P9_LOCK_SUCCESS = 0, P9_LOCK_BLOCKED = 1, P9_LOCK_ERROR = 2 };

struct p9_qid {
	uint8_t type;
	uint32_t version; /* 0: nothing of it may be kept */
	uint64_t path;
};

/* A moment; nanoseconds below a second. */
struct p9_time {
	uint64_t sec, nsec;
};

struct p9_attr {
	uint64_t valid;
	struct p9_qid qid;
	uint32_t mode, uid, gid;
	uint64_t nlink, rdev, size, blksize, blocks;
	struct p9_time atime, mtime, ctime, btime;
	uint64_t gen, data_version;
};

struct p9_statfs {
	uint32_t type, bsize;
	uint64_t blocks, bfree, bavail, files, ffree, fsid;
	uint32_t namelen;
};

/* One message. Texts and data point into the bytes that it was decoded from; which fields count says the
 * type's row. Fields that several messages share are one: what a message has of them stands in its row. */
struct p9_msg {
	uint8_t type;
	uint16_t tag;
	uint32_t fid, newfid; /* newfid: afid and dfid as well */
	struct str name, name2;
	struct str data;
	uint32_t flags, mode, uid, gid, count, ecode, msize, iounit, major, minor, pid;
	uint8_t lock_type, status;
	uint64_t offset, length, mask, size;
	uint16_t oldtag, n;
	struct str names[P9_NAMES_MAX];
	struct p9_qid qids[P9_NAMES_MAX]; /* a lone qid is the first */
	struct p9_time atime, mtime;	  /* of Tsetattr */
	union {
		struct p9_attr attr;
		struct p9_statfs statfs;
	};
};

/** p9_name() - "Tlopen" for logs and tests, NULL for a number that is no message */
const char *p9_name(uint8_t type);

/**
 * p9_decode() - read one whole message
 * @bytes: as received, with its size field
 *
 * Everything must be there and nothing may follow; texts hold no NUL, and there are at most 16 names. Return:
 * 0; -EBADMSG, type and tag are set where the header was whole; -EOPNOTSUPP no message has that number
 */
int p9_decode(struct str bytes, struct p9_msg *ret);

/**
 * p9_encode() - write one message
 * @to: of @cap bytes. Data that stands in its place there already isn't moved
 *
 * Return: its length; -EMSGSIZE it doesn't fit; -EINVAL no message has that type
 */
int p9_encode(const struct p9_msg *msg, void *to, size_t cap);

/** p9_size() - the size field of a message's first four bytes */
uint32_t p9_size(const void *bytes);

/**
 * p9_dirent_put() - append one entry to the data of Rreaddir
 * @used: bytes of @to that are in use, advanced
 *
 * Return: 0; -EMSGSIZE it doesn't fit, nothing was written
 */
int p9_dirent_put(char *to, size_t cap, size_t *used, const struct p9_qid *qid, uint64_t offset, uint8_t type,
		  struct str name);

/** p9_dirent_get() - take the first entry off the data of Rreaddir. Return: 0; -ENODATA none; -EBADMSG */
int p9_dirent_get(struct str *data, struct p9_qid *qid, uint64_t *offset, uint8_t *type, struct str *name);
