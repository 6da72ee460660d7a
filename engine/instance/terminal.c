/* SPDX-License-Identifier: Apache-2.0 */
/* Two ptys and the way between them. Source: pty(7), tty_ioctl(4), the kernel's
 * Documentation/filesystems/devpts.rst. */
#include "engine/instance/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/str.h"
#include "engine/base/sys.h"

#define LAST_READS 64
#define LINGER_MS 2000
#define LINGER_STEP_MS 20
#define LINGER_STEPS 25 /* in which nothing is read */

/* The slave of a new master, by the kernel and not by a path. */
static int open_peer(int master, struct winsize size)
{
	int unlock = 0, slave;

	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return -errno;
	return ioctl(master, TIOCSWINSZ, &size) < 0 ? (close(slave), -EIO) : slave;
}

int terminal_make(struct terminal *t, uid_t uid, gid_t gid, struct winsize size, char **ret_path,
		  struct err *err)
{
	struct termios raw;
	unsigned number;

	t->size = size;
	t->host = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (t->host < 0 || ioctl(t->host, TIOCGPTN, &number) < 0)
		return err_set(err, errno, "the host has no terminal left: /dev/ptmx: %s", strerror(errno));
	t->slave = open_peer(t->host, size);
	if (t->slave < 0 || tcgetattr(t->slave, &raw) < 0)
		return err_set(err, t->slave < 0 ? -t->slave : errno,
			       "the host's terminal %u can't be opened: %s", number,
			       strerror(t->slave < 0 ? -t->slave : errno));
	cfmakeraw(&raw);
	if (tcsetattr(t->slave, TCSANOW, &raw) < 0 || fchown(t->slave, uid, gid) < 0 ||
	    fchmod(t->slave, 0660) < 0)
		return err_set(err, errno, "the host's terminal %u can't be given to who it is for: %s",
			       number, strerror(errno));
	*ret_path = xasprintf("/dev/pts/%u", number);
	return 0;
}

void terminal_done(struct terminal *t)
{
	int fds[] = {t->host, t->slave, t->inner};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	t->host = t->slave = t->inner = -EBADF;
}

int terminal_open_inside(struct winsize size, int *ret_master, int *ret_slave, struct err *err)
{
	AUTO(fd)
	int master = sys_openat2(AT_FDCWD, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK, 0,
				 RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS),
	    slave = -EBADF;
	struct statfs fs;
	struct stat st;

	if (master < 0)
		return err_set(err, -master, "the container's /dev/pts/ptmx can't be opened: %s",
			       strerror(-master));
	if (fstatfs(master, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC || fstat(master, &st) < 0 ||
	    !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
		return err_set(err, ENOTTY,
			       "the container's /dev/pts/ptmx is none: a devpts must be mounted there");
	slave = open_peer(master, size);
	if (slave < 0)
		return err_set(err, -slave, "the container has no terminal for the command: %s",
			       strerror(-slave));
	*ret_master = TAKE_FD(master);
	*ret_slave = TAKE_FD(slave);
	return 0;
}

int terminal_take(int slave, struct err *err)
{
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return err_set(err, errno, "the terminal can't be made the command's: %s", strerror(errno));
	for (int i = 0; i < 3; i++)
		if (dup2(slave, i) < 0)
			return err_set(err, errno, "standard streams can't be set: %s", strerror(errno));
	return 0;
}

void terminal_resize(struct terminal *t, struct winsize size)
{
	t->size = size;
	/* the host's last: who waits for it finds both done */
	if (t->inner >= 0)
		ioctl(t->inner, TIOCSWINSZ, &size);
	if (t->host >= 0)
		ioctl(t->host, TIOCSWINSZ, &size);
}

/* Nothing tells a master that its slave was resized: it is looked at when somebody types. */
static void follow_size(struct terminal *t)
{
	struct winsize now;

	if (ioctl(t->host, TIOCGWINSZ, &now) == 0 &&
	    (now.ws_row != t->size.ws_row || now.ws_col != t->size.ws_col))
		terminal_resize(t, now);
}

static bool has(const struct terminal_bytes *b)
{
	return b->from < b->to;
}

void terminal_wants(const struct terminal *t, int feed, struct pollfd p[TERMINAL_POLLS])
{
	bool wants_in = has(&t->in) || feed >= 0;

	p[0] = (struct pollfd){.fd = t->host,
			       .events = (short)((wants_in ? 0 : POLLIN) | (has(&t->out) ? POLLOUT : 0))};
	p[1] = (struct pollfd){.fd = t->inner,
			       .events = (short)((has(&t->out) ? 0 : POLLIN) | (wants_in ? POLLOUT : 0))};
	/* one that hung up says so unasked, for ever */
	if (!p[1].events)
		p[1].fd = -1;
}

/* Return: false the other side is gone */
static bool put(struct terminal_bytes *b, int fd)
{
	ssize_t n;

	if (!has(b) || fd < 0)
		return true;
	n = sys_write(fd, b->bytes + b->from, b->to - b->from);
	if (n > 0)
		b->from += (size_t)n;
	return n >= 0 || n == -EAGAIN;
}

/* Return: whether something came; @fd is closed at its end */
static bool get(struct terminal_bytes *b, int *fd)
{
	ssize_t n;

	if (has(b) || *fd < 0)
		return false;
	n = sys_read(*fd, b->bytes, sizeof(b->bytes));
	if (n <= 0) {
		if (n != -EAGAIN)
			close(TAKE_FD(*fd));
		return false;
	}
	b->from = 0;
	b->to = (size_t)n;
	return true;
}

void terminal_move(struct terminal *t, const struct pollfd p[TERMINAL_POLLS], int *feed, terminal_keep *keep,
		   void *ctx)
{
	if (p[1].revents & (POLLIN | POLLHUP | POLLERR) && get(&t->out, &t->inner))
		keep(ctx, t->out.bytes, t->out.to);
	if (!get(&t->in, feed) && p[0].revents & POLLIN && get(&t->in, &t->host))
		follow_size(t);
	put(&t->out, t->host);
	if (!put(&t->in, t->inner) || t->inner < 0)
		t->in.from = t->in.to; /* nobody reads that any more */
}

/* Whether anybody else has the host's pty open: its master hangs up when nobody has. */
static bool has_reader(struct terminal *t)
{
	struct pollfd p = {.fd = t->host, .events = 0};
	bool is_open;

	if (t->slave < 0)
		return false;
	close(TAKE_FD(t->slave));
	is_open = poll(&p, 1, 0) == 0 || !(p.revents & POLLHUP);
	t->slave = ioctl(t->host, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return is_open && t->slave >= 0;
}

/* What of it nobody has read yet. Asking for input first has the kernel pass on what is still on its way. */
static int unread(const struct terminal *t)
{
	struct pollfd p = {.fd = t->slave, .events = POLLIN};
	int n = 0;

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN && ioctl(t->slave, FIONREAD, &n) == 0 ? n : 0;
}

/* Waits until somebody has read something. Return: false there is nothing left, or he doesn't read */
static bool await_reader(struct terminal *t, uint64_t end)
{
	int left = unread(t);

	for (int i = 0; left > 0 && i < LINGER_STEPS && sys_deadline(0) < end; i++) {
		if (unread(t) < left)
			return true;
		poll(NULL, 0, LINGER_STEP_MS);
	}
	return false;
}

void terminal_drain(struct terminal *t, terminal_keep *keep, void *ctx)
{
	uint64_t end = sys_deadline(LINGER_MS);
	bool is_read = has_reader(t);

	for (int i = 0; i < LAST_READS; i++) {
		put(&t->out, t->host);
		while (has(&t->out) && is_read) {
			is_read = await_reader(t, end);
			put(&t->out, t->host);
		}
		/* who doesn't read loses what the host's pty can't hold; the kept copy has it */
		t->out.from = t->out.to;
		if (!get(&t->out, &t->inner))
			return;
		keep(ctx, t->out.bytes, t->out.to);
	}
}

void terminal_linger(struct terminal *t)
{
	uint64_t end = sys_deadline(LINGER_MS);

	if (has_reader(t))
		while (await_reader(t, end))
			;
}
