/* SPDX-License-Identifier: Apache-2.0 */
/* Sends frames from an instance's end of a link and looks where they come out. `frame help` prints its verbs;
 * tests/lib/frame.h says how a frame is written.
 *
 * A frame that must not arrive is not waited for: a marker follows it from a port without filters, and what
 * hasn't arrived when the marker has never will. Both take the same queue, as the program stays on one
 * processor.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/frame.h"

static const char usage_text[] =
    "frame send LINK [NAME=VALUE...] -- FRAME\n"
    "frame flood port=LINK other=LINK host=LINK M=MAC [NAME=VALUE...] -- BAD FRAME / GOOD FRAME\n"
    "  until standard input ends; prints how many were sent, and how many came out at other or host\n"
    "frame watch host=LINK M=MAC\n"
    "  until standard input ends; prints how many frames came in, and how many from that MAC\n"
    "frame matrix [quiet=no] port=LINK other=LINK host=LINK marker=LINK filters=LIST none=LIST M=MAC "
    "[NAME=VALUE...]\n"
    "  reads lines \"MAC IPV4 IPV6 | name | FRAME\": for each filter what becomes of the frame, a "
    "(accepted), d\n"
    "  (dropped), h (for the host only), D (dropped where filters has dhcp); prints \"ok NAME\" or \"not ok "
    "NAME: \n"
    "  why\". quiet=no: others send too, so that only this frame counts. none=ipv4: no address is allowed, "
    "so all that begins with arp or ip4 is dropped; =ipv6 "
    "likewise.\n"
    "A LINK may be FILE:LINK, of the network namespace of that file.\n";

enum { MARKER = 0x88b5 };

static struct frame_vars vars;
static const char *words; /* what stands behind -- */

static void die(const char *what)
{
	fprintf(stderr, "frame: %s: %s\n", what, strerror(errno));
	exit(2);
}

static const char *var(const char *name)
{
	for (size_t i = 0; i < vars.n; i++)
		if (!strcmp(vars.name[i], name))
			return vars.value[i];
	if (strcmp(name, "quiet") != 0)
		frame_bad("missing", name);
	return "";
}

static bool has_word(const char *list, const char *word)
{
	struct str rest = str_from(list), piece;

	while (str_next(&rest, ',', &piece))
		if (str_is(piece, word))
			return true;
	return false;
}

/* FILE:LINK is a link of another network namespace, where the program is until leave(). Return: the link's
 * name */
static const char *enter(const char *name, int *ret_back)
{
	const char *colon = strrchr(name, ':');
	AUTO(free) char *path = NULL;
	AUTO(fd) int fd = -EBADF;

	*ret_back = -EBADF;
	if (!colon)
		return name;
	path = str_dup((struct str){name, (size_t)(colon - name)});
	fd = open(path, O_RDONLY | O_CLOEXEC);
	*ret_back = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || *ret_back < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(name);
	return colon + 1;
}

static void leave(int back)
{
	if (back >= 0 && setns(back, CLONE_NEWNET) < 0)
		die("setns");
	if (back >= 0)
		close(back);
}

static int open_link(const char *name)
{
	struct sockaddr_ll sa = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int size = 64 << 20, back, fd;

	name = enter(name, &back);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	sa.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || !sa.sll_ifindex || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		die(name);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	leave(back);
	return fd;
}

static void link_mac(const char *name, char ret[18])
{
	struct ifreq ifr = {0};
	AUTO(fd) int fd = -EBADF;
	const unsigned char *b = (const unsigned char *)ifr.ifr_hwaddr.sa_data;
	int back;

	name = enter(name, &back);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(ifr.ifr_name, name, strnlen(name, sizeof(ifr.ifr_name) - 1));
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr) < 0)
		die(name);
	leave(back);
	snprintf(ret, 18, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}

static size_t build(struct frame *f, const char *text, const char *to, const unsigned char **ret)
{
	char copy[1024];

	if (strlen(text) >= sizeof(copy))
		frame_bad("too long", text);
	memcpy(copy, text, strlen(text) + 1);
	return frame_build(f, &vars, copy, var("M"), to, ret);
}

static void send_frame(int fd, const unsigned char *bytes, size_t n)
{
	if (send(fd, bytes, n, 0) != (ssize_t)n)
		die("send");
}

/* One frame that came in at a link: its length, 0 where none is there. */
static size_t receive(int fd, unsigned char *bytes, size_t max)
{
	for (;;) {
		struct sockaddr_ll from = {0};
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, bytes, max, MSG_DONTWAIT, (struct sockaddr *)&from, &len);

		if (n < 0)
			return 0;
		if (from.sll_pkttype != PACKET_OUTGOING)
			return (size_t)n;
	}
}

/* Among others' frames: whether it is the one that was sent, perhaps without the tag that the kernel takes
 * off, or cut at the end. */
static bool is_it(const unsigned char *got, size_t n_got, const unsigned char *sent, size_t n_sent)
{
	if (n_got < 14 || n_sent < 14 || memcmp(got, sent, 12) != 0)
		return false;
	return !memcmp(got + 12, sent + 12, MIN(n_got, n_sent) - 12) ||
	       (n_sent > 18 && !memcmp(got + 12, sent + 16, MIN(n_got - 12, n_sent - 16)));
}

/* Read up to the marker with that number. Return: how many other frames came before it, or how often @sent.
 */
static unsigned count_until(int fd, unsigned number, const unsigned char *sent, size_t n_sent)
{
	unsigned char b[2048];
	unsigned found = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		size_t n = receive(fd, b, sizeof(b));

		if (!n && poll(&p, 1, 5000) < 1)
			die("the marker didn't arrive");
		if (!n)
			continue;
		if (n >= 18 && (b[12] << 8 | b[13]) == MARKER) {
			if ((unsigned)(b[14] << 24 | b[15] << 16 | b[16] << 8 | b[17]) == number)
				return found;
		} else {
			found += !sent || is_it(b, n, sent, n_sent);
		}
	}
}

static void mark(int fd, unsigned number)
{
	unsigned char b[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,	  2,
			       0,    0,	   0,	 0xee, 1,    MARKER >> 8, MARKER & 0xff};

	b[14] = (unsigned char)(number >> 24);
	frame_u16(b + 15, number >> 8);
	b[17] = (unsigned char)number;
	send_frame(fd, b, sizeof(b));
}

/* ---- the matrix */

/* What the filters in force make of a row: the strictest. */
static char verdict(const char *columns, const char *text)
{
	static const char *const filters[] = {"mac", "ipv4", "ipv6"};
	char worst = 'a';

	/* Ethernet's own parameters; with a type among them the layer behind tells nothing */
	while (strncmp(text, "type=", 5) != 0 && strcspn(text, "=") < strcspn(text, " "))
		text += strcspn(text, " ") + 1;
	if (has_word(var("none"), "ipv4") && (!strncmp(text, "arp", 3) || !strncmp(text, "ip4", 3)))
		return 'd';
	if (has_word(var("none"), "ipv6") && !strncmp(text, "ip6", 3))
		return 'd';
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		char v = columns[i * 2];

		if (!has_word(var("filters"), filters[i]) || v == 'a' ||
		    (v == 'D' && !has_word(var("filters"), "dhcp")))
			continue;
		if (v != 'h')
			return 'd';
		worst = 'h';
	}
	return worst;
}

static int matrix(void)
{
	int port = open_link(var("port")), other = open_link(var("other")), host = open_link(var("host"));
	int marker = open_link(var("marker"));
	char host_mac[18], other_mac[18], line[1024];
	const struct {
		const char *name, *mac;
		bool at_host, at_other;
	} to[] = {
	    {"the host", host_mac, true, false},
	    {"another port", other_mac, false, true},
	    {"everybody", "ff:ff:ff:ff:ff:ff", true, true},
	    {"a group", "33:33:00:00:00:01", true, true},
	};
	const bool is_noisy = has_word(var("quiet"), "no");
	unsigned number = 1;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		die("sched_setaffinity");
	link_mac(var("host"), host_mac);
	link_mac(var("other"), other_mac);
	/* what came before doesn't count */
	mark(marker, number);
	(void)count_until(other, number, NULL, 0);
	(void)count_until(host, number, NULL, 0);

	while (fgets(line, sizeof(line), stdin)) {
		char *name = strchr(line, '|'), *text = name ? strchr(name + 1, '|') : NULL, v;
		char why[512] = "";

		line[strcspn(line, "\n")] = '\0';
		if (!text || text - line < 8 || strspn(line, "adhD ") != 6)
			frame_bad("no row", line);
		name[0] = '\0';
		*text++ = '\0';
		text += strspn(text, " \t");
		name += 1 + strspn(name + 1, " \t");
		for (size_t n = strlen(name); n && name[n - 1] == ' '; n--)
			name[n - 1] = '\0';
		v = verdict(line, text);
		for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
			struct frame f;
			const unsigned char *bytes;
			size_t n = build(&f, text, to[i].mac, &bytes);
			unsigned at_host, at_other;

			number++;
			send_frame(port, bytes, n);
			mark(marker, number);
			at_other = count_until(other, number, is_noisy ? bytes : NULL, n);
			at_host = count_until(host, number, is_noisy ? bytes : NULL, n);
			if (at_host != (v != 'd' && to[i].at_host) ||
			    at_other != (v == 'a' && to[i].at_other))
				snprintf(why + strlen(why), sizeof(why) - strlen(why),
					 "; sent to %s, %u at the host, %u at another port", to[i].name,
					 at_host, at_other);
		}
		printf("%s %s%s%s%s\n", *why ? "not ok" : "ok", name, *why ? ": should be " : "",
		       !*why	  ? ""
		       : v == 'a' ? "accepted"
		       : v == 'd' ? "dropped"
				  : "for the host only",
		       why);
	}
	return 0;
}

/* ---- the flood */

static unsigned long long drain(int fd, const unsigned char *bad, size_t n_bad, unsigned long long *good)
{
	unsigned char b[2048];
	unsigned long long found = 0;
	size_t n;

	while ((n = receive(fd, b, sizeof(b)))) {
		if (n == n_bad && !memcmp(b, bad, n))
			found++;
		else
			(*good)++;
	}
	return found;
}

static int flood(void)
{
	int port = open_link(var("port")), other = open_link(var("other")), host = open_link(var("host"));
	unsigned long long n_bad = 0, n_good = 0, slipped = 0, passed = 0, passed_host = 0;
	char *slash = strstr(words, " / ");
	struct frame bad, good;
	const unsigned char *bad_bytes, *good_bytes;
	size_t bad_len, good_len;
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	if (!slash)
		frame_bad("no good frame", words);
	*slash = '\0';
	bad_len = build(&bad, words, "ff:ff:ff:ff:ff:ff", &bad_bytes);
	good_len = build(&good, slash + 3, "ff:ff:ff:ff:ff:ff", &good_bytes);
	do {
		for (int i = 0; i < 64; i++)
			send_frame(port, bad_bytes, bad_len);
		send_frame(port, good_bytes, good_len);
		n_bad += 64;
		n_good++;
		slipped += drain(other, bad_bytes, bad_len, &passed);
		slipped += drain(host, bad_bytes, bad_len, &passed_host);
	} while (poll(&in, 1, 0) == 0);
	/* the last ones may still be on their way */
	in = (struct pollfd){.fd = other, .events = POLLIN};
	while (passed < n_good && poll(&in, 1, 1000) == 1)
		slipped += drain(other, bad_bytes, bad_len, &passed);
	slipped += drain(host, bad_bytes, bad_len, &passed_host);
	printf("bad=%llu slipped=%llu good=%llu passed=%llu\n", n_bad, slipped, n_good, passed);
	return 0;
}

/* ---- frames of a source that must not be there */

static int watch(void)
{
	AUTO(fd) int fd = open_link(var("host"));
	struct pollfd in[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
	unsigned char b[2048];
	unsigned long long n_all = 0, n_from = 0;
	struct mac mac;

	if (mac_parse(str_from(var("M")), &mac) < 0)
		frame_bad("no MAC", var("M"));
	puts("ready");
	fflush(stdout);
	while (poll(in, 2, -1) > 0) {
		for (size_t n; (n = receive(fd, b, sizeof(b))); n_all++)
			n_from += n >= 12 && !memcmp(b + 6, mac.b, 6);
		if (in[0].revents)
			break;
	}
	printf("all=%llu from=%llu\n", n_all, n_from);
	return 0;
}

int main(int argc, char **argv)
{
	int i = 2;

	if (argc < 3) {
		fputs(usage_text, argc == 2 && !strcmp(argv[1], "help") ? stdout : stderr);
		return argc == 2 && !strcmp(argv[1], "help") ? 0 : 2;
	}
	if (!strcmp(argv[1], "send"))
		i++;
	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		char *equals = strchr(argv[i], '=');

		if (!equals || vars.n == FRAME_VARS)
			frame_bad("not NAME=VALUE", argv[i]);
		*equals = '\0';
		vars.name[vars.n] = argv[i];
		vars.value[vars.n++] = equals + 1;
	}
	words = i + 1 < argc ? argv[i + 1] : "";
	if (!strcmp(argv[1], "matrix"))
		return matrix();
	if (!strcmp(argv[1], "flood"))
		return flood();
	if (!strcmp(argv[1], "watch"))
		return watch();
	if (!strcmp(argv[1], "send")) {
		struct frame f;
		const unsigned char *bytes;
		size_t n = build(&f, words, "ff:ff:ff:ff:ff:ff", &bytes);

		send_frame(open_link(argv[2]), bytes, n);
		return 0;
	}
	frame_bad("no verb", argv[1]);
	return 2;
}
