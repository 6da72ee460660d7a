/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of forwards, read into typed values. */
#include "engine/kind/forward-port.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "engine/base/parse.h"
#include "engine/kind/words.h"

#define RANGES_MAX 128

/* In the order of the canonical line. */
enum { PROTOCOL, LISTEN_PORT, TARGET_ADDRESS, TARGET_PORT, DESCRIPTION, WORDS };
static const char *const names[WORDS] = {"protocol", "listen_port", "target_address", "target_port",
					 "description"};
static const struct word_names words = {
    .what = "ports are protocol=, listen_port=, target_address=, target_port= and description=",
    .names = names,
    .n = WORDS,
    .last = DESCRIPTION,
};

struct range {
	uint16_t first, last;
};
struct ranges {
	struct range list[RANGES_MAX];
	size_t n;
	unsigned n_ports;
};

struct texts {
	struct buf word[WORDS];
};
static void texts_done_auto(struct texts *t)
{
	for (size_t i = 0; i < WORDS; i++)
		buf_done(&t->word[i]);
}

static int read_ranges(int word, struct str value, struct ranges *ret, struct buf *text, struct err *err)
{
	struct str rest = value, item;

	while (str_next(&rest, ',', &item)) {
		uint64_t first, last;

		if (ret->n == RANGES_MAX)
			return err_set(err, E2BIG, "has more than %d entries in %s", RANGES_MAX, names[word]);
		if (parse_range(str_trim(item), 1, 65535, &first, &last) < 0)
			return words_refuse(names[word], value,
					    "ports from 1 to 65535, such as 80,443 or 8000-8080, are wanted",
					    err);
		buf_printf(text, first == last ? "%s%llu" : "%s%llu-%llu", ret->n ? "," : "",
			   (unsigned long long)first, (unsigned long long)last);
		ret->list[ret->n++] = (struct range){(uint16_t)first, (uint16_t)last};
		ret->n_ports += (unsigned)(last - first) + 1;
	}
	return ret->n ? 0 : words_refuse(names[word], value, "it may not be empty", err);
}

/* Both sides in step, cut where either begins another range. */
static void add_pairs(struct forward_port_list *list, const struct forward_ports *model,
		      const struct ranges *from, const struct ranges *to)
{
	size_t f = 0, t = 0;
	unsigned at = from->list[0].first, target = to->list[0].first;

	while (f < from->n) {
		struct forward_ports p = *model;
		unsigned n = from->list[f].last - at + 1u;

		if (!model->is_one)
			n = MIN(n, to->list[t].last - target + 1u);
		p.first = (uint16_t)at;
		p.last = (uint16_t)(at + n - 1);
		p.target_first = (uint16_t)target;
		list->list = xrealloc(list->list, (list->n + 1) * sizeof(*list->list));
		list->list[list->n++] = p;
		at += n;
		if (at > from->list[f].last && ++f < from->n)
			at = from->list[f].first;
		if (model->is_one)
			continue;
		target += n;
		if (target > to->list[t].last && ++t < to->n)
			target = to->list[t].first;
	}
}

static int read_word(int word, struct str value, struct forward_ports *p, struct ranges *from,
		     struct ranges *to, struct buf *text, struct err *err)
{
	switch (word) {
	case PROTOCOL:
		if (!str_is(value, "tcp") && !str_is(value, "udp"))
			return words_refuse(names[word], value, "tcp or udp is wanted", err);
		p->is_udp = str_is(value, "udp");
		buf_add(text, value.ptr, value.len);
		return 0;
	case LISTEN_PORT:
		return read_ranges(word, value, from, text, err);
	case TARGET_PORT:
		return read_ranges(word, value, to, text, err);
	case TARGET_ADDRESS:
		if (ip_parse(value, &p->target) < 0)
			return words_refuse(names[word], value, "an address is wanted", err);
		buf_ip(text, &p->target);
		return 0;
	default:
		return words_description(value, text, err);
	}
}

int forward_port_parse(struct str text, struct buf *canonical, struct forward_port_list *list,
		       struct err *err)
{
	__attribute__((cleanup(texts_done_auto))) struct texts texts = {0};
	struct forward_ports model = {0};
	struct ranges from = {0}, to = {0};
	bool seen[WORDS] = {0};
	struct str value;
	int r, word;

	while ((r = words_next(&text, &words, &word, &value, err)) > 0) {
		if (seen[word])
			return err_set(err, EINVAL, "has %s= twice", names[word]);
		seen[word] = true;
		r = read_word(word, value, &model, &from, &to, &texts.word[word], err);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	for (int i = PROTOCOL; i <= TARGET_ADDRESS; i++)
		if (!seen[i])
			return err_set(err, EINVAL, "has no %s=: %s", names[i], words.what);
	if (seen[TARGET_PORT] && to.n_ports != 1 && to.n_ports != from.n_ports)
		return err_set(err, EINVAL,
			       "has %u listen ports and %u target ports: as many, or one, are wanted",
			       from.n_ports, to.n_ports);
	model.is_one = seen[TARGET_PORT] && to.n_ports == 1;
	add_pairs(list, &model, &from, seen[TARGET_PORT] ? &to : &from);
	for (size_t i = 0; i < WORDS && canonical; i++)
		if (texts.word[i].len)
			buf_printf(canonical, "%s%s=%s", canonical->len ? " " : "", names[i],
				   texts.word[i].ptr);
	return 0;
}
