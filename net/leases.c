/* SPDX-License-Identifier: Apache-2.0 */
/* dnsmasq's lease file, a line each: expiry, MAC (of DHCPv6: IAID), address, name, id (of DHCPv6: DUID).
 * Written by lease_update_file() of dnsmasq. */
#include "net/leases.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"

static bool read_number(struct str s, uint64_t *ret)
{
	uint64_t v = 0;

	/* 18 digits can't overflow */
	if (!s.len || s.len > 18)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.ptr[i] - '0');
	}
	*ret = v;
	return true;
}

/* read_duid(): the MAC in "00:01:00:01:TIME:MAC" or "00:03:00:01:MAC", RFC 8415 section 11 */
static bool read_duid(struct str s, struct mac *ret)
{
	static const struct {
		struct str head;
		size_t mac_at;
	} kinds[] = {{STR("00:01:00:01:"), 24}, {STR("00:03:00:01:"), 12}};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_has_prefix(s, kinds[i].head) && s.len == kinds[i].mac_at + 17)
			return mac_parse((struct str){s.ptr + kinds[i].mac_at, 17}, ret) == 0;
	return false;
}

static bool read_line(struct str line, struct lease *ret)
{
	struct str field[5];
	struct lease l = {0};

	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		if (!str_next(&line, ' ', &field[i]))
			return false;
	/* a sixth would mean that the fields aren't what they seem */
	if (line.ptr || !read_number(field[0], &l.expiry) || ip_parse(field[2], &l.ip) < 0)
		return false;
	if (l.ip.family == AF_INET) {
		if (mac_parse(field[1], &l.mac) < 0)
			return false;
		l.has_mac = true;
	} else {
		l.has_mac = read_duid(field[4], &l.mac);
	}
	if (dns_label_ok(field[3]))
		memcpy(l.name, field[3].ptr, field[3].len);
	*ret = l;
	return true;
}

size_t leases_parse(struct str text, struct leases *ret)
{
	size_t bad = 0;
	struct str line;

	*ret = (struct leases){0};
	while (str_next(&text, '\n', &line)) {
		struct lease lease;

		/* "duid ID" is the server's own, and begins the leases of DHCPv6 */
		if (!line.len || str_has_prefix(line, STR("duid ")))
			continue;
		if (ret->n == LEASES_MAX || !read_line(line, &lease)) {
			bad++;
			continue;
		}
		if (!(ret->n & (ret->n - 1)))
			ret->list = xrealloc(ret->list, sizeof(*ret->list) * (ret->n ? ret->n * 2 : 1));
		ret->list[ret->n++] = lease;
	}
	return bad;
}

int leases_read(const char *lease_dir, struct leases *ret, struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/dnsmasq.leases", lease_dir);
	AUTO(free) char *text = NULL;
	ssize_t n = path_read(AT_FDCWD, path, LEASES_MAX_BYTES, &text);

	if (n == -ENOENT) {
		*ret = (struct leases){0};
		return 0;
	}
	if (n == -EFBIG)
		return err_set(err, EFBIG, "%s has more than %d bytes", path, LEASES_MAX_BYTES);
	if (n < 0)
		return err_set(err, (int)-n, "%s can't be read: %s", path, strerror((int)-n));
	leases_parse((struct str){text, (size_t)n}, ret);
	return 0;
}

void leases_done(struct leases *leases)
{
	free(leases->list);
	*leases = (struct leases){0};
}
