/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that nobody has answered yet, in memory that outlives who reads them. */
#include "fs/inflight.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"

#define MAGIC 0x6c786632u
#define LOOKS 1u   /* no request's number has this bit: FUSE marks INTERRUPT with it */
#define WINDOW 128 /* slots where a number may stand: they come in steps of two */
#define NOTIFY_RESEND 7
#define HAS_RESEND (UINT64_C(1) << 39)
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

enum { REPLY_CHANGES, REPLY_LOOKS, REPLY_NONE };

/* What isn't listed may change something. */
static const unsigned char kinds[] = {
    [FUSE_LOOKUP] = REPLY_LOOKS,      [FUSE_GETATTR] = REPLY_LOOKS,	[FUSE_READLINK] = REPLY_LOOKS,
    [FUSE_OPEN] = REPLY_LOOKS,	      [FUSE_READ] = REPLY_LOOKS,	[FUSE_STATFS] = REPLY_LOOKS,
    [FUSE_GETXATTR] = REPLY_LOOKS,    [FUSE_LISTXATTR] = REPLY_LOOKS,	[FUSE_OPENDIR] = REPLY_LOOKS,
    [FUSE_READDIR] = REPLY_LOOKS,     [FUSE_READDIRPLUS] = REPLY_LOOKS, [FUSE_ACCESS] = REPLY_LOOKS,
    [FUSE_GETLK] = REPLY_LOOKS,	      [FUSE_POLL] = REPLY_LOOKS,	[FUSE_LSEEK] = REPLY_LOOKS,
    [FUSE_FORGET] = REPLY_NONE,	      [FUSE_BATCH_FORGET] = REPLY_NONE, [FUSE_INTERRUPT] = REPLY_NONE,
    [FUSE_NOTIFY_REPLY] = REPLY_NONE,
};

static unsigned kind_of(uint32_t opcode)
{
	return opcode < ARRAY_SIZE(kinds) ? kinds[opcode] : REPLY_CHANGES;
}

int inflight_make(struct str init, struct err *err)
{
	AUTO(fd) int fd = memfd_create("lxdfs-inflight", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint32_t head[2] = {MAGIC, (uint32_t)init.len};

	if (init.len < sizeof(struct fuse_in_header) || init.len > INFLIGHT_INIT)
		return err_set(err, EPROTO, "the kernel's INIT has %zu bytes: %zu to %d are understood",
			       init.len, sizeof(struct fuse_in_header), INFLIGHT_INIT);
	if (fd < 0 || ftruncate(fd, sizeof(struct inflight)) < 0 ||
	    pwrite(fd, head, sizeof(head), 0) != sizeof(head) ||
	    pwrite(fd, init.ptr, init.len, offsetof(struct inflight, init)) != (ssize_t)init.len ||
	    fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return err_set(err, errno, "no shared memory for requests in flight: %s", strerror(errno));
	return TAKE_FD(fd);
}

int inflight_map(int fd, struct inflight **ret, struct err *err)
{
	struct inflight *f;
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size != sizeof(*f) || (fcntl(fd, F_GET_SEALS) & SEALS) != SEALS)
		return err_set(err, EINVAL, "descriptor %d isn't the keeper's shared memory", fd);
	f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (f == MAP_FAILED)
		return err_set(err, errno, "the keeper's shared memory can't be mapped: %s", strerror(errno));
	if (f->magic != MAGIC || f->init_len > INFLIGHT_INIT || f->answer_len > INFLIGHT_INIT) {
		munmap(f, sizeof(*f));
		return err_set(err, EINVAL, "the keeper's shared memory is another version's");
	}
	*ret = f;
	return 0;
}

void inflight_unmap(struct inflight *f)
{
	if (f)
		munmap(f, sizeof(*f));
}

static _Atomic uint64_t *slot_at(struct inflight *f, uint64_t unique, unsigned step)
{
	return &f->slot[((unique & ~INFLIGHT_RESENT) / 2 + step) % INFLIGHT_SLOTS];
}

static void put(struct inflight *f, uint64_t unique, uint32_t opcode)
{
	for (unsigned i = 0; i < WINDOW; i++) {
		uint64_t none = 0;

		if (atomic_compare_exchange_strong(slot_at(f, unique, i), &none,
						   unique | (kind_of(opcode) == REPLY_LOOKS ? LOOKS : 0)))
			return;
	}
}

void inflight_note(struct inflight *f, unsigned desk)
{
	struct fuse_in_header *h = &f->desk[desk].header;

	if (h->unique && kind_of(h->opcode) != REPLY_NONE)
		put(f, h->unique, h->opcode);
	/* the order matters to who looks at it after a kill, and that is not another thread */
	atomic_signal_fence(memory_order_seq_cst);
	h->unique = 0;
}

void inflight_clear(struct inflight *f, uint64_t unique)
{
	for (unsigned i = 0; i < WINDOW; i++) {
		_Atomic uint64_t *slot = slot_at(f, unique, i);

		if ((atomic_load_explicit(slot, memory_order_relaxed) & ~(uint64_t)LOOKS) == unique) {
			atomic_store(slot, 0);
			return;
		}
	}
}

bool inflight_can_resend(const struct inflight *f)
{
	const struct fuse_init_in *in = (const void *)(f->init + sizeof(struct fuse_in_header));

	if (f->init_len < sizeof(struct fuse_in_header) + offsetof(struct fuse_init_in, unused) ||
	    !(in->flags & FUSE_INIT_EXT))
		return false;
	return (uint64_t)in->flags2 << 32 & HAS_RESEND;
}

/* A caller that went away meanwhile (ENOENT) needs no answer. */
static int say(int fuse, int32_t error, uint64_t unique)
{
	struct fuse_out_header out = {.len = sizeof(out), .error = error, .unique = unique};

	return write(fuse, &out, sizeof(out)) < 0 && errno != ENOENT ? -errno : 0;
}

int inflight_settle(struct inflight *f, int fuse, bool suspect, struct err *err)
{
	bool resend = inflight_can_resend(f);
	int n = 0, r = 0;

	for (unsigned i = 0; i < INFLIGHT_DESKS; i++)
		inflight_note(f, i);
	for (unsigned i = 0; i < INFLIGHT_SLOTS && !r; i++) {
		uint64_t entry = atomic_load(&f->slot[i]), unique = entry & ~(uint64_t)LOOKS;

		if (!entry)
			continue;
		n++;
		if (!resend)
			r = say(fuse, entry & LOOKS ? -EINTR : -EIO, unique);
		else if (suspect && unique & INFLIGHT_RESENT)
			r = say(fuse, -EIO, unique);
		atomic_store(&f->slot[i], 0);
	}
	/* a notification's code stands where a reply has its error */
	if (!r && resend)
		r = say(fuse, NOTIFY_RESEND, 0);
	return r < 0 ? err_set(err, -r, "the requests of the core before can't be settled: %s", strerror(-r))
		     : n;
}
