/* SPDX-License-Identifier: Apache-2.0 */
/* Names of tar entries. */
#include "engine/image/entry.h"

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/path.h"

#define QUOTED 120

char *entry_quote(struct str name)
{
	AUTO(buf_done) struct buf b = BUF_NULL;
	bool cut = name.len > QUOTED;

	buf_addc(&b, '"');
	buf_escape(&b, (struct str){name.ptr, MIN(name.len, (size_t)QUOTED)});
	buf_adds(&b, cut ? "...\"" : "\"");
	return buf_take(&b);
}

static int refuse(struct err *err, int errnum, struct str name, const char *why)
{
	AUTO(free) char *quoted = entry_quote(name);

	return err_set(err, errnum, "the entry %s %s", quoted, why);
}

int entry_path(struct str name, enum entry_source source, unsigned max_depth, char **ret, struct err *err)
{
	AUTO(buf_done) struct buf b = BUF_NULL;
	struct str rest = name, piece;
	unsigned depth = 0;

	if (!name.len)
		return err_set(err, EINVAL, "the archive has an entry without a name");
	if (memchr(name.ptr, 0, name.len))
		return refuse(err, EINVAL, name, "has a NUL in its name");
	if (name.ptr[0] == '/')
		return refuse(err, EINVAL, name, "has an absolute name; they must be relative");
	if (name.len > ENTRY_MAX_PATH)
		return refuse(err, ENAMETOOLONG, name, "has a name of more than 4000 bytes");
	if (source == ENTRY_ROOTFS)
		buf_adds(&b, "rootfs");
	while (str_next(&rest, '/', &piece)) {
		if (!piece.len || str_is(piece, "."))
			continue;
		if (str_is(piece, ".."))
			return refuse(err, EINVAL, name,
				      "has .. in its name, which would lead out of the image");
		if (!path_is_name(piece))
			return refuse(err, ENAMETOOLONG, name, "has a name of more than 255 bytes");
		if (++depth > max_depth)
			return refuse(err, EFBIG, name,
				      "lies deeper than directories may be above one another");
		if (b.len)
			buf_addc(&b, '/');
		buf_add(&b, piece.ptr, piece.len);
	}
	*ret = b.ptr ? buf_take(&b) : xstrdup("");
	return 0;
}

enum entry_place entry_place(const char *path)
{
	struct str s = str_from(path);

	if (str_is(s, "metadata.yaml"))
		return PLACE_METADATA;
	if (str_is(s, "templates") || str_has_prefix(s, STR("templates/")))
		return PLACE_TEMPLATES;
	if (str_is(s, "rootfs"))
		return PLACE_ROOT;
	if (!str_has_prefix(s, STR("rootfs/")) || str_has_prefix(s, STR("rootfs/dev/")))
		return PLACE_NONE;
	return PLACE_ROOTFS;
}
