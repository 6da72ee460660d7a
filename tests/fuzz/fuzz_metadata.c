/* SPDX-License-Identifier: Apache-2.0 */
/* metadata.yaml: whatever was taken passes the core's own check too, and comes through a message unchanged.
 */
#include <stdint.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "engine/image/metadata.h"
#include "engine/image/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(image_info_done) struct image_info info = IMAGE_INFO_NULL, came = IMAGE_INFO_NULL;
	AUTO(buf_done) struct buf body = BUF_NULL;
	struct msg m = MSG_NULL;
	int r = metadata_parse((struct str){(const char *)data, size}, &info, &err);

	if (r < 0) {
		if (!err.text || info.architecture || info.properties)
			abort();
		return 0;
	}
	info.part = IMAGE_UNIFIED;
	image_info_pack(&body, &info);
	if (body.len > MSG_MAX_BODY)
		abort();
	m.body = (unsigned char *)body.ptr;
	m.len = (uint32_t)body.len;
	if (image_info_unpack(&m, &came, NULL) < 0 || came.created_at != info.created_at)
		abort();
	for (size_t i = 0; info.properties[i] || came.properties[i]; i++)
		if (!info.properties[i] || !came.properties[i] ||
		    strcmp(info.properties[i], came.properties[i]) != 0)
			abort();
	return 0;
}
