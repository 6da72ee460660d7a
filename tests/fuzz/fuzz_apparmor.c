/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of raw.apparmor: what stays within its braces is taken, and then ends where it is put; the rest is
 * refused with a line. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/base/auto.h"
#include "engine/confine/apparmor-text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(err_done) struct err err = ERR_NULL;
	AUTO(buf_done) struct buf text = BUF_NULL, more = BUF_NULL;
	AUTO(free) char *raw = str_dup((struct str){(const char *)data, size});
	struct apparmor_profile p = {.name = "fuzz", .raw = raw};
	unsigned line = 0;
	int r;

	if (memchr(data, 0, size))
		return 0;
	r = apparmor_raw_check(str_from(raw), &err);
	if (r < 0 ? !err.text || strncmp(err.text, "line ", 5) != 0 : err.errnum != 0)
		abort();
	if (r < 0)
		return 0;
	apparmor_text(&p, &text, &line);
	/* on a line of its own a brace is one: there is nothing for it to close */
	buf_printf(&more, "%s\n}", raw);
	if (!line || apparmor_raw_check(buf_str(&more), NULL) == 0)
		abort();
	return 0;
}
