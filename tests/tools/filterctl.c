/* SPDX-License-Identifier: Apache-2.0 */
/* Sets filters of ports and firewalls of bridges for tests, without a daemon. `filterctl help` prints its
 * verbs. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/ip.h"
#include "net/filter.h"
#include "net/nat.h"
#include "net/nft-compile.h"
#include "net/nft.h"

static const char usage_text[] =
    "filterctl TABLE VERB [NAME=VALUE...]\n"
    "  set | text    port=NAME mac=MAC flags=mac,ipv4,ipv6,dhcp allow=NET...; port= begins the next port\n"
    "  compiles      like text: whether the kernel is told without libnftables\n"
    "  flip          times=N, then two ports as above: sets the one and the other in turn\n"
    "  watch         prints ready; then other for each change that isn't of a table of ours, and changed at "
    "the\n"
    "                first that is, and ends; ports as above are set before, and after it again\n"
    "  clear NAME    teardown    list\n"
    "  nat-set | nat-text   bridge=NAME dns=yes v4=NET v4.flags=firewall,routing,nat,dhcp v4.snat=IP v6=...\n"
    "  nat-clear NAME       nat-teardown\n"
    "Fails with status 1 and the sentence on standard error, as \"ERRNO: text\".\n";

enum { MAX_PORTS = 2048, MAX_ALLOWED = 64 };

struct port {
	struct filter_port port;
	struct ip_net allowed[MAX_ALLOWED];
};

static struct port parsed[MAX_PORTS];
static struct filter_port ports[MAX_PORTS];
static size_t n_ports;

/* The value of "NAME=VALUE", NULL for another name. */
static const char *value(const char *arg, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(arg, name, n) && arg[n] == '=' ? arg + n + 1 : NULL;
}

static bool has_word(const char *list, const char *word)
{
	struct str rest = str_from(list), piece;

	while (str_next(&rest, ',', &piece))
		if (str_is(piece, word))
			return true;
	return false;
}

static int bad(const char *arg, struct err *err)
{
	return err_set(err, EINVAL, "%s is not understood", arg);
}

static int parse_ports(char **args, unsigned *ret_times, struct err *err)
{
	struct port *p = NULL;

	for (; *args; args++) {
		const char *v;

		if ((v = value(*args, "times"))) {
			*ret_times = (unsigned)strtoul(v, NULL, 10);
		} else if ((v = value(*args, "port"))) {
			if (n_ports == MAX_PORTS)
				return bad(*args, err);
			p = &parsed[n_ports++];
			p->port.name = v;
			p->port.allowed = p->allowed;
		} else if (!p) {
			return bad(*args, err);
		} else if ((v = value(*args, "mac"))) {
			if (mac_parse(str_from(v), &p->port.mac) < 0)
				return bad(*args, err);
		} else if ((v = value(*args, "flags"))) {
			p->port.flags = (has_word(v, "mac") ? FILTER_MAC : 0) |
					(has_word(v, "ipv4") ? FILTER_V4 : 0) |
					(has_word(v, "ipv6") ? FILTER_V6 : 0) |
					(has_word(v, "dhcp") ? FILTER_OWN_DHCP : 0);
		} else if ((v = value(*args, "allow"))) {
			if (p->port.n_allowed == MAX_ALLOWED ||
			    ip_net_parse(str_from(v), &p->allowed[p->port.n_allowed]) < 0)
				return bad(*args, err);
			p->port.n_allowed++;
		} else {
			return bad(*args, err);
		}
	}
	for (size_t i = 0; i < n_ports; i++)
		ports[i] = parsed[i].port;
	return 0;
}

static int list(struct err *err)
{
	AUTO(filter_list_done) struct filter_list l = {0};
	int r = filter_list(&l, err);

	for (size_t i = 0; i < l.n; i++) {
		const struct filter_state *s = &l.ports[i];
		AUTO(buf_done) struct buf mac = BUF_NULL;

		buf_mac(&mac, s->mac);
		printf("%s %s%s%s%s%s rules=%u %s\n", s->name, mac.ptr, s->flags & FILTER_MAC ? " mac" : "",
		       s->flags & FILTER_V4 ? " ipv4" : "", s->flags & FILTER_V6 ? " ipv6" : "",
		       s->flags & FILTER_OWN_DHCP ? " dhcp" : "", s->n_rules,
		       s->is_reachable ? "reachable" : "unreachable");
	}
	return r;
}

static int flip(unsigned times, struct err *err)
{
	int r = n_ports == 2 ? 0 : bad("other than two ports", err);

	for (unsigned i = 0; r == 0 && i < times; i++)
		r = filter_set(&ports[i % 2], 1, err);
	return r;
}

/* Changes of its own before and after it is ready must not end it: only somebody else's do. */
static int watch(struct err *err)
{
	const struct filter_port own = {.name = "watch0", .mac = {{2, 0, 0, 0, 0, 1}}, .flags = FILTER_MAC};
	AUTO(fd) int fd = nft_watch(err);
	int r;

	if (fd < 0)
		return fd;
	r = filter_set(ports, n_ports, err);
	if (r < 0)
		return r;
	for (int i = 0; i < 20; i++) {
		r = filter_set(&own, 1, err);
		if (r == 0)
			r = filter_clear(own.name, err);
		if (r < 0)
			return r;
	}
	if (nft_watch_read(fd))
		return err_set(err, EIO, "own changes were taken for another's");
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, 60000) < 1)
			return err_set(err, ETIMEDOUT, "nobody changed anything in a minute");
		r = nft_watch_read(fd);
		puts(r ? "changed" : "other");
		fflush(stdout);
		if (r) /* as the core does */
			return filter_set(ports, n_ports, err);
	}
}

static int parse_family(const char *arg, const char *v, struct nat_family *f, struct err *err)
{
	if (!v)
		return bad(arg, err);
	if (arg[2] == '=')
		return ip_net_parse(str_from(v), &f->address) < 0 ? bad(arg, err) : 0;
	if (!strncmp(arg + 2, ".snat", 5))
		return ip_parse(str_from(v), &f->snat) < 0 ? bad(arg, err) : 0;
	f->firewall = has_word(v, "firewall");
	f->routing = has_word(v, "routing");
	f->nat = has_word(v, "nat");
	f->dhcp = has_word(v, "dhcp");
	return 0;
}

static int nat(char **args, bool is_text, struct err *err)
{
	struct nat_bridge b = {.name = ""};
	AUTO(buf_done) struct buf text = BUF_NULL;
	int r = 0;

	for (; r == 0 && *args; args++) {
		const char *v = strchr(*args, '=');

		v = v ? v + 1 : NULL;
		if (value(*args, "bridge"))
			b.name = v;
		else if (value(*args, "dns"))
			b.dns = !strcmp(v, "yes");
		else if (!strncmp(*args, "v4", 2))
			r = parse_family(*args, v, &b.v4, err);
		else if (!strncmp(*args, "v6", 2))
			r = parse_family(*args, v, &b.v6, err);
		else
			r = bad(*args, err);
	}
	if (r < 0)
		return r;
	if (!is_text)
		return nat_set(&b, err);
	r = nat_text(&text, &b, err);
	fputs(buf_cstr(&text), stdout);
	return r;
}

static int run(char **argv, struct err *err)
{
	const char *verb = argv[2];
	AUTO(buf_done) struct buf text = BUF_NULL;
	unsigned times = 0;
	int r;

	if (!strcmp(verb, "list"))
		return list(err);
	if (!strcmp(verb, "teardown"))
		return filter_teardown(err);
	if (!strcmp(verb, "nat-teardown"))
		return nat_teardown(err);
	if (!strcmp(verb, "clear") && argv[3])
		return filter_clear(argv[3], err);
	if (!strcmp(verb, "nat-clear") && argv[3])
		return nat_clear(argv[3], err);
	if (!strcmp(verb, "nat-set") || !strcmp(verb, "nat-text"))
		return nat(argv + 3, !strcmp(verb, "nat-text"), err);

	r = parse_ports(argv + 3, &times, err);
	if (r < 0)
		return r;
	if (!strcmp(verb, "watch"))
		return watch(err);
	if (!strcmp(verb, "set"))
		return filter_set(ports, n_ports, err);
	if (!strcmp(verb, "flip"))
		return flip(times, err);
	if (!strcmp(verb, "text")) {
		r = filter_text(&text, ports, n_ports, err);
		fputs(buf_cstr(&text), stdout);
		return r;
	}
	if (!strcmp(verb, "compiles")) {
		struct nft_batch batch = {0};

		r = filter_text(&text, ports, n_ports, err);
		if (r == 0 && nft_compile(buf_cstr(&text), &batch) < 0)
			r = err_set(err, EOPNOTSUPP, "that is left to libnftables");
		buf_done(&batch.m.buf);
		return r;
	}
	return bad(verb, err);
}

int main(int argc, char **argv)
{
	AUTO(err_done) struct err err = ERR_NULL;

	if (argc < 3) {
		fputs(usage_text, argc == 2 ? stdout : stderr);
		return argc == 2 ? 0 : 2;
	}
	net_init(argv[1]);
	if (run(argv, &err) == 0)
		return 0;
	fprintf(stderr, "%s: %s\n", strerrorname_np(err.errnum), err_text(&err));
	return 1;
}
