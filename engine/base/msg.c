/* SPDX-License-Identifier: Apache-2.0 */
/* Sends and receives typed messages; packs and unpacks their bodies. */
#include "engine/base/msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/auto.h"

#define MSG_MAGIC 0x6c786631u /* "lxf1": the header's own version */
#define NO_TEXT UINT32_MAX

struct msg_header {
	uint32_t magic;
	uint32_t type;
	uint32_t id;
	uint32_t len;
};

const struct msg_type *msg_type_find(const struct msg_table *table, uint32_t number)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->types[i].number == number)
			return &table->types[i];
	return NULL;
}

int msg_send(int fd, const struct msg_table *table, uint32_t number, uint32_t id, struct str body,
	     const int *fds, unsigned n_fds)
{
	const struct msg_type *type = msg_type_find(table, number);
	struct msg_header header = {MSG_MAGIC, number, id, (uint32_t)body.len};
	struct iovec iov[2] = {{&header, sizeof(header)}, {(void *)body.ptr, body.len}};
	union {
		char space[CMSG_SPACE(MSG_MAX_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr mh = {.msg_iov = iov, .msg_iovlen = body.len ? 2 : 1};
	ssize_t n;

	if (!type || body.len < type->min || body.len > type->max || n_fds < type->min_fds ||
	    n_fds > type->max_fds)
		return -EINVAL;
	if (n_fds) {
		struct cmsghdr *c = &control.align;

		memset(&control, 0, sizeof(control));
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	do
		n = sendmsg(fd, &mh, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static void take_fds(struct msghdr *mh, struct msg *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		size_t n;
		int fd;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (m->n_fds < MSG_MAX_FDS)
				m->fds[m->n_fds++] = fd;
			else
				close(fd);
		}
	}
}

int msg_recv(int fd, const struct msg_table *table, struct msg *ret, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_NULL;
	struct msg_header header;
	struct iovec iov[2] = {{&header, sizeof(header)}, {NULL, MSG_MAX_BODY}};
	union {
		char space[CMSG_SPACE(MSG_MAX_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr mh = {.msg_iov = iov, .msg_iovlen = 2, .msg_control = &control};
	ssize_t n;

	m.body = xcalloc(1, MSG_MAX_BODY);
	iov[1].iov_base = m.body;
	mh.msg_controllen = sizeof(control);
	do
		n = recvmsg(fd, &mh, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return -EAGAIN;
	if (n < 0 && errno == ECONNRESET)
		return 0;
	if (n < 0)
		return err_set(err, errno, "receiving from the %s failed: %s", table->name, strerror(errno));
	take_fds(&mh, &m);
	if (n == 0)
		return 0;
	if ((size_t)n < sizeof(header) || mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return err_set(err, EBADMSG, "the %s sent a message of a wrong size", table->name);
	m.len = (uint32_t)((size_t)n - sizeof(header));
	m.id = header.id;
	m.type = msg_type_find(table, header.type);
	if (header.magic != MSG_MAGIC || !m.type)
		return err_set(err, EBADMSG, "the %s sent a message of an unknown kind, %u", table->name,
			       header.type);
	if (header.len != m.len || m.len < m.type->min || m.len > m.type->max)
		return err_set(err, EBADMSG, "the %s sent %u bytes as %s, which has %u to %u", table->name,
			       m.len, m.type->name, m.type->min, m.type->max);
	if (m.n_fds < m.type->min_fds || m.n_fds > m.type->max_fds)
		return err_set(err, EBADMSG, "the %s sent %u descriptors with %s, which has %u to %u",
			       table->name, m.n_fds, m.type->name, m.type->min_fds, m.type->max_fds);
	*ret = m;
	m = MSG_NULL;
	return 1;
}

void msg_done(struct msg *m)
{
	for (unsigned i = 0; i < m->n_fds; i++)
		if (m->fds[i] >= 0)
			close(m->fds[i]);
	free(m->body);
	*m = MSG_NULL;
}

bool msg_peer_is_root(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) && cred.uid == 0;
}

void pack_u32(struct buf *b, uint32_t v)
{
	buf_add(b, &v, sizeof(v));
}

void pack_u64(struct buf *b, uint64_t v)
{
	buf_add(b, &v, sizeof(v));
}

void pack_text(struct buf *b, const char *text)
{
	if (!text) {
		pack_u32(b, NO_TEXT);
		return;
	}
	pack_u32(b, (uint32_t)strlen(text));
	buf_adds(b, text);
}

void pack_texts(struct buf *b, const char *const *list)
{
	uint32_t n = 0;

	while (list && list[n])
		n++;
	pack_u32(b, n);
	for (uint32_t i = 0; i < n; i++)
		pack_text(b, list[i]);
}

void pack_err(struct buf *b, const struct err *err)
{
	const char *text = err_text(err);

	pack_u32(b, (uint32_t)err->errnum);
	pack_u32(b, (uint32_t)MIN(strlen(text), (size_t)MSG_MAX_BODY / 2));
	buf_add(b, text, MIN(strlen(text), (size_t)MSG_MAX_BODY / 2));
}

static bool unpack_bytes(struct unpack *u, void *to, size_t n)
{
	if (u->bad || u->left < n) {
		u->bad = true;
		return false;
	}
	memcpy(to, u->ptr, n);
	u->ptr += n;
	u->left -= n;
	return true;
}

uint32_t unpack_u32(struct unpack *u)
{
	uint32_t v = 0;

	return unpack_bytes(u, &v, sizeof(v)) ? v : 0;
}

uint64_t unpack_u64(struct unpack *u)
{
	uint64_t v = 0;

	return unpack_bytes(u, &v, sizeof(v)) ? v : 0;
}

char *unpack_text(struct unpack *u)
{
	uint32_t n = unpack_u32(u);
	char *text;

	if (u->bad || n == NO_TEXT)
		return NULL;
	if (u->left < n || memchr(u->ptr, 0, n)) {
		u->bad = true;
		return NULL;
	}
	text = str_dup((struct str){(const char *)u->ptr, n});
	u->ptr += n;
	u->left -= n;
	return text;
}

char **unpack_texts(struct unpack *u, size_t max)
{
	uint32_t n = unpack_u32(u);
	char **list;

	/* each text needs its length at least, so a wrong number can't make us allocate much */
	if (u->bad || n > max || n > u->left / sizeof(uint32_t)) {
		u->bad = true;
		return NULL;
	}
	list = xcalloc((size_t)n + 1, sizeof(*list));
	for (uint32_t i = 0; i < n; i++) {
		list[i] = unpack_text(u);
		if (!list[i])
			u->bad = true;
		if (u->bad) {
			texts_free(list);
			return NULL;
		}
	}
	return list;
}

int unpack_err(struct unpack *u, struct err *err)
{
	uint32_t errnum = unpack_u32(u);
	AUTO(free) char *text = unpack_text(u);

	if (u->bad || !text || errnum == 0 || errnum > 4095) {
		u->bad = true;
		return err_set(err, EBADMSG, "a failure came without its reason");
	}
	return err_set(err, (int)errnum, "%s", text);
}

bool unpack_ok(const struct unpack *u)
{
	return !u->bad && u->left == 0;
}

void texts_free(char **list)
{
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
}
