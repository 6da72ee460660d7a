/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of forwards. Class `host` is what redirects traffic of the host's own addresses. */
#include "engine/kind/forward.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "engine/base/ip.h"
#include "engine/keys/keys.h"
#include "engine/kind/forward-port.h"
#include "net/acl.h"

static int parse_ports(const struct key *key, struct str text, struct buf *canonical, struct err *err)
{
	struct forward_port_list list = {0};
	int r = forward_port_parse(text, canonical, &list, err);

	(void)key;
	free(list.list);
	return r;
}

static const struct key_type type_forward_ports = {
    .name = "ports",
    .accepts = "ports such as protocol=tcp listen_port=80 target_address=10.1.2.3",
    .parse = parse_ports,
};

static int parse_address(const struct key *key, struct str text, struct buf *canonical, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;
	struct ip ip;

	(void)key;
	text = str_trim(text);
	if (ip_parse(text, &ip) < 0) {
		buf_escape(&shown, (struct str){text.ptr, MIN(text.len, (size_t)64)});
		return err_set(err, EINVAL, "is \"%s\": an address such as 10.1.2.3 or fd42::3 is wanted",
			       buf_cstr(&shown));
	}
	buf_ip(canonical, &ip);
	return 0;
}

static const struct key_type type_address = {
    .name = "address",
    .accepts = "an address such as 10.1.2.3 or fd42::3",
    .parse = parse_address,
};

static bool is_ports_name(struct str name)
{
	return acl_rule_name_ok(name) && !str_is(name, "set") && !str_is(name, "4913") &&
	       !(name.len == 9 && str_has_prefix(name, STR("sed")));
}

static const struct key port_rows[] = {
    {.name = "*",
     .type = &type_forward_ports,
     .class = CLASS_HOST,
     .is_member = is_ports_name,
     .apply = forward_apply,
     .text = "Ports that go on to an instance: words KEY=VALUE on one line. What is set holds for "
	     "connections that begin afterwards."},
};
const struct key_table keys_forward_ports = {
    .name = "forward-ports",
    .text = "Files in ports/ of a forward. `protocol` is tcp or udp; `listen_port` is ports and ranges of "
	    "them, with commas "
	    "between; `target_address` is an instance's; `target_port`, where it is another, is one port, or "
	    "as many as "
	    "listen. `description` comes last and takes the rest of the line.",
    .keys = port_rows,
    .n = ARRAY_SIZE(port_rows),
};

static const struct key rows[] = {
    {.name = "user.*",
     .type = &type_text,
     .text = "Free for notes and for tools of your own. lxdfs keeps it and does nothing with it."},
};
const struct key_table keys_forward = {
    .name = "forward",
    .text = "Keys in config/ of a forward.",
    .keys = rows,
    .n = ARRAY_SIZE(rows),
};

static const struct key prop_rows[] = {
    {.name = "description", .type = &type_string, .def = "", .text = "A line for people who look at it."},
    {.name = "target_address",
     .type = &type_address,
     .def_text = "none: only ports/ go on",
     .class = CLASS_HOST,
     .apply = forward_apply,
     .text = "The instance that gets all that comes for the address and that ports/ say nothing of. On an "
	     "address that "
	     "the host uses itself, that takes it away from the host."},
};
const struct key_table keys_forward_props = {
    .name = "forward-properties",
    .text = "Files of a forward's own directory.",
    .keys = prop_rows,
    .n = ARRAY_SIZE(prop_rows),
};
