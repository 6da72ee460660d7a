/* SPDX-License-Identifier: Apache-2.0 */
/* The types of keys: each reads a user's text and gives the one form in which it is stored. */
#include <errno.h>

#include "engine/base/auto.h"
#include "engine/base/ip.h"
#include "engine/base/parse.h"
#include "engine/model/key.h"

#define SHOWN_MAX 64  /* bytes of a wrong value that a sentence repeats */
#define LIST_MAX 1024 /* entries */
#define PATH_BYTES 4095

/* ---- refusing */

static void show(struct buf *b, struct str text)
{
	struct str head = {text.ptr, MIN(text.len, (size_t)SHOWN_MAX)};

	/* not in the middle of a character */
	while (head.len < text.len && head.len && ((unsigned char)text.ptr[head.len] & 0xc0) == 0x80)
		head.len--;
	buf_addc(b, '"');
	buf_escape(b, head);
	buf_adds(b, head.len < text.len ? "...\"" : "\"");
}

/* refuse() - `is "lots": a size such as 64MiB is wanted`. @r: what the parser said; @why: said instead of
 * what is wanted, may be NULL */
static int refuse(const struct key *key, int r, struct str text, const char *why, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;
	AUTO(buf_done) struct buf wanted = BUF_NULL;

	show(&shown, text);
	key_accepts(key, &wanted);
	/* "a size such as 64MiB, or a percentage, is wanted" */
	if (key->type != &type_choice && strchr(buf_cstr(&wanted), ','))
		buf_addc(&wanted, ',');
	if (why)
		return err_set(err, -r, "is %s: %s", buf_cstr(&shown), why);
	if (!text.len)
		return err_set(err, -r, "is empty: %s is wanted", buf_cstr(&wanted));
	return err_set(err, -r, "is %s: %s is wanted", buf_cstr(&shown), buf_cstr(&wanted));
}

/* ---- text */

static bool has_control(struct str text, bool is_multiline)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if ((c < 0x20 && c != '\t' && !(is_multiline && c == '\n')) || c == 0x7f)
			return true;
	}
	return false;
}

static int parse_string(const struct key *key, struct str text, struct buf *b, struct err *err)
{
	if (has_control(text, false))
		return refuse(key, -EINVAL, text, "control characters are not taken", err);
	buf_add(b, text.ptr, text.len);
	return 0;
}

static int parse_text(const struct key *key, struct str text, struct buf *b, struct err *err)
{
	if (has_control(text, true))
		return refuse(key, -EINVAL, text, "control characters are not taken", err);
	buf_add(b, text.ptr, text.len);
	return 0;
}

static int parse_word_choice(const struct key *key, struct str text, struct buf *b, struct err *err)
{
	struct str word = str_trim(text);

	for (const char *const *c = key->choices; c && *c; c++) {
		if (!str_is(word, *c))
			continue;
		buf_adds(b, *c);
		return 0;
	}
	return refuse(key, -EINVAL, word, NULL, err);
}

/* ---- numbers */

static int parse_truth(const struct key *key, struct str text, struct buf *b, struct err *err)
{
	bool v;
	int r;

	text = str_trim(text);
	r = parse_bool(text, &v);
	if (r < 0)
		return refuse(key, r, text, NULL, err);
	buf_adds(b, v ? "true" : "false");
	return 0;
}

static int parse_integer(const struct key *key, struct str text, struct buf *b, struct err *err)
{
	bool any = !key->min && !key->max;
	int64_t v;
	int r;

	text = str_trim(text);
	r = parse_i64(text, any ? INT64_MIN : key->min, any ? INT64_MAX : key->max, &v);
	if (r < 0)
		return refuse(key, r, text, NULL, err);
	buf_printf(b, "%lld", (long long)v);
	return 0;
}

static int size_ok(const struct key *key, struct str text)
{
	uint64_t v;
	int r = parse_size(text, &v);

	if (r < 0)
		return r;
	return (key->min && v < (uint64_t)key->min) || (key->max && v > (uint64_t)key->max) ? -ERANGE : 0;
}

/* What people write instead: "64M", "64mb" */
static int refuse_size(const struct key *key, int r, struct str text, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;
	AUTO(buf_done) struct buf wanted = BUF_NULL;
	static const char letters[] = "kKmMgGtTpPeE";
	struct str number = text;
	uint64_t v;
	char letter;

	if (r == -EINVAL && number.len > 1 && (number.ptr[number.len - 1] | 0x20) == 'b')
		number.len--;
	letter = number.len > 1 ? number.ptr[number.len - 1] : '\0';
	number.len -= number.len > 0;
	if (r == -EINVAL && letter && memchr(letters, letter, sizeof(letters) - 1) &&
	    !parse_u64(number, 0, INT64_MAX, &v)) {
		letter = (char)(letter & ~0x20);
		show(&shown, text);
		return err_set(err, EINVAL, "is %s: %.*s%ciB (powers of 1024) or %.*s%cB (of 1000) is wanted",
			       buf_cstr(&shown), STR_FMT(number), letter, STR_FMT(number),
			       letter == 'K' ? 'k' : letter);
	}
	if (r == -ERANGE && key->min) {
		show(&shown, text);
		key_accepts(key, &wanted);
		return err_set(err, ERANGE, "is %s: %s, of %lld bytes or more, is wanted", buf_cstr(&shown),
			       buf_cstr(&wanted), (long long)key->min);
	}
	return refuse(key, r, text, NULL, err);
}

static int parse_size_text(const struct key *key, struct str text, struct buf *b, struct err *err)
{
	int r;

	text = str_trim(text);
	r = size_ok(key, text);
	if (r < 0)
		return refuse_size(key, r, text, err);
	buf_add(b, text.ptr, text.len);
	return 0;
}

/* 64 kbit a second leave room for a packet in the bucket; 1 Tbit is more than a link has. */
#define RATE_MIN 64000ULL
#define RATE_MAX 1000000000000ULL

static int parse_rate_text(const struct key *key, struct str text, struct buf *b, struct err *err)
{
	uint64_t v;
	int r;

	text = str_trim(text);
	r = parse_rate(text, &v);
	if (!r && (v < RATE_MIN || v > RATE_MAX))
		r = -ERANGE;
	if (r < 0)
		return refuse(key, r, text, r == -ERANGE ? "a rate is from 64kbit to 1Tbit" : NULL, err);
	buf_add(b, text.ptr, text.len);
	return 0;
}

static int parse_percent_or_size(const struct key *key, struct str text, struct buf *b, struct err *err)
{
	unsigned percent;
	int r;

	text = str_trim(text);
	if (!text.len || text.ptr[text.len - 1] != '%')
		return parse_size_text(key, text, b, err);
	r = parse_percent(text, 100, &percent);
	if (r < 0)
		return refuse(key, r, text, NULL, err);
	buf_printf(b, "%u%%", percent);
	return 0;
}

static int parse_duration_text(const struct key *key, struct str text, struct buf *b, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;
	uint64_t v;
	int r;

	text = str_trim(text);
	r = parse_duration(text, &v);
	if (r < 0)
		return refuse(key, r, text, NULL, err);
	if ((key->min && v < (uint64_t)key->min) || (key->max && v > (uint64_t)key->max)) {
		show(&shown, text);
		return err_set(err, ERANGE, "is %s: from %lld to %lld seconds are wanted", buf_cstr(&shown),
			       (long long)key->min, (long long)key->max);
	}
	buf_add(b, text.ptr, text.len);
	return 0;
}

static int parse_expiry_text(const struct key *key, struct str text, struct buf *b, struct err *err)
{
	uint64_t v;
	int r;

	text = str_trim(text);
	r = parse_expiry(text, &v);
	if (r < 0)
		return refuse(key, r, text, NULL, err);
	buf_add(b, text.ptr, text.len);
	return 0;
}

static int parse_mode_text(const struct key *key, struct str text, struct buf *b, struct err *err)
{
	mode_t mode;
	int r;

	text = str_trim(text);
	r = parse_mode(text, &mode);
	if (r < 0 || mode > 0777)
		return refuse(key, r < 0 ? r : -ERANGE, text, NULL, err);
	buf_printf(b, "%04o", (unsigned)mode);
	return 0;
}

static int parse_cpu_list(const struct key *key, struct str text, struct buf *b, struct err *err)
{
	int r;

	text = str_trim(text);
	r = parse_cpus(text, b, NULL);
	return r < 0 ? refuse(key, r, text, NULL, err) : 0;
}

/* "50%" of one CPU and more, or "25ms/100ms" */
static int parse_allowance(const struct key *key, struct str text, struct buf *b, struct err *err)
{
	struct str run, period, all = str_trim(text);
	uint64_t run_ms, period_ms;
	unsigned percent;
	int r;

	text = all;
	if (text.len && text.ptr[text.len - 1] == '%') {
		r = parse_percent(text, 100 * PARSE_CPUS_MAX, &percent);
		if (r < 0)
			return refuse(key, r, all, NULL, err);
		buf_printf(b, "%u%%", percent);
		return 0;
	}
	if (!str_next(&text, '/', &run) || !str_next(&text, '/', &period) || text.ptr || run.len < 3 ||
	    period.len < 3 || memcmp(run.ptr + run.len - 2, "ms", 2) != 0 ||
	    memcmp(period.ptr + period.len - 2, "ms", 2) != 0)
		return refuse(key, -EINVAL, all, NULL, err);
	run.len -= 2;
	period.len -= 2;
	/* what the kernel takes: cpu.cfs_period_us, cpu.max */
	r = parse_u64(run, 1, 1000 * PARSE_CPUS_MAX, &run_ms);
	if (!r)
		r = parse_u64(period, 1, 1000, &period_ms);
	if (r < 0)
		return refuse(key, r, all,
			      r == -ERANGE ? "at least 1ms of a period of 1ms to 1000ms is wanted" : NULL,
			      err);
	buf_printf(b, "%llums/%llums", (unsigned long long)run_ms, (unsigned long long)period_ms);
	return 0;
}

/* ---- one of what lists hold too: 0 and its canonical text, or a negative errno */

static int one_mac(struct str s, struct buf *b)
{
	struct mac mac;

	if (mac_parse(s, &mac) < 0)
		return -EINVAL;
	if (!mac_is_unicast(mac))
		return -ERANGE;
	buf_mac(b, mac);
	return 0;
}

static int one_ip(int family, struct str s, struct buf *b)
{
	struct ip ip;

	if (ip_parse(s, &ip) < 0 || ip.family != family)
		return -EINVAL;
	buf_ip(b, &ip);
	return 0;
}

static int one_net(int family, struct str s, struct buf *b)
{
	struct ip_net net;

	if (!s.len || !memchr(s.ptr, '/', s.len) || ip_net_parse(s, &net) < 0 || net.ip.family != family)
		return -EINVAL;
	buf_ip_net(b, &net);
	return 0;
}

static int one_range(int family, struct str s, struct buf *b)
{
	struct str first, last;
	struct ip a, z;

	if (!str_next(&s, '-', &first) || !str_next(&s, '-', &last) || s.ptr ||
	    ip_parse(str_trim(first), &a) < 0 || ip_parse(str_trim(last), &z) < 0 || a.family != family ||
	    z.family != family)
		return -EINVAL;
	if (memcmp(a.bytes, z.bytes, ip_bits(&a) / 8) > 0)
		return -ERANGE;
	buf_ip(b, &a);
	buf_addc(b, '-');
	buf_ip(b, &z);
	return 0;
}

static int one_ip_any(struct str s, struct buf *b)
{
	struct ip ip;

	if (ip_parse(s, &ip) < 0)
		return -EINVAL;
	buf_ip(b, &ip);
	return 0;
}

static int one_ip4(struct str s, struct buf *b)
{
	return one_ip(AF_INET, s, b);
}

static int one_ip6(struct str s, struct buf *b)
{
	return one_ip(AF_INET6, s, b);
}

static int one_ip4_net(struct str s, struct buf *b)
{
	return one_net(AF_INET, s, b);
}

static int one_ip6_net(struct str s, struct buf *b)
{
	return one_net(AF_INET6, s, b);
}

static int one_net_any(struct str s, struct buf *b)
{
	return memchr(s.ptr, ':', s.len) ? one_ip6_net(s, b) : one_ip4_net(s, b);
}

static int one_vlan(struct str s, struct buf *b)
{
	uint64_t first, last;
	int r = parse_range(s, 1, 4094, &first, &last);

	if (r < 0)
		return r;
	buf_printf(b, "%u", (unsigned)first);
	if (first != last)
		buf_printf(b, "-%u", (unsigned)last);
	return 0;
}

static int one_ip4_range(struct str s, struct buf *b)
{
	return one_range(AF_INET, s, b);
}

static int one_ip6_range(struct str s, struct buf *b)
{
	return one_range(AF_INET6, s, b);
}

static int one_ifname(struct str s, struct buf *b)
{
	if (!ifname_ok(s))
		return -EINVAL;
	buf_add(b, s.ptr, s.len);
	return 0;
}

static int one_dns_name(struct str s, struct buf *b)
{
	if (!dns_name_ok(s))
		return -EINVAL;
	buf_add(b, s.ptr, s.len);
	return 0;
}

/* What could name an object; whether there is one is for the kind to say. */
static int one_name(struct str s, struct buf *b)
{
	if (!s.len || s.len > 128 || s.ptr[0] == '-' || str_is(s, ".") || str_is(s, ".."))
		return -EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c <= 0x20 || c == 0x7f || c == '/' || c == ',')
			return -EINVAL;
	}
	buf_add(b, s.ptr, s.len);
	return 0;
}

/* An image's alias or fingerprint, or instances/NAME: aliases may hold slashes too. */
static int one_source(struct str s, struct buf *b)
{
	struct str rest = s, piece;

	if (!s.len || s.len > 256)
		return -EINVAL;
	while (str_next(&rest, '/', &piece)) {
		AUTO(buf_done) struct buf name = BUF_NULL;

		if (one_name(piece, &name) < 0)
			return -EINVAL;
	}
	buf_add(b, s.ptr, s.len);
	return 0;
}

static int one_line(struct str s, struct buf *b)
{
	if (has_control(s, false))
		return -EINVAL;
	buf_add(b, s.ptr, s.len);
	return 0;
}

/* Absolute, of plain elements: no "..", which would say something else behind a symlink. */
static int one_path(struct str s, struct buf *b)
{
	size_t start = b->len;
	struct str piece;

	if (!s.len || s.ptr[0] != '/' || has_control(s, false))
		return -EINVAL;
	if (s.len > PATH_BYTES)
		return -ERANGE;
	while (str_next(&s, '/', &piece)) {
		if (!piece.len || str_is(piece, "."))
			continue;
		if (str_is(piece, ".."))
			return -EINVAL;
		buf_addc(b, '/');
		buf_add(b, piece.ptr, piece.len);
	}
	if (b->len == start)
		buf_addc(b, '/');
	/* blanks at the end of a value aren't part of it */
	return str_trim(buf_str(b)).len == b->len ? 0 : -EINVAL;
}

/* An address to listen on: 8443 where no port is given, every address where there is a port alone. */
static int one_listen(struct str s, struct buf *b)
{
	struct str address = s, port = STR_NULL;
	const char *colon = s.len ? memrchr(s.ptr, ':', s.len) : NULL;
	uint64_t n = 8443;
	struct ip ip;

	if (!s.len)
		return -EINVAL;
	if (s.ptr[0] == '[') {
		const char *end = memchr(s.ptr, ']', s.len);

		if (!end)
			return -EINVAL;
		address = (struct str){s.ptr + 1, (size_t)(end - s.ptr) - 1};
		port = (struct str){end + 1, s.len - address.len - 2};
		if (port.len && port.ptr[0] != ':')
			return -EINVAL;
	} else if (colon && memchr(s.ptr, ':', s.len) == colon) {
		address.len = (size_t)(colon - s.ptr);
		port = (struct str){colon, s.len - address.len};
	}
	if (port.len) {
		int r = parse_u64((struct str){port.ptr + 1, port.len - 1}, 1, 65535, &n);

		if (r < 0)
			return r;
	}
	if (address.len || s.ptr[0] == '[') {
		if (ip_parse(address, &ip) < 0 ||
		    (s.ptr[0] == '[') != (ip.family == AF_INET6 && address.ptr != s.ptr))
			return -EINVAL;
		if (ip.family == AF_INET6)
			buf_addc(b, '[');
		buf_ip(b, &ip);
		if (ip.family == AF_INET6)
			buf_addc(b, ']');
	}
	buf_printf(b, ":%u", (unsigned)n);
	return 0;
}

typedef int one_fn(struct str s, struct buf *b);

/* parse_one() - @why: said of what reads but is out of range */
static int parse_one(const struct key *key, struct str text, struct buf *b, one_fn *one, const char *why,
		     struct err *err)
{
	size_t before = b->len;
	int r;

	text = str_trim(text);
	r = one(text, b);
	if (r < 0 && b->ptr) {
		b->len = before;
		b->ptr[before] = '\0';
	}
	return r < 0 ? refuse(key, r, text, r == -ERANGE ? why : NULL, err) : 0;
}

static bool has_line(struct str lines, struct str line)
{
	struct str l;

	while (lines.len && str_next(&lines, '\n', &l))
		if (str_eq(l, line))
			return true;
	return false;
}

static int parse_list(const struct key *key, struct str text, struct buf *b, one_fn *one, bool commas,
		      const char *why, struct err *err)
{
	AUTO(buf_done) struct buf all = BUF_NULL;
	AUTO(buf_done) struct buf entry = BUF_NULL;
	struct str line, s;
	size_t n = 0;

	while (str_next(&text, '\n', &line)) {
		while (str_next(&line, commas ? ',' : '\n', &s)) {
			int r;

			s = str_trim(s);
			if (!s.len)
				continue;
			buf_clear(&entry);
			r = one(s, &entry);
			if (r < 0)
				return refuse(key, r, s, r == -ERANGE ? why : NULL, err);
			if (has_line(buf_str(&all), buf_str(&entry)))
				continue;
			if (++n > LIST_MAX)
				return err_set(err, ERANGE, "has more than %d entries", LIST_MAX);
			if (all.len)
				buf_addc(&all, '\n');
			buf_add(&all, entry.ptr, entry.len);
		}
	}
	buf_add(b, buf_cstr(&all), all.len);
	return 0;
}

#define ONE(fn, why)                                                                                         \
	static int parse_##fn(const struct key *key, struct str text, struct buf *b, struct err *err)        \
	{                                                                                                    \
		return parse_one(key, text, b, one_##fn, why, err);                                          \
	}
#define LIST(fn, commas, why)                                                                                \
	static int parse_##fn##s(const struct key *key, struct str text, struct buf *b, struct err *err)     \
	{                                                                                                    \
		return parse_list(key, text, b, one_##fn, commas, why, err);                                 \
	}

ONE(mac, "a NIC's own address has an even first byte and isn't all zero")
ONE(ip4, NULL)
ONE(ip6, NULL)
ONE(ip4_net, NULL)
ONE(ip6_net, NULL)
ONE(ifname, NULL)
ONE(dns_name, NULL)
ONE(name, NULL)
ONE(source, NULL)
ONE(path, "a path has at most 4095 bytes")
ONE(listen, "a port is a number from 1 to 65535")
LIST(ip4, true, NULL)
LIST(ip6, true, NULL)
LIST(ip4_net, true, NULL)
LIST(ip6_net, true, NULL)
LIST(ip4_range, true, "the first address of a range isn't above its last")
LIST(ip6_range, true, "the first address of a range isn't above its last")
LIST(ifname, true, NULL)
LIST(vlan, true, "VLANs have numbers from 1 to 4094, and a range begins with the lower one")
LIST(dns_name, true, NULL)
LIST(name, true, NULL)
LIST(ip_any, true, NULL)
LIST(net_any, true, NULL)
LIST(line, false, NULL)

#define TYPE(id, label, phrase, fn)                                                                          \
	const struct key_type type_##id = {.name = (label), .accepts = (phrase), .parse = (fn)}
#define LIST_TYPE(id, label, phrase, fn)                                                                     \
	const struct key_type type_##id = {                                                                  \
	    .name = (label), .accepts = (phrase), .parse = (fn), .is_list = true, .is_multiline = true}

#define IP4_NET "an IPv4 address with its prefix length, such as 10.1.2.1/24"
#define IP6_NET "an IPv6 address with its prefix length, such as fd42:1::1/64"

TYPE(bool, "bool", "true or false", parse_truth);
TYPE(integer, "integer", "a whole number", parse_integer);
TYPE(string, "string", "a line of text", parse_string);
const struct key_type type_text = {
    .name = "text", .accepts = "text", .parse = parse_text, .is_multiline = true};
TYPE(size, "size", "a size such as 64MiB", parse_size_text);
TYPE(rate, "bits a second", "a rate such as 100Mbit, 500kbit or 2Gbit", parse_rate_text);
TYPE(percent_or_size, "size or percentage",
     "a size such as 64MiB, or a percentage of the host's memory such as 50%", parse_percent_or_size);
TYPE(duration, "duration", "a time such as 30s, 45m, 12h, 15d or 2w", parse_duration_text);
TYPE(expiry, "expiry", "a time such as 30M (minutes), 12H, 15d, 4w, 6m (months), 1y", parse_expiry_text);
TYPE(allowance, "CPU time", "a percentage such as 50%, or a time in a period such as 25ms/100ms",
     parse_allowance);
LIST_TYPE(lines, "list of lines", "lines of text", parse_lines);
TYPE(choice, "choice", "one of its words", parse_word_choice);
TYPE(mac, "MAC address", "a MAC address such as 00:16:3e:12:34:56", parse_mac);
TYPE(ip4, "IPv4 address", "an IPv4 address", parse_ip4);
TYPE(ip6, "IPv6 address", "an IPv6 address", parse_ip6);
TYPE(ip4_net, "IPv4 network", IP4_NET, parse_ip4_net);
TYPE(ip6_net, "IPv6 network", IP6_NET, parse_ip6_net);
LIST_TYPE(ip4s, "list of IPv4 addresses", "an IPv4 address", parse_ip4s);
LIST_TYPE(ip6s, "list of IPv6 addresses", "an IPv6 address", parse_ip6s);
LIST_TYPE(ip4_nets, "list of IPv4 networks", IP4_NET, parse_ip4_nets);
LIST_TYPE(ip6_nets, "list of IPv6 networks", IP6_NET, parse_ip6_nets);
LIST_TYPE(ip4_ranges, "list of IPv4 ranges", "a range such as 10.1.2.100-10.1.2.200", parse_ip4_ranges);
LIST_TYPE(ip6_ranges, "list of IPv6 ranges", "a range such as fd42:1::100-fd42:1::1ff", parse_ip6_ranges);
TYPE(ifname, "interface", "an interface's name (1 to 15 letters, digits, '-', '_', '.')", parse_ifname);
LIST_TYPE(ifnames, "list of interfaces", "an interface's name (1 to 15 letters, digits, '-', '_', '.')",
	  parse_ifnames);
LIST_TYPE(vlans, "list of VLANs", "a VLAN such as 100, or a range such as 100-199", parse_vlans);
TYPE(dns_name, "DNS name", "a DNS name such as example.net", parse_dns_name);
LIST_TYPE(dns_names, "list of DNS names", "a DNS name such as example.net", parse_dns_names);
TYPE(cpus, "CPUs", "a number of CPUs, or a list of them such as 0-3,5", parse_cpu_list);
TYPE(name, "name", "a name without blanks and slashes", parse_name);
LIST_TYPE(names, "list of names", "a name without blanks and slashes", parse_names);
LIST_TYPE(ips, "list of addresses", "an IPv4 or IPv6 address", parse_ip_anys);
LIST_TYPE(nets, "list of networks", "a network such as 192.0.2.0/24 or 2001:db8::/32", parse_net_anys);
TYPE(source, "source", "an image's alias or fingerprint", parse_source);
TYPE(path, "path", "an absolute path without '..'", parse_path);
TYPE(host_path, "path on the host", "an absolute path without '..'", parse_path);
TYPE(mode, "mode", "an octal mode such as 0660", parse_mode_text);
TYPE(listen, "address", "an address and port such as [::]:8443 or 10.0.0.1:8443", parse_listen);
