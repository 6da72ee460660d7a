/* SPDX-License-Identifier: Apache-2.0 */
/* mount.lxdfs: mounts the tree of another host, as mount(8) calls it for `mount -t lxdfs HOST:/ DIRECTORY`.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "certs/token.h"
#include "engine/base/sandbox.h"
#include "engine/base/sys.h"
#include "fs/9p/carrier.h"
#include "fs/9p/client.h"
#include "fs/9p/mirror.h"
#include "fs/9p/options.h"
#include "fs/9p/pins.h"

#define DIAL_MS 20000
#define NOBODY 65534

/* Exit status, as mount(8) has them. */
enum { OK = 0, USAGE = 1, SYSTEM = 2, FAILED = 32 };

static int complain(int status, const struct err *err)
{
	fprintf(stderr, "mount.lxdfs: %s\n", err_text(err));
	return status;
}

/* ---- the server's identity */

/* By option, by token, as it was before. Return: freed by the caller; "" for a first time */
static char *known_fingerprint(const struct mount_options *o, const struct token *t, struct err *err)
{
	AUTO(free) char *pin = client_pin(o->host, o->port);
	const char *said = o->fingerprint ? o->fingerprint : t->fingerprint;

	if (pin && said && strcmp(pin, said)) {
		err_set(err, EKEYREJECTED,
			"%s:%s is known by the fingerprint %s, but %s says %s: if the server was replaced, "
			"remove what "
			"is known in servers/ of the client's directory",
			o->host, o->port, pin, o->fingerprint ? "the option" : "the token", said);
		return NULL;
	}
	return xstrdup(said ? said : pin ? pin : "");
}

/* ---- joining */

static int ask(struct p9_client *c, struct p9_msg m)
{
	char buf[8192];

	return p9_ask(c, &m, buf, sizeof(buf), NULL);
}

/* Return: 0 it is trusted now, or was; -errno */
static int join(int stream, const char *token, struct err *err)
{
	struct p9_client *c;
	int r = p9_client_new(stream, P9_MSIZE_MIN * 4, &c, err);

	if (r < 0)
		return r;
	r = ask(c, (struct p9_msg){
		       .type = P9_TATTACH, .fid = 0, .newfid = P9_NOFID, .name = STR(""), .name2 = STR("")});
	if (!r)
		r = ask(c, (struct p9_msg){.type = P9_TWALK, .newfid = 1, .n = 1, .names = {STR("join")}});
	if (!r)
		r = ask(c, (struct p9_msg){.type = P9_TLOPEN, .fid = 1, .flags = O_WRONLY});
	if (!r)
		r = ask(c, (struct p9_msg){.type = P9_TWRITE, .fid = 1, .data = str_from(token)});
	p9_client_free(c);
	/* a view without join, or a join that says so: who has it is trusted */
	if (r == -ENOENT || r == -EEXIST)
		return 0;
	if (r == -EACCES)
		return err_set(err, EACCES,
			       "the server doesn't take this token: it was used, has expired, or never was");
	return r < 0 ? err_set(err, -r, "joining fails: %s", strerror(-r)) : 0;
}

/* ---- the kernel's own client */

static int mount_v9fs(const struct mount_options *o, int stream, struct err *err)
{
	AUTO(free) char *access = o->allow_other ? xstrdup("any") : xasprintf("%u", getuid());
	AUTO(free)
	char *data = xasprintf(
	    "trans=fd,rfdno=%d,wfdno=%d,version=9p2000.L,msize=%u,cache=none,access=%s,dfltuid=%u,aname=%s",
	    stream, stream, o->msize, access, getuid(), o->path);
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (o->read_only ? MS_RDONLY : 0);

	if (strchr(o->path, ','))
		return err_set(err, EINVAL, "a path with a comma can't be mounted: %s", o->path);
	if (mount(o->source, o->where, "9p", flags, data) == 0)
		return 0;
	return err_set(err, errno, "%s can't be mounted on %s: %s", o->source, o->where,
		       errno == ENODEV ? "this kernel has no 9P"
		       : errno == EACCES || errno == EPERM
			   ? "the server doesn't show this to the client, or the mount isn't allowed"
			   : strerror(errno));
}

/* ---- FUSE */

static int reconnect(void *arg)
{
	return carrier_again(*(int *)arg, NULL);
}

/* Serves the mount without rights: what a server sends is read here. */
static void run_mirror(const struct mount_options *o, int stream, int control, int status)
{
	struct mirror_options m = {.source = o->source,
				   .where = o->where,
				   .aname = o->path,
				   .msize = o->msize,
				   .allow_other = o->allow_other,
				   .read_only = o->read_only,
				   .uid = o->uid,
				   .gid = o->gid,
				   .reconnect = o->reconnect ? reconnect : NULL,
				   .arg = &control};
	AUTO(err_done) struct err err = ERR_NULL;
	struct mirror *mirror;
	int r = mirror_new(&m, stream, &mirror, &err);

	if (r < 0) {
		(void)!write(status, err_text(&err), strlen(err_text(&err)));
		_exit(1);
	}
	background();
	if (geteuid() == 0 &&
	    (sandbox_become(NOBODY, NOBODY, 1ULL << CAP_SETPCAP) < 0 || sandbox_lock_down() < 0))
		_exit(1);
	(void)!write(status, "", 1);
	close(status);
	mirror_run(mirror);
	_exit(0);
}

/* Waits for it, and takes away the mount that it may leave when it was killed. */
static void watch_mirror(const struct mount_options *o, pid_t pid)
{
	struct stat st;

	background();
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	/* what answers isn't ours any more */
	if (stat(o->where, &st) < 0 && errno == ENOTCONN)
		umount2(o->where, MNT_DETACH);
	_exit(0);
}

static int mount_fuse(const struct mount_options *o, int stream, int control, struct err *err)
{
	char text[1024];
	ssize_t n;
	int pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_set(err, errno, "no pipe can be made: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		pid_t mirror;

		close(pipes[0]);
		mirror = fork();
		if (mirror == 0)
			run_mirror(o, stream, control, pipes[1]);
		close(pipes[1]);
		close(stream);
		close(control);
		watch_mirror(o, mirror);
	}
	close(pipes[1]);
	n = pid < 0 ? -1 : sys_read(pipes[0], text, sizeof(text) - 1);
	close(pipes[0]);
	if (n == 1 && !text[0])
		return 0;
	text[MAX(n, 0)] = 0;
	return err_set(err, EIO, "%s", n > 0 ? text : "the process that serves the mount has ended");
}

/* ---- the whole */

static int connect_first(const struct mount_options *o, const struct token *t, struct carrier_target *target,
			 int *stream, int *control, struct err *err)
{
	AUTO(buf_done) struct buf cert = BUF_NULL, key = BUF_NULL;
	static char seen[CERT_FINGERPRINT_LEN + 1];
	struct dialer *d;
	SSL *ssl;
	int tls, r = client_pair(o->cert, o->key, &cert, &key, err);
	char *known = r ? NULL : known_fingerprint(o, t, err);

	if (r < 0 || !known)
		return -err->errnum;
	r = dialer_new(buf_str(&cert), buf_str(&key), &d, err);
	if (!r)
		r = dial(d, o->host, o->port, known, DIAL_MS, &ssl, &tls, seen, err);
	if (r < 0) {
		free(known);
		return r;
	}
	if (!*known)
		fprintf(
		    stderr,
		    "mount.lxdfs: %s:%s is new here; its certificate is remembered by the fingerprint %s\n"
		    "             (compare it there: openssl x509 -noout -fingerprint -sha256 -in "
		    "/lxd/certificates/server.crt)\n",
		    o->host, o->port, seen);
	free(known);
	r = client_pin_set(o->host, o->port, seen, err);
	*target = (struct carrier_target){d, o->host, o->port, seen, DIAL_MS};
	if (!r)
		r = carrier_start(target, ssl, tls, stream, control, err);
	/* it is the carrier's now: no farewell is said for it */
	SSL_set_quiet_shutdown(ssl, 1);
	SSL_free(ssl);
	close(tls);
	return r;
}

static int mount_it(const struct mount_options *o, struct err *err)
{
	AUTO(token_done) struct token t = TOKEN_NULL;
	AUTO(fd) int stream = -EBADF, control = -EBADF;
	struct carrier_target target;
	int r = o->token ? token_parse(str_from(o->token), &t, err) : 0;

	if (!r)
		r = connect_first(o, &t, &target, &stream, &control, err);
	if (!r && o->token) {
		r = join(TAKE_FD(stream), o->token, err);
		if (!r)
			r = stream = carrier_again(control, err);
	}
	if (r < 0)
		return r;
	r = -ENODEV;
	if (o->way != MOUNT_FUSE && o->uid < 0 && o->gid < 0 && !o->reconnect) {
		r = mount_v9fs(o, stream, err);
		if (!r)
			r = carrier_alone(control);
		if (r == -ENODEV && o->way == MOUNT_ANY)
			err_done(err);
	}
	if (r == -ENODEV && o->way != MOUNT_V9FS)
		r = mount_fuse(o, stream, control, err);
	else if (r == -ENODEV && !err->errnum)
		r = err_set(err, EINVAL, "the kernel's own client has no options uid, gid and reconnect");
	return r;
}

int main(int argc, char **argv)
{
	struct mount_options o = MOUNT_OPTIONS_NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	struct stat st;

	umask(077);
	signal(SIGPIPE, SIG_IGN);
	if (mount_options_parse(argc, argv, &o, &err) < 0)
		return complain(USAGE, &err);
	if (stat(o.where, &st) < 0 || !S_ISDIR(st.st_mode)) {
		err_set(&err, ENOTDIR, "%s is no directory to mount on", o.where);
		return complain(FAILED, &err);
	}
	if (o.fake)
		return OK;
	if (mount_it(&o, &err) < 0)
		return complain(err.errnum == EACCES ? FAILED : err.errnum == ENOMEM ? SYSTEM : FAILED, &err);
	if (o.verbose)
		printf("mount.lxdfs: %s is mounted on %s\n", o.source, o.where);
	return OK;
}
