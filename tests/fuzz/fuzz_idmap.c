/* SPDX-License-Identifier: Apache-2.0 */
/* raw.idmap: what is read maps no id twice, and what can be put into a map leaves every id in it mapped. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "engine/instance/idmap-raw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct id_extent *list, unsigned n)
{
	for (unsigned a = 0; a < n; a++)
		for (unsigned b = 0; b < a; b++) {
			uint64_t in_a = list[a].inside, in_b = list[b].inside, out_a = list[a].outside,
				 out_b = list[b].outside;

			if ((in_a < in_b + list[b].count && in_b < in_a + list[a].count) ||
			    (out_a < out_b + list[b].count && out_b < out_a + list[a].count))
				abort();
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	AUTO(err_done) struct err err = ERR_NULL;
	struct idmap raw, map;
	uint32_t out;
	int r = idmap_raw_parse(text, &raw, &err);

	if (r < 0 ? !err.text : err.errnum != 0)
		abort();
	if (r < 0)
		return 0;
	idmap_own(1000000, 65536, &map);
	if (idmap_raw_add(&map, &raw, NULL) < 0)
		return 0;
	check(map.uid, map.n_uid);
	check(map.gid, map.n_gid);
	for (uint32_t id = 0; id < 65536; id += 257)
		if (idmap_outside(map.uid, map.n_uid, id, &out) < 0)
			abort();
	return 0;
}
