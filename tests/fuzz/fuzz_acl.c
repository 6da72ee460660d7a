/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of access control lists and ports of forwards, on their way from a file's text into nft: what is
 * taken reads back as the same, and makes the commands that were meant and nothing else.
 *
 * The input is texts that end in NUL: a byte that says what it is (f: ports of a forward), then the text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/kind/acl-rule.h"
#include "engine/kind/forward-port.h"
#include "net/acl-internal.h"
#include "net/forward.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static bool is_plain(struct str s, const char *more)
{
	for (size_t i = 0; i < s.len; i++)
		if (!s.ptr[i] ||
		    (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:/_-",
			     s.ptr[i]) &&
		     !strchr(more, s.ptr[i])))
			return false;
	return true;
}

/* Lines that add, without a ';' that ends a command; quotes only around what is logged and the bridge. */
static void check_text(struct str text, const char *head)
{
	struct str line;

	/* a rule that is disabled */
	if (!text.len)
		return;
	must(text.ptr[text.len - 1] == '\n');
	text.len--;
	while (str_next(&text, '\n', &line)) {
		const char *open = memchr(line.ptr, '"', line.len);

		must(str_has_prefix(line, str_from(head)));
		must(is_plain(line, " !={}@&\""));
		if (open)
			must(str_has_prefix((struct str){open, line.len - (size_t)(open - line.ptr)},
					    STR("\"lxdfs acl fuzz ")) &&
			     line.ptr[line.len - 1] == '"' &&
			     memchr(open + 1, '"', line.len - (size_t)(open - line.ptr) - 1) ==
				 line.ptr + line.len - 1);
	}
}

static void rule(struct str text)
{
	AUTO(buf_done) struct buf canonical = BUF_NULL, again = BUF_NULL, nft = BUF_NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	struct acl_use use = {.link = "p0"};
	struct acl_rule parsed = {0}, second = {0};
	int r = acl_rule_parse(text, &canonical, &parsed, &err);

	if (r < 0) {
		must(err.text && !strchr(err.text, '\n'));
		return;
	}
	must(acl_rule_parse(buf_str(&canonical), &again, &second, NULL) == 0);
	must(str_eq(buf_str(&canonical), buf_str(&again)));
	must(!strchr(buf_cstr(&canonical), '\n'));
	must(ip_net_parse(STR("10.0.0.1/24"), &use.nets[0]) == 0 &&
	     ip_net_parse(STR("fd42::1/64"), &use.nets[1]) == 0);
	memcpy(parsed.name, "rule", 5);
	for (int i = 0; i < 12; i++) {
		const struct acl_place place = {.is_bridge_table = i & 1,
						.can_reject = i & 2,
						.which = (enum acl_chain)(i / 4),
						.chain = "chain",
						.use = &use};

		parsed.is_ingress = place.which == ACL_IN;
		acl_rule_text(&nft, &place, "fuzz", &parsed);
	}
	check_text(buf_str(&nft), "add rule ");
	must(parsed.is_disabled || nft.len > 0);
	acl_rule_done(&parsed);
	acl_rule_done(&second);
}

static void ports(struct str text)
{
	AUTO(buf_done) struct buf canonical = BUF_NULL, again = BUF_NULL, nft = BUF_NULL;
	AUTO(err_done) struct err err = ERR_NULL;
	struct forward_port_list list = {0}, second = {0};
	struct forward f = {.bridge = "br0"};
	const char *base;

	if (forward_port_parse(text, &canonical, &list, &err) < 0) {
		must(err.text && !strchr(err.text, '\n'));
		free(list.list);
		return;
	}
	must(forward_port_parse(buf_str(&canonical), &again, &second, NULL) == 0);
	must(str_eq(buf_str(&canonical), buf_str(&again)) && list.n == second.n);
	must(ip_parse(STR("192.0.2.1"), &f.listen) == 0);
	f.ports = list.list;
	f.n_ports = list.n;
	if (forward_text(&nft, &f, &err) == 0) {
		base = strstr(nft.ptr, "add element ");
		must(base != NULL);
		/* the last line names the bridge */
		nft.len -= strlen("\"br0\" . \"br0\" }\n");
		while (nft.ptr[nft.len - 1] != '\n')
			nft.len--;
		check_text((struct str){base, nft.len - (size_t)(base - nft.ptr)},
			   "add element inet lxdfs fwd4_");
	} else {
		must(nft.len == 0 && err.text && !strchr(err.text, '\n'));
	}
	free(list.list);
	free(second.list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, text;

	while (str_next(&rest, '\0', &text)) {
		if (text.len && text.ptr[0] == 'f')
			ports((struct str){text.ptr + 1, text.len - 1});
		else if (text.len)
			rule((struct str){text.ptr + 1, text.len - 1});
	}
	return 0;
}
