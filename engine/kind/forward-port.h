/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of a forward as text: "protocol=tcp listen_port=80,8000-8009 target_address=10.1.2.3
 * target_port=8080". */
#pragma once

#include "engine/base/buf.h"
#include "net/forward.h"

struct forward_port_list {
	struct forward_ports *list;
	size_t n;
};

/**
 * forward_port_parse() - add what a text says to a list
 * @canonical: may be NULL: the same as one line, its words in a fixed order
 *
 * Return: 0; -EINVAL with a sentence that wants the text's name before it
 */
int forward_port_parse(struct str text, struct buf *canonical, struct forward_port_list *list,
		       struct err *err);
