/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes of devices, made or found. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define NODE "/tmp/attack-node"

static int open_node(mode_t type, unsigned major, unsigned minor)
{
	int fd, r;

	unlink(NODE);
	if (mknod(NODE, type | 0600, makedev(major, minor)) < 0)
		return -errno;
	fd = open(NODE, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	r = fd < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	unlink(NODE);
	return r;
}

static int character(const char *what)
{
	unsigned major, minor;

	return sscanf(what, "%u:%u", &major, &minor) == 2 ? open_node(S_IFCHR, major, minor) : -EINVAL;
}

/* Each disk of the host: opened, and mounted. */
static int disk(const char *what)
{
	FILE *f = fopen("/proc/partitions", "re");
	unsigned major, minor;
	char line[256];
	int r = -ENOENT;

	mkdir("/tmp/attack-disk", 0700);
	while (f && r && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %u %u", &major, &minor) != 2)
			continue;
		if (*what == 'o') {
			r = open_node(S_IFBLK, major, minor);
			continue;
		}
		/* what the host has mounted is found without being opened (Linux 6.6) */
		unlink(NODE);
		r = mknod(NODE, S_IFBLK | 0600, makedev(major, minor)) < 0 ||
			    mount(NODE, "/tmp/attack-disk", *what == 'm' ? "ext4" : what, MS_RDONLY, NULL) < 0
			? -errno
			: 0;
		umount2("/tmp/attack-disk", MNT_DETACH);
		unlink(NODE);
	}
	if (f)
		fclose(f);
	return r;
}

/* Nodes of the kernel's own directory of them are the host's: who changes their modes changes them for all.
 */
static int host_nodes(const char *what)
{
	struct stat st;
	int r;

	mkdir("/tmp/attack-dev", 0700);
	if (mount("dev", "/tmp/attack-dev", what, 0, NULL) < 0)
		return -errno;
	r = stat("/tmp/attack-dev/null", &st) < 0 || chmod("/tmp/attack-dev/null", st.st_mode & 07777) < 0
		? -errno
		: 0;
	umount2("/tmp/attack-dev", MNT_DETACH);
	return r;
}

/* A node in its own /dev that is the host's ($ATTACK_NODE is one of the host's, as DEVICE:INODE), so that a
 * mode set there is set for all. Set to what it is. */
static int own_node_mode(const char *what)
{
	const char *host = getenv("ATTACK_NODE");
	char own[64];
	struct stat st;

	if (stat(what, &st) < 0)
		return -errno;
	snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	if (!host || strcmp(host, own) != 0)
		return -ENODATA;
	return chmod(what, st.st_mode & 07777) < 0 ? -errno : 0;
}

/* cgroup v1: a rule for itself, and the device opened. */
static int allow_devices(const char *what)
{
	int fd = open("/sys/fs/cgroup/devices/devices.allow", O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, what, strlen(what));
	close(fd);
	return n < 0 ? -errno : open_node(S_IFCHR, 10, 237);
}

static const struct attack rows[] = {
    {"dev-mem", "open the host's memory", character, "1:1", false},
    {"dev-port", "open the I/O ports", character, "1:4", false},
    {"dev-kmsg", "open the kernel's log", character, "1:11", false},
    {"dev-loop-control", "open loop devices' control", character, "10:237", false},
    {"dev-mapper", "open the device mapper's control", character, "10:236", false},
    {"dev-btrfs", "open the control of btrfs", character, "10:234", false},
    {"dev-msr", "open a processor's registers", character, "202:0", false},
    {"dev-tty1", "open the host's first terminal", character, "4:1", false},
    {"dev-ttyS0", "open the host's serial line", character, "4:64", false},
    {"dev-console", "open the host's console", character, "5:1", false},
    {"dev-input", "open the host's keyboard", character, "13:64", false},
    {"disk-open", "open a disk of the host", disk, "open", false},
    {"disk-mount", "mount a disk of the host", disk, "mount", false},
    {"devtmpfs", "mount the host's /dev and change modes", host_nodes, "devtmpfs", false},
    {"null-mode", "change the mode of the host's /dev/null", own_node_mode, "/dev/null", false},
    {"devices-allow", "allow itself a device", allow_devices, "c 10:237 rwm", false},
};
const struct attack_table attacks_devices = {rows, N_ROWS(rows)};
