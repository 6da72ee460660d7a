/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a client's own directory. */
#include "fs/9p/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs/cert.h"
#include "engine/base/path.h"

#define SERVERS "servers"

static char *directory(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (geteuid() == 0)
		return xstrdup("/etc/lxdfs");
	if (config && *config == '/')
		return xasprintf("%s/lxdfs", config);
	return xasprintf("%s/.config/lxdfs", home && *home ? home : "/");
}

/* Return: descriptor of it or of a directory in it, made where it isn't; -errno */
static int open_directory(const char *below, struct err *err)
{
	AUTO(free) char *dir = directory(), *path = xasprintf("%s%s%s", dir, *below ? "/" : "", below);
	int r = path_make_dir(path, 0700), fd = r < 0 ? r : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_set(err, r < 0 ? -r : errno, "%s can't be made: %s", path,
				strerror(r < 0 ? -r : errno))
		      : fd;
}

static int read_file(const char *path, struct buf *ret, struct err *err)
{
	AUTO(free) char *text = NULL;
	ssize_t n = path_read(AT_FDCWD, path, CERT_MAX, &text);

	if (n < 0)
		return err_set(err, (int)-n, "%s can't be read: %s", path, strerror((int)-n));
	buf_add(ret, text, (size_t)n);
	return 0;
}

static int make_pair(const char *dir, struct err *err)
{
	AUTO(buf_done) struct buf cert = BUF_NULL, key = BUF_NULL;
	AUTO(fd) int fd = open_directory("", err);
	char name[65] = "";
	int r;

	if (fd < 0)
		return fd;
	gethostname(name, sizeof(name) - 1);
	r = cert_make(*name ? name : "client", NULL, &cert, &key, err);
	if (r < 0)
		return r;
	/* the key first: a certificate without one would never be replaced */
	r = path_replace(fd, "client.key", buf_str(&key), 0600, true);
	if (!r)
		r = path_replace(fd, "client.crt", buf_str(&cert), 0644, true);
	return r < 0 ? err_set(err, -r, "a key can't be written to %s: %s", dir, strerror(-r)) : 0;
}

int client_pair(const char *cert, const char *key, struct buf *ret_cert, struct buf *ret_key, struct err *err)
{
	AUTO(free)
	char *dir = directory(), *own_cert = xasprintf("%s/client.crt", dir),
	     *own_key = xasprintf("%s/client.key", dir);
	int r = 0;

	if (!cert != !key)
		return err_set(err, EINVAL, "cert and key are given together");
	if (!cert && access(own_cert, F_OK) < 0)
		r = make_pair(dir, err);
	if (!r)
		r = read_file(cert ? cert : own_cert, ret_cert, err);
	return r ? r : read_file(key ? key : own_key, ret_key, err);
}

/* A host's name as a file's: it came from the command line. */
static char *file_of(const char *host, const char *port)
{
	char *name = xasprintf("%s:%s", host, port);

	for (char *p = name; *p; p++)
		if (*p == '/' || (unsigned char)*p <= ' ')
			*p = '_';
	if (*name == '.')
		*name = '_';
	return name;
}

char *client_pin(const char *host, const char *port)
{
	AUTO(free)
	char *dir = directory(), *name = file_of(host, port),
	     *path = xasprintf("%s/" SERVERS "/%s", dir, name), *text = NULL;
	struct str s;

	if (path_read(AT_FDCWD, path, 256, &text) < 0)
		return NULL;
	s = str_trim(str_from(text));
	return cert_is_fingerprint(s) ? str_dup(s) : NULL;
}

int client_pin_set(const char *host, const char *port, const char *fingerprint, struct err *err)
{
	AUTO(free) char *name = file_of(host, port), *text = xasprintf("%s\n", fingerprint);
	AUTO(fd) int fd = open_directory(SERVERS, err);
	int r = fd < 0 ? fd : path_replace(fd, name, str_from(text), 0644, true);

	return r < 0 && fd >= 0 ? err_set(err, -r, "the server's fingerprint can't be kept: %s", strerror(-r))
				: r;
}
