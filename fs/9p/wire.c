/* SPDX-License-Identifier: Apache-2.0 */
/* The table of messages, and the two functions that walk along its rows. */
#include "fs/9p/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "engine/base/auto.h"

enum kind { END, U8, U16, U32, U64, TEXT, DATA, QID, NAMES, QIDS };

struct field {
	enum kind kind;
	size_t at; /* in struct p9_msg */
};

#define AT(k, member)                                                                                        \
	{                                                                                                    \
		k, offsetof(struct p9_msg, member)                                                           \
	}
#define TIME(member) AT(U64, member.sec), AT(U64, member.nsec)
#define FIELDS_MAX 22

struct row {
	const char *name;
	struct field fields[FIELDS_MAX];
};

#define FID AT(U32, fid)
#define NEWFID AT(U32, newfid)
#define NAME AT(TEXT, name)
#define NAME2 AT(TEXT, name2)
#define GID AT(U32, gid)
#define FLAGS AT(U32, flags)
#define MODE AT(U32, mode)
#define ONE_QID AT(QID, qids)
#define RANGE AT(U64, offset), AT(U64, length), AT(U32, pid), NAME
#define UID AT(U32, uid)

/* clang-format off */
static const struct row rows[256] = {
	[P9_RLERROR] = {"Rlerror", {AT(U32, ecode)}},
	[P9_TSTATFS] = {"Tstatfs", {FID}},
	[P9_TSTATFS + 1] = {"Rstatfs", {AT(U32, statfs.type), AT(U32, statfs.bsize), AT(U64, statfs.blocks),
		AT(U64, statfs.bfree), AT(U64, statfs.bavail), AT(U64, statfs.files), AT(U64, statfs.ffree),
		AT(U64, statfs.fsid), AT(U32, statfs.namelen)}},
	[P9_TLOPEN] = {"Tlopen", {FID, FLAGS}},
	[P9_TLOPEN + 1] = {"Rlopen", {ONE_QID, AT(U32, iounit)}},
	[P9_TLCREATE] = {"Tlcreate", {FID, NAME, FLAGS, MODE, GID}},
	[P9_TLCREATE + 1] = {"Rlcreate", {ONE_QID, AT(U32, iounit)}},
	[P9_TSYMLINK] = {"Tsymlink", {FID, NAME, NAME2, GID}},
	[P9_TSYMLINK + 1] = {"Rsymlink", {ONE_QID}},
	[P9_TMKNOD] = {"Tmknod", {FID, NAME, MODE, AT(U32, major), AT(U32, minor), GID}},
	[P9_TMKNOD + 1] = {"Rmknod", {ONE_QID}},
	[P9_TRENAME] = {"Trename", {FID, NEWFID, NAME}},
	[P9_TRENAME + 1] = {"Rrename", {{END, 0}}},
	[P9_TREADLINK] = {"Treadlink", {FID}},
	[P9_TREADLINK + 1] = {"Rreadlink", {NAME}},
	[P9_TGETATTR] = {"Tgetattr", {FID, AT(U64, mask)}},
	[P9_TGETATTR + 1] = {"Rgetattr", {AT(U64, attr.valid), AT(QID, attr.qid), AT(U32, attr.mode),
		AT(U32, attr.uid), AT(U32, attr.gid), AT(U64, attr.nlink), AT(U64, attr.rdev), AT(U64, attr.size),
		AT(U64, attr.blksize), AT(U64, attr.blocks), TIME(attr.atime), TIME(attr.mtime),
		TIME(attr.ctime), TIME(attr.btime), AT(U64, attr.gen), AT(U64, attr.data_version)}},
	[P9_TSETATTR] = {"Tsetattr", {FID, FLAGS, MODE, UID, GID, AT(U64, size), TIME(atime), TIME(mtime)}},
	[P9_TSETATTR + 1] = {"Rsetattr", {{END, 0}}},
	[P9_TXATTRWALK] = {"Txattrwalk", {FID, NEWFID, NAME}},
	[P9_TXATTRWALK + 1] = {"Rxattrwalk", {AT(U64, size)}},
	[P9_TXATTRCREATE] = {"Txattrcreate", {FID, NAME, AT(U64, size), FLAGS}},
	[P9_TXATTRCREATE + 1] = {"Rxattrcreate", {{END, 0}}},
	[P9_TREADDIR] = {"Treaddir", {FID, AT(U64, offset), AT(U32, count)}},
	[P9_TREADDIR + 1] = {"Rreaddir", {AT(DATA, data)}},
	[P9_TFSYNC] = {"Tfsync", {FID, FLAGS}},
	[P9_TFSYNC + 1] = {"Rfsync", {{END, 0}}},
	[P9_TLOCK] = {"Tlock", {FID, AT(U8, lock_type), FLAGS, RANGE}},
	[P9_TLOCK + 1] = {"Rlock", {AT(U8, status)}},
	[P9_TGETLOCK] = {"Tgetlock", {FID, AT(U8, lock_type), RANGE}},
	[P9_TGETLOCK + 1] = {"Rgetlock", {AT(U8, lock_type), RANGE}},
	[P9_TLINK] = {"Tlink", {NEWFID, FID, NAME}},
	[P9_TLINK + 1] = {"Rlink", {{END, 0}}},
	[P9_TMKDIR] = {"Tmkdir", {FID, NAME, MODE, GID}},
	[P9_TMKDIR + 1] = {"Rmkdir", {ONE_QID}},
	[P9_TRENAMEAT] = {"Trenameat", {FID, NAME, NEWFID, NAME2}},
	[P9_TRENAMEAT + 1] = {"Rrenameat", {{END, 0}}},
	[P9_TUNLINKAT] = {"Tunlinkat", {FID, NAME, FLAGS}},
	[P9_TUNLINKAT + 1] = {"Runlinkat", {{END, 0}}},
	[P9_TVERSION] = {"Tversion", {AT(U32, msize), NAME}},
	[P9_TVERSION + 1] = {"Rversion", {AT(U32, msize), NAME}},
	[P9_TAUTH] = {"Tauth", {NEWFID, NAME, NAME2, UID}},
	[P9_TAUTH + 1] = {"Rauth", {ONE_QID}},
	[P9_TATTACH] = {"Tattach", {FID, NEWFID, NAME, NAME2, UID}},
	[P9_TATTACH + 1] = {"Rattach", {ONE_QID}},
	[P9_TFLUSH] = {"Tflush", {AT(U16, oldtag)}},
	[P9_TFLUSH + 1] = {"Rflush", {{END, 0}}},
	[P9_TWALK] = {"Twalk", {FID, NEWFID, AT(NAMES, names)}},
	[P9_TWALK + 1] = {"Rwalk", {AT(QIDS, qids)}},
	[P9_TREAD] = {"Tread", {FID, AT(U64, offset), AT(U32, count)}},
	[P9_TREAD + 1] = {"Rread", {AT(DATA, data)}},
	[P9_TWRITE] = {"Twrite", {FID, AT(U64, offset), AT(DATA, data)}},
	[P9_TWRITE + 1] = {"Rwrite", {AT(U32, count)}},
	[P9_TCLUNK] = {"Tclunk", {FID}},
	[P9_TCLUNK + 1] = {"Rclunk", {{END, 0}}},
	[P9_TREMOVE] = {"Tremove", {FID}},
	[P9_TREMOVE + 1] = {"Rremove", {{END, 0}}},
};
/* clang-format on */

const char *p9_name(uint8_t type)
{
	return rows[type].name;
}

/* ---- reading: a cursor that remembers an overrun */

struct in {
	const unsigned char *ptr;
	size_t left;
	bool bad;
};

static uint64_t get(struct in *in, size_t bytes)
{
	uint64_t v = 0;

	if (in->left < bytes) {
		in->bad = true;
		in->left = 0;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		v |= (uint64_t)in->ptr[i] << (8 * i);
	in->ptr += bytes;
	in->left -= bytes;
	return v;
}

static struct str get_bytes(struct in *in, size_t len)
{
	struct str s = {(const char *)in->ptr, len};

	if (in->left < len) {
		in->bad = true;
		in->left = 0;
		return (struct str){"", 0};
	}
	in->ptr += len;
	in->left -= len;
	return s;
}

static struct str get_text(struct in *in)
{
	struct str s = get_bytes(in, get(in, 2));

	if (s.len && memchr(s.ptr, 0, s.len))
		in->bad = true;
	return s;
}

static struct p9_qid get_qid(struct in *in)
{
	struct p9_qid q = {.type = (uint8_t)get(in, 1)};

	q.version = (uint32_t)get(in, 4);
	q.path = get(in, 8);
	return q;
}

static void get_field(struct in *in, const struct field *f, struct p9_msg *m)
{
	void *at = (char *)m + f->at;

	switch (f->kind) {
	case U8:
		*(uint8_t *)at = (uint8_t)get(in, 1);
		break;
	case U16:
		*(uint16_t *)at = (uint16_t)get(in, 2);
		break;
	case U32:
		*(uint32_t *)at = (uint32_t)get(in, 4);
		break;
	case U64:
		*(uint64_t *)at = get(in, 8);
		break;
	case TEXT:
		*(struct str *)at = get_text(in);
		break;
	case DATA:
		*(struct str *)at = get_bytes(in, get(in, 4));
		break;
	case QID:
		*(struct p9_qid *)at = get_qid(in);
		break;
	case NAMES:
	case QIDS:
		m->n = (uint16_t)get(in, 2);
		if (m->n > P9_NAMES_MAX) {
			in->bad = true;
			m->n = 0;
		}
		for (unsigned i = 0; i < m->n; i++)
			if (f->kind == NAMES)
				m->names[i] = get_text(in);
			else
				m->qids[i] = get_qid(in);
		break;
	case END:
		break;
	}
}

int p9_decode(struct str bytes, struct p9_msg *ret)
{
	struct in in = {(const unsigned char *)bytes.ptr, bytes.len, false};
	uint32_t size;

	memset(ret, 0, sizeof(*ret));
	size = (uint32_t)get(&in, 4);
	ret->type = (uint8_t)get(&in, 1);
	ret->tag = (uint16_t)get(&in, 2);
	if (in.bad || size != bytes.len)
		return -EBADMSG;
	if (!rows[ret->type].name)
		return -EOPNOTSUPP;
	for (const struct field *f = rows[ret->type].fields; f->kind; f++)
		get_field(&in, f, ret);
	return in.bad || in.left ? -EBADMSG : 0;
}

/* ---- writing */

struct out {
	unsigned char *ptr;
	size_t used, cap;
	bool bad;
};

static void put(struct out *out, uint64_t v, size_t bytes)
{
	if (out->cap - out->used < bytes) {
		out->bad = true;
		return;
	}
	for (size_t i = 0; i < bytes; i++)
		out->ptr[out->used++] = (unsigned char)(v >> (8 * i));
}

static void put_bytes(struct out *out, struct str s)
{
	if (out->cap - out->used < s.len) {
		out->bad = true;
		return;
	}
	if (s.len && s.ptr != (const char *)out->ptr + out->used)
		memmove(out->ptr + out->used, s.ptr, s.len);
	out->used += s.len;
}

static void put_text(struct out *out, struct str s)
{
	if (s.len > UINT16_MAX) {
		out->bad = true;
		return;
	}
	put(out, s.len, 2);
	put_bytes(out, s);
}

static void put_qid(struct out *out, const struct p9_qid *q)
{
	put(out, q->type, 1);
	put(out, q->version, 4);
	put(out, q->path, 8);
}

static void put_field(struct out *out, const struct field *f, const struct p9_msg *m)
{
	const void *at = (const char *)m + f->at;

	switch (f->kind) {
	case U8:
		put(out, *(const uint8_t *)at, 1);
		break;
	case U16:
		put(out, *(const uint16_t *)at, 2);
		break;
	case U32:
		put(out, *(const uint32_t *)at, 4);
		break;
	case U64:
		put(out, *(const uint64_t *)at, 8);
		break;
	case TEXT:
		put_text(out, *(const struct str *)at);
		break;
	case DATA:
		put(out, ((const struct str *)at)->len, 4);
		put_bytes(out, *(const struct str *)at);
		break;
	case QID:
		put_qid(out, at);
		break;
	case NAMES:
	case QIDS:
		put(out, m->n, 2);
		for (unsigned i = 0; i < m->n && i < P9_NAMES_MAX; i++)
			if (f->kind == NAMES)
				put_text(out, m->names[i]);
			else
				put_qid(out, &m->qids[i]);
		break;
	case END:
		break;
	}
}

int p9_encode(const struct p9_msg *msg, void *to, size_t cap)
{
	struct out out = {.ptr = to, .cap = MIN(cap, (size_t)INT32_MAX)};
	size_t used;

	if (!rows[msg->type].name || msg->n > P9_NAMES_MAX)
		return -EINVAL;
	put(&out, 0, 4);
	put(&out, msg->type, 1);
	put(&out, msg->tag, 2);
	for (const struct field *f = rows[msg->type].fields; !out.bad && f->kind; f++)
		put_field(&out, f, msg);
	if (out.bad)
		return -EMSGSIZE;
	used = out.used;
	out.used = 0;
	put(&out, used, 4);
	return (int)used;
}

uint32_t p9_size(const void *bytes)
{
	struct in in = {bytes, 4, false};

	return (uint32_t)get(&in, 4);
}

int p9_dirent_put(char *to, size_t cap, size_t *used, const struct p9_qid *qid, uint64_t offset, uint8_t type,
		  struct str name)
{
	struct out out = {(unsigned char *)to, *used, cap, false};

	put_qid(&out, qid);
	put(&out, offset, 8);
	put(&out, type, 1);
	put_text(&out, name);
	if (out.bad)
		return -EMSGSIZE;
	*used = out.used;
	return 0;
}

int p9_dirent_get(struct str *data, struct p9_qid *qid, uint64_t *offset, uint8_t *type, struct str *name)
{
	struct in in = {(const unsigned char *)data->ptr, data->len, false};

	if (!data->len)
		return -ENODATA;
	*qid = get_qid(&in);
	*offset = get(&in, 8);
	*type = (uint8_t)get(&in, 1);
	*name = get_text(&in);
	if (in.bad)
		return -EBADMSG;
	*data = (struct str){(const char *)in.ptr, in.left};
	return 0;
}
