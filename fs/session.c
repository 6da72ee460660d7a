/* SPDX-License-Identifier: Apache-2.0 */
/* A libfuse session on the keeper's descriptor: INIT said again, requests noted until they are answered, a
 * pool of threads that read them.
 *
 * libfuse's own multi-threaded loop can be ended only by a signal handler; the one here starts a thread when
 * all others are in operations, keeps it, and can be told to end. The lock protects the pool's counters. */
#include "fs/session.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/log.h"
#include "engine/base/sys.h"
#include "fs/control.h"
#include "fs/inflight.h"

#define MAX_IDLE 2 /* workers that wait for a request at the same time */

struct worker {
	struct session *session;
	pthread_t thread;
	struct fuse_buf buf;
	unsigned desk;
};

struct session {
	struct fuse_session *fuse; /* owns link.fuse */
	struct session_link link;
	struct inflight *inflight;
	struct fuse_lowlevel_ops ops; /* what we put something around */
	void *userdata;
	int (*stop)(void *arg, bool all, struct err *err);
	void *stop_arg;
	bool has_said_init;
	int init_error; /* of the answer to INIT */
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool stopping;
	int error;
	unsigned n_workers, max_workers;
	unsigned n_idle;   /* wait for a request, or are about to */
	unsigned n_parked; /* wait for the others to be busy */
	unsigned n_called; /* of those, how many may go */
	pthread_cond_t called;
	struct worker workers[INFLIGHT_DESKS];
	pthread_t listener;
	int wake; /* eventfd that ends the listener */
};

static _Thread_local struct worker *current;
static _Thread_local uint64_t request;

DEFINE_AUTO(struct session *, session_free);

/* ---- between libfuse and the device */

static ssize_t feed_init(struct session *s, void *to, size_t len)
{
	s->has_said_init = true;
	if (len < s->inflight->init_len) {
		errno = EINVAL;
		return -1;
	}
	memcpy(to, s->inflight->init, s->inflight->init_len);
	return s->inflight->init_len;
}

/* The header goes to the desk, where it is found after a kill, and as a copy before the rest. */
static ssize_t io_read(int fd, void *to, size_t len, void *userdata)
{
	struct session *s = userdata;
	struct worker *w = current;
	struct fuse_in_header *header;
	struct iovec iov[2];
	ssize_t n;

	if (!s->has_said_init)
		return feed_init(s, to, len);
	header = &s->inflight->desk[w->desk].header;
	iov[0] = (struct iovec){header, sizeof(*header)};
	iov[1] = (struct iovec){(char *)to + sizeof(*header), len - sizeof(*header)};
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	n = readv(fd, iov, 2);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	if (n < (ssize_t)sizeof(*header))
		return n;
	memcpy(to, header, sizeof(*header));
	request = header->unique;
	inflight_note(s->inflight, w->desk);
	return n;
}

/* The first answer is the mount's for ever. It is kept before it is said: who is killed in between has a
 * successor that says the same. */
static ssize_t answer_init(struct session *s, int fd, const struct iovec *iov, int count)
{
	struct inflight *f = s->inflight;
	unsigned char said[INFLIGHT_INIT];
	size_t len = 0;

	for (int i = 0; i < count; i++) {
		if (iov[i].iov_len > sizeof(said) - len)
			goto other;
		memcpy(said + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	if (!f->answer_len) {
		memcpy(f->answer, said, len);
		atomic_signal_fence(memory_order_seq_cst);
		f->answer_len = (uint32_t)len;
	}
	if (f->answer_len != len || memcmp(f->answer, said, len) != 0)
		goto other;
	if (!atomic_load(&f->is_answered)) {
		if (write(fd, said, len) < 0 && errno != ENOENT) {
			s->init_error = errno;
			return -1;
		}
		atomic_store(&f->is_answered, 1);
	}
	return (ssize_t)len;
other:
	s->init_error = errno = EPROTO;
	return -1;
}

static ssize_t io_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	struct session *s = userdata;
	uint64_t unique = ((struct fuse_out_header *)iov[0].iov_base)->unique;
	ssize_t n;

	if (unique && unique == ((struct fuse_in_header *)(void *)s->inflight->init)->unique)
		return answer_init(s, fd, iov, count);
	n = writev(fd, iov, count);
	if (unique) {
		int keep = errno;

		/* whatever the kernel thought of the answer, there is no second one */
		inflight_clear(s->inflight, unique);
		errno = keep;
	}
	return n;
}

/* What the first core's answer says goes for all: ours has to be equal, byte for byte. */
static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct session *s = userdata;
	const struct fuse_init_out *first =
	    (const void *)(s->inflight->answer + sizeof(struct fuse_out_header));

	if (s->ops.init)
		s->ops.init(s->userdata, conn);
	if (s->inflight->answer_len < sizeof(struct fuse_out_header) + sizeof(*first))
		return;
	conn->max_write = first->max_write;
	conn->max_readahead = first->max_readahead;
	conn->max_background = first->max_background;
	conn->congestion_threshold = first->congestion_threshold;
	conn->time_gran = first->time_gran;
}

static void op_destroy(void *userdata)
{
	struct session *s = userdata;

	if (s->ops.destroy)
		s->ops.destroy(s->userdata);
}

static void log_fuse(enum fuse_log_level level, const char *fmt, va_list ap)
{
	AUTO(buf_done) struct buf text = BUF_NULL;

	buf_vprintf(&text, fmt, ap);
	log_line(level <= FUSE_LOG_ERR ? LOG_LEVEL_ERR : LOG_LEVEL_INFO, "%.*s",
		 STR_FMT(str_trim(buf_str(&text))));
}

int session_new(const struct fuse_lowlevel_ops *ops, void *userdata, const struct session_link *link,
		struct session **ret, struct err *err)
{
	static const struct fuse_custom_io io = {.read = io_read, .writev = io_writev};
	AUTO(session_free) struct session *s = xcalloc(1, sizeof(*s));
	struct fuse_lowlevel_ops with_ours = *ops;
	char name[] = "lxdfs", *argv[] = {name, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	int r;

	s->link = *link;
	s->ops = *ops;
	s->userdata = userdata;
	s->wake = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->ended, NULL);
	pthread_cond_init(&s->called, NULL);
	if (s->wake < 0)
		return err_set(err, errno, "no eventfd for the session: %s", strerror(errno));
	r = inflight_map(link->shared, &s->inflight, err);
	if (r < 0)
		return r;
	with_ours.init = op_init;
	with_ours.destroy = op_destroy;
	fuse_set_log_func(log_fuse);
	s->fuse = fuse_session_new(&args, &with_ours, sizeof(with_ours), s);
	fuse_opt_free_args(&args);
	if (!s->fuse)
		return err_set(err, ENOMEM, "libfuse makes no session");
	r = fuse_session_custom_io(s->fuse, &io, s->link.fuse);
	if (r < 0)
		return err_set(err, -r, "libfuse doesn't take the keeper's descriptor: %s", strerror(-r));
	s->link.fuse = -EBADF;
	*ret = TAKE(s);
	return 0;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	if (s->fuse)
		fuse_session_destroy(s->fuse);
	inflight_unmap(s->inflight);
	fd_auto(&s->link.fuse);
	fd_auto(&s->link.shared);
	fd_auto(&s->link.keeper);
	fd_auto(&s->wake);
	pthread_cond_destroy(&s->ended);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct fuse_session *session_fuse(struct session *s)
{
	return s->fuse;
}

void *session_userdata(fuse_req_t req)
{
	return ((struct session *)fuse_req_userdata(req))->userdata;
}

uint64_t session_request(bool *ret_resent)
{
	if (ret_resent)
		*ret_resent = request & INFLIGHT_RESENT;
	return request & ~INFLIGHT_RESENT;
}

void session_on_stop(struct session *s, int (*stop)(void *arg, bool all, struct err *err), void *arg)
{
	s->stop = stop;
	s->stop_arg = arg;
}

/* ---- the end */

static void stop_with(struct session *s, int error)
{
	pthread_mutex_lock(&s->lock);
	if (!s->stopping)
		s->error = error;
	s->stopping = true;
	pthread_cond_broadcast(&s->ended);
	pthread_cond_broadcast(&s->called);
	pthread_mutex_unlock(&s->lock);
}

void session_stop(struct session *s)
{
	stop_with(s, 0);
}

static void obey(struct session *s, bool all)
{
	AUTO(err_done) struct err err = ERR_NULL;
	int r = s->stop ? s->stop(s->stop_arg, all, &err) : 0;

	if (r < 0) {
		if (!err.errnum)
			err_set(&err, -r, "the daemon can't end: %s", strerror(-r));
		control_say(s->link.keeper, &link_table, LINK_STAYS, &err);
		return;
	}
	control_say(s->link.keeper, &link_table, LINK_STOPPED, NULL);
	session_stop(s);
}

/* Hears the keeper, until woken or orphaned. */
static void *listen_to_keeper(void *arg)
{
	struct session *s = arg;

	for (;;) {
		AUTO(msg_done) struct msg msg = MSG_NULL;
		AUTO(err_done) struct err err = ERR_NULL;
		int r = sys_poll_in(s->link.keeper, s->wake, UINT64_MAX);

		if (r < 0 || r & 2)
			break;
		r = msg_recv(s->link.keeper, &link_table, &msg, &err);
		if (r <= 0) {
			log_err("no word from the keeper any more: %s", r < 0 ? err_text(&err) : "it ended");
			session_stop(s);
			break;
		}
		if (msg.type->number == LINK_STOP)
			obey(s, control_flag(&msg));
	}
	return NULL;
}

/* ---- the pool */

static int start_worker(struct session *s);

static bool enter(struct session *s, bool is_forget)
{
	bool stopping;

	pthread_mutex_lock(&s->lock);
	stopping = s->stopping;
	/* a burst of FORGETs needs no threads */
	if (!is_forget && --s->n_idle == 0 && !stopping) {
		if (s->n_parked) {
			s->n_parked--;
			s->n_called++;
			s->n_idle++;
			pthread_cond_signal(&s->called);
		} else if (s->n_workers < s->max_workers) {
			start_worker(s); /* one that can't be started: the others serve */
		}
	}
	pthread_mutex_unlock(&s->lock);
	return !stopping;
}

/* The kernel gives requests to those who wait in turn: with a dozen of them each request would find another
 * processor, and a thread whose caches are cold. So a few wait, and the others are parked. */
static bool leave(struct session *s, bool is_forget)
{
	bool stopping;

	pthread_mutex_lock(&s->lock);
	if (!is_forget && s->n_idle >= MAX_IDLE) {
		s->n_parked++;
		while (!s->n_called && !s->stopping)
			pthread_cond_wait(&s->called, &s->lock);
		if (s->n_called)
			s->n_called--;
	} else if (!is_forget) {
		s->n_idle++;
	}
	stopping = s->stopping;
	pthread_mutex_unlock(&s->lock);
	return !stopping;
}

/* Can be cancelled while it waits for a request, nowhere else. */
static void *work(void *arg)
{
	struct worker *w = arg;
	struct session *s = w->session;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	current = w;
	for (;;) {
		int r = fuse_session_receive_buf(s->fuse, &w->buf);
		const struct fuse_in_header *in = w->buf.mem;
		bool is_forget;

		if (r == -EINTR || r == -EAGAIN)
			continue;
		if (r <= 0) {
			stop_with(s, r);
			break;
		}
		is_forget = in->opcode == FUSE_FORGET || in->opcode == FUSE_BATCH_FORGET;
		if (!enter(s, is_forget))
			break;
		fuse_session_process_buf(s->fuse, &w->buf);
		if (!leave(s, is_forget))
			break;
	}
	return NULL;
}

/* With the lock, or before there are others. */
static int start_worker(struct session *s)
{
	struct worker *w = &s->workers[s->n_workers];
	int r;

	*w = (struct worker){.session = s, .desk = s->n_workers};
	r = pthread_create(&w->thread, NULL, work, w);
	if (r)
		return -r;
	s->n_workers++;
	s->n_idle++;
	return 0;
}

static int say_init(struct session *s, struct err *err)
{
	struct fuse_buf buf = {.mem = NULL};
	int r = fuse_session_receive_buf(s->fuse, &buf);

	if (r > 0)
		fuse_session_process_buf(s->fuse, &buf);
	free(buf.mem);
	if (s->init_error == EPROTO)
		return err_set(
		    err, EPROTO,
		    "this lxdfsd speaks to the kernel in another way than the one that mounted the "
		    "tree: stop it with lxdfsd --stop and start again");
	if (r <= 0 || s->init_error || fuse_session_exited(s->fuse))
		return err_set(err, s->init_error ? s->init_error : EIO, "no agreement with the kernel: %s",
			       strerror(s->init_error ? s->init_error : EIO));
	return 0;
}

static int serve(struct session *s, struct err *err)
{
	int r;

	pthread_mutex_lock(&s->lock);
	r = start_worker(s);
	pthread_mutex_unlock(&s->lock);
	if (r < 0)
		return err_set(err, -r, "no thread for requests: %s", strerror(-r));
	r = control_say(s->link.keeper, &link_table, LINK_READY, NULL);
	if (r < 0)
		stop_with(s, r);
	pthread_mutex_lock(&s->lock);
	while (!s->stopping)
		pthread_cond_wait(&s->ended, &s->lock);
	r = s->error;
	pthread_mutex_unlock(&s->lock);
	/* nobody starts a thread any more */
	for (unsigned i = 0; i < s->n_workers; i++)
		pthread_cancel(s->workers[i].thread);
	for (unsigned i = 0; i < s->n_workers; i++) {
		pthread_join(s->workers[i].thread, NULL);
		free(s->workers[i].buf.mem);
	}
	return r < 0 ? err_set(err, -r, "the session with the kernel broke: %s", strerror(-r)) : 0;
}

int session_loop(struct session *s, unsigned max_threads, struct err *err)
{
	int n, r = say_init(s, err);

	if (r < 0)
		return r;
	n = inflight_settle(s->inflight, fuse_session_fd(s->fuse), s->link.suspect, err);
	if (n < 0)
		return n;
	if (n > 0)
		log_info("unanswered requests of the core before: %d, %s", n,
			 inflight_can_resend(s->inflight) ? "which come again" : "which have failed");
	s->max_workers = MAX(1, MIN(max_threads, INFLIGHT_DESKS));
	r = pthread_create(&s->listener, NULL, listen_to_keeper, s);
	if (r)
		return err_set(err, r, "no thread for the keeper's words: %s", strerror(r));
	r = serve(s, err);
	eventfd_write(s->wake, 1);
	pthread_join(s->listener, NULL);
	return r;
}
