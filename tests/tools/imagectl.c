/* SPDX-License-Identifier: Apache-2.0 */
/* Drives probing and unpacking of images for tests, without a daemon. `imagectl help` prints how. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/image/import.h"

static const char usage_text[] =
    "imagectl LIBEXEC probe|unpack|remove FILE [NAME=VALUE...]\n"
    "  rootfs=FILE   the other half             dest=DIR   where unpack goes; must not exist\n"
    "  bytes=N entries=N ratio=N depth=N        limits\n"
    "  cancel=MS     give up then\n"
    "Fails with status 1 and the sentence on standard error, as \"ERRNO: text\".\n";

static char **args;

static const char *arg(const char *name)
{
	size_t n = strlen(name);

	for (char **p = args; *p; p++)
		if (!strncmp(*p, name, n) && (*p)[n] == '=')
			return *p + n + 1;
	return NULL;
}

static uint64_t number(const char *name)
{
	return arg(name) ? strtoull(arg(name), NULL, 10) : 0;
}

static int timer(uint64_t ms)
{
	struct itimerspec t = {.it_value = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000 + 1}};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (fd >= 0)
		timerfd_settime(fd, 0, &t, NULL);
	return fd;
}

static int probe(const char *libexec, int fd, int rootfs, const struct image_limits *l, int cancel,
		 struct err *err)
{
	static const char *const parts[] = {"?", "unified", "split", "metadata", "rootfs"};
	AUTO(image_info_done) struct image_info info = IMAGE_INFO_NULL;
	int r = image_probe(libexec, fd, rootfs, l, &info, cancel, err);

	if (r < 0)
		return r;
	printf("part %s\nfingerprint %s\nsize %" PRIu64 "\nunpacked %" PRIu64 "\nsquashfs %d\n",
	       parts[info.part], info.fingerprint, info.size, info.unpacked, info.squashfs);
	printf("architecture %s\ncreated %" PRIu64 "\nexpires %" PRIu64 "\n",
	       info.architecture ? info.architecture : "-", info.created_at, info.expires_at);
	for (char **p = info.properties; *p; p++)
		printf("property %s\n", *p);
	return 0;
}

int main(int argc, char **argv)
{
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(fd) int fd = -EBADF, rootfs = -EBADF, cancel = -EBADF;
	struct image_limits l;
	int r;

	if (argc < 4) {
		fputs(usage_text, stderr);
		return 2;
	}
	args = argv + 4;
	l = (struct image_limits){number("bytes"), number("entries"), (uint32_t)number("ratio"),
				  (uint32_t)number("depth")};
	if (!strcmp(argv[2], "remove")) {
		r = path_remove_tree(argv[3]);
		if (r < 0)
			fprintf(stderr, "%d: %s\n", -r, strerror(-r));
		return r < 0;
	}
	fd = open(argv[3], O_RDONLY | O_CLOEXEC);
	if (arg("rootfs"))
		rootfs = open(arg("rootfs"), O_RDONLY | O_CLOEXEC);
	if (fd < 0 || (arg("rootfs") && rootfs < 0)) {
		perror(argv[3]);
		return 2;
	}
	if (arg("cancel"))
		cancel = timer(number("cancel"));
	if (!strcmp(argv[2], "probe"))
		r = probe(argv[1], fd, rootfs, &l, cancel, &err);
	else
		r = image_unpack(argv[1], fd, rootfs, arg("dest"), &l, cancel, &err);
	if (r < 0)
		fprintf(stderr, "%d: %s\n", err.errnum, err_text(&err));
	return r < 0;
}
