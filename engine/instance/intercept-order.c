/* SPDX-License-Identifier: Apache-2.0 */
/* What a core tells lxdfs-intercept, packed and unpacked as mirror images. */
#include "engine/instance/intercept.h"

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/instance/wire.h"

#define MAX_TEXTS 512

static const struct msg_type types[] = {
    {INTERCEPT_START, "start", 0, 0, 3, 4},
    {INTERCEPT_SERVES, "serves", 0, 0, 0, 0},
    {INTERCEPT_FAILED, "failed", 8, MSG_MAX_BODY, 0, 0},
};
const struct msg_table intercept_table = {"interception helper's link", types, ARRAY_SIZE(types)};

void intercept_order_pack(struct buf *b, const struct intercept_order *o)
{
	pack_u32(b, WIRE_ORDER);
	pack_u32(b, o->what);
	pack_texts(b, (const char *const *)o->allowed);
	pack_texts(b, (const char *const *)o->fuse);
	pack_texts(b, (const char *const *)o->groups);
	pack_u32(b, o->shift);
	pack_u32(b, o->has_filter);
	pack_u32(b, (uint32_t)o->rtprio);
	pack_u64(b, o->caps_drop);
	pack_text(b, o->profile);
	pack_text(b, o->context);
	pack_text(b, o->cgroup_root);
	pack_text(b, o->uuid);
}

int intercept_order_unpack(struct str bytes, struct intercept_order *ret, struct err *err)
{
	struct unpack u = {(const unsigned char *)bytes.ptr, bytes.len, false};
	struct intercept_order o = {0};

	if (unpack_u32(&u) != WIRE_ORDER)
		return err_set(
		    err, EBADMSG,
		    "lxdfs-intercept is of another version: install all programs anew, then restart "
		    "lxdfsd");
	o.what = unpack_u32(&u);
	o.allowed = unpack_texts(&u, MAX_TEXTS);
	o.fuse = unpack_texts(&u, MAX_TEXTS);
	o.groups = unpack_texts(&u, MAX_TEXTS);
	o.shift = unpack_u32(&u);
	o.has_filter = unpack_u32(&u);
	o.rtprio = (int)unpack_u32(&u);
	o.caps_drop = unpack_u64(&u);
	o.profile = unpack_text(&u);
	o.context = unpack_text(&u);
	o.cgroup_root = unpack_text(&u);
	o.uuid = unpack_text(&u);
	if (!unpack_ok(&u) || !o.cgroup_root || !o.uuid) {
		intercept_order_done(&o);
		return err_set(err, EBADMSG, "the order to do system calls is torn");
	}
	*ret = o;
	return 0;
}

void intercept_order_done(struct intercept_order *o)
{
	texts_free(o->allowed);
	texts_free(o->fuse);
	texts_free(o->groups);
	free(o->profile);
	free(o->context);
	free(o->cgroup_root);
	free(o->uuid);
	*o = (struct intercept_order){0};
}
