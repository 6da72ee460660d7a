/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing the files of a group, and CPU lists. */
#include "engine/confine/cgroup-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/path.h"

/* v1 has no word for "no limit" in memory files, but the largest page counter. */
#define V1_NONE (UINT64_MAX / 2 / 2)
#define MAX_FILE (1 << 20)

int value_read(const char *dir, const char *file, char **ret)
{
	AUTO(free) char *path = xasprintf("%s/%s", dir, file), *text = NULL;
	ssize_t n = path_read(AT_FDCWD, path, MAX_FILE, &text);

	if (n < 0)
		return (int)n;
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
		text[--n] = 0;
	*ret = TAKE(text);
	return 0;
}

int value_write(struct changes *changes, const char *dir, const char *file, const char *value,
		struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/%s", dir, file), *old = NULL, *line = xasprintf("%s\n", value);
	int r;

	if (changes) {
		r = value_read(dir, file, &old);
		if (r < 0)
			return err_set(err, -r, "%s can't be read: %s", path, strerror(-r));
	}
	r = path_write(AT_FDCWD, path, str_from(line));
	if (r < 0)
		return err_set(err, -r, "%s doesn't take \"%s\": %s", path, value, strerror(-r));
	if (changes) {
		changes->c = xrealloc(changes->c, (changes->n + 1) * sizeof(*changes->c));
		changes->c[changes->n++] = (struct change){TAKE(path), TAKE(old)};
	}
	return 0;
}

int value_read_u64(const char *dir, const char *file, uint64_t *ret)
{
	AUTO(free) char *text = NULL;
	int r = value_read(dir, file, &text);
	char *end;

	if (r < 0)
		return r;
	if (!strcmp(text, "max") || !strcmp(text, "-1")) {
		*ret = CGROUP_NONE;
		return 0;
	}
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno || end == text || *end ? -EINVAL : 0;
}

int value_check(const char *dir, const char *file, uint64_t want, struct err *err)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), now;
	int r = value_read_u64(dir, file, &now);

	if (r < 0)
		return err_set(err, -r, "%s/%s can't be read: %s", dir, file, strerror(-r));
	if (now == want || (want == CGROUP_NONE && now >= V1_NONE))
		return 0;
	/* memory is counted in pages */
	if (want != CGROUP_NONE && !strncmp(file, "memory.", 7) && now == want - want % page)
		return 0;
	return err_set(err, EIO, "%s/%s is %" PRIu64 " after %" PRIu64 " was written", dir, file, now, want);
}

bool value_exists(const char *dir, const char *file)
{
	AUTO(free) char *path = xasprintf("%s/%s", dir, file);

	return !access(path, F_OK);
}

static bool number(struct str *s, unsigned *ret)
{
	unsigned v = 0;
	size_t n = 0;

	while (n < s->len && s->ptr[n] >= '0' && s->ptr[n] <= '9' && n < 6)
		v = v * 10 + (unsigned)(s->ptr[n++] - '0');
	s->ptr += n;
	s->len -= n;
	*ret = v;
	return n > 0;
}

int cpus_parse(const char *text, cpu_set_t *ret)
{
	struct str rest = str_trim(str_from(text)), piece;

	CPU_ZERO(ret);
	if (!rest.len)
		return 0;
	while (str_next(&rest, ',', &piece)) {
		unsigned first, last;

		piece = str_trim(piece);
		if (!number(&piece, &first))
			return -EINVAL;
		last = first;
		if (piece.len && piece.ptr[0] == '-') {
			piece.ptr++;
			piece.len--;
			if (!number(&piece, &last))
				return -EINVAL;
		}
		if (piece.len || last < first || last >= CPU_SETSIZE)
			return -EINVAL;
		for (unsigned i = first; i <= last; i++)
			CPU_SET(i, ret);
	}
	return 0;
}

char *cpus_text(const cpu_set_t *set)
{
	struct buf b = BUF_NULL;

	for (int i = 0; i < CPU_SETSIZE; i++) {
		int last = i;

		if (!CPU_ISSET(i, set))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
			last++;
		buf_printf(&b, "%s%d", b.len ? "," : "", i);
		if (last > i)
			buf_printf(&b, "-%d", last);
		i = last;
	}
	return b.ptr ? buf_take(&b) : xstrdup("");
}
