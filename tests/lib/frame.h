/* SPDX-License-Identifier: Apache-2.0 */
/* Makes an Ethernet frame from a line of text, right or wrong as the line says. For tests/tools/frame.c.
 *
 *	[src=MAC dst=MAC type=N cut=N] LAYER [NAME=VALUE...] LAYER ...
 *	ra net= lifetime= (a router advertisement; its ip6 has sum=1: a right checksum of ICMP)
 *
 *	vlan id= tpid=           mpls                      llc                     raw type= (payload: 46
 *bytes) arp op= htype= ptype= hlen= plen= sha= spa= tha= tpa= ip4 src= dst= ver= proto= off= more=1 ip6 src=
 *dst= ver= next=                           udp sport= dport=       data len= hop, dstopt next= hlen=
 *(extension headers of 8 bytes)                    frag off= more=1 next= icmp6 type= target= opt=TYPE[:MAC]
 *(opt again: the next option)
 *
 *	dhcp op= htype= hlen= chaddr= len=    dhcp6 type=    (behind udp)
 *
 * Each header names what comes behind it; type=, proto= and next= make it lie. A value that is one of the
 * variables stands for its value.
 */
#pragma once

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/ip.h"

enum { FRAME_MAX = 1600, FRAME_WORDS = 96, FRAME_VARS = 32 };

struct frame_vars {
	const char *name[FRAME_VARS], *value[FRAME_VARS];
	size_t n;
};

struct frame {
	unsigned char room[FRAME_MAX];
	size_t begin; /* built from the end to the front */
	const struct frame_vars *vars;
	char *words[FRAME_WORDS];
	size_t n_words;
};

/* Where a layer is: words[first] is its name (none for Ethernet), its parameters go up to words[end]. */
struct frame_layer {
	size_t first, end;
};

static inline void frame_bad(const char *what, const char *word)
{
	fprintf(stderr, "frame: %s: %s\n", what, word);
	exit(2);
}

static inline unsigned char *frame_put(struct frame *f, size_t n)
{
	if (f->begin < n)
		frame_bad("too long", "frame");
	f->begin -= n;
	memset(f->room + f->begin, 0, n);
	return f->room + f->begin;
}

/* The @nth parameter of that name, variables replaced. */
static inline const char *frame_param(const struct frame *f, struct frame_layer l, const char *name, int nth)
{
	size_t n = strlen(name);

	for (size_t i = l.first; i < l.end; i++) {
		const char *v = f->words[i] + n + 1;

		if (strncmp(f->words[i], name, n) || f->words[i][n] != '=' || nth-- > 0)
			continue;
		for (size_t j = 0; j < f->vars->n; j++)
			if (!strcmp(v, f->vars->name[j]))
				return f->vars->value[j];
		return v;
	}
	return NULL;
}

static inline unsigned frame_num(const struct frame *f, struct frame_layer l, const char *name,
				 unsigned otherwise)
{
	const char *v = frame_param(f, l, name, 0);
	char *end;
	unsigned n = otherwise;

	if (v) {
		n = (unsigned)strtoul(v, &end, 0);
		if (*end)
			frame_bad("no number", v);
	}
	return n;
}

static inline void frame_mac(const struct frame *f, struct frame_layer l, const char *name,
			     const char *otherwise, unsigned char *to)
{
	const char *v = frame_param(f, l, name, 0);
	struct mac mac;

	if (mac_parse(str_from(v ? v : otherwise), &mac) < 0)
		frame_bad("no MAC", v ? v : otherwise);
	memcpy(to, mac.b, 6);
}

static inline void frame_ip(const struct frame *f, struct frame_layer l, const char *name,
			    const char *otherwise, int family, unsigned char *to)
{
	const char *v = frame_param(f, l, name, 0);

	if (inet_pton(family, v ? v : otherwise, to) != 1)
		frame_bad("no address of that family", v ? v : otherwise);
}

static inline void frame_u16(unsigned char *p, unsigned v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

static inline unsigned frame_sum(const unsigned char *p, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (unsigned)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static inline void frame_icmp6(struct frame *f, struct frame_layer l)
{
	unsigned type = frame_num(f, l, "type", 128);
	size_t body = 8;
	unsigned char *p;
	int n = 0;

	while (frame_param(f, l, "opt", n))
		n++;
	while (n-- > 0) {
		const char *v = frame_param(f, l, "opt", n), *colon = strchr(v, ':');
		const char *text = colon ? colon + 1 : "01:02:03:04:05:06";
		struct mac mac;

		for (size_t j = 0; j < f->vars->n; j++)
			if (!strcmp(text, f->vars->name[j]))
				text = f->vars->value[j];
		p = frame_put(f, 8);
		p[0] = (unsigned char)strtoul(v, NULL, 10);
		p[1] = 1;
		if (mac_parse(str_from(text), &mac) < 0)
			frame_bad("no MAC", v);
		memcpy(p + 2, mac.b, 6);
	}
	if (type == 133)
		body = 4;
	if (type == 134)
		body = 12;
	if (type == 135 || type == 136)
		body = 20;
	if (type == 137)
		body = 36;
	p = frame_put(f, 4 + body);
	p[0] = (unsigned char)type;
	p[1] = (unsigned char)frame_num(f, l, "code", 0);
	if (type >= 135 && type <= 137)
		frame_ip(f, l, "target", "::", AF_INET6, p + 8);
}

/* A router advertisement of a network that is to be used at once. */
static inline void frame_ra(struct frame *f, struct frame_layer l)
{
	static const unsigned char network[] = {3, 4, 64, 0xc0, 0, 0, 0x0e, 0x10, 0, 0, 0x0e, 0x10};
	unsigned char *p = frame_put(f, 32);

	memcpy(p, network, sizeof(network));
	frame_ip(f, l, "net", "2001:db8:bad::", AF_INET6, p + 16);
	p = frame_put(f, 16);
	p[0] = 134;
	p[4] = 64;
	frame_u16(p + 6, frame_num(f, l, "lifetime", 1800));
}

static inline void frame_arp(struct frame *f, struct frame_layer l)
{
	unsigned char *p = frame_put(f, 28);

	frame_u16(p, frame_num(f, l, "htype", 1));
	frame_u16(p + 2, frame_num(f, l, "ptype", 0x0800));
	p[4] = (unsigned char)frame_num(f, l, "hlen", 6);
	p[5] = (unsigned char)frame_num(f, l, "plen", 4);
	frame_u16(p + 6, frame_num(f, l, "op", 1));
	frame_mac(f, l, "sha", "00:00:00:00:00:00", p + 8);
	frame_ip(f, l, "spa", "0.0.0.0", AF_INET, p + 14);
	frame_mac(f, l, "tha", "00:00:00:00:00:00", p + 18);
	frame_ip(f, l, "tpa", "0.0.0.0", AF_INET, p + 24);
}

static inline void frame_ip4(struct frame *f, struct frame_layer l, unsigned next)
{
	size_t payload = FRAME_MAX - f->begin;
	unsigned char *p = frame_put(f, 20);

	p[0] = (unsigned char)(frame_num(f, l, "ver", 4) << 4 | 5);
	frame_u16(p + 2, (unsigned)payload + 20);
	frame_u16(p + 6, frame_num(f, l, "off", 0) / 8 | (frame_num(f, l, "more", 0) ? 0x2000 : 0));
	p[8] = 64;
	p[9] = (unsigned char)frame_num(f, l, "proto", next);
	frame_ip(f, l, "src", "0.0.0.0", AF_INET, p + 12);
	frame_ip(f, l, "dst", "255.255.255.255", AF_INET, p + 16);
	frame_u16(p + 10, frame_sum(p, 20));
}

static inline void frame_ip6(struct frame *f, struct frame_layer l, unsigned next)
{
	size_t payload = FRAME_MAX - f->begin;
	unsigned char *p = frame_put(f, 40);

	p[0] = (unsigned char)(frame_num(f, l, "ver", 6) << 4);
	frame_u16(p + 4, frame_num(f, l, "len", (unsigned)payload));
	p[6] = (unsigned char)frame_num(f, l, "next", next);
	p[7] = 255;
	frame_ip(f, l, "src", "::", AF_INET6, p + 8);
	frame_ip(f, l, "dst", "ff02::1", AF_INET6, p + 24);
	if (frame_num(f, l, "sum", 0)) {
		unsigned char *icmp = p + 40;
		/* the sum of the parts of the header that count, which aren't in one piece */
		unsigned sum = (unsigned)payload + 58 + (0xffff ^ frame_sum(p + 8, payload + 32));

		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		frame_u16(icmp + 2, ~sum & 0xffff);
	}
}

/* Put one layer before what is there. @next: the number by which the layer behind goes, and afterwards this
 * one's, as an EtherType or as a protocol of IP. */
static inline void frame_layer_put(struct frame *f, struct frame_layer l, unsigned *next)
{
	const char *kind = f->words[l.first];
	unsigned char *p;

	if (!strcmp(kind, "vlan")) {
		p = frame_put(f, 4);
		frame_u16(p, frame_num(f, l, "id", 5));
		frame_u16(p + 2, *next);
		*next = frame_num(f, l, "tpid", 0x8100);
	} else if (!strcmp(kind, "mpls")) {
		p = frame_put(f, 4);
		p[2] = 1; /* bottom of the stack */
		p[3] = 64;
		*next = 0x8847;
	} else if (!strcmp(kind, "llc")) {
		p = frame_put(f, 8);
		p[0] = p[1] = 0xaa; /* SNAP */
		p[2] = 3;
		frame_u16(p + 6, *next);
		*next = (unsigned)(FRAME_MAX - f->begin);
	} else if (!strcmp(kind, "raw")) {
		(void)frame_put(f, 46);
		*next = frame_num(f, l, "type", 0x88b6);
	} else if (!strcmp(kind, "arp")) {
		frame_arp(f, l);
		*next = 0x0806;
	} else if (!strcmp(kind, "ip4")) {
		frame_ip4(f, l, *next);
		*next = 0x0800;
	} else if (!strcmp(kind, "ip6")) {
		frame_ip6(f, l, *next);
		*next = 0x86dd;
	} else if (!strcmp(kind, "udp")) {
		size_t behind = FRAME_MAX - f->begin;

		/* with nothing behind it, eight bytes */
		p = frame_put(f, behind ? 8 : 16);
		frame_u16(p, frame_num(f, l, "sport", 1000));
		frame_u16(p + 2, frame_num(f, l, "dport", 2000));
		frame_u16(p + 4, behind ? (unsigned)behind + 8 : 16);
		*next = 17;
	} else if (!strcmp(kind, "dhcp")) {
		p = frame_put(f, frame_num(f, l, "len", 300));
		p[0] = (unsigned char)frame_num(f, l, "op", 1);
		p[1] = (unsigned char)frame_num(f, l, "htype", 1);
		p[2] = (unsigned char)frame_num(f, l, "hlen", 6);
		if (frame_num(f, l, "len", 300) >= 34)
			frame_mac(f, l, "chaddr", "00:00:00:00:00:00", p + 28);
		/* from a network that nobody serves: it must not change the leases of a real server */
		if (frame_num(f, l, "len", 300) >= 28)
			memcpy(p + 24, "\xc0\x00\x02\x01", 4);
	} else if (!strcmp(kind, "dhcp6")) {
		p = frame_put(f, 16);
		p[0] = (unsigned char)frame_num(f, l, "type", 1);
	} else if (!strcmp(kind, "data")) {
		(void)frame_put(f, frame_num(f, l, "len", 16));
		*next = 17;
	} else if (!strcmp(kind, "icmp6")) {
		frame_icmp6(f, l);
		*next = 58;
	} else if (!strcmp(kind, "ra")) {
		frame_ra(f, l);
		*next = 58;
	} else if (!strcmp(kind, "hop") || !strcmp(kind, "dstopt")) {
		p = frame_put(f, 8);
		p[0] = (unsigned char)frame_num(f, l, "next", *next);
		p[1] = (unsigned char)frame_num(f, l, "hlen", 0);
		p[2] = 1; /* padding of six bytes */
		p[3] = 4;
		*next = *kind == 'h' ? 0 : 60;
	} else if (!strcmp(kind, "frag")) {
		p = frame_put(f, 8);
		p[0] = (unsigned char)frame_num(f, l, "next", *next);
		frame_u16(p + 2, frame_num(f, l, "off", 0) | frame_num(f, l, "more", 0));
		p[7] = 1;
		*next = 44;
	} else {
		frame_bad("no layer", kind);
	}
}

/**
 * frame_build() - make the frame
 * @text: is cut into words
 * @own:  source address where the text gives none
 * @to:   destination where the text gives none
 * @ret:  the frame's bytes, inside @f
 *
 * Return: its length; a text that isn't understood ends the program
 */
static inline size_t frame_build(struct frame *f, const struct frame_vars *vars, char *text, const char *own,
				 const char *to, const unsigned char **ret)
{
	struct frame_layer layers[16] = {{0}};
	size_t n = 1, cut;
	unsigned next = 59;
	unsigned char *p;

	*f = (struct frame){.begin = FRAME_MAX, .vars = vars};
	for (char *w; (w = strsep(&text, " \t"));) {
		if (!*w)
			continue;
		if (f->n_words == FRAME_WORDS || n == ARRAY_SIZE(layers))
			frame_bad("too many words", w);
		if (!strchr(w, '='))
			layers[n++].first = f->n_words;
		f->words[f->n_words++] = w;
		layers[n - 1].end = f->n_words;
	}
	for (size_t i = n - 1; i > 0; i--)
		frame_layer_put(f, layers[i], &next);
	p = frame_put(f, 14);
	frame_mac(f, layers[0], "dst", to, p);
	frame_mac(f, layers[0], "src", own, p + 6);
	frame_u16(p + 12, frame_num(f, layers[0], "type", next));
	cut = frame_num(f, layers[0], "cut", 0);
	*ret = p;
	return FRAME_MAX - f->begin - cut;
}
