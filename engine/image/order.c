/* SPDX-License-Identifier: Apache-2.0 */
/* The link's table; orders and answers, packed and unpacked as mirror images. */
#include "engine/image/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/image/text.h"

/* clang-format off */
static const struct msg_type types[] = {
	{UNPACK_PROBE,   "probe",   28, 28,             1, 2},
	{UNPACK_WRITE,   "write",   28, 28,             2, 3},
	{UNPACK_STARTED, "started", 0,  0,              1, 1},
	{UNPACK_INFO,    "info",    44, MSG_MAX_BODY,   0, 0},
	{UNPACK_DONE,    "done",    0,  0,              0, 0},
	{UNPACK_FAILED,  "failed",  8,  MSG_MAX_BODY,   0, 0},
};
/* clang-format on */

const struct msg_table unpack_table = {"unpack helper's link", types, ARRAY_SIZE(types)};

struct image_limits image_limits_or_default(const struct image_limits *l)
{
	struct image_limits ret = l ? *l : (struct image_limits){0};

	if (!ret.bytes)
		ret.bytes = 64ULL << 30;
	if (!ret.entries)
		ret.entries = 4000000;
	if (!ret.ratio)
		ret.ratio = 200;
	if (!ret.depth)
		ret.depth = 128;
	return ret;
}

void unpack_order_pack(struct buf *b, const struct image_limits *l)
{
	pack_u32(b, UNPACK_ORDER);
	pack_u64(b, l->bytes);
	pack_u64(b, l->entries);
	pack_u32(b, l->ratio);
	pack_u32(b, l->depth);
}

static int version_ok(struct unpack *u, struct err *err)
{
	uint32_t version = unpack_u32(u);

	if (version == UNPACK_ORDER)
		return 0;
	return err_set(err, EBADMSG,
		       "lxdfs-unpack and lxdfsd are of different versions (%u and %u): install both anew",
		       version, UNPACK_ORDER);
}

int unpack_order_unpack(const struct msg *m, struct image_limits *ret, struct err *err)
{
	struct unpack u = {m->body, m->len, false};
	int r = version_ok(&u, err);

	if (r < 0)
		return r;
	ret->bytes = unpack_u64(&u);
	ret->entries = unpack_u64(&u);
	ret->ratio = unpack_u32(&u);
	ret->depth = unpack_u32(&u);
	return unpack_ok(&u) ? 0 : err_set(err, EBADMSG, "the order to unpack is torn");
}

void image_info_pack(struct buf *b, const struct image_info *info)
{
	pack_u32(b, UNPACK_ORDER);
	pack_u32(b, info->part);
	pack_u32(b, info->squashfs);
	pack_u64(b, info->unpacked);
	pack_u64(b, info->created_at);
	pack_u64(b, info->expires_at);
	pack_text(b, info->architecture);
	pack_texts(b, (const char *const *)info->properties);
}

static bool properties_ok(char *const *list)
{
	size_t total = 0;

	for (size_t i = 0; list[i]; i++) {
		const char *eq = strchr(list[i], '=');
		struct str name, value;

		if (!eq)
			return false;
		name = (struct str){list[i], (size_t)(eq - list[i])};
		value = str_from(eq + 1);
		total += name.len + value.len;
		if (!image_property_name_ok(name) || !image_text_ok(value) || total > IMAGE_MAX_TEXTS)
			return false;
		if (i && image_property_compare(list[i - 1], list[i]) >= 0)
			return false;
	}
	return true;
}

int image_info_unpack(const struct msg *m, struct image_info *ret, struct err *err)
{
	AUTO(image_info_done) struct image_info info = IMAGE_INFO_NULL;
	struct unpack u = {m->body, m->len, false};
	uint32_t part, squashfs;
	int r = version_ok(&u, err);

	if (r < 0)
		return r;
	part = unpack_u32(&u);
	squashfs = unpack_u32(&u);
	info.unpacked = unpack_u64(&u);
	info.created_at = unpack_u64(&u);
	info.expires_at = unpack_u64(&u);
	info.architecture = unpack_text(&u);
	info.properties = unpack_texts(&u, IMAGE_MAX_PROPERTIES);
	if (!unpack_ok(&u) || part < IMAGE_UNIFIED || part > IMAGE_ROOTFS || squashfs > 1 ||
	    info.created_at > IMAGE_MAX_TIME || info.expires_at > IMAGE_MAX_TIME ||
	    (part == IMAGE_ROOTFS) != !info.architecture ||
	    (info.architecture && !image_architecture_ok(str_from(info.architecture))) ||
	    !properties_ok(info.properties))
		return err_set(err, EBADMSG, "lxdfs-unpack answered what can't be in an image");
	*ret = info;
	ret->part = part;
	ret->squashfs = squashfs;
	ret->architecture = TAKE(info.architecture);
	ret->properties = TAKE(info.properties);
	return 0;
}

void image_info_done(struct image_info *info)
{
	free(info->architecture);
	texts_free(info->properties);
	*info = IMAGE_INFO_NULL;
}
