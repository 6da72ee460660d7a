/* SPDX-License-Identifier: Apache-2.0 */
/* The floor for key files: a FUSE filesystem with one file, "key", that remembers what was written and does
 * nothing else. Same library, same loop, same direct_io and timeouts as lxdfsd. usage: nullfs MOUNTPOINT
 * [VALUE]; goes to the background once mounted and ends when unmounted. */
#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define KEY_INO 2
#define TIMEOUT 3600.0

static struct {
	pthread_mutex_t lock;
	char value[4096];
	size_t len;
	struct timespec time;
} key = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void key_stat(fuse_ino_t ino, struct stat *st)
{
	*st = (struct stat){.st_ino = ino, .st_nlink = 1, .st_mode = S_IFDIR | 0755};
	if (ino != KEY_INO)
		return;
	st->st_mode = S_IFREG | 0660;
	pthread_mutex_lock(&key.lock);
	st->st_size = (off_t)key.len;
	st->st_mtim = key.time;
	pthread_mutex_unlock(&key.lock);
}

static void null_init(void *user, struct fuse_conn_info *conn)
{
	(void)user;
	conn->want |= conn->capable & FUSE_CAP_ATOMIC_O_TRUNC;
}

static void null_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {.ino = KEY_INO, .attr_timeout = TIMEOUT, .entry_timeout = TIMEOUT};

	if (parent != FUSE_ROOT_ID || strcmp(name, "key")) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	key_stat(KEY_INO, &e.attr);
	fuse_reply_entry(req, &e);
}

static void null_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	key_stat(ino, &st);
	fuse_reply_attr(req, &st, TIMEOUT);
}

static void null_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
			 struct fuse_file_info *fi)
{
	(void)attr;
	(void)to_set;
	null_getattr(req, ino, fi);
}

static void null_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->direct_io = 1;
	fuse_reply_open(req, fi);
}

static void null_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	char copy[sizeof(key.value)];
	size_t len;

	(void)ino;
	(void)fi;
	pthread_mutex_lock(&key.lock);
	len = key.len;
	memcpy(copy, key.value, len);
	pthread_mutex_unlock(&key.lock);
	if ((size_t)off >= len)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(req, copy + off, len - (size_t)off < size ? len - (size_t)off : size);
}

static void null_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	if (off || size > sizeof(key.value)) {
		fuse_reply_err(req, EFBIG);
		return;
	}
	pthread_mutex_lock(&key.lock);
	memcpy(key.value, data, size);
	key.len = size;
	clock_gettime(CLOCK_REALTIME, &key.time);
	pthread_mutex_unlock(&key.lock);
	fuse_reply_write(req, size);
}

static const struct fuse_lowlevel_ops null_ops = {
    .init = null_init,
    .lookup = null_lookup,
    .getattr = null_getattr,
    .setattr = null_setattr,
    .open = null_open,
    .read = null_read,
    .write = null_write,
};

int main(int argc, char **argv)
{
	char name[] = "nullfs", opt[] = "-odefault_permissions,allow_other";
	char *fuse_argv[] = {name, opt, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(2, fuse_argv);
	struct fuse_loop_config *config = NULL;
	struct fuse_session *se = NULL;
	int status = 1;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: nullfs MOUNTPOINT [VALUE]\n");
		return 2;
	}
	key.len = (size_t)snprintf(key.value, sizeof(key.value), "%s\n", argc == 3 ? argv[2] : "true");
	clock_gettime(CLOCK_REALTIME, &key.time);
	se = fuse_session_new(&args, &null_ops, sizeof(null_ops), NULL);
	if (!se)
		goto out;
	if (fuse_session_mount(se, argv[1]))
		goto out;
	if (fuse_daemonize(0))
		goto unmount;
	config = fuse_loop_cfg_create();
	status = fuse_session_loop_mt(se, config) != 0;
	fuse_loop_cfg_destroy(config);
unmount:
	fuse_session_unmount(se);
out:
	if (se)
		fuse_session_destroy(se);
	fuse_opt_free_args(&args);
	return status;
}
