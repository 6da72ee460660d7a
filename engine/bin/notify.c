/* SPDX-License-Identifier: Apache-2.0 */
/* lxdfs-notify: tells the kernel what it must not keep, for the core.
 *
 * To drop a name the kernel takes the directory's lock, and to touch a file that file's. Either may be held
 * by a request that waits for the core, and who waits for such a lock can't be killed: a core that did so
 * itself would not die of a SIGKILL before the next core answers, which isn't started before the first is
 * dead. So this is another process. Threads do it, and where all are kept waiting another one is started; it
 * ends when the core is gone and nothing is waited for any more. Where the keeper is gone too nobody will
 * answer: it breaks the connection then, of which it holds a descriptor. Source: libfuse's
 * doc/README.notifications. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "engine/base/spawn.h"
#include "engine/base/str.h"
#include "engine/base/thread.h"
#include "engine/bin/notify.h"

#define CORE 3
#define QUEUE_MAX (1024 * 1024) /* beyond that the kernel's own timeouts do */
#define ECHOES_MAX 1024
#define THREADS_MAX 16
#define STACK_BYTES (64 * 1024)
#define LOOK_MS 50 /* whether the last thread is through, when the core is gone */

struct note {
	struct note *next;
	bool is_echo;
	uint64_t dir;
	char *name;
};

struct queue {
	struct note *head, **tail;
	size_t n;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct queue notes, echoes;
	unsigned threads, idle;
	int fuse, keeper;
	char *mount;
} notifier = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .fuse = -EBADF, .keeper = -EBADF};

static struct note *take(struct queue *q)
{
	struct note *x = q->head;

	if (!x)
		return NULL;
	q->head = x->next;
	q->n--;
	return x;
}

static void put(struct queue *q, struct note *x)
{
	if (!q->head)
		q->tail = &q->head;
	*q->tail = x;
	q->tail = &x->next;
	q->n++;
}

static void note_free(struct note *x)
{
	if (x)
		free(x->name);
	free(x);
}

static void forget(const struct note *x)
{
	struct fuse_notify_inval_entry_out out = {.parent = x->dir, .namelen = (uint32_t)strlen(x->name)};
	/* a notification's code stands where a reply has its error */
	struct fuse_out_header header = {.error = FUSE_NOTIFY_INVAL_ENTRY};
	struct iovec parts[] = {
	    {&header, sizeof(header)}, {&out, sizeof(out)}, {x->name, out.namelen + (size_t)1}};

	header.len = (uint32_t)(sizeof(header) + sizeof(out) + out.namelen + 1);
	/* what the kernel doesn't know it can't forget: ENOENT */
	(void)!writev(notifier.fuse, parts, ARRAY_SIZE(parts));
}

static void touch(const struct note *x)
{
	AUTO(free) char *path = xasprintf("%s%s", notifier.mount, x->name);

	utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}

static void *run(void *arg);

/* The lock is held. */
static int add_thread(void)
{
	int r = thread_start(run, NULL, STACK_BYTES);

	if (!r)
		notifier.threads++;
	return r;
}

static void *run(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&notifier.lock);
	for (;;) {
		struct note *x = take(&notifier.notes);

		/* what others see must be right before they are told to look */
		x = x ? x : take(&notifier.echoes);
		if (!x) {
			notifier.idle++;
			pthread_cond_wait(&notifier.more, &notifier.lock);
			notifier.idle--;
			continue;
		}
		if (!notifier.idle && notifier.threads < THREADS_MAX)
			add_thread();
		pthread_mutex_unlock(&notifier.lock);
		if (x->is_echo)
			touch(x);
		else
			forget(x);
		note_free(x);
		pthread_mutex_lock(&notifier.lock);
	}
	return NULL;
}

static bool has(const struct queue *q, const struct note *x)
{
	for (const struct note *y = q->head; y; y = y->next)
		if (!strcmp(y->name, x->name))
			return true;
	return false;
}

/* Takes over @x. */
static void add(struct note *x)
{
	struct queue *q = x->is_echo ? &notifier.echoes : &notifier.notes;

	pthread_mutex_lock(&notifier.lock);
	if (q->n < (x->is_echo ? ECHOES_MAX : QUEUE_MAX) && !(x->is_echo && has(q, x))) {
		put(q, x);
		x = NULL;
		pthread_cond_signal(&notifier.more);
	}
	pthread_mutex_unlock(&notifier.lock);
	note_free(x);
}

/* Return: whether there may be more */
static bool hear(void)
{
	AUTO(msg_done) struct msg msg = MSG_NULL;
	struct unpack u;
	struct note *x;

	if (msg_recv(CORE, &notify_table, &msg, NULL) <= 0)
		return false;
	u = (struct unpack){.ptr = msg.body, .left = msg.len};
	if (msg.type->number == NOTIFY_BEGIN) {
		if (notifier.mount)
			return false;
		notifier.mount = unpack_text(&u);
		notifier.fuse = TAKE_FD(msg.fds[0]);
		notifier.keeper = TAKE_FD(msg.fds[1]);
		return notifier.mount && unpack_ok(&u) && add_thread() == 0;
	}
	if (!notifier.mount)
		return false;
	x = xcalloc(1, sizeof(*x));
	x->is_echo = msg.type->number == NOTIFY_ECHO;
	if (!x->is_echo)
		x->dir = unpack_u64(&u);
	x->name = unpack_text(&u);
	if (x->name && unpack_ok(&u))
		add(x);
	else
		note_free(x);
	return true;
}

static bool is_done(void)
{
	bool done;

	pthread_mutex_lock(&notifier.lock);
	done = !notifier.notes.n && !notifier.echoes.n && notifier.idle == notifier.threads;
	pthread_mutex_unlock(&notifier.lock);
	return done;
}

/* Everybody who waits is told that the connection is broken, as when its last descriptor is closed. The
 * descriptor of the directory keeps the mount itself. */
static void break_connection(void)
{
	AUTO(fd) int dir = open(notifier.mount, O_PATH | O_DIRECTORY | O_CLOEXEC);

	umount2(notifier.mount, MNT_FORCE);
}

int main(void)
{
	struct pollfd keeper = {.events = POLLIN};

	if (spawn_detach() < 0)
		return 1;
	while (hear())
		;
	/* of a stuck one no signal would be heard, and the core waits for the end of this socket only a while
	 */
	keeper.fd = notifier.keeper;
	while (notifier.mount && !is_done())
		if (poll(&keeper, 1, LOOK_MS) > 0) {
			break_connection();
			break;
		}
	_exit(0);
}
