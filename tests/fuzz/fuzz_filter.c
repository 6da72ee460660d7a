/* SPDX-License-Identifier: Apache-2.0 */
/* Names of links, MACs and networks on their way into nft: the text holds the commands that were meant and,
 * but for the name in quotes, nothing of what came in but digits. And a listing of the table, however
 * damaged, is read. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "net/filter-internal.h"
#include "net/nat.h"
#include "net/nft-compile.h"
#include "net/nft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_NETS = 8 };

struct input {
	const uint8_t *data;
	size_t size;
};

static uint8_t next(struct input *in)
{
	if (!in->size)
		return 0;
	in->size--;
	return *in->data++;
}

static struct ip_net next_net(struct input *in)
{
	static const int families[] = {AF_INET, AF_INET6, 0, AF_UNIX};
	struct ip_net net = {.len = next(in)};

	net.ip.family = families[next(in) % ARRAY_SIZE(families)];
	for (size_t i = 0; i < sizeof(net.ip.bytes); i++)
		net.ip.bytes[i] = next(in);
	return net;
}

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

/* One line: a known command, and quotes only around the name, lo or a comment of ours. */
static void check_line(struct str line, const char *name, unsigned *n_rules, unsigned *n_written)
{
	static const char *const heads[] = {
	    "add table ",   "add map ",	       "add set ",     "add chain ",	"add rule ",
	    "add element ", "delete element ", "flush chain ", "delete chain ",
	};
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:/_-!=<>&@{};+";
	bool is_known = false, is_chain = str_has_prefix(line, STR("add chain ")) ||
					  str_has_prefix(line, STR("add map ")) ||
					  str_has_prefix(line, STR("add set "));
	struct filter_state state;

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		is_known |= str_has_prefix(line, str_from(heads[i]));
	must(is_known);
	*n_rules += str_has_prefix(line, STR("add rule bridge lxdfs port-"));
	for (size_t i = 0; i < line.len; i++) {
		const char *close;
		struct str quoted;

		if (line.ptr[i] != '"') {
			must(line.ptr[i] && strchr(plain, line.ptr[i]));
			must(line.ptr[i] != ';' || is_chain);
			continue;
		}
		close = memchr(line.ptr + i + 1, '"', line.len - i - 1);
		must(close != NULL);
		quoted = (struct str){line.ptr + i + 1, (size_t)(close - line.ptr) - i - 1};
		must(str_is(quoted, name) || str_is(quoted, "lo") ||
		     filter_state_parse(quoted, &state, n_written) == 0);
		i += quoted.len + 1;
	}
}

static void check(const struct buf *text, const char *name, bool has_comment)
{
	struct str rest = buf_str(text), line;
	unsigned n_rules = 0, n_written = 0;

	must(text->len > 0 && text->ptr[text->len - 1] == '\n');
	rest.len--;
	while (str_next(&rest, '\n', &line))
		check_line(line, name, &n_rules, &n_written);
	must(!has_comment || n_rules == n_written);
}

/* What the kernel is told: messages that fill the text without a gap, each attribute within its message. */
static void check_compiled(const struct buf *text)
{
	struct nft_batch batch = {0};
	uint32_t n = 0;
	size_t left;

	if (nft_compile(text->ptr, &batch) < 0) {
		must(strstr(text->ptr, "{ ") != NULL);
		return;
	}
	left = batch.m.buf.len;
	for (const struct nlmsghdr *h = (const void *)batch.m.buf.ptr; left; h = NLMSG_NEXT(h, left)) {
		const char *first = (const char *)NLMSG_DATA(h) + 4;
		size_t len;

		must(NLMSG_OK(h, left) && h->nlmsg_seq == n++ && h->nlmsg_len >= NLMSG_LENGTH(4));
		len = h->nlmsg_len - NLMSG_LENGTH(4);
		for (const struct rtattr *a = (const void *)first; len; a = RTA_NEXT(a, len))
			must(RTA_OK(a, len));
	}
	must(n == batch.n);
	buf_done(&batch.m.buf);
}

static void read_listing(const uint8_t *data, size_t size)
{
	AUTO(filter_list_done) struct filter_list list = {0};
	bool is_whole = filter_read((struct str){(const char *)data, size}, &list);

	for (size_t i = 0; i < list.n; i++)
		must(memchr(list.ports[i].name, 0, sizeof(list.ports[i].name)) &&
		     (list.ports[i].is_reachable || !is_whole));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct ip_net nets[MAX_NETS];
	char name[24] = "";
	struct filter_port port = {.name = name, .allowed = nets};
	struct nat_bridge bridge = {.name = name};
	AUTO(buf_done) struct buf filter = BUF_NULL, nat = BUF_NULL;
	AUTO(err_done) struct err err = ERR_NULL;

	read_listing(data, size);
	for (size_t i = 0, n = next(&in) % sizeof(name); i < n; i++)
		name[i] = (char)next(&in);
	port.flags = next(&in);
	for (size_t i = 0; i < sizeof(port.mac.b); i++)
		port.mac.b[i] = next(&in);
	port.n_allowed = next(&in) % (MAX_NETS + 1);
	for (size_t i = 0; i < port.n_allowed; i++)
		nets[i] = next_net(&in);
	bridge.v4 = (struct nat_family){
	    .address = next_net(&in), .snat = next_net(&in).ip, .nat = true, .dhcp = true};
	bridge.v6 = (struct nat_family){
	    .address = next_net(&in), .snat = next_net(&in).ip, .nat = true, .dhcp = true};
	bridge.v4.firewall = bridge.v6.firewall = next(&in) & 1;
	bridge.v4.routing = bridge.v6.routing = next(&in) & 1;
	bridge.dns = next(&in) & 1;

	if (filter_text(&filter, &port, 1, &err) == 0) {
		check(&filter, name, true);
		check_compiled(&filter);
	} else {
		must(filter.len == 0 && err.text && !strchr(err.text, '\n'));
	}
	if (nat_text(&nat, &bridge, &err) == 0)
		check(&nat, name, false);
	else
		must(nat.len == 0 && err.text && !strchr(err.text, '\n'));
	return 0;
}
