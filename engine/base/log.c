/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: see log.h. */
#include "engine/base/log.h"

#include "engine/base/buf.h"

#include <unistd.h>

void log_line(enum log_level level, const char *fmt, ...)
{
	struct buf text = BUF_NULL, line = BUF_NULL;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	buf_printf(&line, "<%d>", level);
	buf_escape(&line, buf_str(&text));
	buf_addc(&line, '\n');
	/* A log that can't be written has nowhere to be reported. */
	if (write(STDERR_FILENO, line.ptr, line.len) < 0)
		(void)0;
	buf_done(&text);
	buf_done(&line);
}
