/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of every kind but instances, in a network namespace of their own: made, changed, found again by the
 * next core, removed. Root only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "engine/base/auto.h"
#include "engine/base/job.h"
#include "engine/base/loop.h"
#include "engine/base/msg.h"
#include "engine/base/path.h"
#include "engine/base/spawn.h"
#include "engine/keys/keys.h"
#include "engine/kind/defaults.h"
#include "engine/kind/image.h"
#include "engine/kind/instance.h"
#include "engine/kind/network.h"
#include "engine/kind/pool.h"
#include "net/dnsmasq.h"
#include "net/filter.h"
#include "net/link.h"
#include "net/nat.h"
#include "net/nft.h"

static char base[64], *state_dir, *run_dir, bin_dir[4096];
static struct host *host;

static void open_host(void)
{
	AUTO(err_done) struct err err = ERR_NULL;

	host = xcalloc(1, sizeof(*host));
	host->mount = "/lxd";
	host->state = state_dir;
	host->run = run_dir;
	host->libexec = bin_dir;
	host->name = "lxdfs-test-kinds";
	if (host_open(host, &err) < 0)
		fail_msg("%s", err_text(&err));
	host_load(host);
}

static void close_host(void)
{
	host->is_stopping = true;
	networks_unwatch(host);
	job_wait_all();
	host_close(host);
	free(host);
	host = NULL;
}

static struct object *find(enum kind_number kind, const char *name)
{
	struct object *o = host_find(host->project, kind, str_from(name));

	assert_non_null(o);
	return o;
}

static char *get(struct object *o, const char *section, const char *key)
{
	AUTO(config_unref) struct config *own = object_own(o);

	return xstrdup(config_get(own, section, key));
}

static int set(struct object *o, const char *section, const char *key, const char *value, struct err *err)
{
	struct change change = {section, key, value};

	return object_change(o, &caller_core, &change, 1, UINT64_MAX, err);
}

static void want_set(struct object *o, const char *key, const char *value)
{
	AUTO(err_done) struct err err = ERR_NULL;

	if (set(o, SECTION_CONFIG, key, value, &err) < 0)
		fail_msg("%s=%s: %s", key, value, err_text(&err));
}

static void want_refused(struct object *o, const char *key, const char *value, int number, const char *said)
{
	AUTO(err_done) struct err err = ERR_NULL;

	assert_int_equal(set(o, SECTION_CONFIG, key, value, &err), -number);
	if (!strstr(err_text(&err), said))
		fail_msg("%s=%s: %s", key, value, err_text(&err));
}

static struct object *make(const struct kind *kind, const char *name)
{
	AUTO(err_done) struct err err = ERR_NULL;
	struct object *o = NULL;

	if (object_create(host->project, kind, str_from(name), &caller_core, NULL, 0, &o, &err) < 0)
		fail_msg("%s: %s", name, err_text(&err));
	return o;
}

static bool has_address(const char *link, const char *text)
{
	AUTO(link_list_done) struct link_list list = {0};
	unsigned index = if_nametoindex(link);

	assert_int_equal(link_list(NETNS_OWN, &list, NULL), 0);
	for (size_t i = 0; i < list.n_addrs; i++) {
		AUTO(buf_done) struct buf b = BUF_NULL;

		buf_ip_net(&b, &list.addrs[i].net);
		if ((unsigned)list.addrs[i].index == index && !strcmp(buf_cstr(&b), text))
			return true;
	}
	return false;
}

static bool has_rules(const char *link)
{
	AUTO(buf_done) struct buf b = BUF_NULL;

	nft_list("list ruleset", &b, NULL);
	return strstr(buf_cstr(&b), link);
}

/* dnsmasq_pidfd() - what serves a network, -1 for none */
static int dnsmasq_pidfd(const char *network)
{
	AUTO(free) char *dir = xasprintf("%s/networks/%s", run_dir, network);
	int fd = -1;

	return dnsmasq_adopt(dir, &fd, NULL) == 1 ? fd : -1;
}

static ino_t dnsmasq_id(const char *network)
{
	AUTO(free) char *path = xasprintf("%s/networks/%s/dnsmasq.pid", run_dir, network);
	AUTO(free) char *text = NULL;

	return path_read(AT_FDCWD, path, 32, &text) > 0 ? (ino_t)strtoul(text, NULL, 10) : 0;
}

static void test_defaults(void **state)
{
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(object_unref) struct object *network = NULL, *profile = NULL, *pool = NULL;
	AUTO(free) char *address = NULL, *address6 = NULL, *nat = NULL, *device = NULL;
	AUTO(texts_free) char **users = NULL;
	AUTO(buf_done) struct buf text = BUF_NULL;

	(void)state;
	if (defaults_make(host, &err) < 0)
		fail_msg("%s", err_text(&err));
	network = find(KIND_NETWORK, "lxdbr0");
	profile = find(KIND_PROFILE, "default");
	pool = find(KIND_POOL, "default");
	address = get(network, SECTION_CONFIG, "ipv4.address");
	address6 = get(network, SECTION_CONFIG, "ipv6.address");
	nat = get(network, SECTION_CONFIG, "ipv4.nat");
	assert_string_equal(nat, "true");
	assert_true(has_address("lxdbr0", address));
	assert_true(has_address("lxdbr0", address6));
	network_state_text(network, &text);
	assert_non_null(strstr(buf_cstr(&text), "state up\n"));
	buf_clear(&text);
	assert_true(has_rules("lxdbr0"));
	assert_true(dnsmasq_pidfd("lxdbr0") >= 0);
	device = get(profile, SECTION_DEVICES "eth0", "network");
	assert_string_equal(device, "lxdbr0");
	users = network->kind->used_by(network);
	assert_string_equal(users[0], "profiles/default");
	assert_null(users[1]);
	assert_int_equal(object_remove(network, &caller_core, &err), -EBUSY);
	assert_non_null(strstr(err_text(&err), "profiles/default"));
	assert_int_equal(object_remove(pool, &caller_core, &err), -EBUSY);
	assert_int_equal(object_rename(pool, STR("other"), &caller_core, &err), -EBUSY);
	assert_int_equal(object_rename(network, STR("other"), &caller_core, &err), -EBUSY);
	assert_int_equal(object_remove(profile, &caller_core, &err), -EPERM);
	pool_space_text(pool, &text);
	assert_non_null(strstr(buf_cstr(&text), "free "));
}

static void test_change(void **state)
{
	AUTO(object_unref) struct object *o = make(&kind_network, "br1");
	AUTO(free) char *auto4 = get(o, SECTION_CONFIG, "ipv4.address");
	ino_t first = dnsmasq_id("br1");
	struct link_info info;

	(void)state;
	assert_true(has_address("br1", auto4));
	/* what dnsmasq isn't told doesn't end it */
	want_set(o, "ipv4.nat", "false");
	want_set(o, "ipv4.firewall", "false");
	assert_int_equal(dnsmasq_id("br1"), first);
	want_set(o, "ipv4.address", "10.99.1.1/24");
	assert_true(has_address("br1", "10.99.1.1/24"));
	assert_false(has_address("br1", auto4));
	assert_int_not_equal(dnsmasq_id("br1"), first);
	/* a second one in the same network doesn't fall with the first */
	want_set(o, "ipv4.address", "10.99.1.2/24");
	assert_true(has_address("br1", "10.99.1.2/24"));
	assert_false(has_address("br1", "10.99.1.1/24"));
	want_set(o, "bridge.mtu", "1400");
	want_set(o, "bridge.hwaddr", "00:16:3e:11:22:33");
	assert_int_equal(link_get(NETNS_OWN, "br1", &info, NULL), 0);
	assert_int_equal(info.mtu, 1400);
	assert_int_equal(info.mac.b[5], 0x33);
	want_set(o, "ipv6.address", "none");
	want_refused(o, "bridge.mtu", "20", ERANGE, "bridge.mtu");
	want_refused(o, "ipv4.address", "10.99.1.0/24", EINVAL, "own address");
	want_refused(o, "ipv4.dhcp.ranges", "10.1.1.1-10.1.1.9", EINVAL, "outside");
	assert_true(has_address("br1", "10.99.1.2/24"));
	want_set(o, "ipv4.dhcp.ranges", "10.99.1.10-10.99.1.20");
	want_set(o, "ipv4.routes", "10.98.0.0/16");
	/* what can't be done leaves all as it was */
	want_refused(o, "bridge.external_interfaces", "nosuch0", ENODEV, "nosuch0");
	assert_true(has_address("br1", "10.99.1.2/24"));
	want_set(o, "ipv4.dhcp", "false");
	want_set(o, "dns.mode", "none");
	assert_int_equal(dnsmasq_pidfd("br1"), -1);
	want_set(o, "ipv4.dhcp.ranges", NULL);
	want_set(o, "ipv4.address", "none");
	assert_false(has_address("br1", "10.99.1.2/24"));
	/* auto is granted later too, and the file says what was taken */
	want_set(o, "ipv4.address", "auto");
	free(auto4);
	auto4 = get(o, SECTION_CONFIG, "ipv4.address");
	assert_string_not_equal(auto4, "auto");
	assert_true(has_address("br1", auto4));
	assert_int_equal(object_remove(o, &caller_core, NULL), 0);
	assert_int_equal(if_nametoindex("br1"), 0);
	assert_false(has_rules("br1"));
}

static void test_taken(void **state)
{
	struct bridge_spec foreign = {.name = "foreign0", .mac = mac_random()};
	AUTO(object_unref) struct object *o = NULL, *network = find(KIND_NETWORK, "lxdbr0");
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(free) char *address = get(network, SECTION_CONFIG, "ipv4.address");
	AUTO(object_unref) struct object *other = make(&kind_network, "br2");

	(void)state;
	assert_int_equal(bridge_create(&foreign, NULL), 0);
	assert_int_equal(
	    object_create(host->project, &kind_network, STR("foreign0"), &caller_core, NULL, 0, &o, &err),
	    -EEXIST);
	assert_non_null(strstr(err_text(&err), "link foreign0"));
	assert_int_not_equal(if_nametoindex("foreign0"), 0);
	want_refused(other, "ipv4.address", address, EADDRINUSE, "ipv4.address");
	assert_int_equal(object_rename(other, STR("foreign0"), &caller_core, &err), -EEXIST);
	assert_int_not_equal(if_nametoindex("br2"), 0);
	assert_int_equal(object_rename(other, STR("br3"), &caller_core, &err), 0);
	assert_int_equal(if_nametoindex("br2"), 0);
	assert_int_not_equal(if_nametoindex("br3"), 0);
	assert_true(dnsmasq_pidfd("br3") >= 0);
	assert_false(has_rules("br2"));
	assert_true(has_rules("br3"));
	assert_int_equal(object_remove(other, &caller_core, &err), 0);
	assert_int_equal(link_delete("foreign0", NULL), 0);
}

/* wait_for() - a condition that comes by itself, within two seconds */
#define WAIT_FOR(condition)                                                                                  \
	do {                                                                                                 \
		for (int tries_ = 0; tries_ < 100 && !(condition); tries_++)                                 \
			usleep(20000);                                                                       \
		assert_true(condition);                                                                      \
	} while (0)

static void test_repair(void **state)
{
	static const char *const flush[] = {"nft", "flush", "ruleset", NULL};
	AUTO(buf_done) struct buf said = BUF_NULL;
	ino_t first = dnsmasq_id("lxdbr0");

	(void)state;
	assert_true(has_rules("lxdbr0"));
	assert_int_equal(spawn_run("/usr/sbin/nft", flush, 5000, &said, NULL), 0);
	WAIT_FOR(has_rules("lxdbr0"));
	assert_int_equal(kill((pid_t)first, SIGKILL), 0);
	/* it lived for less than ten seconds: the next one waits for one */
	WAIT_FOR(dnsmasq_id("lxdbr0") != first && dnsmasq_pidfd("lxdbr0") >= 0);
	WAIT_FOR(host_count(host->server, KIND_WARNING) >= 2);
}

/* The next core finds all that runs, and ends nothing. */
static void test_adopt(void **state)
{
	ino_t first = dnsmasq_id("lxdbr0");
	AUTO(object_unref) struct object *network = NULL, *profile = NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(free) char *address = NULL;
	unsigned index = if_nametoindex("lxdbr0");

	(void)state;
	close_host();
	open_host();
	assert_int_equal(dnsmasq_id("lxdbr0"), first);
	assert_int_equal(if_nametoindex("lxdbr0"), index);
	network = find(KIND_NETWORK, "lxdbr0");
	assert_true(network->is_live);
	/* as after the host's own restart */
	object_unref(network);
	close_host();
	assert_int_equal(link_delete("lxdbr0", NULL), 0);
	open_host();
	network = find(KIND_NETWORK, "lxdbr0");
	address = get(network, SECTION_CONFIG, "ipv4.address");
	assert_true(has_address("lxdbr0", address));
	assert_true(dnsmasq_pidfd("lxdbr0") >= 0);
	/* what somebody removed doesn't come back */
	profile = find(KIND_PROFILE, "default");
	assert_int_equal(set(profile, SECTION_DEVICES "eth0", NULL, NULL, &err), 0);
	assert_int_equal(object_remove(network, &caller_core, NULL), 0);
	assert_int_equal(defaults_make(host, &err), 0);
	assert_null(host_find(host->project, KIND_NETWORK, STR("lxdbr0")));
}

/* A core that died in the middle of mkdir has left a bridge, but no network. */
static void test_sweep(void **state)
{
	struct bridge_spec half = {.name = "half0", .mac = mac_random()}, other = {.name = "other0"};
	AUTO(free) char *dir = xasprintf("%s/networks/half0", run_dir);

	(void)state;
	other.mac = (struct mac){{0x02, 1, 2, 3, 4, 5}};
	assert_int_equal(bridge_create(&half, NULL), 0);
	assert_int_equal(bridge_create(&other, NULL), 0);
	assert_int_equal(path_make_dir(dir, 0711), 0);
	close_host();
	open_host();
	assert_int_equal(if_nametoindex("half0"), 0);
	assert_int_equal(access(dir, F_OK), -1);
	assert_int_not_equal(if_nametoindex("other0"), 0);
	assert_int_equal(link_delete("other0", NULL), 0);
}

static void test_pools(void **state)
{
	AUTO(object_unref) struct object *pool = make(&kind_pool, "p1");
	AUTO(free)
	char *dir = xasprintf("%s/pools/p1", state_dir), *moved = xasprintf("%s/pools/p2", state_dir);
	AUTO(free) char *source = xasprintf("%s/source", base), *layer = NULL, *found = NULL;
	struct storage_root root = {0};
	const struct storage_driver *driver;
	AUTO(err_done) struct err err = ERR_NULL;

	(void)state;
	assert_int_equal(access(dir, F_OK), 0);
	assert_int_equal(object_rename(pool, STR("p2"), &caller_core, &err), 0);
	assert_int_equal(access(dir, F_OK), -1);
	assert_int_equal(access(moved, F_OK), 0);
	assert_int_equal(pool_find(host, "p2", &found, &driver, &err), 0);
	assert_string_equal(found, moved);
	assert_int_equal(driver->prepare(found, pool->uuid, NULL, &root, &err), 0);
	layer = driver->path(found, pool->uuid);
	assert_string_equal(layer, root.rootfs);
	storage_root_done(&root);
	assert_int_equal(driver->destroy(found, pool->uuid, &err), 0);
	assert_null(driver->path(found, pool->uuid));
	want_refused(pool, "source", "relative", EINVAL, "source");
	want_refused(pool, "source", source, EINVAL, "no directory");
	assert_int_equal(mkdir(source, 0777) | chmod(source, 0777), 0);
	want_refused(pool, "source", source, EINVAL, "others than root");
	assert_int_equal(chmod(source, 0755), 0);
	want_set(pool, "source", source);
	free(TAKE(found));
	assert_int_equal(pool_find(host, "p2", &found, &driver, &err), 0);
	assert_string_equal(found, source);
	assert_int_equal(pool_find(host, "nosuch", &layer, &driver, &err), -EINVAL);
	assert_int_equal(object_remove(pool, &caller_core, &err), 0);
	assert_int_equal(access(source, F_OK), 0);
}

/* ---- images */

static void put_file(const char *dir, const char *name, const char *text)
{
	AUTO(free) char *path = xasprintf("%s/%s", dir, name);
	AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

/* make_tar() - of one or two names below base/tree */
static char *make_tar(const char *name, const char *one, const char *other)
{
	AUTO(free) char *tree = xasprintf("%s/tree", base);
	char *path = xasprintf("%s/%s", base, name);
	const char *const argv[] = {"tar", "-C", tree, "-cf", path, one, other, NULL};
	AUTO(buf_done) struct buf said = BUF_NULL;

	assert_int_equal(spawn_run("/usr/bin/tar", argv, 10000, &said, NULL), 0);
	return path;
}

/* upload() - as cp does it, in pieces. Return: what finishing it said */
static int upload(const char *path, const char *name, struct object **ret, struct err *err)
{
	struct image_upload *u = NULL;
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t offset = 0;
	char part[700];
	ssize_t n;
	int r;

	assert_int_equal(image_upload_new(host->project, str_from(name), &caller_core, &u, err), 0);
	while ((n = read(fd, part, sizeof(part))) > 0) {
		assert_int_equal(image_upload_write(u, (struct str){part, (size_t)n}, offset, err), 0);
		offset += (size_t)n;
	}
	assert_int_equal(image_upload_size(u), offset);
	r = image_upload_finish(u, &caller_core, ret, err);
	image_upload_free(u);
	return r;
}

static unsigned count_files(const char *dir)
{
	AUTO(free) char *path = xasprintf("%s/%s", state_dir, dir);
	AUTO(closedir) DIR *d = opendir(path);
	unsigned n = 0;

	for (struct dirent *e; d && (e = readdir(d));)
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	return n;
}

static void test_image(void **state)
{
	AUTO(object_unref) struct object *image = NULL, *found = NULL, *again = NULL;
	AUTO(free) char *tree = xasprintf("%s/tree", base), *etc = xasprintf("%s/rootfs/etc", tree);
	AUTO(free) char *tar = NULL, *meta = NULL, *rootfs = NULL, *name = NULL, *dir = NULL, *file = NULL;
	AUTO(free) char *value = NULL, *helper = xasprintf("%s/lxdfs-unpack", bin_dir);
	AUTO(texts_free) char **aliases = NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(fd) int fd = -EBADF;

	(void)state;
	/* make check-unit alone doesn't build it */
	if (access(helper, X_OK) < 0)
		skip();
	assert_int_equal(path_make_dir(etc, 0755), 0);
	put_file(tree, "metadata.yaml",
		 "architecture: x86_64\ncreation_date: 1700000000\nproperties:\n  os: Testix\n");
	put_file(etc, "hostname", "x\n");
	tar = make_tar("one.tar", "metadata.yaml", "rootfs");
	if (upload(tar, "one.tar", &image, &err) < 0)
		fail_msg("%s", err_text(&err));
	name = object_name(image);
	value = get(image, SECTION_PROPS, "properties.os");
	assert_string_equal(value, "Testix");
	assert_int_equal(upload(tar, "two.tar", &again, &err), -EEXIST);
	assert_int_equal(upload("/etc/passwd", "passwd", &again, &err), -EINVAL);
	assert_int_equal(
	    object_create(host->project, &kind_image, STR("x"), &caller_core, NULL, 0, &again, &err),
	    -EINVAL);
	/* nothing of an upload stays but the image */
	assert_int_equal(count_files("images"), 1);

	assert_int_equal(image_alias_set(host->project, STR("debian/12"), image, &caller_core, &err),
			 -EINVAL);
	assert_int_equal(image_alias_set(host->project, STR("testix"), image, &caller_core, &err), 0);
	assert_int_equal(image_alias_set(host->project, STR("other"), image, &caller_core, &err), 0);
	assert_int_equal(image_alias_set(host->project, STR("nosuch"), NULL, &caller_core, &err), -ENOENT);
	assert_int_equal(image_alias_set(host->project, STR("other"), NULL, &caller_core, &err), 0);
	aliases = image_alias_list(host->project);
	assert_string_equal(aliases[0], "testix");
	assert_string_equal(aliases[1], name);
	assert_null(aliases[2]);
	found = image_find(host->project, STR("testix"), &err);
	assert_ptr_equal(found, image);
	object_unref(found);
	found = image_find(host->project, (struct str){name, 12}, &err);
	assert_ptr_equal(found, image);
	assert_null(image_find(host->project, STR("nosuch"), &err));
	assert_non_null(strstr(err_text(&err), "nosuch"));

	dir = image_rootfs(image, &caller_core, &err);
	if (!dir)
		fail_msg("%s", err_text(&err));
	file = xasprintf("%s/rootfs/etc/hostname", dir);
	assert_int_equal(access(file, F_OK), 0);
	fd = image_file(image, 0);
	assert_true(fd >= 0);
	assert_int_equal(image_file(image, 1), -ENOENT);
	assert_int_equal(object_rename(image, STR("x"), &caller_core, &err), -EINVAL);

	/* both halves, in the order that is the other way round; a stranger's half isn't taken */
	meta = make_tar("m.tar", "metadata.yaml", NULL);
	free(TAKE(etc));
	etc = xasprintf("%s/rootfs", tree);
	free(TAKE(file));
	file = xasprintf("%s/usr", etc);
	assert_int_equal(mkdir(file, 0755), 0);
	rootfs = xasprintf("%s/r.tar", base);
	{
		const char *const argv[] = {"tar", "-C", etc, "-cf", rootfs, ".", NULL};
		AUTO(buf_done) struct buf said = BUF_NULL;

		assert_int_equal(spawn_run("/usr/bin/tar", argv, 10000, &said, NULL), 0);
	}
	if (upload(rootfs, "split.rootfs", &again, &err) < 0)
		fail_msg("%s", err_text(&err));
	assert_null(again);
	assert_int_equal(upload(meta, "unlike.tar.xz", &again, &err), 0);
	assert_null(again);
	if (upload(meta, "split.tar.xz", &again, &err) < 0)
		fail_msg("%s", err_text(&err));
	assert_non_null(again);
	close(image_file(again, 1));
	free(TAKE(dir));
	dir = image_rootfs(again, &caller_core, &err);
	assert_non_null(dir);
	assert_int_equal(count_files("unpacked"), 2);

	/* what nothing needs goes */
	assert_int_equal(object_remove(again, &caller_core, &err), 0);
	job_wait_all();
	assert_int_equal(count_files("unpacked"), 1);
	close_host();
	object_unref(TAKE(image));
	object_unref(TAKE(found));
	object_unref(TAKE(again));
	open_host();
	/* the half that waited is gone with its core */
	assert_int_equal(count_files("images"), 1);
	image = image_find(host->project, STR("testix"), &err);
	assert_non_null(image);
	assert_int_equal(object_remove(image, &caller_core, &err), 0);
	assert_int_equal(count_files("images"), 0);
}

/* A copy has all that the image has; the image is left alone. */
static void test_dir(void **state)
{
	const struct storage_driver *driver = storage_driver_find("dir");
	AUTO(free) char *image = xasprintf("%s/image", base), *sub = xasprintf("%s/sub", image);
	AUTO(free) char *file = xasprintf("%s/sub/file", image), *other = xasprintf("%s/other", image);
	AUTO(free) char *link = xasprintf("%s/sub/link", image), *copied = NULL, *path = NULL;
	struct storage_root root = {0};
	AUTO(err_done) struct err err = ERR_NULL;
	struct stat one, two;
	char target[16] = "";

	(void)state;
	assert_int_equal(path_make_dir(sub, 0750), 0);
	put_file(sub, "file", "content\n");
	assert_int_equal(chown(file, 1000, 1001) | chmod(file, 04711) | rename(file, other), 0);
	assert_int_equal(linkat(AT_FDCWD, other, AT_FDCWD, file, 0) | symlink("../../x", link), 0);
	assert_int_equal(setxattr(other, "user.test", "v", 1, 0), 0);
	assert_int_equal(mkdir(path = xasprintf("%s/pool", base), 0711), 0);
	if (driver->prepare(path, "0a1b", image, &root, &err) < 0)
		fail_msg("%s", err_text(&err));
	assert_null(root.lower);
	copied = xasprintf("%s/sub/file", root.rootfs);
	assert_int_equal(stat(copied, &one), 0);
	assert_int_equal(one.st_uid, 1000);
	assert_int_equal(one.st_gid, 1001);
	assert_int_equal(one.st_mode & 07777, 04711);
	assert_int_equal(one.st_nlink, 2);
	assert_int_equal(one.st_size, 8);
	assert_int_equal(getxattr(copied, "user.test", target, sizeof(target)), 1);
	free(TAKE(copied));
	copied = xasprintf("%s/other", root.rootfs);
	assert_int_equal(stat(copied, &two), 0);
	assert_int_equal(one.st_ino, two.st_ino);
	free(TAKE(copied));
	copied = xasprintf("%s/sub/link", root.rootfs);
	assert_int_equal(readlink(copied, target, sizeof(target)), 7);
	free(TAKE(copied));
	copied = xasprintf("%s/sub", root.rootfs);
	assert_int_equal(stat(copied, &one), 0);
	assert_int_equal(one.st_mode & 07777, 0750);
	/* there already: nothing is copied again */
	storage_root_done(&root);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(driver->prepare(path, "0a1b", image, &root, &err), 0);
	free(TAKE(copied));
	copied = xasprintf("%s/other", root.rootfs);
	assert_int_equal(access(copied, F_OK), 0);
	storage_root_done(&root);
	assert_int_equal(driver->destroy(path, "0a1b", &err), 0);
	assert_int_equal(driver->destroy(path, "0a1b", &err), 0);
	assert_int_equal(access(copied, F_OK), -1);
}

static int setup(void **state)
{
	AUTO(err_done) struct err err = ERR_NULL;
	struct link_change up = {.set = LINK_STATE, .up = true};
	char exe[2048];
	ssize_t n;

	(void)state;
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
		return -1;
	/* build/V/unit/test_kinds: the helper programs are in build/V/bin */
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n <= 0)
		return -1;
	exe[n] = 0;
	snprintf(bin_dir, sizeof(bin_dir), "%s/bin", dirname(dirname(exe)));
	snprintf(base, sizeof(base), "/var/tmp/lxdfs-test.XXXXXX");
	if (!mkdtemp(base) || chmod(base, 0711) < 0)
		return -1;
	state_dir = xasprintf("%s/state", base);
	run_dir = xasprintf("%s/run", base);
	net_init("lxdfs-test-kinds");
	link_set("lo", &up, NULL);
	if (loop_start(&err) < 0)
		return -1;
	kinds_register();
	open_host();
	return 0;
}

static int teardown(void **state)
{
	AUTO(err_done) struct err err = ERR_NULL;
	int r;

	(void)state;
	r = networks_stop_all(host, &err);
	if (r < 0)
		print_error("%s\n", err_text(&err));
	close_host();
	loop_stop();
	path_remove_tree(base);
	free(state_dir);
	free(run_dir);
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults), cmocka_unit_test(test_change), cmocka_unit_test(test_taken),
	    cmocka_unit_test(test_repair),   cmocka_unit_test(test_pools),  cmocka_unit_test(test_sweep),
	    cmocka_unit_test(test_adopt),    cmocka_unit_test(test_image),  cmocka_unit_test(test_dir),
	};

	if (geteuid() != 0) {
		print_message("1..0 # skip needs root: links and namespaces of its own\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
