/* SPDX-License-Identifier: Apache-2.0 */
/* The file `set`: what is taken is bounded, and a value that is written for a reader is read back unchanged.
 */
#include <stdint.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "fs/tree/setfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const char *value)
{
	AUTO(buf_done) struct buf line = BUF_NULL;
	AUTO(setfile_done) struct setfile s = {0};

	buf_adds(&line, "user.x=");
	setfile_value(&line, value);
	buf_addc(&line, '\n');
	if (setfile_parse(buf_str(&line), "config", false, &s, NULL) < 0 || s.n != 1 || !s.changes[0].value ||
	    strcmp(s.changes[0].value, value))
		abort();
}

static void check(struct str text, const char *section, bool is_part)
{
	AUTO(setfile_done) struct setfile s = {0};
	AUTO(err_done) struct err err = ERR_NULL;
	size_t lines = 1;

	for (size_t i = 0; i < text.len; i++)
		lines += text.ptr[i] == '\n';
	if (setfile_parse(text, section, is_part, &s, &err) < 0) {
		if (!err.text || !err.errnum)
			abort();
		return;
	}
	if (s.n > lines)
		abort();
	for (size_t i = 0; i < s.n; i++) {
		const struct change *c = &s.changes[i];

		if (!c->section || (section && strcmp(c->section, section)))
			abort();
		/* an empty one unsets */
		if (c->value && *c->value)
			check_again(c->value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};

	check(text, NULL, false);
	check(text, NULL, true);
	check(text, "config", false);
	return 0;
}
